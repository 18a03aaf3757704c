"""Flags of other tools: one that is not ours goes in, ours that do the same come out, or why there are none.

Most are those of lerobot-annotate: of its release 0.6.1, and of the time before it, when its modules had numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roboscribe.errors import SettingsError


@dataclass(frozen=True)
class Alias:
    """What stands for a flag of another tool.

    Attributes:
        flags: Flags of ours; all of them get the value.
        values: Our value for each that the other flag takes; a value stays what it is when None.
        listed: Whether the value may be a list in brackets or with commas.
    """

    flags: tuple[str, ...]
    values: Mapping[str, str] | None = None
    listed: bool = False

    @property
    def rewords(self) -> bool:
        """Whether a value may become other words."""
        return self.values is not None or self.listed or len(self.flags) > 1

    def words(self, flag: str, value: str) -> Sequence[str]:
        """Our value as words of a command line.

        Raises:
            SettingsError: The other tool does not know the value either.
        """
        if self.listed:
            return value.translate(str.maketrans("[](),'\"", "       ")).split()
        if self.values is None:
            return [value]
        if value.lower() not in self.values:
            raise SettingsError(f"--{flag} is {value!r}, but must be one of {', '.join(self.values)}.")
        return [self.values[value.lower()]]


def _to(*flags: str) -> Alias:
    return Alias(flags)


_NOT: Mapping[str, str] = {"true": "false", "false": "true"}

_PLAN: Mapping[str, Alias] = {
    "n-task-rephrasings": _to("task-aug.count"),
    "task-aug-axes.enabled": _to("task-aug.axes"),
    "derive-task-from-video": Alias(
        ("task.derive",), {"off": "off", "if_short": "if-missing", "always": "always"}
    ),
    "frames-per-second": _to("frames.hz"),
    "max-frames-per-prompt": _to("frames.per-ask"),
    "max-video-frames": _to("frames.per-ask"),
    "contact-sheet-columns": _to("frames.columns"),
    "contact-sheet-frame-width": _to("frames.thumbnail-side"),
    "use-video-url": Alias(("frames.form",), {"true": "video", "false": "sheets"}),
    "use-video-url-fps": _to("frames.hz"),
    "min-subtask-seconds": _to("subtasks.min-seconds"),
    "plan-max-steps": _to("subtasks.most"),
    "max-steps": _to("subtasks.most"),
    "subtask-describe-first": _to("subtasks.describe"),
    "subtask-seeded-relabel": _to("subtasks.relabel"),
    "subtask-relabel-frames": _to("subtasks.relabel-frames"),
    "emit-plan": _to("plan.enabled"),
    "emit-memory": _to("memory.enabled"),
}
_INTERJECTIONS: Mapping[str, Alias] = {
    "max-interjections-per-episode": _to("interjections.most"),
    "interjection-min-t": _to("interjections.min-seconds"),
}
_VQA: Mapping[str, Alias] = {
    "vqa-emission-hz": _to("vqa.emission-hz"),
    "K": _to("vqa.consecutive"),
    "question-types": Alias(("vqa.kinds",), listed=True),
}

SHORT: Mapping[str, Alias] = {
    "model": _to("vlm.model-id"),
    "device": _to("vlm.device"),
    "dtype": _to("vlm.dtype"),
    "batch-size": _to("vlm.batch-size"),
    "temperature": _to("vlm.temperature"),
    "video-key": _to("frames.cameras"),
}
"""Flags of ours that the short ones of the scripts for Hi Robot's data stand for."""

