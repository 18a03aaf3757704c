"""Ask for the subtasks of an episode: where each begins and ends, and its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from roboscribe.asks.base import Answer, Ask
from roboscribe.signals import Signals


class Segment(Answer):
    """One subtask: ``[start, end)`` in seconds and a short imperative label."""

    start: Annotated[float, Field(ge=0)]
    end: Annotated[float, Field(ge=0)]
    label: Annotated[str, Field(min_length=2, max_length=120)]


class Segments(Answer):
    """The subtasks of an episode in the order they happen."""

    segments: Annotated[list[Segment], Field(min_length=1, max_length=200)]


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentEpisode(Ask[Segments]):
    """Which subtasks does the robot do, and when?

    Attributes:
        task: The task text; empty when unknown.
        duration: Seconds from the first frame to the end of the last.
        signals: What state and action tell of the motion.
    """

    answer = Segments

    task: str
    duration: float
    signals: Signals
