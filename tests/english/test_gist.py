"""Texts that say the same have one gist, whatever their manners."""

from __future__ import annotations

import pytest

from roboscribe.english.gist import gist


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Could you grab the cup, please?", "Grab the cup!"),
        ("I'd like you to put the bricks in the box.", "Now put the brick in the box."),
        ("Don’t touch the box", "don't touch that box!"),
        ("Now, please!", "please, NOW"),
    ],
)
def test_the_same_in_other_manners(one: str, other: str) -> None:
    assert gist(one) == gist(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Grab the cup.", "Grab the bowl."),
        ("Grab the red cup.", "Grab the blue cup."),
        ("Grab the cup gently.", "Grab the cup."),
        ("Please.", "Now."),
    ],
)
def test_something_else_has_another_gist(one: str, other: str) -> None:
    assert gist(one) != gist(other)
