"""Motion primitives: what is said of arms and grippers, and what is left unsaid."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from signals.robots import simulate, simulate_both

from roboscribe.episode import Channels, Episode
from roboscribe.signals import Motion, analyse


def at(motions: tuple[Motion, ...], seconds: float) -> str:
    return next(motion.text for motion in motions if motion.start <= seconds < motion.end)


def ramp(column: int, names: tuple[str, ...], by: float = 1.0) -> Episode:
    """One channel that moves from 1 s to 2 s of 3; the others stand."""
    times = np.arange(90) / 30
    values = np.zeros((90, len(names)), dtype=np.float32)
    values[:, column] = by * np.clip(times - 1, 0, 1) ** 2 * (3 - 2 * np.clip(times - 1, 0, 1))
    channels = Channels(values, names)
    return Episode(0, (), 30.0, times.astype(np.float32), channels, channels, (), {})


@pytest.mark.parametrize(
    ("name", "by", "text"),
    [
        ("z", 0.2, "raise the arm"),
        ("z", -0.2, "lower the arm"),
        ("ee_pos_z", 0.2, "raise the arm"),
        ("x", 0.2, "move the arm"),
        ("wrist_roll.pos", 40.0, "rotate the wrist"),
        ("wrist_flex.pos", 40.0, "bend the wrist"),
        ("shoulder_pan.pos", 40.0, "turn the arm at its base"),
        ("elbow_flex.pos", 40.0, "move the arm"),
        ("joint_3", 0.5, "move the arm"),
        ("", 0.5, "move the arm"),
    ],
)
def test_a_motion_is_named_only_as_far_as_its_channel_tells(name: str, by: float, text: str) -> None:
    names = (name, "other_a" if name else "", "other_b" if name else "")
    motions = analyse(ramp(0, names, by)).motions
    assert at(motions, 1.5) == text
    assert at(motions, 0.3) == at(motions, 2.8) == "hold still"


@pytest.mark.parametrize(
    ("names", "by", "text"),
    [
        (("x.vel", "theta.vel"), 0.3, "drive forward"),
        (("x.vel", "arm_elbow.pos", "arm_gripper.pos", "theta.vel"), -0.3, "drive backward"),
        (("theta.vel", "x.vel"), -0.5, "turn right"),
        (("base_vx", "base_wz"), 0.3, "drive forward"),
        (("y.vel", "theta.vel"), 0.3, "drive"),
        (("x_vel", "y_vel", "z_vel"), 0.3, "move the arm"),
    ],
)
def test_a_base_drives_for_as_long_as_its_velocity_is_not_zero(
    names: tuple[str, ...], by: float, text: str
) -> None:
    times = np.arange(90) / 30
    values = np.zeros((90, len(names)), dtype=np.float32)
    values[30:60, 0] = by
    told = analyse(Episode(0, (), 30.0, times.astype(np.float32), None, Channels(values, names), (), {}))
    assert [at(told.motions, seconds) for seconds in (0.5, 1.5, 2.5)] == ["hold still", text, "hold still"]
    assert not told.events


def test_torques_are_no_motion() -> None:
    data = ramp(0, ("elbow", "wrist"))
    assert data.state is not None
    rough = np.random.default_rng(0).normal(0, 1, (90, 2)).astype(np.float32)
    names = ("elbow", "wrist", "elbow_torque", "wrist_effort")
    loaded = Channels(np.hstack((data.state.values, rough)), names)
    assert (
        analyse(replace(data, state=loaded, action=None)).pauses == analyse(replace(data, action=None)).pauses
    )
    only = Channels(rough, ("elbow_torque", "wrist_effort"))
    assert not analyse(replace(data, state=only, action=None)).phases


def test_no_motion_is_a_sliver() -> None:
    for seed in range(5):
        data, _ = simulate("degrees", "two", seed)
        motions = analyse(data).motions
        assert all(motion.end - motion.start > 0.15 for motion in motions)
        assert all(a.text != b.text for a, b in pairwise(motions))


def test_grippers_are_told_before_arms() -> None:
    data, gold = simulate("degrees", "pick", 3)
    motions = analyse(data).motions
    closing = next(span.start for span in gold if span.label.startswith("grasp"))
    opening = next(span.start for span in gold if span.label.startswith("release"))
    assert at(motions, closing + 0.2) == "close the gripper"
    assert at(motions, opening + 0.2) == "open the gripper"


@pytest.mark.parametrize("measured", [True, False])
def test_a_gripper_that_is_told_only_open_or_closed_is_seen_to_move(measured: bool) -> None:
    data, gold = simulate("degrees", "pick", 3)
    assert data.action is not None
    told = data.action.values.copy()
    told[:, -1] = told[:, -1] > np.median(told[:, -1])
    action = Channels(told, data.action.names)
    motions = analyse(replace(data, state=data.state if measured else None, action=action)).motions
    closing = next(span.start for span in gold if span.label.startswith("grasp"))
    assert "close the gripper" in {at(motions, closing + seconds) for seconds in (0.1, 0.2, 0.3)}


def test_with_two_arms_the_arm_is_named() -> None:
    data, gold = simulate_both(2)
    motions = analyse(data).motions
    first, second = (span.start for span in gold if span.label.startswith("grasp"))
    assert at(motions, first + 0.25) == "close the left gripper"
    assert at(motions, second + 0.25) == "close the right gripper"


def test_video_only_episodes_have_no_motions() -> None:
    times = np.arange(10, dtype=np.float32) / 10
    assert analyse(Episode(0, (), 10.0, times, None, None, (), {})).motions == ()
