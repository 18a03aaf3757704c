"""What asks about single pictures share: captions, what the gripper is known to do, places that fit a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Self, TypeVar, cast

from pydantic import Field

from roboscribe.asks.base import Answer, Ask
from roboscribe.frames import EpisodeFrames, Jpeg, Places
from roboscribe.frames.sheets import camera_name
from roboscribe.signals import Signals

A = TypeVar("A", bound=Answer)

Coordinate = Annotated[float, Field(ge=0, le=100_000)]
"""In the model's own numbers while it answers; in pixels of the dataset's frame in a settled answer."""
PlacePoint = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
"""A point: x and y."""
PlaceBox = Annotated[list[Coordinate], Field(min_length=4, max_length=4)]
"""A box: x_min, y_min, x_max, y_max."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame of one camera, at full size, decoded when it is first looked at.

    Attributes:
        frames: The open episode's frames; a rule may look at others of them, too.
        camera: Camera key.
        index: Frame index.
    """

    frames: EpisodeFrames
    camera: str
    index: int

    def __str__(self) -> str:
        return f"{camera_name(self.camera)} at {self.time:.1f} s"

    def picture(self) -> Jpeg:
        """The frame; its ``source_width`` and ``source_height`` are what places in datasets refer to.

        Raises:
            FrameError: It cannot be read.
        """
        return self._picture

    @cached_property
    def _picture(self) -> Jpeg:
        return self.frames.jpeg(self.camera, self.index)

    @property
    def time(self) -> float:
        """Seconds from the episode's start."""
        return self.frames.episode.time_of(self.index)


@dataclass(frozen=True, kw_only=True, eq=False)
class AboutShots(Ask[A], ABC):
    """A question about several pictures at once, each on its own; they are counted from 1.

    Attributes:
        task: The task text; empty when unknown.
        signals: What state and action tell of the motion of the whole episode.
        places: How the model that is asked names places; pixels of the dataset's frames unless it says other.
    """

    task: str
    signals: Signals
    places: Places = field(default_factory=Places)

    @property
    @abstractmethod
    def shots(self) -> Sequence[Shot]:
        """The pictures in order."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """The keys under which an answer holds what it says about each picture: "1", "2", …"""
        return tuple(str(n) for n in range(1, len(self.shots) + 1))

    @property
    def extents(self) -> list[tuple[int, int]]:
        """Right and bottom edge of each picture, in the numbers of the model that is asked."""
        return [self.places.extent(shot.picture()) for shot in self.shots]

    @property
    def grippers(self) -> list[str]:
        """What the gripper is known to do in each picture; empty where nobody knows."""
        return [gripper_at(self.signals, shot.time) for shot in self.shots]

    def look(self) -> Sequence[str | Jpeg]:
        """Each picture under its number, camera and time."""
        parts: list[str | Jpeg] = []
        for number, shot in zip(self.numbers, self.shots, strict=True):
            parts += [f"Picture {number} ({camera_name(shot.camera)}, {shot.time:.1f} s):", shot.picture()]
        return parts

    def put_in(self, places: Places) -> Self:
        """The same with answers in the model's own numbers."""
        return replace(self, places=places)

    def miscounted(self, answered: Iterable[str]) -> str:
        """An objection to an answer that leaves a picture out or makes one up; empty when it does not."""
        found = set(answered)
        if missing := [number for number in self.numbers if number not in found]:
            return f"There is no answer about picture {missing[0]}; give null for what you cannot tell."
        if made_up := sorted(found - set(self.numbers)):
            return f"There is no picture {made_up[0]!r}; they are numbered 1 to {len(self.shots)}."
        return ""


def gripper_at(signals: Signals, seconds: float) -> str:
    """What each gripper is doing at a time, in words for a model; empty when the signals do not tell."""
    return "; ".join(filter(None, (_gripper(signals, arm, seconds) for arm in signals.arms)))


def _gripper(signals: Signals, arm: str, seconds: float) -> str:
    events = [event for event in signals.events if event.arm == arm]
    if not events:
        return ""
    name = f"the {arm} gripper" if arm else "the gripper"
    begun = [event for event in events if event.start <= seconds]
    if not begun:
        # Nothing is known of what it holds before it first moves.
        return f"{name} is open" if events[0].kind == "close" else f"{name} is closed"
    last = begun[-1]
    if seconds < last.end:
        return f"{name} is {'closing' if last.kind == 'close' else 'opening'}"
    if last.kind == "open":
        return f"{name} is open"
    held = {True: " and holds something", False: " and holds nothing", None: ""}[last.holding]
    return f"{name} is closed{held}"


def bound_places(schema: Any, extent: tuple[int, int]) -> None:
    """Bound every point and box in a JSON schema to whole numbers within a picture, in place."""
    if isinstance(schema, list):
        for part in cast(list[Any], schema):
            bound_places(part, extent)
    elif isinstance(schema, dict):
        found = cast(dict[str, Any], schema)
        if found.get("type") == "array" and found.get("items", {}).get("type") == "number":
            # One bound for x and y: a grammar that tells them apart is more than some servers know.
            found["items"] = {"type": "integer", "minimum": 0, "maximum": max(extent)}
            return
        for part in found.values():
            bound_places(part, extent)


def whole(numbers: Sequence[float]) -> list[float | int]:
    """Numbers as integers where they are whole, so that they read as pixels."""
    return [int(number) if number == int(number) else number for number in numbers]


def point_fault(point: Sequence[float], extent: tuple[int, int], y_first: bool) -> str:
    """What is wrong with a point in the model's own numbers, or nothing."""
    x, y = reversed(point) if y_first else point
    if x > extent[0] or y > extent[1]:
        return f"{whole(point)} lies outside the picture, which ends at x = {extent[0]} and y = {extent[1]}"
    return ""


def box_fault(box: Sequence[float], extent: tuple[int, int], y_first: bool) -> str:
    """What is wrong with a box in the model's own numbers, or nothing."""
    if fault := point_fault(box[:2], extent, y_first) or point_fault(box[2:], extent, y_first):
        return fault
    return "" if box[0] < box[2] and box[1] < box[3] else f"{whole(box)} has no area"


def source_point(point: Sequence[float], places: Places, picture: Jpeg) -> list[float]:
    """A point as x and y in whole pixels of the dataset's frame, on one of its pixels."""
    x, y = places.to_source((point[0], point[1]), picture)
    return [float(min(int(x), picture.source_width - 1)), float(min(int(y), picture.source_height - 1))]


def source_box(box: Sequence[float], places: Places, picture: Jpeg) -> list[float]:
    """A box as left, top, right, bottom in whole pixels of the dataset's frame, at least one pixel wide and high."""
    left, top, right, bottom = places.box_to_source((box[0], box[1], box[2], box[3]), picture)
    x = min(int(left), picture.source_width - 1)
    y = min(int(top), picture.source_height - 1)
    return [float(x), float(y), float(max(round(right), x + 1)), float(max(round(bottom), y + 1))]
