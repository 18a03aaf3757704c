"""When a gripper closes and opens: from closedness over time to strokes with onset, rest and what they held."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from roboscribe.signals.arrays import Array, runs, smooth
from roboscribe.signals.gripper import Grip
from roboscribe.signals.motion import Movement

LEAST_TRAVEL = 0.18
"""A stroke travels at least this share of the gripper's range in the episode."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A gripper movement in one direction.

    Attributes:
        kind: ``close`` or ``open``.
        start: Frame of the command's onset.
        stop: Frame at which command and fingers have come to rest.
        arm_pace: Arm speed during the stroke relative to its usual: 0 when it stands, 1 when it moves as usual.
        holding: As in ``GripperEvent``.
        lost: Frame at which what it held slipped out, or None.
        full: Whether an opening lets go of what was between the fingers when the episode began.
    """

    kind: Literal["close", "open"]
    start: int
    stop: int
    arm_pace: float
    holding: bool | None = None
    lost: int | None = None
    full: bool = False


def strokes_of(grip: Grip, movement: Movement, fps: float) -> list[Stroke]:
    """Every stroke of a gripper, in order."""
    level = smooth(grip.closed, 0.03 * fps)
    found: list[Stroke] = []
    spans = _spans(level, grip.noise, fps)
    for position, (start, stop) in enumerate(spans):
        travel = float(level[stop - 1] - level[start])
        following = spans[position + 1][0] if position + 1 < len(spans) else len(level)
        rest = _rest(grip, start, stop, following, fps)
        kind = "close" if travel > 0 else "open"
        holding, lost = _held(grip, rest, following, fps) if kind == "close" else (None, None)
        full = (
            kind == "open" and not position and grip.comparable and _held(grip, 0, start, fps) == (True, None)
        )
        pace = _arm_pace(level, movement, start, stop)
        found.append(Stroke(kind, start, rest, pace, holding, lost, full))
    return _judged(found if grip.told else _with_losses(found))


def _with_losses(strokes: list[Stroke]) -> list[Stroke]:
    """Measured strokes where a closing right after a closing is a hand that snaps shut on what it lost."""
    out: list[Stroke] = []
    for stroke in strokes:
        if out and out[-1].kind == stroke.kind == "close":
            out[-1] = replace(out[-1], holding=True, lost=out[-1].lost or stroke.start)
        else:
            out.append(stroke)
    return out


def _spans(level: Array, rough: float, fps: float) -> list[tuple[int, int]]:
    """Frame spans of strokes: same direction, joined across short stops, large enough to count."""
    if len(level) < 2:
        return []
    steps = np.diff(level)
    threshold = max(
        0.04 * float(np.quantile(np.abs(steps), 0.98)), 0.1 / max(len(level), 20), 1.5 * rough / fps
    )
    signs = np.where(np.abs(steps) > threshold, np.sign(steps), 0.0)
    pieces = [(1.0, *run) for run in runs(signs > 0)] + [(-1.0, *run) for run in runs(signs < 0)]
    joined: list[tuple[float, int, int]] = []
    for sign, start, stop in sorted(pieces, key=lambda piece: piece[1]):
        if joined and joined[-1][0] == sign and start - joined[-1][2] <= 0.2 * fps:
            joined[-1] = (sign, joined[-1][1], stop)
        elif abs(float(level[stop] - level[start])) > 0.25 * LEAST_TRAVEL:
            joined.append((sign, start, stop))
    found: list[tuple[int, int]] = []
    for _, start, stop in joined:
        travel = float(level[stop] - level[start])
        if abs(travel) < max(LEAST_TRAVEL, 6 * rough):
            continue
        share = (level[start : stop + 1] - level[start]) / travel
        onset = start + max(0, int(np.argmax(share > 0.02)) - 1)
        done = start + int(np.argmax(share > 0.98))
        found.append((onset, max(done + 1, onset + 1)))
    return found


def _rest(grip: Grip, start: int, stop: int, following: int, fps: float) -> int:
    """Frame at which the measured fingers come to rest after a command from ``start`` to ``stop``."""
    if grip.measured is None:
        return stop
    fingers = smooth(grip.measured, 0.03 * fps)
    limit = min(following, stop + round(1.2 * fps), len(fingers) - 1)
    steps = np.abs(np.diff(fingers[start : limit + 1]))
    if limit <= stop or not len(steps):
        return stop
    # Fingers lag: until they have set off, they are not yet at rest.
    off = int(np.argmax(steps > 0.5 * steps.max()))
    quiet = steps < 0.01 + 2 * grip.measured_noise
    width = max(1, round(0.1 * fps))
    first = max(off, stop - start)
    calm = [at for at in range(first, len(quiet)) if bool(quiet[at : at + width].all())]
    return start + (calm[0] if calm else len(quiet))


def _held(grip: Grip, rest: int, following: int, fps: float) -> tuple[bool | None, int | None]:
    """Whether fingers at rest from ``rest`` to ``following`` stop short of the command, and when they stop to."""
    if grip.measured is None or following - rest < 2:
        return None, None
    fingers = smooth(grip.measured, 0.03 * fps)[rest:following]
    if grip.comparable:
        gap = smooth(grip.closed, 0.03 * fps)[rest:following] - fingers
    else:
        gap = (1.0 if grip.shut is None else grip.shut) - fingers
    width = max(2, round(0.15 * fps))
    held = float(np.median(gap[:width]))
    least = max(0.04, 5 * grip.measured_noise)
    if held < least:
        return (None if not grip.comparable and grip.shut is None else False), None
    # A gap to the command closes when the object is gone; without one, fingers that close further tell.
    gone = max(0.4 * held, 0.5 * least) if grip.comparable else held - max(0.08, 8 * grip.measured_noise)
    below = np.flatnonzero(gap < gone)
    settled = [int(at) for at in below if bool((gap[at : at + width] < (gone + held) / 2).all())]
    if settled and settled[0] < len(gap) - width:
        return True, rest + settled[0]
    return True, None


def _arm_pace(level: Array, movement: Movement, start: int, stop: int) -> float:
    """Mean arm speed over a stroke, weighted by finger speed, relative to its median when moving; at most 1."""
    if not movement.moves:
        return 0.0
    own = np.abs(np.diff(level[start : stop + 1]))
    speed = movement.speed[start : start + len(own)]
    moving = movement.speed[~movement.still]
    pace = float(np.median(moving))
    total = float(own.sum())
    if total <= 0 or pace <= 0:
        return 0.0
    return float((own * np.minimum(speed / pace, 1.0)).sum()) / total


def _judged(strokes: list[Stroke]) -> list[Stroke]:
    """Strokes whose ``holding`` is None throughout where no closing ever stops short.

    Where measurement follows the command exactly, it cannot tell an empty hand from a full one.
    """
    closings = [stroke for stroke in strokes if stroke.kind == "close"]
    if any(stroke.holding for stroke in closings):
        return strokes
    return [replace(stroke, holding=None, lost=None) for stroke in strokes]
