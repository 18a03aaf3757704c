"""When a person speaks: subtask boundaries go in, a few of them, spread over the episode, come out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from roboscribe.asks import Moment
from roboscribe.asks.interject import can_hold
from roboscribe.asks.situation import situation
from roboscribe.config import InterjectionsSettings, Scenario
from roboscribe.english.steps import TRIVIAL

_ROUNDING = 1e-4
"""Seconds by which stored float32 timestamps may fall short of the time they stand for."""

_TRIALS = 32


@dataclass(frozen=True, slots=True)
class _Chance:
    """A boundary at which a person could speak, and whether something is done after it."""

    moment: Moment
    purposeful: bool


def moments_of(
    task: str, subtasks: Sequence[str], times: Sequence[float], settings: InterjectionsSettings, seed: int
) -> list[Moment]:
    """Moments of an episode for interjections, in order of time.

    They lie at boundaries between different subtasks, as many as wanted and as there is room for. A boundary
    after which the robot waits or draws back is taken only where there is room for no other. Which scenario each
    is for is drawn among those that can hold there, and so is another one for when nothing of the first fits.

    Args:
        task: The task text; empty when unknown.
        subtasks: Labels in order.
        times: When each begins, in seconds.
        settings: How many, how far apart, and what for.
        seed: Of all choices.
    """
    chance = random.Random(seed)
    chances: list[_Chance] = []
    possible: dict[int, list[Scenario]] = {}
    for done in range(1, len(subtasks)):
        at = situation(task, tuple(subtasks), done)
        scenarios: list[Scenario] = [kind for kind in settings.scenarios if can_hold(kind, at)]
        late = times[done] - times[0] >= settings.min_seconds - _ROUNDING
        if scenarios and late and subtasks[done] != subtasks[done - 1]:
            drawn = chance.choice(scenarios)
            possible[done] = [kind for kind in scenarios if kind != drawn]
            chances.append(_Chance(Moment(times[done], done, drawn), at.next.kind not in TRIVIAL))
    chosen = _spread(chances, settings.most, settings.min_seconds - _ROUNDING, chance)
    moments = [one.moment for one in sorted(chosen, key=lambda one: one.moment.time)]
    return [
        replace(moment, otherwise=chance.choice(possible[moment.done]) if possible[moment.done] else None)
        for moment in moments
    ]


def _spread(chances: Sequence[_Chance], most: int, least: float, chance: random.Random) -> list[_Chance]:
    """The best of some random selections: with most that are purposeful, most at all, in most parts of the time."""
    if not chances or not most:
        return []
    first, last = chances[0].moment.time, chances[-1].moment.time
    width = (last - first) / most or 1.0

    def worth(chosen: Sequence[_Chance]) -> tuple[int, int, int]:
        parts = {min(most - 1, int((one.moment.time - first) / width)) for one in chosen}
        return sum(one.purposeful for one in chosen), len(chosen), len(parts)

    trials = [_pick(chances, most, least, chance) for _ in range(_TRIALS)]
    return max(trials, key=worth)


def _pick(chances: Sequence[_Chance], most: int, least: float, chance: random.Random) -> list[_Chance]:
    """Up to ``most`` of them at least ``least`` seconds apart, the purposeful first, otherwise at random."""
    order = sorted(chance.sample(chances, len(chances)), key=lambda one: not one.purposeful)
    chosen: list[_Chance] = []
    for one in order:
        if len(chosen) < most and all(abs(one.moment.time - other.moment.time) >= least for other in chosen):
            chosen.append(one)
    return chosen
