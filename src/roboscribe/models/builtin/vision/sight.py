"""What is seen in one picture: a look and the things that are known go in, things with their places come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roboscribe.models.builtin.vision.blobs import Blob, grown
from roboscribe.models.builtin.vision.colours import DARK, SURE_WORDS, is_core, may_be, plane
from roboscribe.models.builtin.vision.looks import Look
from roboscribe.models.builtin.vision.palette import ROBOT, STRENGTH
from roboscribe.models.builtin.vision.things import Thing, same_place

_IN_ONE_PIECE = 0.9
"""Share of the pixels of a thing's colour that must be in one region."""
_SMALLEST, _LARGEST = 0.6, 1.6
"""How large a thing may be seen, in terms of its full area: hidden in part, or held nearer to the camera."""
_GROWN = 1.2
"""How large a thing may be seen that lies still; more than that, and another has come to lie by it."""
_VIVID = 0.13
"""Strength from which on a tint would be called by its colour."""
_TOUCH = 0.1
"""Share of the robot that may have a colour without it being said to be of this colour."""
_SPECKS = 12
"""Pixels of a colour, scattered or not, that are taken for none."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A thing in a picture; coordinates are pixels of the dataset's frame.

    Attributes:
        thing: What it is.
        box: Left, top, right and bottom edge.
        middle: Mean x and y of its pixels.
        point: The point on it that is nearest to its middle.
        at_rest: Whether it is in a place in which it was seen to lie.
    """

    thing: Thing
    box: tuple[float, float, float, float]
    middle: tuple[float, float]
    point: tuple[float, float]
    at_rest: bool


@dataclass(frozen=True, eq=False)
class Sight:
    """What a picture shows without doubt.

    Attributes:
        seen: The things.
        size: Width and height of the dataset's frame in pixels.
        absent: Colours of which there is nothing in the picture.
        told: Colours of which there is nothing in the picture but the things that are seen.
    """

    seen: tuple[Seen, ...]
    size: tuple[float, float]
    absent: frozenset[str]
    told: frozenset[str]


def see(look: Look, things: Sequence[Thing], scale: tuple[float, float], *, camera_moves: bool) -> Sight:
    """The things that can be made out in a picture without doubt.

    Args:
        look: The picture.
        things: The things that are known.
        scale: Pixels of the dataset's frame to one of the look, across and down.
        camera_moves: Whether nothing keeps its place in the picture.
    """
    found = [(thing, blob) for thing in things if (blob := _find(look, thing, camera_moves)) is not None]
    height, width = look.kinds.shape
    words = {thing.colour for thing, _ in found if thing.colour}
    return Sight(
        seen=tuple(_seen(thing, blob, scale) for thing, blob in found),
        size=(width * scale[0], height * scale[1]),
        absent=_absent(look),
        told=frozenset(
            word
            for word in words
            if _is_told(look, word, [blob for thing, blob in found if thing.colour == word])
        ),
    )


def _find(look: Look, thing: Thing, camera_moves: bool) -> Blob | None:
    if thing.mention is None:
        there = (blob for blob in look.clear if any(place.holds(blob) for place in thing.places))
        return next((blob for blob in there if blob.area <= _GROWN * thing.area), None)
    alike = [blob for blob in look.blobs if blob.kind == thing.kind]
    blob = max(alike, key=lambda one: one.area, default=None)
    if blob is None or blob.area < _IN_ONE_PIECE * sum(one.area for one in alike):
        return None
    if camera_moves:
        return blob if blob in look.clear else None
    whole = _SMALLEST * thing.area <= blob.area <= _LARGEST * thing.area
    return blob if whole and look.is_inside(blob) else None


def _seen(thing: Thing, blob: Blob, scale: tuple[float, float]) -> Seen:
    across, down = scale
    rows, columns = np.nonzero(blob.mask)
    x, y = columns + blob.x0 + 0.5, rows + blob.y0 + 0.5
    nearest = int(np.argmin((x - blob.x) ** 2 + (y - blob.y) ** 2))
    return Seen(
        thing=thing,
        box=(blob.x0 * across, blob.y0 * down, blob.x1 * across, blob.y1 * down),
        middle=(blob.x * across, blob.y * down),
        point=(float(x[nearest]) * across, float(y[nearest]) * down),
        at_rest=any(same_place(place.blob, blob) for place in thing.places),
    )


def _absent(look: Look) -> frozenset[str]:
    """Colours that nothing in the picture could be called."""
    grid = plane()
    counts = np.bincount(look.cells.ravel(), minlength=len(grid.hue)) * (grid.strength >= STRENGTH)
    counts[DARK] = 0
    return frozenset(word for word in SURE_WORDS if counts[may_be(word, grid.hue)].sum() <= _SPECKS)


def _is_told(look: Look, word: str, blobs: Sequence[Blob]) -> bool:
    """Whether a colour is found nowhere in the picture but in some regions and at their blurred edges.

    The robot may have a touch of it, where light falls on it in another way.
    """
    grid = plane()
    vivid = is_core(word, grid.hue) & (grid.strength >= _VIVID)
    vivid[DARK] = False
    elsewhere = vivid[look.cells]
    robot = look.kinds == ROBOT
    if (elsewhere & robot).sum() <= _TOUCH * robot.sum():
        elsewhere &= ~grown(robot, 1)
    for blob in blobs:
        blob.erase(elsewhere, 2)
    return int(elsewhere.sum()) <= _SPECKS
