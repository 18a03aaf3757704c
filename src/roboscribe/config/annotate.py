"""The settings of `roboscribe annotate`: every section together."""

from __future__ import annotations

from dataclasses import dataclass, field
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
from roboscribe.config.vlm import VlmSettings
from roboscribe.errors import SettingsError


@dataclass(frozen=True)
class AnnotateSettings(DatasetSettings):
    """Fill the language columns of a LeRobot dataset."""

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
    writer: WriterSettings = field(default_factory=WriterSettings)
    vlm: VlmSettings = field(default_factory=VlmSettings)
    prompts: Path | None = None
    """Folder with prompt templates that take the place of ours; same names, see `roboscribe/prompts`."""
    max_cost: float | None = None
    """Stop, resumable, before the model has cost more than this, in the currency of the --vlm.price flags."""
    max_calls: int | None = None
    """Stop, resumable, after this many calls of the model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not any(
            part.enabled for part in (self.subtasks, self.plan, self.memory, self.task_aug, self.motion)
        ):
            raise SettingsError("Every annotator is turned off.", "Leave at least one enabled.")
