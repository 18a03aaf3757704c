"""Segmentation by rule: from the phases of an episode and its task text to labelled subtasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from roboscribe.asks import Segment, SegmentEpisode, Segments
from roboscribe.models.builtin.goals import ON_TOP, UNKNOWN, Goal, goals_of
from roboscribe.models.builtin.task import parse_task
from roboscribe.models.builtin.wording import label_of
from roboscribe.signals import Arm, Phase

LEAST_SECONDS = 0.1
"""Shorter segments join the one before them."""


def segment(ask: SegmentEpisode) -> Segments:
    """The subtasks of an episode: its phases, named by the task.

    Without signals the whole episode is one segment that bears the task's name.
    """
    goals = goals_of(parse_task(ask.task))
    phases = [phase for phase in ask.signals.phases if phase.end > phase.start]
    if not phases:
        text = " ".join(ask.task.split()).rstrip(". ")[:120]
        return Segments(segments=[Segment(start=0.0, end=ask.duration, label=text or "do the task")])
    both = len({phase.arm for phase in phases if phase.arm}) > 1
    named = _joined(_assigned(phases, goals))
    labelled = [
        Segment(
            start=item.phase.start, end=item.phase.end, label=label_of(item.phase, item.goal, item.full, both)
        )
        for item in named
    ]
    return Segments(segments=_covering(labelled, ask.duration)[:200])


@dataclass(frozen=True, slots=True)
class Named:
    """A phase, the goal it serves, and whether the hand is full."""

    phase: Phase
    goal: Goal
    full: bool


def _assigned(phases: Sequence[Phase], goals: Sequence[Goal]) -> list[Named]:
    """Each phase with its goal: every grasp that leads to a release fulfils the next goal.

    A grasp that fails, or loses its object, is followed by another try at the same goal.
    """
    wanted = _grasped_goals(phases, goals) or [UNKNOWN]
    done = 0
    serving: dict[Arm, int] = {}
    full: set[Arm] = set()
    out: list[Named] = []
    for phase in phases:
        at = serving.get(phase.arm, done) if phase.arm in full else done
        goal = wanted[min(at, len(wanted) - 1)]
        out.append(Named(phase, goal, phase.arm in full))
        if phase.verb == "grasp" and phase.succeeded:
            full.add(phase.arm)
            serving[phase.arm] = at
        elif phase.verb in ("lift", "move", "lower") and not phase.succeeded:
            full.discard(phase.arm)
        elif phase.verb == "release" or (phase.verb == "push" and phase.arm not in full):
            full.discard(phase.arm)
            done = at + 1
    return out


def _grasped_goals(phases: Sequence[Phase], goals: Sequence[Goal]) -> list[Goal]:
    """The goals that the episode's grasps (or, without any, its pushes) serve, in order."""
    if not any(phase.verb == "grasp" for phase in phases):
        return [goal for goal in goals if not goal.carries] or list(goals)
    cycles = sum(phase.verb == "release" for phase in phases)
    spare = cycles - sum(goal.carries for goal in goals)
    kept: list[Goal] = []
    for goal in goals:
        if goal.carries or spare > 0:
            kept.append(goal)
            spare -= not goal.carries
    return kept


def _joined(named: Sequence[Named]) -> list[Named]:
    """Phases joined where the goal makes them one: a drawer is pulled, not lifted; a box needs no lowering."""
    out: list[Named] = []
    for item in named:
        verb = item.phase.verb
        if item.full and not item.goal.carries and verb in ("lift", "move", "lower"):
            stroke = "push" if item.goal.verb == "push" else item.goal.verb
            verb = stroke if stroke in ("push", "pull", "open", "close") else "move"
        elif verb == "lower" and item.goal.preposition not in ON_TOP:
            verb = "move"
        phase = replace(item.phase, verb=verb)
        last = out[-1] if out else None
        if (
            last is not None
            and (last.phase.verb, last.phase.arm, last.goal, last.full)
            == (verb, phase.arm, item.goal, item.full)
            and last.phase.succeeded == phase.succeeded
        ):
            out[-1] = replace(last, phase=replace(last.phase, end=phase.end))
        else:
            out.append(replace(item, phase=phase))
    return out


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
    out[-1] = out[-1].model_copy(update={"end": max(duration, out[-1].start)})
    return out
