"""What is told of the gripper at the time of a picture is what the signals know."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shots import SIGNALS, questions, shot

from roboscribe.asks import gripper_at
from roboscribe.signals import GripperEvent


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "the gripper is open"),
        (1.1, "the gripper is closing"),
        (2.0, "the gripper is closed and holds something"),
        (3.0, "the gripper is opening"),
        (4.0, "the gripper is open"),
    ],
)
def test_the_gripper_is_as_its_events_left_it(seconds: float, words: str) -> None:
    assert gripper_at(SIGNALS, seconds) == words


def test_what_is_held_is_told_only_where_it_is_known() -> None:
    closed = {
        holding: gripper_at(replace(SIGNALS, events=(GripperEvent("close", 1.0, 1.2, "", holding),)), 2.0)
        for holding in (True, False, None)
    }
    assert closed == {
        True: "the gripper is closed and holds something",
        False: "the gripper is closed and holds nothing",
        None: "the gripper is closed",
    }


def test_each_arm_has_its_own_gripper_and_one_without_events_is_not_mentioned() -> None:
    two = replace(SIGNALS, arms=("left", "right"))
    left = GripperEvent("open", 1.0, 1.2, "left")
    right = GripperEvent("close", 2.0, 2.2, "right")
    assert (
        gripper_at(replace(two, events=(left, right)), 1.5)
        == "the left gripper is open; the right gripper is open"
    )
    assert gripper_at(replace(two, events=(right,)), 0.0) == "the right gripper is open"
    assert gripper_at(replace(two, events=()), 0.0) == ""


def test_pictures_come_under_their_number_camera_and_time() -> None:
    first, second = shot(), shot(index=20)
    parts = questions((first, ("count",), 1), (second, ("count",), 1)).look()
    assert parts == ["Picture 1 (top, 0.0 s):", first.picture(), "Picture 2 (top, 2.0 s):", second.picture()]
