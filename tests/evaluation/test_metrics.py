"""Scores against gold: what counts as a match, and that each item is matched once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.evaluation.metrics import Score, Span, boundary_score, overlap, pooled, segment_score, verb_of


def spans(*cuts: float, labels: tuple[str, ...] = ()) -> list[Span]:
    names = labels or ("move",) * (len(cuts) - 1)
    return [Span(a, b, label) for (a, b), label in zip(pairwise(cuts), names, strict=True)]


def test_a_perfect_cut_scores_one() -> None:
    gold = spans(0, 1, 2, 5)
    assert boundary_score(gold, gold, 0.0).f1 == 1.0
    assert segment_score(gold, gold, 1.0, with_verb=True).f1 == 1.0


def test_only_interior_boundaries_count() -> None:
    assert boundary_score(spans(0, 3), spans(0, 1, 3), 0.25) == Score(0, 0, 1)


def test_a_boundary_is_matched_once() -> None:
    score = boundary_score(spans(0, 0.9, 1.0, 1.1, 4), spans(0, 1, 4), 0.25)
    assert score == Score(1, 3, 1)
    assert score.precision == pytest.approx(1 / 3)
    assert score.recall == 1.0
    assert score.f1 == pytest.approx(0.5)


def test_the_tolerance_is_inclusive() -> None:
    assert boundary_score(spans(0, 1.25, 4), spans(0, 1, 4), 0.25).matched == 1
    assert boundary_score(spans(0, 1.26, 4), spans(0, 1, 4), 0.25).matched == 0


def test_matching_boundaries_leaves_room_for_the_next() -> None:
    # Nearest first would give 1.2 to 1.3 and leave 1.0 and 1.5 alone.
    assert boundary_score(spans(0, 1.0, 1.2, 4), spans(0, 1.1, 1.35, 4), 0.25).matched == 2


def test_a_segment_is_matched_once() -> None:
    assert segment_score(spans(0, 5, 10), spans(0, 10), 0.5) == Score(1, 2, 1)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(Span(0, 2, ""), Span(1, 3, "")) == pytest.approx(1 / 3)
    assert overlap(Span(0, 1, ""), Span(2, 3, "")) == 0.0


def test_the_right_verb_can_be_required() -> None:
    gold = spans(0, 1, 2, labels=("grasp the cup", "lift the cup"))
    ours = spans(0, 1, 2, labels=("grab the mug", "push the cup"))
    assert segment_score(ours, gold, 0.5).matched == 2
    assert segment_score(ours, gold, 0.5, with_verb=True).matched == 1


@pytest.mark.parametrize(
    ("label", "verb"),
    [("Reach for it", "move"), ("pull the drawer open", "open"), ("wave", "wave"), ("", "")],
)
def test_verbs(label: str, verb: str) -> None:
    assert verb_of(label) == verb


def test_pooling_adds_counts() -> None:
    total = pooled([Score(1, 2, 3), Score(2, 2, 2)])
    assert total == Score(3, 4, 5)
    assert pooled([]).f1 == 1.0


cuts = st.lists(st.floats(0.01, 9.9), max_size=10, unique=True).map(lambda c: spans(0, *sorted(c), 10))


@given(cuts, cuts, st.floats(0, 2))
def test_scores_are_symmetric_and_bounded(ours: list[Span], gold: list[Span], tolerance: float) -> None:
    forth, back = boundary_score(ours, gold, tolerance), boundary_score(gold, ours, tolerance)
    assert forth.matched == back.matched <= min(forth.predicted, forth.gold)
    assert forth.precision == back.recall
    assert 0.0 <= forth.f1 <= 1.0
    assert segment_score(ours, gold, 0.5).matched == segment_score(gold, ours, 0.5).matched
    assert segment_score(gold, gold, 0.75).f1 == 1.0
