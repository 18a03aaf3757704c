"""Background and motion: small pictures of one camera go in; what is always there and what moves come out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roboscribe.frames import RGB
from roboscribe.models.builtin.vision.blobs import Mask
from roboscribe.models.builtin.vision.colours import DARK, Cells, indices_of, lightness_of, plane, tints_of

_TINT_CHANGE = 0.055
_LIGHT_CHANGE = 28
_SHADOW = 0.45
"""A pixel of the same tint that is darker, but not below this share of its lightness, may lie in shadow."""
_ON_THE_ROBOT = re.compile(r"wrist|hand|gripper|finger|ego", re.IGNORECASE)
_MOVING_UNION = 0.5
_STIRRING = 0.004
"""Share of the picture that must be moving for the robot to be seen in it."""


@dataclass(frozen=True, eq=False)
class Motion:
    """What moves in pictures spread over an episode.

    Attributes:
        background: Cells of what is there most of the time, shape [height, width].
        moving: Where each picture shows what is not there most of the time, and was not there shortly before
            nor is shortly after; shadows are left out. None where that is next to nowhere.
        camera_moves: Whether it is the camera that moves.
        frozen: Whether all pictures show the same, as those of a camera that hangs do.
    """

    background: Cells
    moving: tuple[Mask | None, ...]
    camera_moves: bool
    frozen: bool


def find_motion(camera: str, pictures: Sequence[RGB]) -> Motion:
    """What moves in pictures of one camera, all of one size, at least two.

    Args:
        camera: Its key: one on the wrist or hand moves with it.
        pictures: Spread over the episode, in order of time.
    """
    tones = [_Tones.of(picture) for picture in pictures]
    middle = np.partition(np.stack(pictures), len(pictures) // 2, axis=0)[len(pictures) // 2]
    background = _Tones.of(middle)
    unusual = [_thick(one.differs(background)) for one in tones]
    masks = [one & _passing(tones, at) for at, one in enumerate(unusual)]
    return Motion(
        background=background.cells,
        moving=tuple(mask if mask.mean() > _STIRRING else None for mask in masks),
        camera_moves=bool(np.any(unusual, axis=0).mean() > _MOVING_UNION or _ON_THE_ROBOT.search(camera)),
        frozen=not np.any(unusual),
    )


@dataclass(frozen=True, eq=False)
class _Tones:
    """Tint and lightness of each pixel of a picture."""

    cells: Cells
    light: NDArray[np.int16]

    @classmethod
    def of(cls, picture: RGB) -> _Tones:
        indices = indices_of(picture)
        return cls(tints_of(indices), lightness_of(indices).astype(np.int16))

    def differs(self, other: _Tones) -> Mask:
        """Where something else is seen, other than in a shadow, if there is one in either."""
        grid = plane()
        tint = np.hypot(grid.u[self.cells] - grid.u[other.cells], grid.v[self.cells] - grid.v[other.cells])
        dark, was_dark = self.cells == DARK, other.cells == DARK
        low, high = np.minimum(self.light, other.light), np.maximum(self.light, other.light)
        return (
            ((tint > _TINT_CHANGE) & ~dark & ~was_dark)
            | (dark != was_dark)
            | ((high - low > _LIGHT_CHANGE) & (low < _SHADOW * high))
        )


def _passing(tones: Sequence[_Tones], at: int) -> Mask:
    """Where a picture shows what was not there a picture or two before, and is not there as long after."""
    passing = np.zeros(tones[at].cells.shape, bool)
    for lag in (1, 2):
        around = [tones[other] for other in (at - lag, at + lag) if 0 <= other < len(tones)]
        if around:
            passing |= np.all([_thick(tones[at].differs(other)) for other in around], axis=0)
    return passing


def _thick(mask: Mask) -> Mask:
    """Without what is at most two pixels thick: edges move when a camera trembles."""
    out = mask.copy()
    out[1:] &= mask[:-1]
    out[:-1] &= mask[1:]
    tall = out.copy()
    out[:, 1:] &= tall[:, :-1]
    out[:, :-1] &= tall[:, 1:]
    return out
