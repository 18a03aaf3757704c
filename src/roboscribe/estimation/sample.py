"""Samples: many episodes go in, a few to look at come out; what these take goes in, what all take comes out."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

_LEAST = 6
"""Fewest episodes to draw of a group, and to draw a line through."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Group:
    """Episodes that are alike, and those drawn of them.

    Attributes:
        episodes: All of them.
        drawn: The ones to look at, ascending.
    """

    episodes: tuple[int, ...]
    drawn: tuple[int, ...]


def draw(episodes: Iterable[tuple[int, Hashable]], size: int, seed: int) -> list[Group]:
    """Groups of episodes with about ``size`` drawn of all together, in proportion and at random, a few of each.

    Args:
        episodes: Each with what it is grouped by.
        size: How many to draw.
        seed: Of the draw.
    """
    groups: dict[Hashable, list[int]] = {}
    for episode, kind in episodes:
        groups.setdefault(kind, []).append(episode)
    total = sum(map(len, groups.values()))
    dice = Random(seed)
    drawn: list[Group] = []
    for members in groups.values():
        share = max(min(_LEAST, size), round(size * len(members) / total))
        chosen = sorted(dice.sample(members, min(share, len(members))))
        drawn.append(Group(tuple(members), tuple(chosen)))
    return drawn


def total(lengths: Sequence[int], drawn: Sequence[int], amounts: Floats) -> Floats:
    """What all episodes of a group take, by what the drawn ones do.

    Each amount is taken to grow with the length of an episode along a straight line, so that what is asked once
    in an episode and what is asked every second both come out right; along one through the origin where there
    are too few episodes to draw another. None is below 0.

    Args:
        lengths: Of all episodes of the group.
        drawn: Lengths of those drawn, at least one.
        amounts: What each of these takes, shape [drawn, …].

    Returns:
        Sums over the group, shape […].
    """
    if len(drawn) == len(lengths):
        return amounts.sum(0)
    flat = amounts.reshape(len(drawn), -1)
    length, amount = np.mean(drawn), flat.mean(0)
    away = np.asarray(drawn, np.float64) - length
    spread = float(away @ away)
    slope = np.zeros_like(amount)
    if len(drawn) < _LEAST:
        slope = amount / length
    elif spread > 0:
        slope = away @ flat / spread
    whole = len(lengths) * (amount + slope * (np.mean(lengths) - length))
    return np.maximum(0.0, whole).reshape(amounts.shape[1:])
