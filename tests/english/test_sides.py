"""Left and right in what is said: which arm, and which way."""

import pytest

from roboscribe.english.sides import are_opposed, arms_in, ways_in


@pytest.mark.parametrize(
    ("text", "arms", "ways"),
    [
        ("use your left hand", {"left"}, set()),
        ("with the right robot arm, not the left arm", {"left", "right"}, set()),
        ("the left bin", set(), set()),
        ("push it to the left", set(), {"left"}),
        ("to the right arm", {"right"}, set()),
        ("turn it anticlockwise", set(), {"counterclockwise"}),
        ("put it in my left hand", set(), set()),
    ],
)
def test_arms_and_ways(text: str, arms: set[str], ways: set[str]) -> None:
    assert (arms_in(text), ways_in(text)) == (arms, ways)


def test_what_is_opposed() -> None:
    assert are_opposed({"left"}, {"right"})
    assert not are_opposed({"left"}, {"left", "right"})
    assert not are_opposed({"left"}, {"clockwise"})
    assert not are_opposed({"left"}, ())
