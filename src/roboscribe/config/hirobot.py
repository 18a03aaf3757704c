"""The settings of `roboscribe subtasks` and `roboscribe dialogue`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from roboscribe.config.annotators import FramesSettings, SubtasksSettings, TaskSettings
from roboscribe.config.checks import at_least
from roboscribe.config.dataset import DatasetSettings
from roboscribe.config.executor import ExecutorSettings
from roboscribe.config.hub import HubSettings
from roboscribe.config.vlm import VlmSettings
from roboscribe.errors import SettingsError

SUFFIX = "_with_high_level_tasks"
"""What the name of a dataset gets when it gets dialogue."""


@dataclass(frozen=True)
class SkillsSettings(DatasetSettings):
    """Divide the episodes of a LeRobot dataset into atomic skills."""

    min_skill_seconds: float = 1.0
    """Shorter skills are joined to a neighbour, as long as the two are not too long together."""
    max_skill_seconds: float = 3.0
    """Longer skills are cut where the robot's motion breaks."""
    seed: int = 0
    """Seed of every random choice; the same seed gives the same bytes."""
    frames: FramesSettings = field(default_factory=FramesSettings)
    task: TaskSettings = field(default_factory=TaskSettings)
    subtasks: SubtasksSettings = field(default_factory=SubtasksSettings)
    vlm: VlmSettings = field(default_factory=VlmSettings)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)
    hub: HubSettings = field(default_factory=HubSettings)
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
        self._check_common()

    def _check_common(self) -> None:
        at_least("min-skill-seconds", self.min_skill_seconds, 0)
        if not self.max_skill_seconds >= 2 * self.min_skill_seconds or not self.max_skill_seconds > 0:
            raise SettingsError(
                f"--max-skill-seconds is {self.max_skill_seconds}, but must be at least twice"
                f" --min-skill-seconds, {self.min_skill_seconds}.",
                "A skill that is too long is cut into parts that are not too short.",
            )


@dataclass(frozen=True)
class DialogueSettings(SkillsSettings):
    """Imagine what a person could have said for the robot to do each of its skills, and what it answered."""

    output_dir: Path | None = None
    """Write a new dataset here; beside the dataset, under its name and `_with_high_level_tasks`, when left out."""
    jsonl: Path | None = None
    """Samples without a dataset: a file with a JSON object a line, with pictures by their paths. The result goes
    to a file of the same name in --output-dir."""
    skills: Literal["given", "auto"] = "given"
    """Use the skills that the dataset has (given), or make those that it lacks first (auto)."""
    sample_interval: float = 1.0
    """Seconds between the frames at which a dialogue is imagined; the first frame of an episode always is one."""
    image_key: tuple[str, ...] = ()
    """Camera keys to show, first of all; others follow as far as --num-image-views-per-sample goes."""
    num_image_views_per_sample: int | None = None
    """Cameras to show at each sample; as many as --image-key names, or one, when left out."""
    video_mode: bool = False
    """Show an episode as a whole, and have all of its samples imagined in one answer."""
    video_batch_size: int = 1
    """Episodes that a model in this process works on at once with --video-mode."""
    tasks: Literal["keep", "append"] = "keep"
    """Leave the dataset's table of tasks as it is, or append the dialogues to it, under new indices."""
    vlm: VlmSettings = field(default_factory=lambda: VlmSettings(temperature=0.7, max_new_tokens=4096))

    def __post_init__(self) -> None:
        if self.jsonl is None:
            super().__post_init__()
        else:
            self._check_jsonl()
        if not self.sample_interval > 0:
            raise SettingsError(f"--sample-interval is {self.sample_interval}, but must be more than 0.")
        at_least("video-batch-size", self.video_batch_size, 1)
        if self.num_image_views_per_sample is not None:
            at_least("num-image-views-per-sample", self.num_image_views_per_sample, 1)

    @property
    def result_id(self) -> str | None:
        """Name of the result on the Hub where no other is given; the dataset's own stays what it is."""
        return None if self.repo_id is None else self.repo_id + SUFFIX

    def _check_jsonl(self) -> None:
        self._check_common()
        if self.root is not None or self.repo_id is not None:
            raise SettingsError(
                "--jsonl and a dataset are two sources of samples.", "Leave out the one or the other."
            )
        if self.executor.name in ("slurm", "ray"):
            raise SettingsError(
                f"--jsonl and --executor {self.executor.name} exclude each other: tasks work on whole episodes.",
                "Leave one of the two out.",
            )
        if self.output_dir is None:
            raise SettingsError("--jsonl needs a folder for its results.", "Name one with --output-dir.")
        for flag, given in (("video-mode", self.video_mode), ("push-to-hub", self.push_to_hub)):
            if given:
                raise SettingsError(f"--{flag} needs a dataset, but --jsonl gives samples without one.")
