"""Small array tools for robot signals: from raw channels to clean, smooth, noise-rated ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def clean(values: NDArray[np.floating]) -> Array:
    """Channels without gaps: NaN and infinities interpolated in time; a channel of nothing else becomes 0.

    Args:
        values: Shape [frames, channels].

    Returns:
        float64, same shape.
    """
    out = np.array(values, dtype=np.float64)
    known = np.isfinite(out)
    for column in np.flatnonzero(~known.all(axis=0)):
        good = np.flatnonzero(known[:, column])
        out[:, column] = np.interp(np.arange(len(out)), good, out[good, column]) if len(good) else 0.0
    # Values near the float limit would overflow in squares and sums; no robot has them.
    return np.clip(out, -1e12, 1e12)


def kernel(sigma: float) -> Array:
    """Gaussian weights of standard deviation ``sigma`` frames, summing to 1; ``[1.0]`` below half a frame."""
    if sigma < 0.5:
        return np.ones(1)
    reach = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / float(weights.sum())


def smooth(values: Array, sigma: float) -> Array:
    """Channels convolved with a Gaussian of ``sigma`` frames; ends repeat their last value.

    Args:
        values: Shape [frames] or [frames, channels].
        sigma: Standard deviation in frames; below 0.5 nothing changes.
    """
    weights = kernel(sigma)
    reach = len(weights) // 2
    if reach == 0 or len(values) < 2:
        return values
    if values.ndim == 1:
        return np.convolve(np.pad(values, reach, mode="edge"), weights, mode="valid")
    return np.stack([smooth(column, sigma) for column in values.T], axis=1) if values.shape[1] else values


def noise(values: Array) -> Array:
    """Standard deviation of each channel's frame-to-frame noise, shape [channels].

    Robust: the median of the second differences, which a smooth motion hardly has.
    """
    if len(values) < 4:
        return np.zeros(len(values.T))
    second = np.abs(np.diff(values, n=2, axis=0))
    middle: Array = np.median(second, axis=0)
    return middle / (0.6745 * np.sqrt(6.0))


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Stretches ``[start, stop)`` of frames in which ``mask`` holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def correlation(first: Array, second: Array) -> float:
    """Pearson correlation of two series; 0 where one of them is constant."""
    a, b = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 1e-12 else 0.0
