"""What an arm does when: from its grasps and its motion to a gap-free sequence of phases with verbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from roboscribe.signals.anchors import Anchor, Scene, anchors_of
from roboscribe.signals.arrays import runs
from roboscribe.signals.facts import Verb
from roboscribe.signals.motion import Dip, tail_of, turns
from roboscribe.signals.pushes import pushes


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
    between: float = 0.4
    before_gripper: float = 0.45
    after_gripper: float = 0.75
    last: float = 1.0


WAITS = Waits()

LEAST_CLEAR = 0.35
"""Least depth of the dip that ends a lift, where there is one as deep."""


MOST_LIFT = 0.55
"""Share of the way from grasp to release that a lift hardly exceeds."""


def strength(dip: Dip) -> float:
    """How clearly a dip parts two motions, from 0 to 1: a stop does, and a slow turn; slowing down does not."""
    return dip.depth if dip.depth > 0.95 else dip.depth * (0.25 + 0.75 * min(1.0, 2.5 * dip.turn))


def steps_of(scene: Scene) -> list[Step]:
    """The phases of one arm, tiling its frames; empty when it neither moves nor grips."""
    if scene.frames == 0 or (not scene.strokes and not scene.movement.moves):
        return []
    anchors = anchors_of(scene)
    if not anchors:
        return _tiled(_without_grasp(scene), scene.frames)
    steps: list[Step] = []
    held: Anchor | None = None
    for anchor in anchors:
        at = steps[-1].stop if steps else 0
        steps += _between(scene, at, anchor.start, held)
        steps += _with_dwell(scene, anchor)
        held = anchor if anchor.verb == "grasp" and anchor.succeeded else None
    steps += _ending(scene, steps[-1].stop, held)
    return _tiled(steps, scene.frames)


def _with_dwell(scene: Scene, anchor: Anchor) -> list[Step]:
    """A stroke's phase; where the arm then stands much longer than it takes, the rest is waiting."""
    rest = anchor.stroke.stop
    if anchor.departure - rest <= WAITS.after_gripper * scene.fps:
        return [Step(anchor.start, anchor.stop, anchor.verb, anchor.succeeded)]
    cut = rest + round(0.15 * scene.fps)
    return [Step(anchor.start, cut, anchor.verb, anchor.succeeded), Step(cut, anchor.departure, "wait")]


def _between(scene: Scene, start: int, stop: int, held: Anchor | None) -> list[Step]:
    """The phases from the end of one stroke's phase to the start of the next one's."""
    if stop <= start:
        return []
    first = WAITS.first if start == 0 else WAITS.between
    legs = _legs(scene, start, stop, first, WAITS.before_gripper)
    return legs if held is None else _loaded(scene, legs, held, to_release=True)


def _ending(scene: Scene, start: int, held: Anchor | None) -> list[Step]:
    """The phases after the last stroke: going home, or what a last grasp goes on to do."""
    if start >= scene.frames:
        return []
    legs = _legs(scene, start, scene.frames, WAITS.between, WAITS.last)
    if held is not None:
        return _loaded(scene, legs, held, to_release=False)
    return [leg if leg.verb == "wait" else replace(leg, verb="retract") for leg in legs]


def _loaded(scene: Scene, legs: Sequence[Step], held: Anchor, to_release: bool) -> list[Step]:
    """Legs travelled with something in the hand, until it is lost: lift, move, lower.

    An arm that loses its object goes on to its next stop; that phase has failed.
    """
    moving = [index for index, leg in enumerate(legs) if leg.verb != "wait"]
    lost = held.stroke.lost
    out: list[Step] = []
    for index, leg in enumerate(legs):
        if leg.verb == "wait" or (lost is not None and leg.start > lost):
            out.append(leg)
            continue
        first = index == moving[0]
        if lost is not None and lost < leg.stop:
            stops = (dip.frame for dip in scene.dips(leg.start, leg.stop) if dip.depth > 0.9)
            end = next((frame for frame in stops if frame > lost), leg.stop)
            parts = _carried(scene, replace(leg, stop=lost), first, False)
            parts[-1] = Step(parts[-1].start, end, parts[-1].verb, False)
            parts.append(Step(end, leg.stop, "move"))
        else:
            whole = len(moving) == 1 and to_release
            parts = _carried(scene, leg, first, to_release and index == moving[-1], whole)
        out += parts
    return out