ALIASES: Mapping[str, Alias] = {
    "executor": _to("executor.name"),
    "data-dir": _to("root"),
    "only-episodes": _to("episodes"),
    "new-repo-id": _to("hub.repo-id"),
    "dest-repo-id": _to("hub.repo-id"),
    "push-private": _to("hub.private"),
    "push-commit-message": _to("hub.message"),
    "max-steps": _to("subtasks.most"),
    "max-interjections-per-episode": _to("interjections.most"),
    "vqa-emission-hz": _to("vqa.emission-hz"),
    **{f"{module}.{field}": alias for module in ("plan", "module-1") for field, alias in _PLAN.items()},
    "module-1.enabled": _to("subtasks.enabled", "plan.enabled", "memory.enabled", "task-aug.enabled"),
    **{
        f"{module}.{field}": alias
        for module in ("interjections", "module-2")
        for field, alias in _INTERJECTIONS.items()
    },
    "module-2.enabled": _to("interjections.enabled"),
    **{f"{module}.{field}": alias for module in ("vqa", "module-3") for field, alias in _VQA.items()},
    "module-3.enabled": _to("vqa.enabled"),
    "vlm.auto-serve": _to("vlm.serve"),
    "vlm.camera-key": _to("frames.cameras"),
    "job.timeout": _to("executor.hf-timeout"),
    "job.detach": Alias(("executor.wait",), _NOT),
}
"""Flags of ours that stand for another tool's, by its name with dashes."""

PLAIN: Mapping[str, Alias] = {"no-cache": Alias(("vlm.cache",), _NOT)}
"""Flags of ours that have a plain name besides."""

_SERVER = "Write it into the command that starts the server: --vlm.serve-command."
_RECORDS = "Subtasks are labelled by the model as it sees them, and --subtasks.relabel checks each label."

_GONE_IN_PLAN: Mapping[str, str] = {
    "derive-task-min-words": "--task.derive if-missing derives the task where there is none or a placeholder.",
    "contact-sheet-frames-per-sheet": "A sheet has --frames.columns times --frames.rows frames.",
    "contact-sheet-quality": "Sheets are JPEG of a fixed quality; --frames.thumbnail-side sets their size.",
    "subtask-window-seconds": "A window has as many seconds as --frames.per-ask frames at --frames.hz are.",
    "task-aug-axes": "--task-aug.count says how many in all; with --task-aug.axes they are shared out.",
    "action-records": _RECORDS,
}
GONE: Mapping[str, str] = {
    **{f"{module}.{field}": why for module in ("plan", "module-1") for field, why in _GONE_IN_PLAN.items()},
    **{
        f"{module}.interjection-window-{what}": "The model is shown what it needs; the frames are chosen for it."
        for module in ("interjections", "module-2")
        for what in ("seconds", "frames")
    },
    **{
        f"{module}.restrict-to-default-camera": "--vqa.cameras names the cameras to ask about."
        for module in ("vqa", "module-3")
    },
    "vlm.api-key": "Keys are read from the environment only; --vlm.api-key-env names the variable.",
    "vlm.json-mode": "Answers always follow a schema; how it is passed is found out from the server.",
    "vlm.tensor-parallel-size": _SERVER,
    "vlm.gpu-memory-utilization": _SERVER,
    "vlm.trust-remote-code": _SERVER,
    "executor.episode-parallelism": "Episodes follow the requests; --vlm.client-concurrency bounds those in flight.",
    "job": "Where a run goes is up to --executor.name and its other flags.",
    "job.target": "Write --executor.name hf-jobs --executor.hf-flavor with the flavor.",
    "job.image": "--executor.hf-image names an image that has Roboscribe in it, where the usual one will not do.",
    "vocabulary": _RECORDS,
    "staging-dir": "Staging lies in .annotate_staging in the folder that is written.",
    "video-backend": "Video is decoded with PyAV.",
    "config-path": "Settings are given as flags.",
}
"""Why a flag of another tool has none of ours that stands for it; also for all flags in a section of that name."""


def why_gone(flag: str) -> str:
    """Why a flag of another tool, named with dashes, has no counterpart; "" where nothing is known of it."""
    section = flag
    while section not in GONE and "." in section:
        section = section.rpartition(".")[0]
    return GONE.get(section, "")
