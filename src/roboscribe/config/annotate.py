"""The settings of `roboscribe annotate`: every section together."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from roboscribe.config.annotators import (
    FramesSettings,
    InterjectionsSettings,
    MemorySettings,
    MotionSettings,
    PlanSettings,
    SubtasksSettings,
    TaskAugSettings,
    TaskSettings,
    TraceSettings,
    VqaSettings,
)
from roboscribe.config.dataset import DatasetSettings, WriterSettings
from roboscribe.config.executor import ExecutorSettings
from roboscribe.config.hub import HubSettings
from roboscribe.config.vlm import VlmSettings
from roboscribe.errors import SettingsError, closest


@dataclass(frozen=True)
class AnnotateSettings(DatasetSettings):
    """Fill the language columns of a LeRobot dataset."""

    only: tuple[str, ...] = ()
    """Make only these annotators' rows, such as `vqa` or `plan,memory`. What they build on is taken from the
    dataset or from staging, and made where it is in neither; rows that build on what changes follow."""
    redo: tuple[str, ...] = ()
    """Make these annotators' rows anew, whatever is staged or cached; nothing else, but for what follows."""
    seed: int = 0
    """Seed of every random choice; the same seed gives the same bytes."""
    frames: FramesSettings = field(default_factory=FramesSettings)
    task: TaskSettings = field(default_factory=TaskSettings)
    subtasks: SubtasksSettings = field(default_factory=SubtasksSettings)
    plan: PlanSettings = field(default_factory=PlanSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    task_aug: TaskAugSettings = field(default_factory=TaskAugSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    interjections: InterjectionsSettings = field(default_factory=InterjectionsSettings)
    vqa: VqaSettings = field(default_factory=VqaSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)
    hub: HubSettings = field(default_factory=HubSettings)
    writer: WriterSettings = field(default_factory=WriterSettings)
    vlm: VlmSettings = field(default_factory=VlmSettings)
    strict: bool = False
    """Leave an episode as it was for a warning of validation, too, not only for an error."""
    skip_validation: bool = False
    """Write rows whatever rule they break; for debugging. The run record names the episodes."""
    push_to_hub: bool = False
    """Push the finished dataset to the Hugging Face Hub; see the hub flags."""
    prompts: Path | None = None
    """Folder with prompt templates that take the place of ours; same names, see `roboscribe/prompts`."""
    max_cost: float | None = None
    """Stop, resumable, before the model has cost more than this, in the currency of the --vlm.price flags."""
    max_calls: int | None = None
    """Stop, resumable, after this many calls of the model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strict and self.skip_validation:
            raise SettingsError(
                "--strict and --skip-validation exclude each other.", "Leave one of the two out."
            )
        for flag, names in (("only", self.only_names), ("redo", self.redo_names)):
            self._check_names(flag, names)
        if not (self.only_names or self.redo_names or any(self._is_on(name) for name in ANNOTATORS)):
            raise SettingsError("Every annotator is turned off.", "Leave at least one enabled.")

    @property
    def only_names(self) -> tuple[str, ...]:
        """Names in ``only``, each once; commas separate too."""
        return _names(self.only)

    @property
    def redo_names(self) -> tuple[str, ...]:
        """Names in ``redo``, each once; commas separate too."""
        return _names(self.redo)

    def _is_on(self, name: str) -> bool:
        return getattr(self, name).enabled

    def _check_names(self, flag: str, names: tuple[str, ...]) -> None:
        known = ANNOTATORS if flag == "only" else (*ANNOTATORS, "task")
        if getattr(self, flag) and not names:
            raise SettingsError(f"--{flag} names no annotator.", f"There are: {', '.join(known)}.")
        for name in names:
            if name not in known:
                raise SettingsError(
                    f"--{flag}: there is no annotator {name!r}.{closest(name, known)}",
                    f"There are: {', '.join(known)}.",
                )
            if name in ANNOTATORS and type(getattr(self, name))().enabled and not self._is_on(name):
                dashed = name.replace("_", "-")
                raise SettingsError(
                    f"--{flag} names {name}, which --{dashed}.enabled=false turns off.",
                    "Leave one of the two out.",
                )


ANNOTATORS = tuple(item.name for item in fields(AnnotateSettings) if hasattr(item.default_factory, "enabled"))
"""Names of the annotators, which are those of their sections of the settings."""


def _names(words: tuple[str, ...]) -> tuple[str, ...]:
    names = (name.replace("-", "_") for word in words for name in word.replace(",", " ").split())
    return tuple(dict.fromkeys(names))
