"""Finding grippers: by name, by layout, by behaviour; and which way they close."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from signals.robots import simulate, simulate_both

from roboscribe.episode import Channels, Episode
from roboscribe.signals import analyse
from roboscribe.signals.channels import columns_of, is_gripper, side


@pytest.mark.parametrize(
    "name",
    [
        "gripper",
        "gripper.pos",
        "left_gripper_joint",
        "main_gripper",
        "panda_finger_joint1",
        "kRightHandThumbRotation",
        "kLeftHandPinky",
        "right_hand_index_0_joint",
        "claw_angle",
        "gripperPosition",
        "gripper_closedness_action",
        "l_gripper_jaw",
        "left_arm_gripper",
        "right_arm.gripper_position",
    ],
)
def test_names_of_grippers(name: str) -> None:
    assert is_gripper(name)


@pytest.mark.parametrize(
    "name",
    ["shoulder_pan.pos", "wrist_roll", "kLeftWristYaw", "left_hand_x", "gripper_z", "x", "joint_6", "waist"],
)
def test_names_of_joints(name: str) -> None:
    assert not is_gripper(name)


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("left_waist", "left"),
        ("kRightElbow", "right"),
        ("right_arm.joint_1", "right"),
        ("joint_left", "left"),
        ("l_wrist_roll", "left"),
        ("rh_thumb", "right"),
        ("elbow_flex.pos", ""),
        ("lift", ""),
        ("rotation", ""),
    ],
)
def test_sides(name: str, arm: str) -> None:
    assert side(name) == arm


def test_two_fingers_of_one_gripper_are_not_two_arms() -> None:
    names = (*(f"joint{i}" for i in range(7)), "left_finger", "right_finger")
    (only,) = columns_of(names, np.zeros((5, 9)))
    assert only.arm == ""
    assert only.gripper == (7, 8)


def test_two_arms_are_told_apart_by_name() -> None:
    names = ("left_a", "left_gripper", "right_a", "right_gripper")
    left, right = columns_of(names, np.zeros((5, 4)))
    assert (left.arm, left.joints, left.gripper) == ("left", (0,), (1,))
    assert (right.arm, right.joints, right.gripper) == ("right", (2,), (3,))


def test_a_lone_channel_goes_by_its_name() -> None:
    (only,) = columns_of(("gripper_position",), np.zeros((5, 1)))
    assert (only.joints, only.gripper) == ((), (0,))


def bare(data: Episode) -> Episode:
    """The episode as a dataset without names would have it."""

    def strip(channels: Channels | None) -> Channels | None:
        return channels and Channels(channels.values, ("",) * len(channels.names))

    return replace(data, state=strip(data.state), action=strip(data.action))


@pytest.mark.parametrize("kind", ["degrees", "metres", "inverted", "hand", "cartesian"])
@pytest.mark.parametrize("seed", range(3))
def test_without_names_behaviour_shows_the_gripper(kind: str, seed: int) -> None:
    data, _ = simulate(kind, "pick", seed)
    named, nameless = analyse(data).events, analyse(bare(data)).events
    assert [event.kind for event in named] == [event.kind for event in nameless]
    assert [event.start for event in named] == pytest.approx([event.start for event in nameless], abs=0.1)


def test_without_names_two_arms_show_in_the_layout() -> None:
    data, _ = simulate_both(1)
    signals = analyse(bare(data))
    assert signals.arms == ("left", "right")
    assert {event.arm for event in signals.events} == {"left", "right"}


def grasp(closed: float, opened: float, name: str, told: bool = True) -> Episode:
    """An arm that comes, closes its gripper, lifts and stands: with raw values for closed and opened."""
    times = np.arange(150) / 30
    ramp = np.clip((times - 1.5) / 0.5, 0, 1)
    arm = np.clip(times / 1.2, 0, 1) + np.clip((times - 2.5) / 1.0, 0, 1)
    grip = opened + (closed - opened) * ramp
    values = np.column_stack((arm, np.sin(arm), grip)).astype(np.float32)
    channels = Channels(values, ("a", "b", name))
    return Episode(0, (), 30.0, times.astype(np.float32), channels, channels if told else None, (), {})


@pytest.mark.parametrize(
    ("closed", "opened", "name"),
    [
        (0.0, 0.08, "gripper_width"),
        (1.0, 0.0, "gripper_closedness"),
        (0.0, 1.0, "gripper_open"),
        (0.0, 100.0, "gripper.pos"),
        (255.0, 0.0, "gripper"),
        (-1.0, 1.0, "gripper"),
        (1.0, -1.0, "gripper"),
    ],
)
def test_a_standing_arm_that_moves_its_open_gripper_closes_it(
    closed: float, opened: float, name: str
) -> None:
    (event,) = analyse(grasp(closed, opened, name)).events
    assert event.kind == "close"
    assert event.start == pytest.approx(1.5, abs=0.1)


def test_a_gripper_that_barely_moves_makes_no_event() -> None:
    assert analyse(grasp(4.0, 7.3, "gripper.pos")).events == ()


def test_a_command_that_is_met_cannot_tell_what_is_held() -> None:
    (event,) = analyse(grasp(0.0, 0.08, "gripper_width")).events
    assert event.holding is None


@pytest.mark.parametrize("kind", ["degrees", "metres", "inverted", "nameless", "hand"])
def test_fingers_that_stop_short_hold_something(kind: str) -> None:
    data, _ = simulate(kind, "miss", 2)
    closings = [event for event in analyse(data).events if event.kind == "close"]
    assert [event.holding for event in closings][:2] == [False, True]


def test_events_start_with_the_command_and_end_with_the_fingers() -> None:
    data, gold = simulate("metres", "pick", 7)
    begin = next(span.start for span in gold if span.label.startswith("grasp"))
    event = next(event for event in analyse(data).events if event.kind == "close")
    assert event.start == pytest.approx(begin, abs=0.12)
    assert 0.2 < event.end - event.start < 1.5


def test_a_pulsed_command_is_read_from_the_measurement() -> None:
    data, _ = simulate("cartesian", "pick", 1)
    assert data.action is not None
    level = data.action.values[:, -1]
    pulses = np.zeros_like(level)
    for frame in np.flatnonzero(np.diff(level)):
        pulses[frame : frame + 6] = np.sign(level[frame + 1] - level[frame])
    values = np.column_stack((data.action.values[:, :-1], pulses)).astype(np.float32)
    pulsed = replace(data, action=Channels(values, data.action.names))
    # The fingers show the pre-shaping on the way, too.
    assert [event.kind for event in analyse(pulsed).events][:3] == ["open", "close", "open"]
