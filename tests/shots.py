"""Test helpers: pictures of given sizes without a dataset, asks about them, and replies in a model's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from roboscribe.asks import AskAboutFrames, Inquiry, LocateGripper, Shot
from roboscribe.config import QuestionKind
from roboscribe.episode import Camera, Episode
from roboscribe.frames import Jpeg, Places
from roboscribe.signals import GripperEvent, Signals

TOP = "observation.images.top"
SIGNALS = Signals(
    events=(GripperEvent("close", 1.0, 1.2, "", True), GripperEvent("open", 3.0, 3.2)),
    pauses=(),
    phases=(),
    motions=(),
    speed=np.zeros(0, np.float32),
    arms=("",),
)


class StillFrames:
    """Stands in for an episode's frames: pictures of one size, sent as they are or smaller."""

    def __init__(
        self, source: tuple[int, int], sent: tuple[int, int] | None = None, frames: int = 50
    ) -> None:
        times = (np.arange(frames) / 10).astype(np.float32)
        camera = Camera(TOP, source[1], source[0], "video")
        self.episode = Episode(0, ("Put the cup away.",), 10.0, times, None, None, (camera,), {})
        self._picture = Jpeg(b"jpeg", *(sent or source), *source)

    def jpeg(self, camera: str, index: int) -> Jpeg:
        return self._picture


def shot(source: tuple[int, int] = (640, 480), sent: tuple[int, int] | None = None, index: int = 0) -> Shot:
    """A picture that is ``source`` pixels large in the dataset and ``sent`` as it goes to a model."""
    frames: Any = StillFrames(source, sent)
    return Shot(frames, TOP, index)


def questions(*inquiries: tuple[Shot, Sequence[QuestionKind], int], **facts: Any) -> AskAboutFrames:
    """An ask about pictures, each with its kinds and how many are wanted."""
    known: dict[str, Any] = {"episode": 0, "task": "Put the cup away.", "signals": SIGNALS}
    wanted = tuple(Inquiry(shown, tuple(kinds), count) for shown, kinds, count in inquiries)
    return AskAboutFrames(**(known | facts), inquiries=wanted)


def located(*seen: Shot, names: tuple[str, ...] = ("gripper",), **facts: Any) -> LocateGripper:
    """An ask for the grippers in pictures."""
    known: dict[str, Any] = {"episode": 0, "task": "", "signals": SIGNALS}
    return LocateGripper(**(known | facts), seen=seen, names=names)


def told(places: Places, picture: Jpeg, *corners: tuple[float, float]) -> list[float]:
    """Points of the dataset's frame as the model would name them, one after the other."""
    return [number for point in corners for number in named(places, point, picture)]


def named(places: Places, point: tuple[float, float], picture: Jpeg) -> tuple[float, float]:
    """A point of the dataset's frame as the model would name it, rounded to whole numbers."""
    across, down = places.extent(picture)
    x = float(round(point[0] / picture.source_width * across))
    y = float(round(point[1] / picture.source_height * down))
    return (y, x) if places.y_first else (x, y)
