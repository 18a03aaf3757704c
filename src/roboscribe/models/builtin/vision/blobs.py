"""Blobs: a picture of classes goes in, its connected regions with place, size and shape come out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

S = TypeVar("S", bound=np.generic)

Mask = NDArray[np.bool_]
Classes = NDArray[np.uint8]
"""A class for each pixel, shape [height, width]; 0 belongs to no region."""
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Blob:
    """A connected region of one class; pixels of the working picture.

    Attributes:
        kind: Its class.
        area: Pixels.
        x0: Left column.
        y0: Top row.
        x1: Column after the last.
        y1: Row after the last.
        x: Mean column of its pixels, plus one half.
        y: Mean row of its pixels, plus one half.
        mask: Its pixels within its box, shape [y1 - y0, x1 - x0].
    """

    kind: int
    area: int
    x0: int
    y0: int
    x1: int
    y1: int
    x: float
    y: float
    mask: Mask

    @property
    def width(self) -> int:
        """Columns of its box."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Rows of its box."""
        return self.y1 - self.y0

    @cached_property
    def filled(self) -> Mask:
        """Its mask with what lies between its outermost pixels, along both its row and its column."""
        return _between(self.mask) & _between(self.mask.T).T

    @cached_property
    def solidity(self) -> float:
        """Share of the filled mask that is its own."""
        return self.area / int(self.filled.sum())

    @cached_property
    def elongation(self) -> float:
        """How many times longer than wide it is, by its second moments."""
        rows, columns = np.nonzero(self.mask)
        spread = np.cov(np.stack([rows, columns])) + np.eye(2) / 12 if self.area > 1 else np.eye(2)
        small, large = np.linalg.eigvalsh(spread)
        return float(np.sqrt(large / max(small, 1e-6)))

    def touches_edge(self, width: int, height: int) -> bool:
        """Whether it reaches to the edge of a picture of this size."""
        return self.x0 <= 1 or self.y0 <= 1 or self.x1 >= width - 1 or self.y1 >= height - 1

    def ring(self, picture: NDArray[S], gap: int = 1, thickness: int = 2) -> NDArray[S]:
        """Values of ``picture`` around the filled mask, ``gap`` pixels off; blurred edges are in the gap."""
        window, own = self._window(picture.shape, gap + thickness)
        return picture[window][grown(own, gap + thickness) & ~grown(own, gap)]

    def erase(self, mask: Mask, reach: int) -> None:
        """Unset the filled mask, and what lies within ``reach`` pixels of it, in the mask of a picture."""
        window, own = self._window(mask.shape, reach)
        mask[window] &= ~grown(own, reach)

    def _window(self, shape: tuple[int, ...], reach: int) -> tuple[tuple[slice, slice], Mask]:
        """The part of a picture of this shape around it, and its filled mask in there."""
        top, left = max(0, self.y0 - reach), max(0, self.x0 - reach)
        bottom, right = min(shape[0], self.y1 + reach), min(shape[1], self.x1 + reach)
        own = np.zeros((bottom - top, right - left), bool)
        own[self.y0 - top : self.y1 - top, self.x0 - left : self.x1 - left] = self.filled
        return np.s_[top:bottom, left:right], own


def grown(mask: Mask, pixels: int) -> Mask:
    """``mask`` and every pixel at most ``pixels`` rows and columns away from it."""
    out = mask
    for _ in range(pixels):
        wide = out.copy()
        wide[:, 1:] |= out[:, :-1]
        wide[:, :-1] |= out[:, 1:]
        out = wide.copy()
        out[1:] |= wide[:-1]
        out[:-1] |= wide[1:]
    return out


def blobs(classes: Classes, least: int) -> list[Blob]:
    """Regions of at least ``least`` pixels whose pixels of one class touch, corners included; from the top down."""
    row, start, end, kind = _runs(classes)
    if not len(row):
        return []
    label = _joined(row, start, end, kind, classes.shape[1])
    size = end - start
    area = np.bincount(label, weights=size).astype(np.int64)
    found: list[Blob] = []
    order = np.argsort(label, kind="stable")
    edges = np.searchsorted(label[order], np.arange(len(area) + 1))
    for one in np.flatnonzero(area >= least):
        runs = order[edges[one] : edges[one + 1]]
        found.append(_blob(int(kind[runs[0]]), row[runs], start[runs], end[runs]))
    return found


def _runs(classes: Classes) -> tuple[Ints, Ints, Ints, Ints]:
    """Row, first column, column after the last and class of every run of one class along a row."""
    height, width = classes.shape
    padded = np.zeros((height, width + 1), classes.dtype)
    padded[:, :width] = classes
    flat = padded.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    ends = np.append(starts[1:], len(flat))
    kept = flat[starts] > 0
    starts, ends = starts[kept], ends[kept]
    row = starts // (width + 1)
    return row, starts - row * (width + 1), ends - row * (width + 1), flat[starts].astype(np.int64)


def _joined(row: Ints, start: Ints, end: Ints, kind: Ints, width: int) -> Ints:
    """A number for each run, from 0 on; runs of one region share theirs."""
    stride = width + 2
    first = np.searchsorted(row * stride + end, (row + 1) * stride + start, side="left")
    last = np.searchsorted(row * stride + start, (row + 1) * stride + end, side="right")
    count = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(row)), count)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    same = kind[upper] == kind[lower]
    upper, lower = upper[same], lower[same]
    parent = np.arange(len(row))
    while True:
        one, other = parent[upper], parent[lower]
        apart = one != other
        if not apart.any():
            break
        upper, lower, one, other = upper[apart], lower[apart], one[apart], other[apart]
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(parent, parent[parent]):
            parent = parent[parent]
    return np.unique(parent, return_inverse=True)[1].astype(np.int64)


def _blob(kind: int, row: Ints, start: Ints, end: Ints) -> Blob:
    size = end - start
    area = int(size.sum())
    x0, y0, x1, y1 = int(start.min()), int(row.min()), int(end.max()), int(row.max()) + 1
    steps = np.zeros((y1 - y0, x1 - x0 + 1), np.int8)
    np.add.at(steps, (row - y0, start - x0), 1)
    np.add.at(steps, (row - y0, end - x0), -1)
    mask = np.cumsum(steps, axis=1, dtype=np.int8)[:, :-1] > 0
    x = float((size * (start + end)).sum()) / (2 * area)
    y = float((size * row).sum()) / area + 0.5
    return Blob(kind, area, x0, y0, x1, y1, x, y, mask)


def _between(mask: Mask) -> Mask:
    """Pixels of each row from its first to its last set one."""
    return np.logical_or.accumulate(mask, axis=1) & np.logical_or.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
