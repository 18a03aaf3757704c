"""Lengths of skills: spans of any length go in, a cover whose spans last one to three seconds, or so, comes out.

Only what is plain to see is done: neighbours are joined where one of them is too short, and a span that is too long is
cut where the robot's motion breaks. A span stays as it is where nothing fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from roboscribe.annotators.spans import Span
from roboscribe.english.steps import TRIVIAL, Step, read_step
from roboscribe.english.things import thing_of
from roboscribe.episode import Episode
from roboscribe.signals import Signals

SLACK = 0.1
"""Share by which a span may miss its bounds, as people's do."""

_TAKING = frozenset({"pick", "grasp", "lift"})
_PLACING = frozenset({"place", "lower", "release"})
_WORKING = frozenset({"push", "pull", "open", "close", "act"})
_AT_REST = {"into": "in", "inside": "in", "onto": "on", "to": "at"}


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long skills last, in seconds."""

    least: float
    most: float


def atomic(spans: Sequence[Span], episode: Episode, signals: Signals, lengths: Lengths) -> list[Span]:
    """The cover with short spans joined to a neighbour and long ones cut at breaks of the motion.

    Args:
        spans: A gap-free cover of the episode.
        episode: The episode.
        signals: Its physical events; without any, nothing is cut.
        lengths: The bounds.
    """
    least = round((1 - SLACK) * lengths.least * episode.fps)
    most = round((1 + SLACK) * lengths.most * episode.fps)
    breaks = sorted({episode.frame_at(item.time) for item in signals.breaks})
    return [
        part
        for span in _joined(list(spans), least, most)
        for part in _cut(span, breaks, least, most, lengths.most * episode.fps)
    ]


def _joined(spans: list[Span], least: int, most: int) -> list[Span]:
    """The spans with each that is too short made one with a neighbour, the shortest first, as long as one fits."""
    while True:
        short = sorted(
            (span.end - span.start, at) for at, span in enumerate(spans) if span.end - span.start < least
        )
        pair = next((pair for _, at in short if (pair := _partner(spans, at, most)) is not None), None)
        if pair is None:
            return spans
        one, other = spans[pair], spans[pair + 1]
        spans[pair : pair + 2] = [Span(one.start, other.end, joined_label(one.label, other.label))]


def _partner(spans: Sequence[Span], at: int, most: int) -> int | None:
    """Index of the first of the two spans that a short one is to be joined in; None where it would get too long.

    What belongs together goes first: steps of one grasp or one placing, then what waits beside what acts.
    """
    fits = [
        first
        for first in (at - 1, at)
        if 0 <= first < len(spans) - 1 and spans[first + 1].end - spans[first].start <= most
    ]

    def strangeness(first: int) -> tuple[int, int]:
        one, other = spans[first], spans[first + 1]
        steps = read_step(one.label), read_step(other.label)
        beside = spans[first + 1] if first == at else one
        waits = (
            read_step(beside.label).kind in TRIVIAL
            and beside.end - beside.start > spans[at].end - spans[at].start
        )
        trivial = any(step.kind in TRIVIAL for step in steps) and not waits
        together = _is_one(*steps) or _lets_go_of_work(*steps)
        return 0 if together else 1 if trivial else 3 if waits else 2, other.end - one.start

    return min(fits, key=strangeness, default=None)


def joined_label(one: str, other: str) -> str:
    """What two subtasks in a row are together: to grasp and to lift is to pick up; else what comes of them."""
    first, last = read_step(one), read_step(other)
    if _is_one(first, last) and last.thing:
        arm = f" with the {last.arm} arm" if last.arm else ""
        if last.kind in _TAKING:
            return f"pick up {last.thing}{arm}"
        placed = last if last.place else first
        if placed.place:
            preposition = placed.preposition or "on"
            return f"place {last.thing} {_AT_REST.get(preposition, preposition)} {placed.place}{arm}"
        return f"put down {last.thing}{arm}"
    ends = _lets_go_of_work(first, last) or (last.kind in TRIVIAL and first.kind not in TRIVIAL)
    return one if ends else other


def _is_one(first: Step, last: Step) -> bool:
    """Whether two steps are parts of one grasp, or of one placing, of the same thing."""
    if first.arm != last.arm or not (first.thing and last.thing):
        return False
    if first.kind == "approach" and last.kind in _PLACING:
        # To go where the thing is put is to bring it there.
        return last.place is not None and thing_of(first.thing) == thing_of(last.place)
    kinds = {first.kind, last.kind}
    together = kinds <= _TAKING or (kinds <= _PLACING | {"carry"} and last.kind in _PLACING)
    return together and thing_of(first.thing) == thing_of(last.thing)


def _lets_go_of_work(first: Step, last: Step) -> bool:
    """Whether the second step only lets go of what the first was done with: a drawer once it is open, a cloth."""
    return first.kind in _WORKING and last.kind == "release" and last.place is None


def _cut(span: Span, breaks: Sequence[int], least: int, most: int, wanted: float) -> Iterator[Span]:
    """A span in parts of its label, cut at the breaks nearest to an even division."""
    length = span.end - span.start
    if length <= most:
        yield span
        return
    parts = ceil(length / wanted)
    edges = [span.start]
    for part in range(1, parts):
        even = span.start + part * length / parts
        usable = [frame for frame in breaks if edges[-1] + least <= frame <= span.end - least]
        if usable:
            edges.append(min(usable, key=lambda frame: (abs(frame - even), frame)))
    yield from (Span(start, end, span.label) for start, end in pairwise([*edges, span.end]))