def _carried(scene: Scene, leg: Step, first: bool, last: bool, whole: bool = False) -> list[Step]:
    """One leg with something in the hand.

    Args:
        scene: The arm.
        leg: The leg.
        first: Whether it begins with the lift.
        last: Whether it ends where the object is let go.
        whole: Whether it is all the way: without a break in it, it is no lift but a move.
    """
    found = scene.dips(leg.start, leg.stop)
    parts: list[Step] = []
    at = leg.start
    if first:
        cut = _lift_end(scene, leg, found, last)
        if cut is None:
            return [replace(leg, verb="move" if whole else "lift")]
        parts.append(Step(leg.start, cut.frame, "lift"))
        at = cut.frame
    later = [dip for dip in found if dip.frame > at + 0.1 * scene.fps and strength(dip) >= 0.4]
    if last and later:
        low = later[-1].frame
        return [*parts, Step(at, low, "move"), Step(low, leg.stop, "lower")]
    return [*parts, Step(at, leg.stop, "move")]


def _lift_end(scene: Scene, leg: Step, found: Sequence[Dip], carried: bool) -> Dip | None:
    """The first clear change of motion; the clearest, where none is clear; None on a motion without any.

    Args:
        scene: The arm.
        leg: The leg that begins with a lift.
        found: The leg's dips.
        carried: Whether it goes on to where the object is let go: then, if no dip ends the lift early on, the
            sharpest turn does.
    """
    speed = scene.movement.speed
    whole = float(speed[leg.start : leg.stop].sum())

    def share(dip: Dip) -> float:
        return float(speed[leg.start : dip.frame].sum()) / whole if whole > 0 else 0.0

    turning = [dip for dip in found if (dip.turn > 0.04 or dip.depth > 0.95) and share(dip) < 0.85]
    best = max(turning, key=strength, default=None)
    cut = next(
        (dip for dip in turning if dip.depth >= LEAST_CLEAR),
        best if best is not None and strength(best) >= 0.15 else None,
    )
    if carried and (cut is None or share(cut) > MOST_LIFT):
        sharp = turns(scene.movement, leg.start, leg.stop if cut is None else cut.frame, scene.fps)
        early = [dip for dip in sharp if 0.08 < share(dip) < MOST_LIFT]
        return max(early, key=lambda dip: dip.turn, default=cut)
    return cut


def _legs(scene: Scene, start: int, stop: int, first: float, last: float) -> list[Step]:
    """A span cut into moving and waiting; standing at its ends counts from ``first`` and ``last`` seconds."""
    legs: list[Step] = []
    at = start
    for a, b in runs(scene.quiet[start:stop]):
        least = first if a == 0 else last if b == stop - start else WAITS.between
        if b - a - tail_of(scene.movement.speed, start + a, scene.fps) >= least * scene.fps:
            legs += [Step(at, start + a, "move"), Step(start + a, start + b, "wait")]
            at = start + b
    legs.append(Step(at, stop, "move"))
    return [leg for leg in legs if leg.stop > leg.start]


def _without_grasp(scene: Scene) -> list[Step]:
    """The phases of an arm that grasps nothing: it moves, pushes and goes home; any of these may be missing."""
    legs = _legs(scene, 0, scene.frames, WAITS.first, WAITS.last)
    moving = [leg for leg in legs if leg.verb != "wait"]
    if not moving:
        return legs
    start, stop = moving[0].start, moving[-1].stop
    stops = [dip.frame for dip in scene.dips(start, stop) if dip.depth > 0.5]
    found = pushes(scene.movement.speed, stops, start, stop, 1)
    if not found:
        return legs
    a, b = found[0]
    spans: list[tuple[int, int, Verb]] = [(start, a, "move"), (a, b, "push"), (b, stop, "retract")]
    out: list[Step] = []
    for leg in legs:
        if leg.verb == "wait":
            out.append(leg)
        else:
            pieces = [Step(max(x, leg.start), min(y, leg.stop), verb) for x, y, verb in spans]
            out += [piece for piece in pieces if piece.stop > piece.start]
    return out


def _tiled(steps: Sequence[Step], frames: int) -> list[Step]:
    """The same steps from the first frame to the last, without gaps, overlaps and empty ones."""
    out: list[Step] = []
    at = 0
    for step in steps:
        stop = min(max(step.stop, at), frames)
        if stop > at:
            out.append(replace(step, start=at, stop=stop))
            at = stop
    if out and at < frames:
        out[-1] = replace(out[-1], stop=frames)
    return out
