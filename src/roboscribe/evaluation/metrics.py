"""Scores of segment lists against gold: boundaries at a tolerance, segments at an overlap, with or without verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

VERBS: dict[str, str] = {
    "approach": "move",
    "reach": "move",
    "go": "move",
    "carry": "move",
    "transport": "move",
    "grab": "grasp",
    "grip": "grasp",
    "raise": "lift",
    "drop": "release",
    "let": "release",
    "return": "retract",
    "withdraw": "retract",
    "idle": "wait",
    "hold": "wait",
    "pull": "open",
}
"""First words that mean the same phase; a word that is not listed stands for itself. Pulling a drawer opens it."""


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch ``[start, end)`` in seconds."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of a one-to-one matching; ``a + b`` pools two scores."""

    matched: int = 0
    predicted: int = 0
    gold: int = 0

    @property
    def precision(self) -> float:
        """Share of the predicted that matches; 1 when nothing was predicted."""
        return self.matched / self.predicted if self.predicted else 1.0

    @property
    def recall(self) -> float:
        """Share of the gold that is matched; 1 when there is no gold."""
        return self.matched / self.gold if self.gold else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 when there is neither prediction nor gold."""
        total = self.predicted + self.gold
        return 2 * self.matched / total if total else 1.0

    def __add__(self, other: Score) -> Score:
        return Score(self.matched + other.matched, self.predicted + other.predicted, self.gold + other.gold)


def pooled(scores: Iterable[Score]) -> Score:
    """One score over all counts."""
    total = Score()
    for score in scores:
        total = total + score
    return total


def verb_of(label: str) -> str:
    """The phase verb a label begins with, by the table ``VERBS``; empty for an empty label."""
    first = label.lower().split()[:1]
    return VERBS.get(first[0], first[0]) if first else ""


def boundary_score(predicted: Sequence[Span], gold: Sequence[Span], tolerance: float) -> Score:
    """Interior boundaries (starts of all but the first segment) matched one-to-one within ``tolerance`` seconds.

    The matching is a largest one; among sorted times, taking the earliest partner in reach is optimal.
    """
    ours = sorted(span.start for span in predicted[1:])
    theirs = sorted(span.start for span in gold[1:])
    matched = i = j = 0
    while i < len(ours) and j < len(theirs):
        difference = ours[i] - theirs[j]
        if abs(difference) <= tolerance + 1e-9:
            matched, i, j = matched + 1, i + 1, j + 1
        elif difference < 0:
            i += 1
        else:
            j += 1
    return Score(matched, len(ours), len(theirs))


def overlap(a: Span, b: Span) -> float:
    """Intersection over union of two spans in time, from 0 to 1."""
    shared = min(a.end, b.end) - max(a.start, b.start)
    whole = max(a.end, b.end) - min(a.start, b.start)
    return max(0.0, shared) / whole if whole > 0 else 0.0


def segment_score(
    predicted: Sequence[Span], gold: Sequence[Span], threshold: float, with_verb: bool = False
) -> Score:
    """Segments matched one-to-one with an overlap (IoU) of at least ``threshold``.

    Args:
        threshold: Least IoU, in (0, 1].
        with_verb: Whether matched segments must also begin with the same verb (``verb_of``).
    """

    def fits(ours: Span, theirs: Span) -> bool:
        return overlap(ours, theirs) >= threshold - 1e-9 and (
            not with_verb or verb_of(ours.label) == verb_of(theirs.label)
        )

    return Score(_largest_matching(predicted, gold, fits), len(predicted), len(gold))


def _largest_matching(
    predicted: Sequence[Span], gold: Sequence[Span], fits: Callable[[Span, Span], bool]
) -> int:
    """Size of a largest one-to-one matching, by augmenting paths."""
    options = [[j for j, theirs in enumerate(gold) if fits(ours, theirs)] for ours in predicted]
    partner: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        for j in options[i]:
            if j not in seen:
                seen.add(j)
                if j not in partner or place(partner[j], seen):
                    partner[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in range(len(predicted)))
