"""The facts that signals yield about an episode, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roboscribe.episode import Floats

Arm = Literal["", "left", "right"]
"""Which arm; empty on a robot with one."""

Verb = Literal[
    "wait", "move", "grasp", "reopen", "lift", "lower", "release", "push", "pull", "open", "close", "retract"
]


@dataclass(frozen=True, slots=True)
class GripperEvent:
    """A gripper closing or opening.

    Attributes:
        kind: ``close`` or ``open``.
        start: Seconds at which the command sets in.
        end: Seconds at which the motion has come to rest.
        arm: Which gripper.
        holding: Whether something was between the fingers when a closing came to rest (the fingers stopped
            short of the command); None when the signals cannot tell.
    """

    kind: Literal["close", "open"]
    start: float
    end: float
    arm: Arm = ""
    holding: bool | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of an episode in which the robot does one thing.

    Attributes:
        start: Seconds, inclusive.
        end: Seconds, exclusive; the next phase starts here.
        verb: What it does, as far as motion alone can tell.
        arm: The arm that does it; empty when there is one arm, or both act.
        succeeded: False for a grasp that closed on nothing or a lift that lost its object.
    """

    start: float
    end: float
    verb: Verb
    arm: Arm = ""
    succeeded: bool = True


@dataclass(frozen=True, slots=True)
class Motion:
    """A motion primitive in the robot's own terms.

    Attributes:
        start: Seconds, inclusive.
        end: Seconds, exclusive.
        text: For example ``close the gripper``, ``raise the left arm``, ``hold still``.
    """

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """An instant at which one arm motion gives way to another.

    Attributes:
        time: Seconds.
        strength: From 0 to 1: how nearly the arm stops there, and turns; 1 is a full stop.
        arm: Which arm.
    """

    time: float
    strength: float
    arm: Arm = ""


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """Everything the signals of an episode tell; all empty for a video-only episode.

    Attributes:
        events: Gripper events in order of their start.
        pauses: Spans ``(start, end)`` in seconds in which no joint moves.
        phases: Gap-free cover of the episode; empty when there are no signals.
        motions: Gap-free cover of the episode in motion primitives; empty when there are no signals.
        speed: Arm speed per frame in 1/s, shape [frames]: length of the vector of joint speeds, each relative to the
            joint's range in the episode; empty when there are no signals.
        arms: Arms found, in the order left, right; ``("",)`` for one arm.
        breaks: Where arm motions give way to one another, in order of time.
    """

    events: tuple[GripperEvent, ...]
    pauses: tuple[tuple[float, float], ...]
    phases: tuple[Phase, ...]
    motions: tuple[Motion, ...]
    speed: Floats
    arms: tuple[Arm, ...]
    breaks: tuple[Break, ...] = ()
