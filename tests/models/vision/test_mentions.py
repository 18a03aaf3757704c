"""What a task text says about things one can see."""

from __future__ import annotations

import pytest

from roboscribe.models.builtin.vision.mentions import mentions_of


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("Put the pink brick in the transparent box.", [("pink brick", True)]),
        ("Stack the green brick on top of the pink brick.", [("green brick", True), ("pink brick", False)]),
        ("Push the red cube towards the blue bowl.", [("red cube", True), ("blue bowl", False)]),
        ("Pick up the yellow bottle on the table.", [("yellow bottle", True)]),
        ("pick the small light blue toy car", [("blue toy car", True)]),
        ("Grab the orange.", [("orange", True)]),
        ("Pick up the mug and place it in the sink.", [("mug", True), ("sink", False)]),
        ("Open the red drawer.", [("red drawer", False)]),
    ],
)
def test_single_things_are_named_with_their_colour(task: str, expected: list[tuple[str, bool]]) -> None:
    assert [(mention.name, mention.moved) for mention in mentions_of(task)] == expected


@pytest.mark.parametrize(
    "task",
    [
        "",
        "task",
        "Move the red and blue cubes.",
        "Pick up all green bricks.",
        "Take the white cup.",
        "Do it again.",
    ],
)
def test_nothing_is_made_of_what_does_not_tell_a_thing_by_its_hue(task: str) -> None:
    assert mentions_of(task) == ()
