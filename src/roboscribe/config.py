"""The settings tree: every choice a user can make, from which flags, help and the run record come.

Pure data without heavy imports. Names are the command line's: ``plan.enabled`` is ``--plan.enabled``. A
setting whose field metadata carries ``answers=False`` never changes an answer and stays out of fingerprints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from roboscribe.errors import SettingsError

_NOT_AN_ANSWER: Mapping[str, Any] = {"answers": False}


@dataclass(frozen=True)
class SubtasksSettings:
    """Which subtask is under way, from the start of the episode to its end."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `subtask` rows. When off, `plan` and `memory` build on the rows the dataset already has."""
    min_seconds: float = 0.2
    """Spans shorter than this are merged into a neighbour."""
    snap_seconds: float = 0.25
    """A boundary this near to a physical event of the robot is moved onto it; 0 turns snapping off."""

    def __post_init__(self) -> None:
        _at_least("subtasks.min-seconds", self.min_seconds, 0)
        _at_least("subtasks.snap-seconds", self.snap_seconds, 0)


@dataclass(frozen=True)
class PlanSettings:
    """What is left to do, at the start and at every subtask boundary."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `plan` rows."""


@dataclass(frozen=True)
class MemorySettings:
    """What has happened so far, at every subtask boundary from the second subtask on."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `memory` rows."""


@dataclass(frozen=True)
class TaskAugSettings:
    """Other ways to ask for the same task."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `task_aug` rows."""
    count: int = 10
    """Rephrasings wanted besides the original task; a model that knows fewer gives fewer."""

    def __post_init__(self) -> None:
        _at_least("task-aug.count", self.count, 0)


@dataclass(frozen=True)
class MotionSettings:
    """Motion primitives in the robot's own terms, from state and action."""

    enabled: bool = field(default=True, metadata=_NOT_AN_ANSWER)
    """Write `motion` rows."""


@dataclass(frozen=True)
class WriterSettings:
    """How the annotated dataset is written."""

    tools_column: bool = False
    """Also write the dataset-level `tools` column, for consumers that want it beside each frame."""


@dataclass(frozen=True)
class DatasetSettings:
    """Which dataset, and where the result goes."""

    root: Path | None = None
    """Folder of the dataset (the one that holds `meta/info.json`)."""
    repo_id: str | None = None
    """Dataset on the Hugging Face Hub, such as `lerobot/pusht`; taken from the local cache when it is there."""
    revision: str | None = None
    """Branch, tag or commit of the Hub dataset."""
    output_dir: Path | None = None
    """Write a new dataset here; without it the dataset is rewritten in place, safely."""
    episodes: tuple[str, ...] = ()
    """Episodes to work on: `0 1 2`, `0,1,2`, `0-9`, `[0, 1]`. All when left out."""

    def __post_init__(self) -> None:
        if self.root is None and self.repo_id is None:
            raise SettingsError("Which dataset?", "Give its folder with --root, or a Hub dataset with --repo-id.")


@dataclass(frozen=True)
class AnnotateSettings(DatasetSettings):
    """Fill the language columns of a LeRobot dataset."""

    seed: int = 0
    """Seed of every random choice; the same seed gives the same bytes."""
    subtasks: SubtasksSettings = field(default_factory=SubtasksSettings)
    plan: PlanSettings = field(default_factory=PlanSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    task_aug: TaskAugSettings = field(default_factory=TaskAugSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    writer: WriterSettings = field(default_factory=WriterSettings)


def _at_least(flag: str, value: float, least: float) -> None:
    if not value >= least:
        raise SettingsError(f"--{flag} is {value}, but must be at least {least}.")


def answer_settings(settings: Any) -> dict[str, Any]:
    """The settings of one section that change what is answered, by name."""
    return {
        item.name: getattr(settings, item.name)
        for item in fields(settings)
        if item.metadata.get("answers", True)
    }


def parse_episodes(words: Iterable[str]) -> tuple[int, ...] | None:
    """Episode indices, ascending and each once, from what a person types; None when nothing is given.

    Raises:
        SettingsError: A word is neither a number nor a range.
    """
    text = " ".join(words)
    if not text.strip():
        return None
    indices: set[int] = set()
    for word in text.replace(",", " ").replace("[", " ").replace("]", " ").split():
        first, dash, last = word.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise SettingsError(
                f"--episodes: {word!r} is not an episode.", "Write numbers and ranges, such as 0 2 5-9."
            )
        if dash and int(last) < int(first):
            raise SettingsError(f"--episodes: the range {word} runs backwards.")
        indices.update(range(int(first), int(last or first) + 1))
    if not indices:
        raise SettingsError("--episodes names no episode.", "Leave the flag out for all of them.")
    return tuple(sorted(indices))
