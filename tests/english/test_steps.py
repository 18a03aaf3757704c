"""Subtask labels become steps: what is done, to what, where, with which arm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.english.steps import read_step


@pytest.mark.parametrize(
    ("label", "kind", "thing", "place"),
    [
        ("wait", "wait", None, None),
        ("Retract", "retract", None, None),
        ("return to home position", "retract", None, None),
        ("move towards the pink brick", "approach", "the pink brick", None),
        ("move the gripper to the shelf", "approach", "the shelf", None),
        ("reach for a cup", "approach", "the cup", None),
        ("grasp the pink brick", "grasp", "the pink brick", None),
        ("Pick up a red cup.", "pick", "the red cup", None),
        ("lift the cup", "lift", "the cup", None),
        ("move the cup", "carry", "the cup", None),
        ("carry the cup to the shelf", "carry", "the cup", "the shelf"),
        ("lower the cup onto the plate", "lower", "the cup", "the plate"),
        ("release the brick into the box", "release", "the brick", "the box"),
        ("let go of the cup", "release", "the cup", None),
        ("place the cup on the shelf", "place", "the cup", "the shelf"),
        ("pick up the cup and place it on the shelf", "place", "the cup", "the shelf"),
        ("stack the green brick on the pink brick", "place", "the green brick", "the pink brick"),
        ("push the red brick towards the blue brick", "push", "the red brick", "the blue brick"),
        ("open the drawer", "open", "the drawer", None),
        ("reopen the gripper and back off from the brick", "reopen", "the brick", None),
        ("wipe the table", "act", "the table", None),
        ("drive to the table", "approach", "the table", None),
        ("back away from the table", "retract", None, None),
        ("pull open the drawer", "open", "the drawer", None),
        ("push the drawer closed", "close", "the drawer", None),
        ("crack the egg", "act", "the egg", None),
        ("gripper closing", "unknown", None, None),
        ("抓取方块", "unknown", None, None),
        ("…", "unknown", None, None),
    ],
)
def test_what_a_label_says(label: str, kind: str, thing: str | None, place: str | None) -> None:
    step = read_step(label)
    assert (step.kind, step.thing, step.place) == (kind, thing, place)


def test_the_arm_is_told_apart_from_the_rest() -> None:
    step = read_step("grasp the cup with the left arm.")
    assert (step.text, step.arm, step.thing) == ("grasp the cup", "left", "the cup")
    assert read_step("Left arm: grasp the cup") == step


@pytest.mark.parametrize(
    ("label", "command"),
    [
        ("Picking up the cup", "pick up the cup"),
        ("grasps the cup", "grasp the cup"),
        ("carefully hanging the mug on the hook", "carefully hang the mug on the hook"),
    ],
)
def test_a_label_in_another_form_is_read_as_a_command(label: str, command: str) -> None:
    assert read_step(label).text == command


@given(st.text(max_size=60))
def test_any_label_is_some_step(label: str) -> None:
    step = read_step(label)
    assert step.kind == "unknown" or step.text
