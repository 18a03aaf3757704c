"""Which frames to look at: timestamps and a rate, budget or moments go in, frame indices come out.

Timestamps are in seconds, ascending, shape [frames]. Frame indices come ascending, without
duplicates. The frame of a time is the nearest one, the earlier of two that are equally near.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

T = TypeVar("T")

ROUNDING = 1e-4
"""Seconds by which stored float32 timestamps may fall short of the time they stand for."""


def every(timestamps: ArrayLike, hz: float, *, after: float = 0.0, last: bool = False) -> list[int]:
    """A frame each 1/hz seconds from ``after`` seconds on, so the first by default; the last as well if ``last``.

    Times are counted from the first frame, so no error adds up at rates that do not divide the frame rate.

    Raises:
        ValueError: ``hz`` is not above 0.
    """
    if not hz > 0:
        raise ValueError(f"{hz} frames per second; must be above 0")
    times = _times(timestamps)
    left = times[-1] - times[0] - after + ROUNDING
    count = int(left * hz) + 1 if left >= 0 else 0
    frames = _nearest(times, times[0] + after + np.arange(count) / hz)
    return _unique(frames, [len(times) - 1] if last else [])


def evenly(timestamps: ArrayLike, count: int, start: float = -np.inf, end: float = np.inf) -> list[int]:
    """At most ``count`` frames spread evenly over start <= time < end, its first and last frame among them.

    A single frame is the middle one. A span between two frames gives the nearest frame.

    Raises:
        ValueError: ``count`` is not above 0.
    """
    if count < 1:
        raise ValueError(f"{count} frames; must be above 0")
    times = _times(timestamps)
    inside = np.flatnonzero((times >= start - ROUNDING) & (times < end - ROUNDING))
    if not len(inside):
        return _unique(_nearest(times, np.array([np.clip(start, times[0], times[-1])])))
    if count == 1:
        return [int(inside[(len(inside) - 1) // 2])]
    return _unique(inside[np.rint(np.linspace(0, len(inside) - 1, min(count, len(inside)))).astype(int)])


def around(timestamps: ArrayLike, moments: Iterable[float], reach: float, hz: float) -> list[int]:
    """Frames each 1/hz seconds up to ``reach`` seconds before and after each moment, the moment included.

    Times outside the episode are left out.
    """
    times = _times(timestamps)
    steps = int((reach + ROUNDING) * hz)
    offsets = np.arange(-steps, steps + 1) / hz
    wanted = (np.array(list(moments), np.float64)[:, None] + offsets).ravel()
    half = 0.5 * float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    wanted = wanted[(wanted >= times[0] - half - ROUNDING) & (wanted <= times[-1] + half + ROUNDING)]
    return _unique(_nearest(times, wanted))


def windows(frames: Sequence[T], budget: int, *, overlap: int = 0) -> list[list[T]]:
    """Split frames, or what stands for them, into the fewest windows of at most ``budget``, as equal as can be.

    Args:
        frames: In order of time.
        budget: Most frames in a window.
        overlap: Frames that each window repeats from the end of the one before.

    Raises:
        ValueError: The budget does not exceed the overlap.
    """
    if not budget > overlap >= 0:
        raise ValueError(f"a budget of {budget} frames with an overlap of {overlap}")
    if not frames:
        return []
    count = max(1, -(-(len(frames) - overlap) // (budget - overlap)))
    edges = np.rint(np.linspace(overlap, len(frames), count + 1)).astype(int)
    return [list(frames[a - overlap : b]) for a, b in pairwise(edges)]


def _times(timestamps: ArrayLike) -> NDArray[np.float64]:
    times = np.asarray(timestamps, np.float64)
    if times.ndim != 1 or not len(times):
        raise ValueError(f"timestamps of shape {times.shape}")
    return times


def _nearest(times: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    right = np.clip(np.searchsorted(times, wanted), 1, max(1, len(times) - 1))
    left = right - 1
    if len(times) == 1:
        return np.zeros_like(right)
    return np.where(wanted - times[left] <= times[right] - wanted + 1e-9, left, right)


def _unique(frames: NDArray[np.intp], more: Iterable[int] = ()) -> list[int]:
    return sorted({int(frame) for frame in frames} | set(more))
