"""The whole analysis of an episode's signals: from state and action to gripper events, phases and motions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from roboscribe.episode import Channels, Episode
from roboscribe.signals.anchors import Scene
from roboscribe.signals.arrays import Array
from roboscribe.signals.events import Stroke, strokes_of
from roboscribe.signals.facts import Arm, Break, GripperEvent, Phase, Signals
from roboscribe.signals.gripper import grip_of
from roboscribe.signals.motion import Movement, dips, movement_of, pauses_of
from roboscribe.signals.phases import Step, steps_of, strength
from roboscribe.signals.primitives import motions_of
from roboscribe.signals.traces import ArmTrace, arm_traces

LEAST_PHASE = 0.12
"""Seconds; where two arms act, shorter phases are left out."""


LAG = 0.07
"""Seconds by which robots usually follow their commands."""


@dataclass(frozen=True, slots=True, eq=False)
class ArmAnalysis:
    """Everything known of one arm: its trace, motion, gripper strokes and phases in frames."""

    trace: ArmTrace
    movement: Movement
    strokes: list[Stroke]
    steps: list[Step]


def analyse(episode: Episode) -> Signals:
    """What an episode's state and action tell; everything empty when it has neither.

    Deterministic, and a function of state, action, their names, fps and timestamps alone.
    """
    episode = _without_echo(episode)
    traces = arm_traces(episode)
    if not traces:
        return Signals((), (), (), (), np.zeros(0, dtype=np.float32), ())
    fps = _rate(episode)
    scale, least = _shared(traces)
    arms = [_analyse_arm(trace, fps, scale, least) for trace in traces]
    clock = _Clock(episode, fps)
    events = [
        GripperEvent(s.kind, clock.at(s.start), clock.at(s.stop), arm.trace.arm, s.holding)
        for arm in arms
        for s in arm.strokes
    ]
    breaks = [
        Break(clock.at(dip.frame), min(1.0, max(0.0, strength(dip))), arm.trace.arm)
        for arm in arms
        for dip in dips(arm.movement, 0, len(arm.movement.speed), fps)
    ]
    still = np.logical_and.reduce([arm.movement.still for arm in arms])
    speed = np.sum([arm.movement.speed for arm in arms], axis=0)
    return Signals(
        events=tuple(sorted(events, key=lambda event: (event.start, event.arm))),
        pauses=tuple((clock.at(a), clock.at(b)) for a, b in pauses_of(still, fps)),
        phases=_phases(arms, clock, fps),
        motions=motions_of([(a.trace, a.movement, a.strokes) for a in arms], clock.at, fps),
        speed=speed.astype(np.float32),
        arms=tuple(arm.trace.arm for arm in arms),
        breaks=tuple(sorted(breaks, key=lambda item: item.time)),
    )


def _without_echo(episode: Episode) -> Episode:
    """The episode without signals that hold no number, and without an action that merely repeats the state.

    The latter is a measurement, not a command.
    """
    state, action = _numeric(episode.state), _numeric(episode.action)
    if (state, action) != (episode.state, episode.action):
        episode = replace(episode, state=state, action=action)
    if state is None or action is None or not np.array_equal(state.values, action.values, equal_nan=True):
        return episode
    return replace(episode, action=None)


def _numeric(channels: Channels | None) -> Channels | None:
    """The channels, or None where no value of theirs is finite."""
    return channels if channels is not None and np.isfinite(channels.values).any() else None


class _Clock:
    """Seconds of a frame; the frame after the last is the episode's end.

    What is measured follows its command: without commands, times are set back by the usual lag.
    """

    def __init__(self, episode: Episode, fps: float) -> None:
        self._episode = episode
        self._lead = round(LAG * fps) if episode.action is None else 0

    def at(self, frame: int) -> float:
        episode = self._episode
        return episode.time_of(max(frame - self._lead, 0)) if frame < episode.frames else episode.end


def _rate(episode: Episode) -> float:
    """Frames per second as the timestamps have it; as declared where they are too few."""
    if episode.frames < 2:
        return episode.fps
    step = float(np.median(np.diff(episode.timestamps.astype(np.float64))))
    return 1.0 / step if step > 1e-6 else episode.fps


def _shared(traces: tuple[ArmTrace, ...]) -> tuple[Array | None, float]:
    """Of two like arms, the larger range of each joint, and the least range of a gripper that is at work.

    Without it, the tremor of an arm that does nothing would count as motion.
    """
    if len(traces) < 2:
        return None, 0.0
    spreads = [np.ptp(trace.path, axis=0) for trace in traces if len(trace.path)]
    alike = len({spread.shape for spread in spreads}) == 1 and len(spreads) == len(traces)
    scale = np.maximum(np.max(spreads, axis=0), 1e-9) if alike else None
    hands = [trace.measured if trace.command is None else trace.command for trace in traces]
    ranges = [np.ptp(hand, axis=0) for hand in hands if hand is not None and len(hand)]
    same = len(ranges) == len(traces) and len({spread.shape for spread in ranges}) == 1
    return scale, 0.25 * max(float(np.linalg.norm(spread)) for spread in ranges) if same else 0.0


def _analyse_arm(trace: ArmTrace, fps: float, scale: Array | None, least: float) -> ArmAnalysis:
    movement = movement_of(trace.path, fps, trace.summed, scale)
    grip = grip_of(trace, movement.speed, fps, least)
    strokes = strokes_of(grip, movement, fps) if grip is not None else []
    scene = Scene(movement, tuple(strokes), fps, comparable=grip is not None and grip.comparable)
    return ArmAnalysis(trace, movement, strokes, steps_of(scene))


def _phases(arms: list[ArmAnalysis], clock: _Clock, fps: float) -> tuple[Phase, ...]:
    """The phases of the episode: those of its arm, or of whichever arm acts."""
    frames = len(arms[0].movement.speed)
    acting = [arm for arm in arms if arm.steps]
    if not acting:
        return (Phase(0.0, clock.at(frames), "wait"),)
    if len(acting) == 1:
        arm = acting[0].trace.arm
        spans: list[tuple[int, int, Step, Arm]] = [
            (s.start, s.stop, s, "" if s.verb == "wait" else arm) for s in acting[0].steps
        ]
    else:
        spans = _interleaved(acting, frames, fps)
    phases = (
        Phase(clock.at(start) if start else 0.0, clock.at(stop), step.verb, arm, step.succeeded)
        for start, stop, step, arm in spans
    )
    # Set back by the lag, the first steps may vanish.
    return tuple(phase for phase in phases if phase.start < phase.end)


def _interleaved(arms: list[ArmAnalysis], frames: int, fps: float) -> list[tuple[int, int, Step, Arm]]:
    """The steps of two arms as one sequence: at any time, the step that says most."""
    merged: list[tuple[int, int, Step, Arm]] = []
    cuts = sorted({0, frames, *(step.start for arm in arms for step in arm.steps)})
    for start, stop in pairwise(cuts):
        step, arm = _foremost(arms, start)
        last = merged[-1] if merged else None
        if last is not None and (last[2] is step or (last[2].verb, last[3]) == (step.verb, arm)):
            merged[-1] = (last[0], stop, last[2], arm)
        elif last is not None and stop - start < LEAST_PHASE * fps:
            merged[-1] = (last[0], stop, last[2], last[3])
        else:
            merged.append((start, stop, step, arm))
    return merged


RANK = {
    verb: rank
    for rank, verbs in enumerate(
        (("wait",), ("retract",), ("move",), ("lift", "lower"), ("push",), ("reopen", "release"), ("grasp",))
    )
    for verb in verbs
}
"""Of two arms that act at once, the one whose verb ranks higher names the phase."""


def _foremost(arms: list[ArmAnalysis], frame: int) -> tuple[Step, Arm]:
    """The step that says most about a frame, and its arm; arm ``""`` when both do the same."""
    current = [next(step for step in arm.steps if step.start <= frame < step.stop) for arm in arms]
    step = max(current, key=lambda item: RANK[item.verb])
    same = step.verb == "wait" or all(other.verb == step.verb for other in current)
    return step, "" if same else arms[current.index(step)].trace.arm
