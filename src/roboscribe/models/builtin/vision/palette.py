"""Which colours can be things: frames of one camera go in, a kind for every tint comes out.

Colours found all over the picture are surfaces: table, floor, walls. Colours found in whatever moves, each time
something moves, are the robot's: it moves whenever anything does, and a thing only now and then. What remains
falls into families of neighbouring hues, parted where few pixels lie.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roboscribe.models.builtin.vision.blobs import Classes, Mask
from roboscribe.models.builtin.vision.colours import DARK, SIDE, Cells, fits, plane
from roboscribe.models.builtin.vision.motion import Motion

PLAIN, SURFACE, ROBOT = 0, 1, 2
"""Kinds of tint: without colour or too dark, of a surface, of the robot. Families of hues follow."""
FIRST = 3
"""The first family."""

STRENGTH = 0.085
"""Weakest tint that counts as coloured."""

_BLOCKS = 8
_PRESENT = 0.02
_SPREAD = 20
"""Of 64 blocks of the picture: a tint found in so many is a surface's."""
_SPREAD_MOVING = 8
"""The same where the camera moves, in half of the pictures: the gripper is seen as often as the table then."""
_ROBOT_SHARE = 0.0006
"""Share of what moves that is of one tint, in three of four pictures, if the tint is the robot's."""
_ENCLOSED = 5
"""Of its eight neighbours: a tint with so many of the robot's around it is the robot's, too."""
_HUES = 72
_LIKE = 34.0
"""Degrees of hue by which the lit and the shaded side of a thing may differ."""
_TOUCHING = 0.1
"""Pairs of neighbouring pixels of two families, for each pixel of the smaller, if they are sides of one thing."""


@dataclass(frozen=True, eq=False)
class Palette:
    """What each tint of one camera stands for.

    Attributes:
        kinds: A kind for each cell of the plane of tints.
    """

    kinds: Classes

    def look(self, cells: Cells) -> Classes:
        """The kind of each pixel."""
        return self.kinds[cells]


def learn_palette(
    frames: Sequence[Cells],
    motion: Motion,
    unladen: Sequence[bool],
    words: Collection[str] = (),
) -> Palette:
    """The palette of a camera.

    Args:
        frames: Cells of pictures spread over the episode, each of shape [height, width].
        motion: What moves in them.
        unladen: In which of them the robot holds nothing, as far as is known.
        words: Colours of single things that are known to be there; all that can be called so is one family.
    """
    if motion.camera_moves:
        surface = np.median([_spread(cells) for cells in frames], axis=0) >= _SPREAD_MOVING
        robot = np.zeros(SIDE * SIDE, bool)
    else:
        surface = _spread(motion.background) >= _SPREAD
        robot = _robot(frames, motion.moving)
        robot &= _robot(
            frames, [mask if alone else None for mask, alone in zip(motion.moving, unladen, strict=True)]
        )
    coloured = plane().strength >= STRENGTH
    coloured[DARK] = False
    kinds = np.zeros(SIDE * SIDE, np.uint8)
    kinds[coloured & robot] = ROBOT
    kinds[surface] = SURFACE
    free = coloured & ~robot & ~surface
    kinds[free] = _families(frames, free)[free]
    weight = _histogram(frames)
    kinds = _married(kinds, frames, weight)
    return Palette(_called(kinds, weight, words))


def _histogram(frames: Sequence[Cells]) -> NDArray[np.float64]:
    total = np.zeros(SIDE * SIDE)
    for cells in frames:
        total += np.bincount(cells.ravel(), minlength=SIDE * SIDE)
    return total


def _spread(cells: Cells) -> NDArray[np.int64]:
    """For each cell the number of blocks of the picture in which its tint, or one next to it, is found."""
    height, width = cells.shape
    rows = np.arange(height, dtype=np.int64) * _BLOCKS // height
    columns = np.arange(width, dtype=np.int64) * _BLOCKS // width
    block = (rows[:, None] * _BLOCKS + columns) * (SIDE * SIDE)
    counts = np.bincount((block + cells).ravel(), minlength=_BLOCKS**2 * SIDE * SIDE)
    counts = counts.reshape(-1, SIDE * SIDE)
    counts[:, DARK] = 0
    least = _PRESENT * height * width / _BLOCKS**2
    return (_around(counts) >= least).sum(axis=0)


