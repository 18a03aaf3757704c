"""Pushes and pulls made with an idle gripper: from arm speed over a stretch to the spans of slow, stop-to-stop motion.

Approach, push and way home are all just arm motion; what sets the push apart is that the arm stops on both
sides of it and goes slowly and without a pause in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from roboscribe.episode import Floats
from roboscribe.signals.arrays import Array

MOST = 12
"""The clearest stops that are tried; more would take long and never matter."""


def pushes(
    speed: Array | Floats, stops: Sequence[int], start: int, stop: int, count: int
) -> list[tuple[int, int]]:
    """The likeliest spans of ``count`` pushes between frames ``start`` and ``stop``.

    Args:
        speed: Arm speed, shape [frames].
        stops: Frames at which the arm is slow between two motions.
        start: First frame of the stretch.
        stop: Frame after its last.
        count: How many pushes to find, at least 1.

    Returns:
        Spans ``[a, b)`` in order, each between two stops, each with motion before and after it; empty when
        there are not enough stops.
    """
    inside = sorted({frame for frame in stops if start < frame < stop})
    if len(inside) > MOST:
        inside = sorted(sorted(inside, key=lambda frame: float(speed[frame]))[:MOST])
    pace = float(np.median(speed[start:stop])) or 1.0
    best: tuple[float, tuple[int, ...]] = (-np.inf, ())
    for chosen in combinations(range(len(inside)), 2 * count):
        frames = [inside[index] for index in chosen]
        pairs = zip(frames[::2], frames[1::2], strict=True)
        merit = sum(_merit(speed, inside, a, b, start, stop, pace) for a, b in pairs)
        best = max(best, (merit - 0.5 * _oddity(chosen, len(inside)), tuple(frames)))
    return list(zip(best[1][::2], best[1][1::2], strict=True))


def _oddity(chosen: Sequence[int], count: int) -> int:
    """By how many motions a choice of stops departs from the usual: over and down, push, up and away."""
    before, after = chosen[0] + 1, count - chosen[-1]
    between = (b - a for a, b in zip(chosen[1:-1:2], chosen[2::2], strict=True))
    return abs(before - 2) + abs(after - 2) + sum(abs(motions - 3) for motions in between)


def way_back(speed: Array | Floats, stops: Sequence[int], start: int, stop: int, fps: float) -> int:
    """Where the short way back ends that an arm makes, after letting go, before it sets out for the next thing.

    Args:
        speed: Arm speed, shape [frames].
        stops: Frames at which the arm is slow between two motions, in order.
        start: Frame at which it departs.
        stop: Frame at which it arrives at the next thing.
        fps: Frames per second.

    Returns:
        A frame from ``start`` (there is no such way back) to ``stop``.
    """
    end = next((frame for frame in stops if start < frame < stop), stop)
    short = end - start <= 1.3 * fps and float(speed[start:end].sum()) < 0.35 * float(speed[start:stop].sum())
    return end if short else start


def _merit(
    speed: Array | Floats, stops: Sequence[int], a: int, b: int, start: int, stop: int, pace: float
) -> float:
    """How much a span looks like a push: stops at its ends, no stop inside, slow, and not short."""
    ends = 2.0 - sum(max(float(speed[frame]) / pace, 0.15) for frame in (a, b))
    inner = [float(speed[frame]) for frame in stops if a < frame < b]
    peak = float(speed[a:b].max())
    pause = max((1.0 - value / peak for value in inner), default=0.0) if peak > 0 else 0.0
    slowness = 1.0 - min(1.0, peak / float(speed[start:stop].max() or 1.0))
    length = min(1.0, 4.0 * (b - a) / (stop - start))
    return 2.0 * ends - 2.0 * max(0.0, pause - 0.3) + slowness + 2.0 * length
