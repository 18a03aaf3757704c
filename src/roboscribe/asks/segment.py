"""Asks for the subtasks of an episode: what is seen, where each subtask begins and ends, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import Annotated, Any

from pydantic import Field

from roboscribe.asks.base import Answer, Ask, Sheets
from roboscribe.errors import EpisodeError
from roboscribe.frames import Part
from roboscribe.signals import GripperEvent, Signals

_SECONDS_PER_SENTENCE = 2.0
_MOST = 200
"""Subtasks that a model may find in one stretch; one that keeps to a rule sees whole episodes, however long."""

LabelText = Annotated[str, Field(min_length=2, max_length=120)]


class Description(Answer):
    """What happens in a stretch of an episode, told without naming subtasks."""

    text: Annotated[str, Field(min_length=2, max_length=2000)]


class Segment(Answer):
    """One subtask: ``[start, end)`` in seconds and a short imperative label."""

    start: Annotated[float, Field(ge=0, le=100_000)]
    end: Annotated[float, Field(ge=0, le=100_000)]
    label: LabelText


class Segments(Answer):
    """The subtasks of a stretch in the order they happen."""

    segments: Annotated[list[Segment], Field(min_length=1, max_length=10_000)]


class Label(Answer):
    """A short imperative label of one subtask."""

    label: LabelText


@dataclass(frozen=True, kw_only=True, eq=False)
class Stretch:
    """A part of an episode that is looked at in one go.

    Attributes:
        task: The task text; empty when unknown.
        duration: Seconds from the first frame of the episode to the end of the last.
        signals: What state and action tell of the motion of the whole episode.
        start: Seconds, inclusive.
        end: Seconds, exclusive.
        hints: Whether its physical events may be told to the model.
        sheets: Frames of the stretch; None for a model that does not look.
    """

    task: str
    duration: float
    signals: Signals
    start: float = 0.0
    end: float = inf
    hints: bool = True
    sheets: Sheets | None = None

    @property
    def until(self) -> float:
        """Seconds at which the stretch ends: its end, or the episode's."""
        return min(self.end, self.duration)

    @property
    def events(self) -> list[str]:
        """Physical events within the stretch, in words; empty when hints are off."""
        if not self.hints:
            return []
        inside = (event for event in self.signals.events if self.start <= event.start < self.end)
        return [_in_words(event) for event in inside]


@dataclass(frozen=True, kw_only=True, eq=False)
class DescribeEpisode(Ask[Description], Stretch):
    """What can be seen to happen? Only that, so that the segmentation is grounded in it."""

    answer = Description
    leads = 3

    def typical(self) -> Description:
        """A sentence for every few seconds."""
        sentence = "At 12.5 s the left arm moves to the red cup, and its gripper closes on the handle. "
        count = 2 + int((self.until - self.start) / _SECONDS_PER_SENTENCE)
        return Description(text=(sentence * count)[:2000])

    def look(self) -> Sequence[Part]:
        """The contact sheets of the stretch."""
        return pictures_of(self.sheets, self.episode)


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentEpisode(Ask[Segments], Stretch):
    """Which subtasks does the robot do, and when?

    Attributes:
        description: What was seen before, or empty.
        most: Most subtasks wanted in the stretch; 0 for no bound.
        least_seconds: Shortest subtask wanted.
        most_seconds: Longest subtask wanted.
    """

    answer = Segments
    leads = 2

    description: str = ""
    most: int = 0
    least_seconds: float = 0.0
    most_seconds: float = inf

    def look(self) -> Sequence[Part]:
        """The contact sheets of the stretch."""
        return pictures_of(self.sheets, self.episode)

    def narrow(self, schema: dict[str, Any]) -> None:
        """Times lie within the stretch, and the list ends."""
        segments = schema["properties"]["segments"]
        for name in ("start", "end"):
            # Two decimals, rounded outwards: servers that compile bounds into a grammar want short numbers.
            bounds = {"minimum": floor(self.start * 100) / 100, "maximum": ceil(self.until * 100) / 100}
            segments["items"]["properties"][name].update(bounds)
        segments["maxItems"] = self.most or _MOST

    def objection(self, answer: Segments) -> str:
        """A segment must begin or be under way within the stretch."""
        if any(segment.start < self.until and segment.end > self.start for segment in answer.segments):
            return ""
        return (
            f"No segment lies between {self.start:.2f} s and {self.until:.2f} s;"
            " times are seconds from the beginning of the recording."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class RelabelSegment(Ask[Label]):
    """Is this label right, seen beside what comes before and after?

    Attributes:
        task: The task text; empty when unknown.
        label: The label so far.
        before: Label of the subtask before; empty for the first.
        after: Label of the subtask after; empty for the last.
        start: Seconds.
        end: Seconds.
        sheets: Frames of the subtasks before, at and after, in this order; None where there is none.
    """

    answer = Label
    leads = 1

    task: str
    label: str
    before: str
    after: str
    start: float
    end: float
    sheets: tuple[Sheets | None, Sheets | None, Sheets | None]

    def typical(self) -> Label:
        """The label as it is; most are right."""
        return Label(label=self.label)

    def look(self) -> Sequence[Part]:
        """The contact sheets, each under its name."""
        parts: list[Part] = []
        for name, sheets in zip(("Before:", "The subtask in question:", "After:"), self.sheets, strict=True):
            if sheets is not None:
                parts += [name, *sheets.pictures()]
        return parts


def pictures_of(sheets: Sheets | None, episode: int) -> list[Part]:
    """The pictures of sheets that must be there.

    Raises:
        EpisodeError: There are none; a question about pictures is never put without them.
        FrameError: A frame cannot be read.
    """
    pictures = sheets.pictures() if sheets else []
    if not pictures:
        raise EpisodeError(episode, "There are no frames to look at.", "The model needs a camera with video.")
    return pictures


def _in_words(event: GripperEvent) -> str:
    gripper = f"the {event.arm} gripper" if event.arm else "the gripper"
    held = {True: " and holds something", False: " on nothing", None: ""}[event.holding]
    verb = "closes" if event.kind == "close" else "opens"
    return f"{event.start:.2f} s: {gripper} {verb}{held if event.kind == 'close' else ''}"
