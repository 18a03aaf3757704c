"""The gripper strokes that make phases of their own: from all strokes of an arm to grasps and what ends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from roboscribe.signals.arrays import Mask, runs
from roboscribe.signals.events import Stroke
from roboscribe.signals.facts import Verb
from roboscribe.signals.motion import Dip, Movement, dips
from roboscribe.signals.pushes import way_back


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What one arm and its gripper do over an episode.

    Attributes:
        movement: The arm's motion.
        strokes: The gripper's movements, in order.
        fps: Frames per second.
        comparable: Whether command and measurement of the gripper can be compared; see ``Grip``.
    """

    movement: Movement
    strokes: tuple[Stroke, ...]
    fps: float
    comparable: bool = False

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.movement.speed)

    @property
    def quiet(self) -> Mask:
        """Frames in which neither the arm nor its gripper moves, shape [frames]."""
        out = self.movement.still.copy()
        for stroke in self.strokes:
            out[stroke.start : stroke.stop] = False
        return out

    def dips(self, start: int, stop: int) -> list[Dip]:
        """The arm's slow instants inside frames ``[start, stop)``."""
        return dips(self.movement, start, stop, self.fps)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A stroke made by a standing arm, and the span of the phase it makes.

    Attributes:
        stroke: The gripper's movement.
        start: First frame of the phase.
        departure: Frame at which the arm sets out again.
        stop: Frame after the phase: the departure, or the end of a short way back after letting go.
        verb: ``grasp``, ``release`` or ``reopen``.
        succeeded: False for a grasp that closed on nothing.
    """

    stroke: Stroke
    start: int
    departure: int
    stop: int
    verb: Verb
    succeeded: bool = True


def anchors_of(scene: Scene) -> list[Anchor]:
    """The strokes that make phases, in order: grasps, and the releases and reopenings that end them.

    Pre-shaping on the way, and closing on the way home, are no phases: the arm is moving while they happen.
    """
    return _with_ways_back(scene, _found(scene, _is_grasp) or _found(scene, _is_grasp_on_the_way))


def _found(scene: Scene, is_grasp: Callable[[Scene, Stroke], bool]) -> list[Anchor]:
    """The closings that ``is_grasp`` accepts, and what ends each of them."""
    found: list[Anchor] = []
    grasp: Anchor | None = None
    for index, stroke in enumerate(scene.strokes):
        following = scene.strokes[index + 1].start if index + 1 < len(scene.strokes) else scene.frames
        if stroke.kind == "close":
            full = grasp is not None and grasp.succeeded
            idle = grasp is None and bool(found or index)
            if full or (idle and _is_posture(scene, index, following)):
                continue
            if is_grasp(scene, stroke):
                failed = stroke.holding is False or _reopened_on_the_spot(scene, index)
                grasp = _anchor(scene, stroke, following, "grasp", not failed)
                found.append(grasp)
        elif grasp is not None:
            dropped = grasp.stroke.lost is not None
            if not dropped and (grasp.succeeded or _stands(scene, stroke.start)):
                verb: Verb = "release" if grasp.succeeded else "reopen"
                found.append(_anchor(scene, stroke, following, verb))
            grasp = None
        elif stroke.full and _stands(scene, stroke.start):
            found.append(_anchor(scene, stroke, following, "release"))
    return found


def _is_grasp(scene: Scene, stroke: Stroke) -> bool:
    """Whether the arm has come and all but stands while the gripper closes; holding something, it may move."""
    firm = bool(stroke.holding) and scene.comparable
    speed = scene.movement.speed
    if (
        not stroke.holding
        and scene.movement.moves
        and float(speed[: stroke.start].sum()) < 0.02 * float(speed.sum())
    ):
        return False
    return stroke.arm_pace < (0.8 if firm else 0.5)


def _is_grasp_on_the_way(scene: Scene, stroke: Stroke) -> bool:
    """Whether the gripper closes well after the arm has set out: hands of people who never quite stop do so."""
    speed = scene.movement.speed
    return float(speed[: stroke.start].sum()) > 0.08 * float(speed.sum())


def _is_posture(scene: Scene, index: int, following: int) -> bool:
    """Whether an empty gripper just stays closed: it closes on nothing, or with hardly any motion to follow."""
    stroke, speed = scene.strokes[index], scene.movement.speed
    if following < scene.frames:
        return False
    return stroke.holding is False or float(speed[stroke.stop :].sum()) < 0.08 * float(speed.sum())


def _stands(scene: Scene, frame: int) -> bool:
    """Whether the arm stands at a frame, give or take a tenth of a second."""
    slack = round(0.1 * scene.fps)
    return bool(scene.movement.still[max(0, frame - slack) : frame + slack + 1].any())


def _reopened_on_the_spot(scene: Scene, index: int) -> bool:
    """Whether the gripper opens again before the arm has gone anywhere, to close a second time later."""
    if index + 2 >= len(scene.strokes) or scene.strokes[index + 1].kind != "open":
        return False
    speed = scene.movement.speed
    path = float(speed[scene.strokes[index].stop : scene.strokes[index + 1].start].sum())
    return path < 0.02 * float(speed.sum())


def _anchor(scene: Scene, stroke: Stroke, following: int, verb: Verb, succeeded: bool = True) -> Anchor:
    start, departure = _span(scene, stroke, following)
    return Anchor(stroke, start, departure, departure, verb, succeeded)


def _span(scene: Scene, stroke: Stroke, following: int) -> tuple[int, int]:
    """First frame of a stroke's phase and the arm's departure: the middle of the overlap where motions overlap."""
    start, stop = stroke.start, stroke.stop
    slack = round(0.1 * scene.fps)
    standing = [
        run for run in runs(scene.movement.still) if run[1] >= start - slack and run[0] < stop + 2 * slack
    ]
    if not standing:
        slowest = start + int(np.argmin(scene.movement.speed[start : max(stop, start + 1)]))
        return start, min(max(stop, slowest), following)
    arrival, departure = standing[0][0], standing[-1][1]
    if arrival > start:
        start = (start + min(arrival, stop)) // 2
    if departure < stop:
        return start, max((max(departure, start) + stop) // 2, start + 1)
    return start, min(departure, max(following, stop))


def _with_ways_back(scene: Scene, anchors: list[Anchor]) -> list[Anchor]:
    """Letting go includes the short way back before the arm sets out for its next grasp."""
    out: list[Anchor] = []
    for index, anchor in enumerate(anchors):
        if anchor.verb != "grasp" and index + 1 < len(anchors):
            ahead = anchors[index + 1].start
            stops = [dip.frame for dip in scene.dips(anchor.departure, ahead) if dip.depth > 0.1]
            end = way_back(scene.movement.speed, stops, anchor.departure, ahead, scene.fps)
            anchor = replace(anchor, stop=end)
        out.append(anchor)
    return out
