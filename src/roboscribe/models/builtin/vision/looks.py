"""Looks: a picture's tints and what they stand for go in, the regions that can be things come out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from roboscribe.models.builtin.vision.blobs import Blob, Classes, blobs
from roboscribe.models.builtin.vision.colours import DARK, Cells, Colour, is_core, plane
from roboscribe.models.builtin.vision.palette import FIRST, ROBOT

_LEAST_AREA = 0.0004
"""Smallest thing, as a share of the picture: 6 by 5 pixels of 320 by 240."""
_MOST_AREA = 0.12
_LEAST_SIDE = 4
_LEAST_SOLID = 0.8
_MOST_ELONGATED = 5.0
_CLEAR = 0.12
"""Most of the ring around a thing that may be the robot's, or of the thing's own colour."""
_MIXED = 0.12
"""Most of that ring that may be of other things' colours: a lid or a logo is no thing."""


@dataclass(frozen=True, eq=False)
class Look:
    """A picture as it is looked at; arrays of shape [height, width].

    Attributes:
        time: Seconds from the episode's start.
        cells: Tint of each pixel.
        light: Lightness of each pixel, 0 to 255.
        kinds: What each pixel's tint stands for.
    """

    time: float
    cells: Cells
    light: NDArray[np.uint8]
    kinds: Classes

    @cached_property
    def blobs(self) -> list[Blob]:
        """Every region of a thing's colour, small ones included."""
        return blobs(np.where(self.kinds >= FIRST, self.kinds, 0).astype(np.uint8), max(4, self.least // 4))

    @cached_property
    def clear(self) -> list[Blob]:
        """The regions that can be whole things, seen without hindrance."""
        return [blob for blob in self.blobs if self._is_clear(blob)]

    @property
    def least(self) -> int:
        """Pixels of the smallest thing."""
        return max(12, int(_LEAST_AREA * self.kinds.size))

    def is_inside(self, blob: Blob) -> bool:
        """Whether a region is compact and does not reach the edge of the picture."""
        height, width = self.kinds.shape
        return (
            self.least <= blob.area <= _MOST_AREA * self.kinds.size
            and not blob.touches_edge(width, height)
            and min(blob.width, blob.height) >= _LEAST_SIDE
            and blob.solidity >= _LEAST_SOLID
            and blob.elongation <= _MOST_ELONGATED
        )

    def colour_of(self, blob: Blob) -> Colour:
        """The colour of a region where light falls on it."""
        cells, light = self._pixels(blob)
        lit = cells[(light >= np.quantile(light, 0.4)) & (cells != DARK)]
        grid = plane()
        u, v = (float(grid.u[lit].mean()), float(grid.v[lit].mean())) if len(lit) else (0.0, 0.0)
        return Colour(
            hue=float(np.degrees(np.arctan2(v, u)) % 360),
            strength=float(np.hypot(u, v)),
            light=float(np.quantile(light, 0.75)) / 255,
        )

    def core_share(self, blob: Blob, word: str) -> float:
        """Share of a region's pixels of which nobody doubts that they are called by a word."""
        cells, _ = self._pixels(blob)
        return float(is_core(word, plane().hue)[cells].mean())

    def _pixels(self, blob: Blob) -> tuple[Cells, NDArray[np.uint8]]:
        box = np.s_[blob.y0 : blob.y1, blob.x0 : blob.x1]
        return self.cells[box][blob.mask], self.light[box][blob.mask]

    def _is_clear(self, blob: Blob) -> bool:
        if not self.is_inside(blob):
            return False
        ring = blob.ring(self.kinds)
        others = (ring >= FIRST) & (ring != blob.kind)
        return bool(
            (ring == ROBOT).mean() <= _CLEAR
            and (ring == blob.kind).mean() <= _CLEAR
            and others.mean() <= _MIXED
        )
