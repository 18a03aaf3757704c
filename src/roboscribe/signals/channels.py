"""Which channel is what: from names, or behaviour where names are missing, to arm and gripper columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from roboscribe.signals.arrays import Array, Mask, correlation, noise, smooth
from roboscribe.signals.facts import Arm


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FINGER_WORDS = _words("finger fingers thumb index middle ring pinky little knuckle knuckles jaw jaws")

GRIPPER_WORDS = FINGER_WORDS | _words("gripper grippers grip claw pincher pincer hand hands suction")
"""A channel with one of these words in its name moves fingers."""

POSE_WORDS = _words(
    "x y z rx ry rz qx qy qz qw roll pitch yaw quat rotvec wrist elbow shoulder force torque effort"
)
"""A channel with one of these belongs to the arm (``left_hand_x``), unless it names a finger."""

DELTA_WORDS = _words("delta vel velocity speed dx dy dz droll dpitch dyaw dtheta vx vy vz wx wy wz omega")
"""A channel with one of these tells a change or a speed, not a position."""

EFFORT_WORDS = _words("force torque effort load wrench")
"""A channel with one of these tells how hard something pushes, not where it is."""

BASE_WORDS = _words("base chassis wheel wheels theta dtheta omega drive")
"""A change or speed with one of these moves the whole robot."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The channels of one arm.

    Attributes:
        arm: Which arm.
        joints: Columns that place the arm (joints, or a Cartesian pose).
        gripper: Columns that move its gripper or hand; empty when it has none.
    """

    arm: Arm
    joints: tuple[int, ...]
    gripper: tuple[int, ...]


def words(name: str) -> tuple[str, ...]:
    """The lower-case words of a channel name: ``kLeftHandThumb_1.pos`` → left, hand, thumb, 1, pos."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    parts = re.findall(r"[A-Za-z]+|\d+", spaced)
    found = tuple(part.lower() for part in parts)
    return found[1:] if found[:1] == ("k",) else found


def side(name: str) -> Arm:
    """The arm a channel name speaks of: by a word left or right, or a leading l, r, lh or rh."""
    found = words(name)
    if any(word.startswith("left") for word in found) or found[:1] in (("l",), ("lh",)):
        return "left"
    if any(word.startswith("right") for word in found) or found[:1] in (("r",), ("rh",)):
        return "right"
    return ""


def is_gripper(name: str) -> bool:
    """Whether a channel name speaks of a gripper or of a hand's fingers."""
    found = set(words(name))
    if not found & GRIPPER_WORDS:
        return "closedness" in found or "openness" in found
    return bool(found & FINGER_WORDS) or not found & POSE_WORDS


def is_delta(names: tuple[str, ...]) -> bool:
    """Whether channel names say that values are changes or velocities, not positions."""
    arm = [name for name in names if not is_gripper(name)]
    return bool(arm) and sum(_has(name, DELTA_WORDS) for name in arm) * 2 > len(arm)


def changes(names: tuple[str, ...]) -> Mask:
    """Which channels tell changes or velocities, shape [channels]: all of them where most of the arm's do."""
    if is_delta(names):
        return np.ones(len(names), dtype=np.bool_)
    return np.array([_has(name, DELTA_WORDS) for name in names], dtype=np.bool_)


def is_base(names: tuple[str, ...]) -> Mask:
    """Which channels drive the robot's base, shape [channels]: velocities, where one of them names a base.

    ``x.vel`` alone may be that of a hand; beside ``theta.vel`` it is not.
    """
    speeds = np.array([_has(name, DELTA_WORDS) for name in names], dtype=np.bool_)
    named = any(fast and _has(name, BASE_WORDS) for fast, name in zip(speeds, names, strict=True))
    return speeds & named


