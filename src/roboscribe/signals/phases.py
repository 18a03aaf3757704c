"""What an arm does when: from its strokes and motion to a gap-free sequence of phases with verbs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from roboscribe.signals.arrays import runs
from roboscribe.signals.events import Stroke
from roboscribe.signals.facts import Verb
from roboscribe.signals.motion import Dip, Movement, dips


@dataclass(frozen=True, slots=True)
class Step:
    """A phase in frames: ``[start, stop)``, its verb, and whether it did what it set out to do."""

    start: int
    stop: int
    verb: Verb
    succeeded: bool = True


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds an arm must stand to count as waiting, by what lies before or after."""

    first: float = 0.3
    between: float = 0.3
    before_gripper: float = 0.45
    after_gripper: float = 0.75
    last: float = 1.0


WAITS = Waits()


@dataclass(frozen=True, slots=True)
class Anchor:
    """A stroke made by a standing arm, and the span of the phase it makes."""

    stroke: Stroke
    start: int
    stop: int
    verb: Verb
    succeeded: bool = True


def steps_of(strokes: list[Stroke], movement: Movement, fps: float) -> list[Step]:
    """The phases of one arm, tiling its frames; empty when it neither moves nor grips."""
    frames = len(movement.speed)
    if frames == 0 or (not strokes and not movement.moves):
        return []
    anchors = _anchors(strokes, movement, fps)
    if not anchors:
        return _strokes_without_grasp(movement, frames, fps)
    steps: list[Step] = []
    held: Anchor | None = None
    at = 0
    for index, anchor in enumerate(anchors):
        if anchor.verb in ("release", "reopen") and index + 1 < len(anchors):
            stop = _backed_off(anchor.stop, anchors[index + 1].start, movement, fps)
            anchor = replace(anchor, stop=stop)
        steps += _between(at, anchor.start, held, anchor, movement, fps, index == 0)
        steps += _with_dwell(anchor, movement, fps)
        at = anchor.stop
        held = anchor if anchor.verb == "grasp" else None
    steps += _ending(at, frames, anchors[-1], movement, fps)
    return _tiled(steps, frames)


def _anchors(strokes: list[Stroke], movement: Movement, fps: float) -> list[Anchor]:
    """The strokes that make phases: grasps, and what ends each of them."""
    found: list[Anchor] = []
    grasp: Stroke | None = None
    for index, stroke in enumerate(strokes):
        following = strokes[index + 1].start if index + 1 < len(strokes) else len(movement.speed)
        if stroke.kind == "close":
            if stroke.arm_travel < 0.5 or (stroke.holding and stroke.arm_travel < 0.8):
                start, stop = _span(stroke, following, movement, fps)
                failed = stroke.holding is False or _reopened_on_the_spot(stroke, strokes, index, movement)
                found.append(Anchor(stroke, start, stop, "grasp", not failed))
                grasp = stroke
        elif grasp is not None:
            failed = not found[-1].succeeded
            if grasp.lost is None and (not failed or _stands(movement, stroke.start, fps)):
                start, stop = _span(stroke, following, movement, fps)
                verb: Verb = "reopen" if not found[-1].succeeded else "release"
                found.append(Anchor(stroke, start, stop, verb))
            grasp = None
    return found


def _stands(movement: Movement, frame: int, fps: float) -> bool:
    """Whether the arm stands at a frame, give or take a tenth of a second."""
    around = movement.still[max(0, frame - round(0.1 * fps)) : frame + round(0.1 * fps) + 1]
    return bool(around.any())


def _reopened_on_the_spot(stroke: Stroke, strokes: list[Stroke], index: int, movement: Movement) -> bool:
    """Whether the gripper opens again before the arm has gone anywhere, to close a second time later."""
    if index + 2 >= len(strokes) or strokes[index + 1].kind != "open":
        return False
    path = movement.speed[stroke.stop : strokes[index + 1].start].sum()
    return bool(path < 0.02 * movement.speed.sum())


