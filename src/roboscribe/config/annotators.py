"""What each annotator does, section by section; ``plan.enabled`` is ``--plan.enabled``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from roboscribe.config.checks import NOT_AN_ANSWER, at_least
from roboscribe.errors import SettingsError


@dataclass(frozen=True)
class FramesSettings:
    """How a model looks at an episode; the builtin model does not."""

    cameras: tuple[str, ...] = ()
    """Camera keys to show, for example `observation.images.top`; the first one with video when left out."""
    form: Literal["sheets", "video"] = "sheets"
    """Show frames as timestamped contact sheets, or as a video, for models that were trained on some."""
    hz: float = 2.0
    """Frames a second."""
    per_ask: int = 60
    """Most frames in one request; a longer episode is looked at in several windows."""
    columns: int = 4
    """Frames beside each other on a contact sheet."""
    rows: int = 5
    """Rows of frames on a contact sheet."""
    thumbnail_side: int = 224
    """Pixels of the longer side of a frame; 224 is a whole number of patches for Qwen2.5-VL and for Qwen3-VL."""

    def __post_init__(self) -> None:
        if not self.hz > 0:
            raise SettingsError(f"--frames.hz is {self.hz}, but must be more than 0.")
        at_least("frames.per-ask", self.per_ask, 2)
        at_least("frames.columns", self.columns, 1)
        at_least("frames.rows", self.rows, 1)
        at_least("frames.thumbnail-side", self.thumbnail_side, 64)


@dataclass(frozen=True)
class TaskSettings:
    """The task itself, where the dataset does not tell it."""

    derive: Literal["off", "if-missing", "always"] = "if-missing"
    """Have the model say from the video what was asked for: never, where the dataset has no task or only a
    placeholder, or always. The dataset's own task texts stay as they are."""


@dataclass(frozen=True)
class SubtasksSettings:
    """Which subtask is under way, from the start of the episode to its end."""

    enabled: bool = field(default=True, metadata=NOT_AN_ANSWER)
    """Write `subtask` rows. When off, `plan` and `memory` build on the rows the dataset already has."""
    min_seconds: float = 0.2
    """Spans shorter than this are merged into a neighbour."""
    snap_seconds: float = 0.25
    """A boundary this near to a physical event of the robot is moved onto it; 0 turns snapping off."""
    most: int = 0
    """Most subtasks in one window; 0 for no bound."""
    hints: bool = True
    """Tell a model that looks when the robot's grippers closed and opened."""
    describe: bool = True
    """Have a model that looks describe what it sees before it segments."""
    relabel: bool = False
    """Have a model that looks check each label beside its neighbours; one more request per subtask."""
    relabel_frames: int = 5
    """Frames of each subtask it is shown then."""

    def __post_init__(self) -> None:
        at_least("subtasks.min-seconds", self.min_seconds, 0)
        at_least("subtasks.snap-seconds", self.snap_seconds, 0)
        at_least("subtasks.most", self.most, 0)
        at_least("subtasks.relabel-frames", self.relabel_frames, 1)


@dataclass(frozen=True)
class PlanSettings:
    """What is left to do, at the start and at every subtask boundary."""

    enabled: bool = field(default=True, metadata=NOT_AN_ANSWER)
    """Write `plan` rows."""


@dataclass(frozen=True)
class MemorySettings:
    """What has happened so far, at every subtask boundary from the second subtask on."""

    enabled: bool = field(default=True, metadata=NOT_AN_ANSWER)
    """Write `memory` rows."""
    chained: bool = False
    """Ask for each memory with the one before at hand, instead of for all of an episode at once."""


@dataclass(frozen=True)
class TaskAugSettings:
    """Other ways to ask for the same task."""

    enabled: bool = field(default=True, metadata=NOT_AN_ANSWER)
    """Write `task_aug` rows."""
    count: int = 10
    """Rephrasings wanted besides the original task; a model that knows fewer gives fewer."""
    axes: bool = False
    """Share them out over five ways to differ: synonyms, and leaving out arm, orientation, grasp, or several."""

    def __post_init__(self) -> None:
        at_least("task-aug.count", self.count, 0)