def _around(counts: NDArray[Any]) -> NDArray[Any]:
    """Sums over each cell and its eight neighbours; the last axis is the plane of tints."""
    square = counts.reshape(*counts.shape[:-1], SIDE, SIDE)
    total = np.zeros_like(square)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            total += np.roll(square, (down, right), (-2, -1))
    return total.reshape(counts.shape)


def _robot(frames: Sequence[Cells], moving: Sequence[Mask | None]) -> Mask:
    """Tints of what moves each time something moves."""
    shares = [
        np.bincount(cells[mask], minlength=SIDE * SIDE) / mask.sum()
        for cells, mask in zip(frames, moving, strict=True)
        if mask is not None
    ]
    if not shares:
        return np.zeros(SIDE * SIDE, bool)
    robot = np.quantile(np.array(shares), 0.25, axis=0) >= _ROBOT_SHARE
    return robot | (_around(robot.astype(np.int64)) >= _ENCLOSED)


def _families(frames: Sequence[Cells], free: Mask) -> Classes:
    """A family for each cell by its hue: hues are parted at the valleys of their histogram."""
    bins = (plane().hue / 360 * _HUES).astype(np.int64) % _HUES
    weight = np.bincount(bins, weights=_histogram(frames) * free, minlength=_HUES)
    offsets = np.arange(_HUES) - _HUES // 2
    kernel = np.roll(np.exp(-0.5 * (offsets * (360 / _HUES) / 6.0) ** 2), -(_HUES // 2))
    smooth = np.real(np.fft.ifft(np.fft.fft(weight) * np.fft.fft(kernel / kernel.sum())))
    valleys = np.flatnonzero((smooth <= np.roll(smooth, 1)) & (smooth < np.roll(smooth, -1)))
    number = np.searchsorted(valleys, np.arange(_HUES), side="right") % max(1, len(valleys))
    return (number[bins] + FIRST).astype(np.uint8)


def _married(kinds: Classes, frames: Sequence[Cells], weight: NDArray[np.float64]) -> Classes:
    """Families of like hue that touch all over are one: the lit and the shaded sides of the same things."""
    count = int(kinds.max()) + 1
    touching = np.zeros((count, count))
    area = np.zeros(count)
    for cells in frames:
        picture = kinds[cells].astype(np.int64)
        area += np.bincount(picture.ravel(), minlength=count)
        for one, other in ((picture[:, :-1], picture[:, 1:]), (picture[:-1], picture[1:])):
            touching += np.bincount((one * count + other).ravel(), minlength=count**2).reshape(count, count)
    touching += touching.T
    hues = {kind: _mean_hue(weight * (kinds == kind)) for kind in range(FIRST, count) if area[kind]}
    family = np.arange(count, dtype=np.uint8)
    for one, other in combinations(sorted(hues, key=lambda kind: -area[kind]), 2):
        apart = abs((hues[one] - hues[other] + 180) % 360 - 180)
        if apart < _LIKE and touching[one, other] > _TOUCHING * area[other]:
            family[family == family[other]] = family[one]
    return family[kinds]


def _called(kinds: Classes, weight: NDArray[np.float64], words: Collection[str]) -> Classes:
    """Families that can be called by a word are one; those that can be called by two words stay apart."""
    family = np.arange(int(kinds.max()) + 1, dtype=np.uint8)
    called: dict[str, list[int]] = {word: [] for word in words}
    for kind in range(FIRST, len(family)):
        fitting = [word for word in words if fits(word, _mean_hue(weight * (kinds == kind)))]
        if len(fitting) == 1:
            called[fitting[0]].append(kind)
    for members in called.values():
        family[members] = members[0] if members else 0
    return family[kinds]


def _mean_hue(weight: NDArray[np.float64]) -> float:
    grid = plane()
    return float(np.degrees(np.arctan2((weight * grid.v).sum(), (weight * grid.u).sum())) % 360)
