"""Colours by name, whatever the light."""

from __future__ import annotations

import numpy as np
import pytest

from roboscribe.models.builtin.vision.colours import (
    DARK,
    Colour,
    fits,
    indices_of,
    lightness_of,
    plane,
    sure_word,
    tints_of,
)


def seen(*rgb: int) -> Colour:
    """A colour as pictures have it."""
    indices = indices_of(np.array([[rgb]], np.uint8))
    cell = int(tints_of(indices)[0, 0])
    assert cell != DARK
    light = float(lightness_of(indices)[0, 0]) / 255
    return Colour(float(plane().hue[cell]), float(plane().strength[cell]), light)


@pytest.mark.parametrize(
    ("rgb", "word"),
    [
        ((200, 30, 35), "red"),
        ((250, 140, 20), "orange"),
        ((250, 225, 50), "yellow"),
        ((40, 160, 70), "green"),
        ((30, 80, 200), "blue"),
        ((120, 50, 170), "purple"),
        ((245, 130, 190), "pink"),
    ],
)
def test_plain_colours_have_the_names_that_everybody_gives_them(rgb: tuple[int, int, int], word: str) -> None:
    assert sure_word(seen(*rgb)) == word
    assert fits(word, seen(*rgb).hue)


@pytest.mark.parametrize(
    "rgb",
    [
        (0, 150, 150),
        (139, 69, 19),
        (250, 128, 114),
        (180, 200, 40),
        (200, 200, 200),
        (200, 170, 130),
        (60, 60, 65),
    ],
    ids=["teal", "brown", "salmon", "lime", "grey", "tan", "charcoal"],
)
def test_colours_on_which_people_differ_have_no_name(rgb: tuple[int, int, int]) -> None:
    assert sure_word(seen(*rgb)) is None


@pytest.mark.parametrize(
    "rgb", [(200, 30, 35), (250, 225, 50), (40, 160, 70), (30, 80, 200), (245, 130, 190)]
)
def test_a_shadow_changes_lightness_but_hardly_the_tint(rgb: tuple[int, int, int]) -> None:
    lit, shaded = seen(*rgb), seen(*(part // 2 for part in rgb))
    assert shaded.light < 0.75 * lit.light
    assert abs((lit.hue - shaded.hue + 180) % 360 - 180) < 8
    assert abs(lit.strength - shaded.strength) < 0.07


def test_the_dark_has_no_tint() -> None:
    assert (tints_of(indices_of(np.array([[(8, 0, 0), (0, 0, 10), (12, 12, 12)]], np.uint8))) == DARK).all()


def test_a_word_may_be_used_more_widely_than_it_is_sure() -> None:
    mustard = seen(200, 160, 40)
    assert sure_word(mustard) is None
    assert fits("yellow", mustard.hue)
    assert not fits("blue", mustard.hue)
    assert not fits("transparent", mustard.hue)
