"""From an episode's state and action to one clean trace per arm: its path, and how closed its gripper is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roboscribe.episode import Channels, Episode
from roboscribe.signals.arrays import Array, Mask, clean, correlation, noise, smooth
from roboscribe.signals.channels import Columns, changes, columns_of, is_base
from roboscribe.signals.facts import Arm


@dataclass(frozen=True, slots=True, eq=False)
class ArmTrace:
    """One arm over an episode.

    Attributes:
        arm: Which arm.
        path: Where the arm is told to be (where it is, if there is no action), shape [frames, joints].
        summed: Which joints of ``path`` are sums of changes or velocities, shape [joints].
        names: One name per joint of ``path``, ``""`` where unknown.
        command: Raw gripper channels told, shape [frames, fingers], or None.
        measured: Raw gripper channels measured, shape [frames, fingers], or None.
        grip_names: Names of the gripper channels.
    """

    arm: Arm
    path: Array
    summed: Mask
    names: tuple[str, ...]
    command: Array | None
    measured: Array | None
    grip_names: tuple[str, ...]


def arm_traces(episode: Episode) -> tuple[ArmTrace, ...]:
    """The arms of an episode in the order left, right; empty where neither state nor action places one."""
    state, action = _usable(episode.state), _usable(episode.action)
    if state is None and action is None:
        return ()
    if state is not None and action is not None:
        state, action = _share_names(state, action)
    told = _Side(action) if action is not None else None
    seen = _Side(state) if state is not None else None
    main = told if told is not None else seen
    assert main is not None
    traces = (_trace(columns.arm, told, seen) for columns in main.columns)
    return tuple(trace for trace in traces if trace.names or trace.grip_names)


class _Side:
    """State or action, cleaned, with its columns sorted by arm."""

    def __init__(self, channels: Channels) -> None:
        self.values = clean(channels.values)
        self.names = channels.names
        self.columns = columns_of(channels.names, self.values)
        self.changes = changes(channels.names)

    def of(self, arm: Arm) -> Columns | None:
        """This arm's columns; an arm ``""`` owns the columns of every side."""
        for columns in self.columns:
            if columns.arm == arm:
                return columns
        if arm == "" and self.columns:
            joints = tuple(index for columns in self.columns for index in columns.joints)
            return Columns("", joints, tuple(index for c in self.columns for index in c.gripper))
        return None

    def take(self, indices: tuple[int, ...]) -> Array:
        return self.values[:, list(indices)]


def _usable(channels: Channels | None) -> Channels | None:
    return channels if channels is not None and channels.values.size else None


def _share_names(state: Channels, action: Channels) -> tuple[Channels, Channels]:
    """Lets the side without names use those of the other, when both have as many channels."""
    if len(state.names) != len(action.names):
        return state, action
    if not any(state.names):
        return Channels(state.values, action.names), action
    if not any(action.names):
        return state, Channels(action.values, state.names)
    return state, action


def _trace(arm: Arm, told: _Side | None, seen: _Side | None) -> ArmTrace:
    command = told.of(arm) if told is not None else None
    measure = seen.of(arm) if seen is not None else None
    path, names, summed = _path(told, command, seen, measure)
    closing = _grip(told, command)
    fingers = _grip(seen, measure)
    if closing is not None and told is not None and command is not None and _is_pulsed(closing):
        closing = np.cumsum(closing, axis=0) if fingers is None else None
    grip_names: tuple[str, ...] = ()
    for side, columns in ((told, command), (seen, measure)):
        if side is not None and columns is not None and columns.gripper and not grip_names:
            grip_names = tuple(side.names[index] for index in columns.gripper)
    return ArmTrace(arm, path, summed, names, closing, fingers, grip_names)


def _path(
    told: _Side | None, command: Columns | None, seen: _Side | None, measure: Columns | None
) -> tuple[Array, tuple[str, ...], Mask]:
    """The arm's path, its names, and which of its joints are summed up from changes.

    The command says first what the arm is about to do; where it stays constant, or there is none, the
    measurement serves.
    """
    measured = seen.take(measure.joints) if seen is not None and measure is not None else None
    if told is not None and command is not None and command.joints:
        path = told.take(command.joints)
        if bool((np.ptp(path, axis=0) > 0).any()) or measured is None:
            return _summed(told, command.joints, path, _tells_changes(path, measured))
    if measured is not None and seen is not None and measure is not None:
        return _summed(seen, measure.joints, measured, every=False)
    either = told or seen
    return np.zeros((len(either.values) if either else 0, 0)), (), np.zeros(0, dtype=np.bool_)


def _summed(
    side: _Side, joints: tuple[int, ...], path: Array, every: bool
) -> tuple[Array, tuple[str, ...], Mask]:
    """A path with its changes summed up: those that names tell, or ``every`` channel.

    A change comes near zero at times. An arm's channel that never does, such as the real part of a quaternion that
    turns nothing, would only sum up to a motion that is not there.
    """
    sizes = np.abs(path)
    rests = sizes.min(axis=0) <= 0.5 * sizes.max(axis=0)
    told = (side.changes[list(joints)] | every) & (rests | is_base(side.names)[list(joints)])
    return np.where(told, np.cumsum(path, axis=0), path), tuple(side.names[i] for i in joints), told


def _tells_changes(action: Array, measured: Array | None) -> bool:
    """Whether arm actions are changes rather than positions.

    With a measured arm: whether the action's size, rather than the size of its steps, goes with the
    measured speed. Without: changes are zero most of the time and at both ends, positions are not.
    """
    if len(action) < 8:
        return False
    if measured is not None and measured.shape[1]:
        speed = _speed(smooth(measured, 1.0))
        steps = _speed(smooth(action, 1.0))
        size = (np.abs(smooth(action, 1.0)) / _scale(action)).sum(axis=1)[1:]
        lags = range(4)
        as_change = max(correlation(size[: len(size) - lag], speed[lag:]) for lag in lags)
        as_place = max(correlation(steps[: len(steps) - lag], speed[lag:]) for lag in lags)
        return as_change > 0.5 and as_change > as_place + 0.1
    scale = np.abs(action).max(axis=0)
    alive = scale > 0
    if not alive.any():
        return False
    sizes = np.abs(action[:, alive]) / scale[alive]
    ends = np.concatenate((sizes[:2], sizes[-2:]))
    return bool(np.median(sizes) < 0.15 and np.median(ends) < 0.1 and _crosses_zero(action[:, alive]))


def _crosses_zero(action: Array) -> bool:
    both = (action.max(axis=0) > 0) & (action.min(axis=0) < 0)
    return bool(both.mean() > 0.4)


def _scale(values: Array) -> Array:
    spread = np.maximum(np.ptp(values, axis=0), 1e-9)
    return spread + 30 * noise(values)


def _speed(values: Array) -> Array:
    return (np.abs(np.diff(values, axis=0)) / _scale(values)).sum(axis=1)


def _grip(side: _Side | None, columns: Columns | None) -> Array | None:
    if side is None or columns is None or not columns.gripper:
        return None
    return side.take(columns.gripper)


def _is_pulsed(command: Array) -> bool:
    """Whether a gripper command is a pulse per movement (-1, 0, 1 with 0 at rest) instead of a level."""
    if command.shape[1] != 1 or len(command) < 8:
        return False
    values = command[:, 0]
    rest = np.abs(values) < 0.05 * max(float(np.abs(values).max()), 1e-12)
    both = bool(values.max() > 0 > values.min())
    return bool(both and rest.mean() > 0.6 and rest[0] and rest[-1])