def columns_of(names: tuple[str, ...], values: Array) -> tuple[Columns, ...]:
    """The arms of a robot with their joint and gripper columns, in the order left, right.

    Args:
        names: One per channel, ``""`` where unknown.
        values: Cleaned values, shape [frames, channels].

    Returns:
        One entry with arm ``""`` for a single arm; two where names, or a doubled layout, show two.
    """
    count = len(names)
    if not count:
        return ()
    alike = count > 1 and len(set(names)) == 1
    if alike or not any(words(name) and not name.isdigit() for name in names):
        return _by_layout(values)
    gripper = [index for index in range(count) if is_gripper(names[index])]
    if not gripper:
        told = POSE_WORDS | DELTA_WORDS
        gripper = [index for index in _by_behaviour(values, range(count)) if not _has(names[index], told)]
    joints = [i for i in range(count) if i not in gripper and not _has(names[i], EFFORT_WORDS)]
    sides = {index: side(names[index]) for index in range(count)}
    # The left and right finger of one gripper do not make two arms: joints decide, where there are any.
    deciding = {sides[index] for index in (joints or gripper)}
    if not {"left", "right"} <= deciding:
        return (Columns("", tuple(joints), tuple(gripper)),)
    arms: tuple[Arm, Arm] = ("left", "right")
    return tuple(
        Columns(
            arm,
            tuple(index for index in joints if sides[index] == arm),
            tuple(index for index in gripper if sides[index] == arm),
        )
        for arm in arms
    )


def _has(name: str, some: frozenset[str]) -> bool:
    return not some.isdisjoint(words(name))


def _by_layout(values: Array) -> tuple[Columns, ...]:
    """Columns of nameless channels: two equal halves for a doubled arm, the gripper where it behaves like one."""
    count = values.shape[1]
    if count in (12, 14, 16):
        half = count // 2
        arms: tuple[Arm, Arm] = ("left", "right")
        found: list[Columns] = []
        for arm, first in zip(arms, (0, half), strict=True):
            members = range(first, first + half)
            gripper = _by_behaviour(values, members)
            found.append(Columns(arm, tuple(i for i in members if i not in gripper), gripper))
        return tuple(found)
    gripper = _by_behaviour(values, range(count))
    return (Columns("", tuple(i for i in range(count) if i not in gripper), gripper),)


def _by_behaviour(values: Array, members: range) -> tuple[int, ...]:
    """The gripper among ``members``: columns that move together, while the rest stands still.

    By convention a gripper comes last, so the last column wins unless another is clearly more gripper-like.
    A column of two or three values is a gripper command; a last column that never moves is an idle one.
    """
    if len(members) < 2 or len(values) < 4:
        return ()
    block = values[:, list(members)]
    spread = np.ptp(block, axis=0)
    alive = [c for c in range(len(members)) if spread[c] > 20 * noise(block)[c] + 1e-9]
    switches = [c for c in alive if len(np.unique(block[:, c])) <= 3]
    if switches and len(switches) < len(alive):
        return tuple(members[column] for column in switches)
    if alive and spread[-1] == 0.0:
        return (members[-1],)
    groups = _groups(smooth(block, 1.0), alive)
    steps = np.abs(np.diff(smooth(block, 1.0), axis=0)) / np.maximum(spread, 1e-9)
    scores = {group: _solo(steps, group, alive) for group in groups}
    # A column that never moves alone is a joint: better no gripper than a wrong one.
    last_column = len(members) - 1
    likely = {g: score for g, score in scores.items() if score >= (0.25 if last_column in g else 0.4)}
    if not likely:
        return ()
    best = max(likely, key=lambda group: likely[group])
    last = next((group for group in likely if last_column in group), best)
    chosen = last if likely[last] >= 0.5 * likely[best] else best
    return tuple(members[column] for column in chosen)


def _groups(block: Array, alive: list[int]) -> list[tuple[int, ...]]:
    """Columns that mirror one another, as the fingers of a hand do."""
    groups: list[tuple[int, ...]] = []
    left = list(alive)
    while left:
        seed = left[-1]
        group = [c for c in left if c == seed or abs(correlation(block[:, c], block[:, seed])) > 0.97]
        groups.append(tuple(group))
        left = [c for c in left if c not in group]
    return groups


def _solo(steps: Array, group: tuple[int, ...], alive: list[int]) -> float:
    """Share of a group's travel made while the columns outside it are slow; 0 for all columns at once."""
    outside = [c for c in alive if c not in group]
    if not outside:
        return 0.0
    own = steps[:, list(group)].sum(axis=1)
    others = steps[:, outside].sum(axis=1)
    total = float(own.sum())
    return float(own[others < 0.35 * others.mean()].sum()) / total if total > 0 else 0.0