def _span(stroke: Stroke, following: int, movement: Movement, fps: float) -> tuple[int, int]:
    """Frames of a stroke's phase: from where the arm has arrived and the command sets in, to where it departs."""
    still = movement.still
    start, stop = stroke.start, stroke.stop
    middle = (start + min(stop, len(still) - 1)) // 2
    slack = round(0.1 * fps)
    quiet = [run for run in runs(still) if run[1] >= start - slack and run[0] < stop + 2 * slack]
    if not quiet:
        slowest = start + int(np.argmin(movement.speed[start : max(stop, start + 1)]))
        return start, min(max(stop, slowest), following)
    arrival, departure = quiet[0][0], quiet[-1][1]
    if arrival > start:
        start = min((start + arrival) // 2, middle)
    if departure < stop:
        return start, max((max(departure, start) + stop) // 2, start + 1)
    return start, min(departure, max(following, stop))


def _backed_off(stop: int, following: int, movement: Movement, fps: float) -> int:
    """Where the short way back ends that an arm makes, after letting go, before it sets out for the next thing."""
    found = [dip for dip in dips(movement, stop, following, fps) if dip.depth > 0.1]
    if not found:
        return stop
    end = found[0].frame
    path = float(movement.speed[stop:end].sum())
    whole = float(movement.speed[stop:following].sum())
    return end if end - stop <= 0.9 * fps and path < 0.3 * whole else stop


def _with_dwell(anchor: Anchor, movement: Movement, fps: float) -> list[Step]:
    """A stroke's phase; where the arm then stands much longer than it takes, the rest is waiting."""
    rest = anchor.stroke.stop
    if anchor.stop - rest > WAITS.after_gripper * fps:
        cut = rest + round(0.15 * fps)
        return [
            Step(anchor.start, cut, anchor.verb, anchor.succeeded),
            Step(cut, anchor.stop, "wait"),
        ]
    return [Step(anchor.start, anchor.stop, anchor.verb, anchor.succeeded)]


def _between(
    start: int, stop: int, held: Anchor | None, ahead: Anchor, movement: Movement, fps: float, first: bool
) -> list[Step]:
    """The phases from one stroke's departure to the next one's start."""
    if stop <= start:
        return []
    legs = _legs(start, stop, movement, fps, WAITS.first if first else 0.0, WAITS.before_gripper)
    moving = [index for index, leg in enumerate(legs) if leg.verb != "wait"]
    if not moving:
        return legs
    if held is None:
        return legs
    lost = held.stroke.lost
    if lost is not None and lost < stop:
        return _after_loss(legs, lost, movement, fps)
    out: list[Step] = []
    for index, leg in enumerate(legs):
        if leg.verb == "wait":
            out.append(leg)
        else:
            out += _carry(leg, index == moving[0], index == moving[-1], len(moving) == 1, movement, fps)
    return out


def _after_loss(legs: list[Step], lost: int, movement: Movement, fps: float) -> list[Step]:
    """Phases of an arm that loses its object: what it was at goes on to its next stop, and failed."""
    out: list[Step] = []
    carried = True
    for leg in legs:
        if leg.verb == "wait" or not carried:
            out.append(leg)
            continue
        parts = _carry(leg, not out, False, False, movement, fps)
        if leg.start <= lost:
            whole = [part for part in parts if part.start <= lost]
            end = leg.stop
            whole[-1] = Step(whole[-1].start, end, whole[-1].verb, False)
            out += whole
            carried = lost > end
        else:
            out.append(leg)
    return out


def _carry(leg: Step, first: bool, last: bool, only: bool, movement: Movement, fps: float) -> list[Step]:
    """A leg travelled with something in the hand: lift, move, lower."""
    found = dips(movement, leg.start, leg.stop, fps)
    cut = _lift_end(found) if first else None
    parts: list[Step] = []
    at = leg.start
    if first:
        if cut is None:
            return [Step(leg.start, leg.stop, "lift" if not only else "move")]
        parts.append(Step(leg.start, cut.frame, "lift"))
        at = cut.frame
    lowering = _lower_start([dip for dip in found if dip.frame > at + 0.1 * fps]) if last else None
    if lowering is not None:
        parts.append(Step(at, lowering.frame, "move"))
        parts.append(Step(lowering.frame, leg.stop, "lower"))
    else:
        parts.append(Step(at, leg.stop, "move"))
    return parts


def strength(dip: Dip) -> float:
    """How clearly a dip parts two motions, from 0 to 1."""
    return dip.depth * (0.5 + 0.5 * min(1.0, 2 * dip.turn)) if dip.depth < 0.9 else dip.depth


def _lift_end(found: list[Dip]) -> Dip | None:
    if not found:
        return None
    best = max(strength(dip) for dip in found)
    if best < 0.15:
        return None
    return next(dip for dip in found if strength(dip) >= min(0.3, best))


def _lower_start(found: list[Dip]) -> Dip | None:
    clear = [dip for dip in found if strength(dip) >= 0.4]
    return clear[-1] if clear else None


def _ending(start: int, frames: int, last: Anchor, movement: Movement, fps: float) -> list[Step]:
    """The phases after the last stroke: going home, or what a last grasp goes on to do."""
    if start >= frames:
        return []
    legs = _legs(start, frames, movement, fps, 0.0, WAITS.last)
    moving = [index for index, leg in enumerate(legs) if leg.verb != "wait"]
    if not moving:
        return legs
    if last.verb == "grasp" and last.succeeded:
        if last.stroke.lost is not None:
            return _after_loss(legs, last.stroke.lost, movement, fps)
        out: list[Step] = []
        for index, leg in enumerate(legs):
            keep = leg.verb == "wait"
            out += [leg] if keep else _carry(leg, index == moving[0], False, False, movement, fps)
        return out
    return [Step(leg.start, leg.stop, "retract") if leg.verb != "wait" else leg for leg in legs]


def _legs(start: int, stop: int, movement: Movement, fps: float, first: float, last: float) -> list[Step]:
    """A span cut into moving and waiting; standing at its ends counts from ``first`` and ``last`` seconds."""
    still = movement.still[start:stop]
    waits: list[tuple[int, int]] = []
    for a, b in runs(still):
        least = WAITS.between
        if a == 0:
            least = first
        if b == len(still):
            least = last
        if b - a >= least * fps:
            waits.append((start + a, start + b))
    legs: list[Step] = []
    at = start
    for a, b in waits:
        if a > at:
            legs.append(Step(at, a, "move"))
        legs.append(Step(a, b, "wait"))
        at = b
    if at < stop:
        legs.append(Step(at, stop, "move"))
    return legs


def _strokes_without_grasp(movement: Movement, frames: int, fps: float) -> list[Step]:
    """The phases of an arm that grasps nothing: it moves, pushes and goes home, parted by full stops."""
    legs = _legs(0, frames, movement, fps, WAITS.first, WAITS.last)
    cut: list[Step] = []
    for leg in legs:
        if leg.verb == "wait":
            cut.append(leg)
            continue
        at = leg.start
        for dip in dips(movement, leg.start, leg.stop, fps):
            if dip.depth > 0.9:
                cut.append(Step(at, dip.frame, "move"))
                at = dip.frame
        cut.append(Step(at, leg.stop, "move"))
    moving = [index for index, step in enumerate(cut) if step.verb != "wait"]
    if len(moving) < 2:
        return cut
    verbs: dict[int, Verb] = {moving[-1]: "retract"}
    for order, index in enumerate(moving[:-1]):
        verbs[index] = "push" if order % 2 else "move"
    return [Step(s.start, s.stop, verbs.get(index, s.verb)) for index, s in enumerate(cut)]


def _tiled(steps: list[Step], frames: int) -> list[Step]:
    """The same steps without gaps, overlaps and empty ones."""
    out: list[Step] = []
    at = 0
    for step in sorted(steps, key=lambda s: s.start):
        start = at
        stop = min(max(step.stop, start), frames)
        if stop > start:
            out.append(Step(start, stop, step.verb, step.succeeded))
            at = stop
    if out and at < frames:
        out[-1] = Step(out[-1].start, frames, out[-1].verb, out[-1].succeeded)
    return out
