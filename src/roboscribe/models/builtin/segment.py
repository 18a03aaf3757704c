"""Segmentation by rule: from the phases of an episode and its task text to labelled subtasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from roboscribe.asks import Segment, SegmentEpisode, Segments
from roboscribe.english.task import is_placeholder, parse_task
from roboscribe.errors import AnswerError
from roboscribe.models.builtin.goals import ON_TOP, UNKNOWN, Goal, goals_of
from roboscribe.models.builtin.wording import label_of
from roboscribe.signals import Arm, Phase, Signals, Verb
from roboscribe.signals.pushes import pushes, way_back

LEAST_CLEAR = 0.25
"""Least strength of a break that can begin or end a push."""

MOST_STOPS = 6
"""For each push. An arm that stops more often pushes again and again, and where each begins cannot be told."""

LEAST_SECONDS = 0.1
"""Shorter segments join the one before them."""


def segment(ask: SegmentEpisode) -> Segments:
    """The subtasks of a stretch of an episode: its phases, named by the task.

    Without signals the whole stretch is one segment that bears the task's name.

    Raises:
        AnswerError: There is neither a signal nor a task to tell what is done.
    """
    start, end = max(ask.start, 0.0), min(ask.end, ask.duration)
    segments = _whole(ask)
    inside = [item for item in segments if item.end > start and item.start < end] or segments[-1:]
    clipped = [
        item.model_copy(update={"start": max(item.start, start), "end": max(min(item.end, end), start)})
        for item in inside
    ]
    return Segments(segments=clipped)


def _whole(ask: SegmentEpisode) -> list[Segment]:
    """The subtasks of the whole episode: a stretch is understood only from what came before it."""
    phases = [phase for phase in ask.signals.phases if phase.end > phase.start]
    if not phases:
        text = _name_of(ask.task)
        if len(text) < 2:
            raise AnswerError(
                "Neither the robot's signals nor a task text tell what is done.",
                "A model that looks can tell: name one with --vlm.model-id.",
            )
        return [Segment(start=0.0, end=ask.duration, label=text)]
    both = len({phase.arm for phase in phases if phase.arm}) > 1
    goals = goals_of(parse_task(ask.task))
    if not goals and not any(phase.verb == "grasp" for phase in phases):
        return _covering(_unnamed(phases, ask.task), ask.duration)
    named = _joined(_assigned(phases, goals, ask.signals))
    labelled = [
        Segment(
            start=item.phase.start,
            end=item.phase.end,
            label=label_of(item.phase, item.goal, item.full, both),
        )
        for item in named
    ]
    return _covering(labelled, ask.duration)


def _unnamed(phases: Sequence[Phase], task: str) -> list[Segment]:
    """Phases of a robot that takes hold of nothing, for a task that cannot be read: motion bears the task's name."""
    motion = "move" if is_placeholder(task) else _name_of(task)
    return [
        Segment(start=phase.start, end=phase.end, label="wait" if phase.verb == "wait" else motion)
        for phase in phases
    ]


def _name_of(task: str) -> str:
    return " ".join(task.split()).rstrip(". ")[:120]


@dataclass(frozen=True, slots=True)
class Named:
    """A phase, the goal it serves, and whether the hand is full."""

    phase: Phase
    goal: Goal
    full: bool


def _assigned(phases: Sequence[Phase], goals: Sequence[Goal], signals: Signals) -> list[Named]:
    """Each phase with its goal: every grasp that leads to a release fulfils the next goal.

    A grasp that fails, or loses its object, is followed by another try at the same goal. Goals that need no
    grasp are looked for in the stretches between those that do.
    """
    grasped, idle = _shared_out(phases, goals)
    out: list[Named] = []
    done = 0
    serving: dict[Arm, int] = {}
    for gripping, group in groupby(_with_load(phases), key=lambda item: item[1]):
        loaded = [(phase, full) for phase, _, full in group]
        stretch = [phase for phase, _ in loaded]
        if not gripping:
            following = _goal_at(grasped, done)
            last = stretch[-1].end >= phases[-1].end
            wanted = idle.pop(done, ())
            if wanted and out and out[-1].phase.verb == "release":
                stretch = _after_way_back(out, stretch, signals)
            out += _free_stretch(stretch, wanted, following, last, signals)
            continue
        for phase, full in loaded:
            at = serving.setdefault(phase.arm, done)
            out.append(Named(phase, _goal_at(grasped, at), full))
            if phase.verb == "release":
                done = at + 1
            if phase.verb in ("release", "reopen") or not phase.succeeded:
                serving.pop(phase.arm)
    return out


