"""Memories: what the robot says it has done."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.asks import UpdateMemory
from roboscribe.models.builtin.memory import remember
from roboscribe.models.builtin.retelling import MOST_WORDS, past_phrase


def after(*labels: str, task: str = "") -> list[str]:
    """The memory after each of the labels."""
    boundaries = tuple(range(1, len(labels) + 1))
    return remember(UpdateMemory(episode=0, task=task, subtasks=labels, boundaries=boundaries)).memories


def test_a_pick_and_place_step_by_step() -> None:
    assert after(
        "wait",
        "move towards the pink brick",
        "grasp the pink brick",
        "lift the pink brick",
        "move to the transparent box",
        "release the pink brick into the transparent box",
        "retract",
    ) == [
        "I have waited.",
        "I moved to the brick.",
        "I grasped the brick.",
        "I picked up the brick.",
        "I picked up the brick and moved it to the box.",
        "I put the pink brick in the transparent box.",
        "I put the brick in the box.",
    ]


def test_things_of_one_kind_keep_what_tells_them_apart() -> None:
    memories = after(
        "lift the pink brick",
        "release the pink brick into the transparent box",
        "grasp the red brick",
        "release the red brick into the transparent box",
        "retract",
    )
    assert memories[0] == "I picked up the pink brick."
    assert memories[2] == "I put the pink brick in the box and grasped the red brick."
    assert memories[4] == "I put the pink and the red brick in the box."


def test_the_task_tells_which_things_there_are() -> None:
    assert after("lift the pink brick", task="Stack the pink brick on the red brick") == [
        "I picked up the pink brick."
    ]


def test_a_grasp_that_missed_is_told_until_the_next_one_succeeds() -> None:
    assert after(
        "grasp the pink brick",
        "reopen the gripper and back off from the pink brick",
        "move towards the pink brick",
        "grasp the pink brick",
        "reopen the gripper and back off from the pink brick",
        "grasp the pink brick",
        "lift the pink brick",
        "release the pink brick into the box",
    ) == [
        "I grasped the brick.",
        "My first try at the brick missed.",
        "My first try at the brick missed.",
        "I grasped the brick on the second try.",
        "My first two tries at the brick missed.",
        "I grasped the brick on the third try.",
        "I picked up the brick on the third try.",
        "I put the pink brick in the box.",
    ]


def test_a_thing_that_was_lost_is_told() -> None:
    memories = after("grasp the cube", "lift the cube", "wait", "move towards the cube", "grasp the cube")
    assert memories[2:] == [
        "I picked up the cube.",
        "I lost the cube once.",
        "I grasped the cube on the second try.",
    ]


def test_pushing_stacking_and_drawers() -> None:
    assert after("move towards the red brick", "push the red brick towards the blue brick", "retract")[
        1:
    ] == [
        "I pushed the red brick towards the blue brick.",
        "I pushed the red brick towards the blue brick.",
    ]
    assert after("lift the cup", "lower the cup onto the plate", "release the cup on top of the plate") == [
        "I picked up the cup.",
        "I picked up the cup and lowered it onto the plate.",
        "I put the cup on top of the plate.",
    ]
    assert after("grasp the drawer", "open the drawer", "release the drawer", "lift the cup")[2:] == [
        "I opened the drawer.",
        "I opened the drawer and picked up the cup.",
    ]


def test_a_thing_handed_over_is_still_held() -> None:
    memories = after(
        "grasp the cube with the left arm",
        "grasp the cube with the right arm",
        "release the cube with the left arm",
        "release the cube into the box with the right arm",
    )
    assert memories[2:] == ["I grasped the cube.", "I put the cube in the box."]


@pytest.mark.parametrize(
    ("label", "past"),
    [
        ("wipe the table", "wiped the table"),
        ("Pick up the cup.", "picked up the cup"),
        ("turn on the stove", "turned on the stove"),
        ("pick up the spoon and stir the soup", "picked up the spoon and stirred the soup"),
        ("carefully hang the mug", "carefully hung the mug"),
        ("crack the egg", "cracked the egg"),
        ("hover above the box", "hovered above the box"),
        ("the robot moves the plate to the sink", "moved the plate to the sink"),
        ("picking up the cup", "picked up the cup"),
        ("gripper closing", "finished “gripper closing”"),
    ],
)
def test_labels_in_any_wording(label: str, past: str) -> None:
    assert past_phrase(label) == past


def test_memories_for_labels_of_a_language_model() -> None:
    assert after("Pick up the red cup", "fill the red cup with water", "place the red cup on the shelf") == [
        "I picked up the cup.",
        "I picked up the cup and filled the red cup with water.",
        "I filled the cup with water and placed the red cup on the shelf.",
    ]


def test_moving_the_hand_is_no_outcome() -> None:
    assert after("reach for the cup", "pick up the cup", "move the gripper to the shelf") == [
        "I moved to the cup.",
        "I picked up the cup.",
        "I picked up the cup and moved it to the shelf.",
    ]


def test_only_the_boundaries_asked_for_are_answered() -> None:
    labels = ("grasp the cube", "lift the cube", "release the cube into the box")
    ask = UpdateMemory(episode=0, task="", subtasks=labels, boundaries=(2,), previous="I grasped the cube.")
    assert remember(ask).memories == ["I picked up the cube."]


COLOURS = ("red", "green", "blue", "yellow", "pink", "white", "black")
THINGS = st.sampled_from([f"the {colour} brick" for colour in COLOURS] + ["the cup", "the 3 spoons"])
LABELS = st.one_of(
    st.sampled_from(
        ["wait", "retract", "move the object", "open the drawer", "crack the egg", "Go home", "???"]
    ),
    st.builds("move towards {}".format, THINGS),
    st.builds("grasp {}".format, THINGS),
    st.builds("lift {}".format, THINGS),
    st.builds("reopen the gripper and back off from {}".format, THINGS),
    st.builds("lower {} onto {}".format, THINGS, THINGS),
    st.builds("release {} into the transparent box".format, THINGS),
    st.builds("push {} towards {}".format, THINGS, THINGS),
    st.text(min_size=1, max_size=40),
)


@given(st.lists(LABELS, min_size=1, max_size=25))
def test_a_memory_is_short_and_in_the_first_person(labels: list[str]) -> None:
    memories = after(*labels)
    assert len(memories) == len(labels)
    for memory in memories:
        assert re.match(r"(?:I|My|After \S+ earlier steps?, I) ", memory)
        assert memory.endswith(".")
        assert len(memory) <= 600


@given(st.lists(st.sampled_from(COLOURS), min_size=1, max_size=30, unique=False))
def test_what_was_put_somewhere_is_never_forgotten_in_silence(colours: list[str]) -> None:
    labels = [
        f"{verb} the {colour} brick{where}"
        for colour in colours
        for verb, where in [("lift", ""), ("release", " into the box")]
    ]
    for done, memory in enumerate(after(*labels)[1::2], 1):
        bricks = set(colours[:done])
        named = {colour for colour in COLOURS if colour in memory}
        numbers = {"five": 5, "six": 6, "seven": 7}
        counted = next((number for word, number in numbers.items() if f"{word} objects" in memory), None)
        assert named == bricks or counted == len(bricks) or (len(bricks) == 1 and "the brick" in memory)
        assert len(memory.split()) <= MOST_WORDS
