"""How an arm moves: from its path to speed, stillness and the instants at which one motion gives way to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roboscribe.signals.arrays import Array, Mask, kernel, noise, runs, smooth

SMOOTHING = (0.04, 0.06, 0.09, 0.12)
"""Seconds of Gaussian smoothing before differentiating: the least that keeps noise well below motion."""


IDLE = 0.15
"""An arm whose joints span less than this share of the other arm's is idle: it only trembles."""


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """The motion of one arm.

    Attributes:
        speed: Shape [frames]: length of ``velocity``; 1/s.
        velocity: Relative joint velocities, shape [frames, joints]; 1/s.
        still: Frames in which the arm stands, shape [frames].
        floor: Speed that noise alone can show.
    """

    speed: Array
    velocity: Array
    still: Mask
    floor: float

    @property
    def moves(self) -> bool:
        """Whether the arm moves at all in the episode."""
        return not bool(self.still.all())


@dataclass(frozen=True, slots=True)
class Dip:
    """A slow instant between two motions.

    Attributes:
        frame: Where the speed is least.
        depth: How far it falls below the slower of the two motions' peaks: 1 is a full stop.
        turn: Change of direction across it: 0 none, 1 straight back.
    """

    frame: int
    depth: float
    turn: float


def movement_of(path: Array, fps: float, summed: Mask, scale: Array | None = None) -> Movement:
    """The motion along a path.

    Args:
        path: Shape [frames, joints].
        fps: Frames per second.
        summed: Which joints are sums of noisy steps, so that their noise grows like a random walk; shape [joints].
        scale: What counts as a joint's range, shape [joints], where a like arm moves further than this one.
    """
    frames = len(path)
    if frames < 2 or path.shape[1] == 0:
        empty = np.zeros(frames)
        return Movement(empty, np.zeros_like(path), np.ones(frames, dtype=np.bool_), 0.0)
    velocity, floor = _measured_velocity(path, fps, summed, scale)
    speed: Array = np.linalg.norm(velocity, axis=1)
    peak = float(np.quantile(speed, 0.95))
    # Noise that is not white, as after interpolation or of a human hand, shows in how slow the arm ever gets.
    floor = max(floor, min(2.5 * float(np.quantile(speed, 0.05)), 0.035 * peak))
    still = ~_moving(speed, 1.3 * floor + 0.02 * peak, floor)
    if scale is not None and float(np.median(np.ptp(path, axis=0) / scale)) < IDLE:
        still[:] = True
    for start, stop in runs(~still):
        settling = start == 0 and stop < 0.4 * fps
        if settling or (stop - start < 0.2 * fps and float(speed[start:stop].max()) < 0.15 * peak):
            still[start:stop] = True
    return Movement(speed, velocity, still, floor)


def tail_of(speed: Array, frame: int, fps: float) -> float:
    """Frames by which a motion outlasts ``frame``, at which it has become too slow to see.

    A smooth motion comes to rest with the square of the time left, so the root of its speed falls in a line.
    """
    reach = max(1, round(0.1 * fps))
    if frame < reach:
        return 0.0
    before, now = float(np.sqrt(speed[frame - reach])), float(np.sqrt(speed[frame]))
    return min(reach * now / (before - now), 0.2 * fps) if before > now else 0.0


def _measured_velocity(path: Array, fps: float, summed: Mask, scale: Array | None) -> tuple[Array, float]:
    """Relative joint velocities and the speed of noise alone, smoothed no more than the noise demands."""
    velocity, floor = path, 0.0
    for seconds in SMOOTHING:
        velocity, floor = _velocity(path, seconds * fps, fps, summed, scale)
        if floor < 0.04 * float(np.quantile(np.linalg.norm(velocity, axis=1), 0.95)):
            break
    return velocity, floor