def _goal_at(goals: Sequence[Goal], index: int) -> Goal:
    return goals[min(index, len(goals) - 1)] if goals else UNKNOWN


def _with_load(phases: Sequence[Phase]) -> list[tuple[Phase, bool, bool]]:
    """Each phase, whether it belongs to a grasp, from its closing to its release or loss, and if its hand is full."""
    out: list[tuple[Phase, bool, bool]] = []
    # A hand that lets go first of all has been full from the start.
    first = {phase.arm: phase.verb for phase in reversed(phases) if phase.verb in ("grasp", "release")}
    full = {arm for arm, verb in first.items() if verb == "release"}
    for phase in phases:
        if phase.verb == "grasp" and phase.succeeded:
            full.add(phase.arm)
        gripping = bool(full) or phase.verb in ("grasp", "reopen", "release")
        busy = phase.verb in ("grasp", "reopen", "wait")
        out.append((phase, gripping, not busy and (phase.arm in full if phase.arm else gripping)))
        if phase.verb == "release" or (phase.verb != "grasp" and not phase.succeeded):
            full.discard(phase.arm)
    return out


def _shared_out(
    phases: Sequence[Phase], goals: Sequence[Goal]
) -> tuple[list[Goal], dict[int, tuple[Goal, ...]]]:
    """The goals that grasps serve, and those that need none, by how many grasped goals come before them.

    Things to carry come first in the share of grasps; what is left of them opens drawers and the like.
    """
    released = sum(phase.verb == "release" for phase in phases)
    taken = sum(phase.succeeded if phase.verb == "grasp" else -(not phase.succeeded) for phase in phases)
    spare = max(released, taken) - sum(goal.carries for goal in goals)
    grasped: list[Goal] = []
    idle: dict[int, tuple[Goal, ...]] = {}
    for goal in goals:
        if goal.carries or spare > 0:
            grasped.append(goal)
            spare -= not goal.carries
        else:
            idle[len(grasped)] = (*idle.get(len(grasped), ()), replace(goal, held=None))
    return grasped, idle


def _free_stretch(
    stretch: Sequence[Phase], wanted: Sequence[Goal], following: Goal, last: bool, signals: Signals
) -> list[Named]:
    """A stretch without a grasp: the way to the next thing, with the pushes and pulls it holds."""
    moving = [phase for phase in stretch if phase.verb != "wait"]
    spans = _strokes_in(moving, len(wanted), signals) if wanted and moving else []
    if not spans:
        goal = wanted[0] if wanted else following
        named = [Named(phase, goal, False) for phase in stretch]
        if len(wanted) == 1 and last and not stretch[0].start > 0:
            # Which part of the motion does it cannot be told; that the motion does it can.
            named = [
                n if n.phase.verb == "wait" else replace(n, phase=replace(n.phase, verb="push"))
                for n in named
            ]
        if goal.carries and goal is not UNKNOWN:
            named = [
                replace(n, phase=replace(n.phase, verb="move")) if n.phase.verb == "push" else n
                for n in named
            ]
        return named
    pieces: list[tuple[float, float, Verb, Goal]] = []
    at = moving[0].start
    for (a, b), goal in zip(spans, wanted, strict=True):
        pieces.append((at, a, "move", goal))
        pieces.append((a, b, "push", goal))
        at = b
    home: Verb = "retract" if last else "move"
    pieces.append((at, moving[-1].end, home, following))
    out: list[Named] = []
    for phase in stretch:
        if phase.verb == "wait":
            out.append(Named(phase, following, False))
            continue
        for a, b, verb, goal in pieces:
            start, end = max(a, phase.start), min(b, phase.end)
            if end > start:
                out.append(Named(Phase(start, end, verb, phase.arm), goal, False))
    return out


