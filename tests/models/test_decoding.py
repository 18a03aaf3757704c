"""Tokens are drawn with the chances that scores, temperature, top-p and top-k give them, and by no others."""

from __future__ import annotations

from typing import Any

import pytest
import torchvision_shim
from real_models import require

CHANCES = [0.05, 0.4, 0.0, 0.3, 0.25]
DRAWS = 2000


@pytest.fixture(autouse=True)
def packages() -> None:
    require("transformers", "torch", "torchvision", "transformers", "xgrammar")
    torchvision_shim.install()


def shares(**sampling: Any) -> list[float]:
    """How often each token is drawn, by draws evenly spread over [0, 1)."""
    import torch

    from roboscribe.models.decoding import Sampling, choose

    scores = torch.tensor(CHANCES).log().repeat(DRAWS, 1)
    draws = torch.arange(DRAWS, dtype=torch.float64) / DRAWS
    tokens = choose(scores, draws, Sampling(**sampling))
    return (torch.bincount(tokens, minlength=len(CHANCES)) / DRAWS).tolist()


def test_tokens_come_as_often_as_their_chances() -> None:
    assert shares(temperature=1.0) == pytest.approx(CHANCES, abs=2 / DRAWS)
    squared = [chance**2 for chance in CHANCES]
    assert shares(temperature=0.5) == pytest.approx([c / sum(squared) for c in squared], abs=2 / DRAWS)


def test_without_a_temperature_the_likeliest_comes() -> None:
    assert shares(temperature=0.0) == [0, 1, 0, 0, 0]


def test_only_the_likeliest_come() -> None:
    two = [0, 0.4 / 0.7, 0, 0.3 / 0.7, 0]
    assert shares(temperature=1.0, top_k=2) == pytest.approx(two, abs=2 / DRAWS)
    assert shares(temperature=1.0, top_p=0.6) == pytest.approx(two, abs=2 / DRAWS)
    assert shares(temperature=1.0, top_p=0.39) == [0, 1, 0, 0, 0]
    assert shares(temperature=1.0, top_k=9, top_p=1.0) == pytest.approx(CHANCES, abs=2 / DRAWS)


def test_what_is_ruled_out_never_comes_even_at_the_edges() -> None:
    import torch

    from roboscribe.models.decoding import Sampling, choose

    scores = torch.full((3, 151_000), float("-inf"))
    scores[:, 70_000:70_003] = torch.tensor([1.0, 1.0, 1.0])
    edges = torch.tensor([0.0, 0.5, (2**32 - 1) / 2**32], dtype=torch.float64)
    assert choose(scores, edges, Sampling(temperature=1.0)).tolist() == [70_000, 70_001, 70_002]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_marks_of_the_template_are_never_said(temperature: float) -> None:
    import torch

    from roboscribe.models.decoding import Row, Sampling, Steering

    rows = [Row(limit=50, seed=seed) for seed in range(20)]
    steering = Steering(rows, Sampling(temperature), 5, ends=frozenset({4}), marks=[1, 3], pad=4)
    for _ in range(50):
        steering(torch.zeros(20, 1), torch.tensor([0.0, 9.0, 1.0, 9.0, -9.0]).repeat(20, 1))
    assert {token for row in rows for token in row.tokens} <= {0, 2}
    assert all(row.tokens for row in rows)


def test_a_row_ends_at_its_limit_or_its_end_mark() -> None:
    from roboscribe.models.decoding import Row

    row = Row(limit=2, seed=0)
    row.take(5, frozenset({9}))
    assert row.finish is None
    row.take(6, frozenset({9}))
    assert (row.finish, row.tokens) == ("length", [5, 6])
    ended = Row(limit=2, seed=0)
    ended.take(9, frozenset({9}))
    assert (ended.finish, ended.tokens) == ("stop", [])
    assert [Row(1, seed=7).draw() for _ in range(2)] == [Row(1, seed=7).draw()] * 2