def _velocity(
    path: Array, sigma: float, fps: float, summed: Mask, scale: Array | None
) -> tuple[Array, float]:
    """Joint velocities relative to each joint's range, shape [frames, joints], and the speed of noise alone."""
    smoothed = smooth(path, sigma)
    velocity = np.gradient(smoothed, axis=0) * fps
    weights = kernel(sigma)
    steps = np.convolve(weights, [0.5, 0.0, -0.5])
    walk = noise(np.diff(path, axis=0)) * float(np.sqrt((weights**2).sum()))
    rough = np.where(summed, walk, noise(path) * float(np.sqrt((steps**2).sum()))) * fps
    # A joint that never moves faster than its noise would otherwise count as much as one that does.
    alive = np.quantile(np.abs(velocity), 0.95, axis=0) > 3 * rough
    spread = np.ptp(smoothed, axis=0) if scale is None else scale
    weight = np.where(alive, 1.0 / np.maximum(spread, 1e-9), 0.0)
    return velocity * weight, _noise_speed(rough * weight)


def pauses_of(still: Mask, fps: float, least: float = 0.3) -> list[tuple[int, int]]:
    """Frame spans ``[start, stop)`` of at least ``least`` seconds in which ``still`` holds."""
    return [(start, stop) for start, stop in runs(still) if stop - start >= least * fps]


def dips(movement: Movement, start: int, stop: int, fps: float) -> list[Dip]:
    """The slow instants strictly inside frames ``[start, stop)``, in order."""
    speed = np.maximum(movement.speed[start:stop] - movement.floor * 0.5, 0.0)
    reach = max(1, round(0.06 * fps))
    found: list[Dip] = []
    for index in range(reach, len(speed) - reach):
        around = speed[index - reach : index + reach + 1]
        if speed[index] > around.min() or (found and start + index <= found[-1].frame + reach):
            continue
        peak = min(float(speed[:index].max()), float(speed[index + 1 :].max()))
        depth = 1.0 - float(speed[index]) / peak if peak > 0 else 0.0
        if depth > 0.05:
            frame = _departure(movement.still, start + index)
            if frame < stop:
                found.append(Dip(frame, depth, turn_at(movement, frame, fps)))
    return found


def turns(movement: Movement, start: int, stop: int, fps: float, least: float = 0.2) -> list[Dip]:
    """The instants strictly inside frames ``[start, stop)`` at which the arm changes direction most, in order.

    Motions that blend at full speed show no dip; each of these counts as one of no depth.
    """
    edge = max(1, round(0.2 * fps))
    frames = range(start + edge, stop - edge)
    values = np.array([turn_at(movement, frame, fps) for frame in frames])
    reach = max(1, round(0.2 * fps))
    return [
        Dip(frame, 0.0, float(value))
        for frame, value in zip(frames, values, strict=True)
        if value >= least
        and value == values[max(0, frame - frames[0] - reach) : frame - frames[0] + reach + 1].max()
    ]


def _departure(still: Mask, frame: int) -> int:
    """The frame itself, or where the standstill it lies in ends: the next motion's onset."""
    while frame < len(still) and still[frame]:
        frame += 1
    return frame


def turn_at(movement: Movement, frame: int, fps: float, reach: float = 0.25) -> float:
    """Change of direction between the ``reach`` seconds before and after a frame: 0 none, 1 straight back."""
    width = max(1, round(reach * fps))
    before = movement.velocity[max(0, frame - width) : frame].sum(axis=0)
    after = movement.velocity[frame : frame + width].sum(axis=0)
    scale = float(np.linalg.norm(before) * np.linalg.norm(after))
    return (1.0 - float(before @ after) / scale) / 2 if scale > 1e-12 else 0.0


def _noise_speed(rough: Array) -> float:
    """Length of a velocity vector that noise of ``rough`` per joint rarely exceeds."""
    power = rough**2
    total = float(power.sum())
    return float(np.sqrt(total) + 2.0 * np.sqrt((power**2).sum() / (2 * total))) if total > 0 else 0.0


def _moving(speed: Array, clear: float, floor: float) -> Mask:
    """Frames in runs above ``clear``, each run widened to where its own motion sets in and ends."""
    mask = np.zeros(len(speed), dtype=np.bool_)
    for start, stop in runs(speed > clear):
        least = floor + 0.01 * float(speed[start:stop].max())
        while start > 0 and speed[start - 1] > least:
            start -= 1
        while stop < len(speed) and speed[stop] > least:
            stop += 1
        mask[start:stop] = True
    return mask