def _after_way_back(out: list[Named], stretch: list[Phase], signals: Signals) -> list[Phase]:
    """Gives the release before a stretch the short way back that the stretch begins with; returns the rest."""
    rate, stops = _frames(signals)
    start, stop = (round(time * rate) for time in (stretch[0].start, stretch[-1].end))
    end = way_back(signals.speed, stops, start, stop, rate) / rate
    if stretch[0].verb == "wait" or not stretch[0].start < end < stretch[0].end:
        return stretch
    out[-1] = replace(out[-1], phase=replace(out[-1].phase, end=end))
    return [replace(stretch[0], start=end), *stretch[1:]]


def _frames(signals: Signals) -> tuple[float, list[int]]:
    """Frames per second, and the frames at which the arm is slow between two motions."""
    rate = len(signals.speed) / max(signals.phases[-1].end, 1e-9)
    return rate, [round(item.time * rate) for item in signals.breaks if item.strength >= LEAST_CLEAR]


def _strokes_in(moving: Sequence[Phase], count: int, signals: Signals) -> list[tuple[float, float]]:
    """Spans in seconds of ``count`` pushes in a stretch of motion; empty when it does not hold just as many."""
    rate, stops = _frames(signals)
    start, end = round(moving[0].start * rate), round(moving[-1].end * rate)
    if sum(start < stop < end for stop in stops) > MOST_STOPS * count:
        return []
    return [(a / rate, b / rate) for a, b in pushes(signals.speed, stops, start, end, count)]


def _joined(named: Sequence[Named]) -> list[Named]:
    """Phases joined where the goal makes them one: a drawer, unlike a tool, is not lifted; a box needs no lowering."""
    out: list[Named] = []
    for item in named:
        verb = item.phase.verb
        stroking = item.full and not item.goal.carries and verb in ("lift", "move", "lower")
        if stroking and not (verb == "lift" and item.goal.held):
            verb = _stroke_verb(item.goal)
        elif verb == "lower" and item.goal.preposition not in ON_TOP:
            verb = "move"
        phase = replace(item.phase, verb=verb)
        last = out[-1] if out else None
        if last is not None and _continues(last, phase, item):
            out[-1] = replace(last, phase=replace(last.phase, end=phase.end))
        else:
            out.append(replace(item, phase=phase))
    return out


def _stroke_verb(goal: Goal) -> Verb:
    match goal.verb:
        case "push" | "pull" | "open" | "close":
            return goal.verb
        case _:
            return "push"


def _continues(last: Named, phase: Phase, item: Named) -> bool:
    before = last.phase
    return (before.verb, before.arm, before.succeeded, last.goal, last.full) == (
        *(phase.verb, phase.arm, phase.succeeded),
        *(item.goal, item.full),
    )


def _covering(segments: Sequence[Segment], duration: float) -> list[Segment]:
    """The same segments from 0 to ``duration`` without gaps, equal neighbours and slivers joined."""
    out: list[Segment] = []
    for item in segments:
        start = out[-1].end if out else 0.0
        end = min(max(item.end, start), duration)
        if out and (item.label == out[-1].label or end - start < LEAST_SECONDS):
            out[-1] = out[-1].model_copy(update={"end": end})
        elif end > start:
            out.append(Segment(start=start, end=end, label=item.label))
    if not out:
        return [Segment(start=0.0, end=duration, label=segments[0].label)]
    out[-1] = out[-1].model_copy(update={"end": max(duration, out[-1].start)})
    return out
