"""How closed a gripper is: from raw finger channels of any convention to closedness between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from roboscribe.signals.arrays import Array, correlation, noise, runs, smooth
from roboscribe.signals.channels import words
from roboscribe.signals.traces import ArmTrace

LARGER_IS_CLOSED = frozenset(("closed", "close", "closing", "closedness"))
LARGER_IS_OPEN = frozenset(("open", "opening", "openness", "opened", "width", "aperture"))


@dataclass(frozen=True, slots=True, eq=False)
class Grip:
    """A gripper over an episode.

    Attributes:
        closed: Closedness told (measured, if nothing is told), shape [frames]: 0 at the widest and 1 at the
            tightest of the episode.
        measured: Closedness measured, shape [frames], or None when nothing is measured.
        told: Whether ``closed`` is a command.
        comparable: Whether ``closed`` is a command in the units of ``measured``, so that a gap between them
            means something is between the fingers.
        shut: Closedness of fingers that touch, where the measurement tells it (its zero), or None.
        noise: Standard deviation of the noise of ``closed``.
        measured_noise: Standard deviation of the noise of ``measured``.
    """

    closed: Array
    measured: Array | None
    told: bool
    comparable: bool
    shut: float | None
    noise: float
    measured_noise: float


def grip_of(trace: ArmTrace, arm_speed: Array, fps: float, least: float = 0.0) -> Grip | None:
    """The gripper of an arm, or None when it has none or never moves it.

    Args:
        trace: The arm.
        arm_speed: Speed of the arm, shape [frames]; tells grasps (arm slow) from pre-shaping (arm on its way).
        fps: Frames per second.
        least: Least range, in the channels' own units, of a gripper that does anything.
    """
    told, seen = _synergy(trace.command, trace.measured)
    main = told if told is not None else seen
    if main is None or len(main) < 2 or not _travels(main) or float(np.ptp(main)) < least:
        return None
    comparable = told is not None and seen is not None and _same_units(told, seen)
    if told is not None and seen is not None and not comparable and _lagged(told, seen) < 0:
        seen = -seen
    if _larger_is_open(trace.grip_names, told, seen, comparable, arm_speed, fps):
        told, seen = (None if told is None else -told), (None if seen is None else -seen)
    main = told if told is not None else seen
    assert main is not None
    if comparable and told is not None and seen is not None:
        both = np.concatenate((told, seen))
        low, high = float(both.min()), float(both.max())
        closed, measured = (told - low) / (high - low), (seen - low) / (high - low)
        shut = None
    else:
        closed = _unit(main)
        measured = None if seen is None else _unit(seen)
        shut = None if seen is None else _shut(seen)
    rated = noise(np.stack((closed, closed if measured is None else measured), axis=1))
    return Grip(closed, measured, told is not None, comparable, shut, float(rated[0]), float(rated[1]))


def _synergy(command: Array | None, measured: Array | None) -> tuple[Array | None, Array | None]:
    """Several finger channels as one: their first principal direction, the same for command and measurement."""

    def direction(values: Array) -> Array:
        centred = values - values.mean(axis=0)
        vector: Array = np.linalg.svd(centred, full_matrices=False)[2][0]
        return vector * (np.sign(vector.sum()) or 1.0)

    if command is not None and measured is not None and command.shape == measured.shape:
        vector = direction(np.concatenate((command, measured)))
        return command @ vector, measured @ vector
    told = None if command is None else command @ direction(command)
    seen = None if measured is None else measured @ direction(measured)
    return told, seen


def _travels(values: Array) -> bool:
    """Whether a gripper moves at all: beyond its noise, and beyond 5 of units that cannot be radians or metres."""
    spread = float(np.ptp(values))
    if spread <= max(12 * float(noise(values[:, None])[0]), 1e-9):
        return False
    return spread >= 5.0 or float(np.abs(values).max()) <= 2 * np.pi


def _same_units(told: Array, seen: Array) -> bool:
    low, high = max(told.min(), seen.min()), min(told.max(), seen.max())
    whole = max(told.max(), seen.max()) - min(told.min(), seen.min())
    return bool((high - low) > 0.45 * whole and _lagged(told, seen) > 0.5)


def _lagged(told: Array, seen: Array) -> float:
    """Correlation of largest size over lags up to eight frames of the measurement behind the command."""
    lags = range(min(9, len(told) - 1))
    return max((correlation(told[: len(told) - lag], seen[lag:]) for lag in lags), key=abs, default=0.0)


def _shut(seen: Array) -> float | None:
    """Closedness at which a measured opening, given as minus itself, is zero; None for other conventions."""
    spread = float(np.ptp(seen))
    top = float(seen.max())
    is_width = top <= 0.05 * spread and spread > 0.4 * float(-seen.min())
    return (0.0 - float(seen.min())) / spread if is_width else None


def _unit(values: Array) -> Array:
    return (values - values.min()) / max(float(np.ptp(values)), 1e-12)


def _larger_is_open(
    names: tuple[str, ...],
    told: Array | None,
    seen: Array | None,
    comparable: bool,
    arm_speed: Array,
    fps: float,
) -> bool:
    """The convention of a gripper: its name says it, else its behaviour, else larger means open.

    Behaviour, in order of weight: fingers that hold something stop short of the closing command; the first
    movement made while the arm is slow is a grasp, so it closes.
    """
    spoken = {word for name in names for word in words(name)}
    if spoken & LARGER_IS_CLOSED:
        return False
    votes = 1.0 + (4.0 if spoken & LARGER_IS_OPEN else 0.0)
    if comparable and told is not None and seen is not None:
        votes += 4.0 * _short_of(told, seen, fps)
    main = told if told is not None else seen
    assert main is not None
    votes -= 2.0 * _first_slow(main, arm_speed)
    return votes > 0


def _short_of(told: Array, seen: Array, fps: float) -> float:
    """At rest, how far the fingers stay above a low command, less how far below a high one; in [-1, 1]."""
    spread = float(np.ptp(told))
    rough = float(noise(np.stack((told, seen), axis=1)).max())
    steps = np.maximum(np.abs(np.gradient(smooth(told, 1.0))), np.abs(np.gradient(smooth(seen, 1.0))))
    rest = np.zeros(len(told), dtype=np.bool_)
    for start, stop in runs(steps < 0.1 * spread / fps + 2 * rough):
        # Fingers lag behind the command; only what lasts is a gap.
        rest[start + round(0.3 * fps) : stop] = True
    middle = float(told.min()) + spread / 2
    low, high = rest & (told < middle), rest & (told >= middle)
    above = float(np.quantile(seen[low] - told[low], 0.8)) if low.sum() > 2 else 0.0
    below = float(np.quantile(told[high] - seen[high], 0.8)) if high.sum() > 2 else 0.0
    return float(np.clip((above - below) / (0.1 * spread), -1.0, 1.0))


def _first_slow(values: Array, arm_speed: Array) -> float:
    """Direction (+1 or -1) of the first large movement made while the arm is slow; 0 when there is none."""
    level = _unit(smooth(values, 1.0))
    pace = float(arm_speed.mean())
    if pace <= 0:
        return 0.0
    steps = np.gradient(level)
    for sign, start, stop in _strokes(steps):
        own = np.abs(steps[start:stop])
        if own.sum() < 0.25:
            continue
        if float((own * arm_speed[start:stop]).sum() / own.sum()) < 0.5 * pace:
            return sign
    return 0.0


def _strokes(steps: Array) -> list[tuple[float, int, int]]:
    """Stretches of one direction, those of less than a hundredth of the fastest step left out."""
    busy = np.where(np.abs(steps) > 0.05 * np.abs(steps).max(), np.sign(steps), 0.0)
    edges = np.flatnonzero(np.diff(busy)) + 1
    bounds = [0, *(int(edge) for edge in edges), len(steps)]
    return [(float(busy[a]), a, b) for a, b in pairwise(bounds) if busy[a] != 0]
