"""A few episodes are drawn for many, and what all take is read off them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.estimation.sample import draw, total


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=300), st.integers(1, 80), st.integers(0, 9))
def test_every_group_is_seen_in_proportion(kinds: list[str], size: int, seed: int) -> None:
    groups = draw(enumerate(kinds), size, seed)
    assert sorted(index for group in groups for index in group.episodes) == list(range(len(kinds)))
    for group in groups:
        assert 0 < len(group.drawn) <= len(group.episodes)
        assert set(group.drawn) <= set(group.episodes)
        wanted = size * len(group.episodes) / len(kinds)
        assert len(group.drawn) >= min(len(group.episodes), round(wanted))
        assert len(group.drawn) <= max(6, wanted + 1)
    assert groups == draw(enumerate(kinds), size, seed)


def test_another_seed_draws_others() -> None:
    (one,), (other,) = (draw(((index, 0) for index in range(1000)), 10, seed) for seed in (0, 1))
    assert one.drawn != other.drawn


@pytest.mark.parametrize("drawn", [slice(0, 1), slice(3, 6), slice(10, 30), slice(None)])
def test_what_grows_with_length_is_exact(drawn: slice) -> None:
    lengths = np.random.default_rng(0).integers(50, 900, 40).tolist()
    amounts = np.array([[3.0 * length, 0.0] for length in lengths[drawn]])
    assert total(lengths, lengths[drawn], amounts) == pytest.approx([3.0 * sum(lengths), 0.0])


def test_what_is_asked_once_and_what_is_asked_every_second_are_both_exact() -> None:
    lengths = np.random.default_rng(0).integers(50, 900, 400).tolist()
    drawn = lengths[:10]
    amounts = np.array([[1.0, 2 + 0.1 * length] for length in drawn])
    assert total(lengths, drawn, amounts) == pytest.approx([400, 800 + 0.1 * sum(lengths)])


def test_nothing_is_ever_below_zero() -> None:
    drawn = [100, 110, 120, 130, 140, 150]
    falling = np.array([[6.0], [5.0], [4.0], [3.0], [2.0], [1.0]])
    assert total([*drawn, *[5000] * 100], drawn, falling) == [0.0]
