"""Connected regions of a picture of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from roboscribe.models.builtin.vision.blobs import blobs

PICTURES = arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 0, 1, 2])
)


def flooded(picture: NDArray[np.uint8]) -> list[set[tuple[int, int]]]:
    """The regions, found pixel by pixel."""
    left = {(int(y), int(x)) for y, x in np.argwhere(picture)}
    regions: list[set[tuple[int, int]]] = []
    while left:
        region = {left.pop()}
        edge = set(region)
        while edge:
            y, x = edge.pop()
            around = {(y + down, x + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
            joined = {at for at in around & left if picture[at] == picture[y, x]}
            left -= joined
            region |= joined
            edge |= joined
        regions.append(region)
    return regions


@given(PICTURES)
def test_regions_are_those_that_a_flood_finds(picture: NDArray[np.uint8]) -> None:
    found: list[set[tuple[int, int]]] = []
    for blob in blobs(picture, 1):
        pixels = {(int(y) + blob.y0, int(x) + blob.x0) for y, x in np.argwhere(blob.mask)}
        assert all(picture[at] == blob.kind for at in pixels)
        assert blob.area == len(pixels)
        middle = np.mean([(x + 0.5, y + 0.5) for y, x in pixels], axis=0)
        np.testing.assert_allclose((blob.x, blob.y), middle)
        found.append(pixels)
    assert sorted(map(sorted, found)) == sorted(map(sorted, flooded(picture)))


def test_small_regions_are_left_out() -> None:
    picture = np.zeros((6, 6), np.uint8)
    picture[:2, :2] = 1
    picture[5, 5] = 1
    assert [blob.area for blob in blobs(picture, 2)] == [4]


def drawn(*rows: str) -> Any:
    (blob,) = blobs(np.array([[char == "#" for char in row] for row in rows]).astype(np.uint8), 1)
    return blob


def test_a_hole_makes_a_region_less_solid_and_is_not_around_it() -> None:
    ring = drawn(".......", ".#####.", ".#...#.", ".#...#.", ".#####.", ".......")
    assert ring.solidity == 14 / 20
    around = ring.ring(np.arange(42).reshape(6, 7), gap=0, thickness=1)
    assert len(around) == 22, "the frame around it, not what is in the hole"


def test_a_long_region_is_elongated() -> None:
    assert drawn("#" * 20, "#" * 20).elongation > 8
    assert drawn("####", "####", "####", "####").elongation == 1


def test_what_lies_near_is_erased_with_it() -> None:
    mask = np.ones((4, 7), bool)
    drawn(".......", "..#....", ".......", ".......").erase(mask, 1)
    assert mask.sum() == 28 - 9