@dataclass(frozen=True)
class MotionSettings:
    """Motion primitives in the robot's own terms, from state and action."""

    enabled: bool = field(default=True, metadata=NOT_AN_ANSWER)
    """Write `motion` rows."""


Scenario = Literal[
    "negative_task",
    "situated_correction",
    "specific_constraint",
    "preference",
    "implicit_request",
    "encouragement",
]
"""What a person means by an interjection (Hi Robot, and praise)."""


@dataclass(frozen=True)
class InterjectionsSettings:
    """What a person says while the robot works, and what the robot answers."""

    enabled: bool = field(default=True, metadata=NOT_AN_ANSWER)
    """Write `interjection` rows and the robot's speech, from its first acknowledgement on."""
    most: int = 3
    """Most interjections in an episode; with 0 the robot only acknowledges the task."""
    min_seconds: float = 2.0
    """No interjection before this time, and none nearer to another."""
    scenarios: tuple[Scenario, ...] = get_args(Scenario)
    """Kinds of interjection, drawn by seed; one that is named twice is drawn twice as often."""

    def __post_init__(self) -> None:
        at_least("interjections.most", self.most, 0)
        at_least("interjections.min-seconds", self.min_seconds, 0)
        if not self.scenarios:
            raise SettingsError("--interjections.scenarios names none.", "Leave it out for all of them.")


QuestionKind = Literal["bbox", "keypoint", "count", "attribute", "spatial"]
"""What a visual question is about."""


@dataclass(frozen=True)
class VqaSettings:
    """Questions about single frames, with answers grounded in them."""

    enabled: bool = field(default=True, metadata=NOT_AN_ANSWER)
    """Write `vqa` rows."""
    emission_hz: float = 1.0
    """How often in a second a frame is asked about."""
    consecutive: int = 1
    """Frames in a row that get a question each time; each of another kind, all from one look at the first of them."""
    cameras: tuple[str, ...] = ()
    """Camera keys to ask about; every camera with video when left out."""
    kinds: tuple[QuestionKind, ...] = get_args(QuestionKind)
    """Kinds of question, in balance over the dataset."""
    pictures_per_ask: int = 8
    """Most pictures in one request to a model; each is asked about on its own."""

    def __post_init__(self) -> None:
        if not self.emission_hz > 0:
            raise SettingsError(f"--vqa.emission-hz is {self.emission_hz}, but must be more than 0.")
        at_least("vqa.consecutive", self.consecutive, 1)
        at_least("vqa.pictures-per-ask", self.pictures_per_ask, 1)
        if not self.kinds:
            raise SettingsError("--vqa.kinds names none.", "Leave it out for all of them.")
        if self.consecutive > len(set(self.kinds)):
            raise SettingsError(
                f"--vqa.consecutive is {self.consecutive}, but --vqa.kinds has {len(set(self.kinds))}.",
                "Frames in a row get questions of different kinds: ask about fewer of them.",
            )


@dataclass(frozen=True)
class TraceSettings:
    """The path of the gripper through the picture, where it can be known."""

    enabled: bool = field(default=False, metadata=NOT_AN_ANSWER)
    """Write `trace` rows."""
    emission_hz: float = 1.0
    """How often in a second a path begins."""
    seconds: float = 2.0
    """How far ahead a path goes."""
    points: int = 8
    """Points of a path, evenly spaced in time; fewer where the episode ends before."""
    cameras: tuple[str, ...] = ()
    """Camera keys; those of the calibration, or the first one with video, when left out."""
    calibration: Path | None = field(default=None, metadata=NOT_AN_ANSWER)
    """JSON file that tells how cameras that stand still see the robot's workspace, and in which channels of the
    state a gripper's position is; a model locates the grippers when left out."""
    hz: float = 2.0
    """Frames a second in which a model locates the grippers; between them they move evenly."""
    pictures_per_ask: int = 8
    """Pictures in one request to a model."""

    def __post_init__(self) -> None:
        for flag, value in (("emission-hz", self.emission_hz), ("seconds", self.seconds), ("hz", self.hz)):
            if not value > 0:
                raise SettingsError(f"--trace.{flag} is {value}, but must be more than 0.")
        at_least("trace.points", self.points, 2)
        at_least("trace.pictures-per-ask", self.pictures_per_ask, 1)
