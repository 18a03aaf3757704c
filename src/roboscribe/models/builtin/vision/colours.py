"""Colours as people name them: RGB pictures go in; hues free of light and shade, and colour words, come out.

Colour is taken in Oklab (Björn Ottosson, 2020), with its two chromatic axes divided by lightness. That makes a
*tint*, which a shadow hardly changes: the lit and the shaded side of a brick have nearly one tint.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from roboscribe.frames import RGB

Floats = NDArray[np.float32]
Cells = NDArray[np.uint16]
"""Cells of the plane of tints, one per pixel; see ``tints_of``."""

CELL = 0.02
"""Width of a cell in the plane of tints."""
SIDE = 48
"""Cells along each axis of the plane; neutral lies in the middle."""
DARK = 0
"""The cell of pixels that are too dark to tell their tint."""

_LEAST_LIGHT = 0.22
_LEVELS = 64
_MARGIN = 6.0
"""Degrees of hue by which light and cameras shift colours."""
_SHADE = 0.04
"""Added to lightness before dividing by it, so that noise in the dark stays small."""


@dataclass(frozen=True, eq=False)
class Plane:
    """What is known of each cell of the plane of tints; arrays of shape [SIDE * SIDE].

    Attributes:
        hue: Degrees in [0, 360).
        strength: Distance from neutral; 0.1 is pale, 0.4 is vivid.
        u: First coordinate of the cell's middle.
        v: Second coordinate.
    """

    hue: Floats
    strength: Floats
    u: Floats
    v: Floats


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour as it is named.

    Attributes:
        hue: Oklab hue in degrees.
        strength: Distance of its tint from neutral.
        light: Oklab lightness, 0 to 1.
    """

    hue: float
    strength: float
    light: float


@lru_cache(maxsize=1)
def plane() -> Plane:
    """The plane of tints."""
    axis = (np.arange(SIDE, dtype=np.float32) + 0.5 - SIDE / 2) * CELL
    v, u = (part.ravel() for part in np.meshgrid(axis, axis, indexing="ij"))
    hue = np.degrees(np.arctan2(v, u)) % 360
    return Plane(hue.astype(np.float32), np.hypot(u, v).astype(np.float32), u, v)


def indices_of(rgb: RGB) -> NDArray[np.int32]:
    """For each pixel the index of its colour in the tables of ``tints_of`` and ``lightness_of``."""
    coarse = (rgb >> 2).astype(np.int32)
    return (coarse[..., 0] << 12) | (coarse[..., 1] << 6) | coarse[..., 2]


def tints_of(indices: NDArray[np.int32]) -> Cells:
    """The cell of each pixel's tint; ``DARK`` where it is too dark to tell."""
    return _tables()[0][indices]


def lightness_of(indices: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Oklab lightness of each pixel, 0 to 255."""
    return _tables()[1][indices]


@lru_cache(maxsize=1)
def _tables() -> tuple[Cells, NDArray[np.uint8]]:
    step = 256 // _LEVELS
    levels = (np.arange(_LEVELS) * step + step / 2) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    r, g, b = (part.ravel() for part in np.meshgrid(linear, linear, linear, indexing="ij"))
    long = np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    middle = np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    light = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    column, row = (
        np.clip(np.floor(axis / (light + _SHADE) / CELL + SIDE / 2), 0, SIDE - 1).astype(np.uint16)
        for axis in (a, b)
    )
    cells = row * np.uint16(SIDE) + column
    cells[light < _LEAST_LIGHT] = DARK
    return cells, np.clip(light * 255, 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a colour word holds, in degrees of hue.

    Attributes:
        may: Hues that a thing somebody calls so can have, in any light.
        sure: Hues that everybody calls so, given the lightness and strength below; None for a word that is
            never said unasked.
        light: Least and most lightness for being sure.
        strength: Least and most strength for being sure.
    """

    may: tuple[float, float]
    sure: tuple[float, float] | None = None
    light: tuple[float, float] = (0.3, 1.0)
    strength: tuple[float, float] = (0.14, 1.0)


ZONES: dict[str, Zone] = {
    "red": Zone((5, 45), (17, 36), light=(0.3, 0.72), strength=(0.22, 1.0)),
    "orange": Zone((38, 84), (46, 70), light=(0.62, 1.0), strength=(0.17, 1.0)),
    "yellow": Zone((60, 126), (93, 113), light=(0.7, 1.0), strength=(0.12, 1.0)),
    "green": Zone((116, 178), (133, 166), light=(0.3, 0.95), strength=(0.11, 1.0)),
    "blue": Zone((215, 288), (246, 276), light=(0.25, 0.75), strength=(0.15, 1.0)),
    "purple": Zone((280, 342), (288, 313), light=(0.25, 0.75), strength=(0.14, 1.0)),
    "pink": Zone((316, 380), (324, 368), light=(0.64, 1.0), strength=(0.1, 0.36)),
    "cyan": Zone((168, 228)),
    "turquoise": Zone((165, 228)),
    "teal": Zone((165, 228)),
    "magenta": Zone((314, 368)),
    "violet": Zone((280, 342)),
    "golden": Zone((65, 112)),
}
"""Words for colours with a hue, and where they hold."""

SURE_WORDS = tuple(word for word, zone in ZONES.items() if zone.sure)
"""Words that are said unasked."""


def fits(word: str, hue: float) -> bool:
    """Whether a thing of this hue can be what somebody calls ``word``; False for words without a hue."""
    return word in ZONES and bool(may_be(word, np.float32(hue)))


def may_be(word: str, hues: ArrayLike) -> NDArray[np.bool_]:
    """Which of these hues, in degrees, somebody may call by a word that has a hue; shape as given."""
    return _between(hues, ZONES[word].may)


def is_core(word: str, hues: ArrayLike) -> NDArray[np.bool_]:
    """Which of these hues, in degrees, nobody doubts to be called by a word that has one; shape as given."""
    low, high = ZONES[word].sure or ZONES[word].may
    return _between(hues, (low - _MARGIN, high + _MARGIN))


def sure_word(colour: Colour) -> str | None:
    """The word that everybody would use for a colour, or None where people differ."""
    for word, zone in ZONES.items():
        if (
            zone.sure is not None
            and bool(_between(colour.hue, zone.sure))
            and zone.light[0] <= colour.light <= zone.light[1]
            and zone.strength[0] <= colour.strength <= zone.strength[1]
        ):
            return word
    return None


def _between(hues: ArrayLike, bounds: tuple[float, float]) -> NDArray[np.bool_]:
    low, high = bounds
    return np.asarray((np.asarray(hues) - low) % 360 <= high - low)
