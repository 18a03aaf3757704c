"""Motion primitives: from what arms and grippers do to short texts in the robot's own terms."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import numpy as np

from roboscribe.signals.arrays import runs
from roboscribe.signals.channels import is_base, words
from roboscribe.signals.events import Stroke
from roboscribe.signals.facts import Arm, Motion
from roboscribe.signals.motion import Movement, dips
from roboscribe.signals.traces import ArmTrace

LEAST_SECONDS = 0.2
"""Shorter motions join the one before them; the first joins the one after it."""

PARTS = (
    ("wrist_roll", "rotate the {}wrist"),
    ("wrist", "bend the {}wrist"),
    ("shoulder_pan", "turn the {}arm at its base"),
    ("waist", "turn the {}arm at its base"),
    ("base", "turn the {}arm at its base"),
)

AXES = {"z": ("raise the {}arm", "lower the {}arm")}

_AHEAD, _ROUND = ("drive forward", "drive backward"), ("turn left", "turn right")
BASE = {"x": _AHEAD, "vx": _AHEAD, "theta": _ROUND, "omega": _ROUND, "wz": _ROUND}
"""What a base does by the word of its velocity, and by its sign: ahead and counterclockwise, as in ROS (REP 103)."""


def motions_of(
    arms: list[tuple[ArmTrace, Movement, list[Stroke]]], at: Callable[[int], float], fps: float
) -> tuple[Motion, ...]:
    """Gap-free motion primitives of an episode.

    Args:
        arms: Trace, movement and gripper strokes of each arm.
        at: Seconds of a frame.
        fps: Frames per second.
    """
    frames = len(arms[0][1].speed) if arms else 0
    if frames == 0:
        return ()
    told = [_texts(trace, movement, strokes, frames, fps) for trace, movement, strokes in arms]
    texts = [_joined([arm[frame] for arm in told]) for frame in range(frames)]
    spans: list[tuple[int, int, str]] = []
    for frame, text in enumerate(texts):
        if spans and spans[-1][2] == text:
            spans[-1] = (spans[-1][0], frame + 1, text)
        else:
            spans.append((frame, frame + 1, text))
    kept: list[tuple[int, int, str]] = []
    for start, stop, text in spans:
        least = LEAST_SECONDS * fps
        if kept and (stop - start < least or kept[-1][2] == text):
            kept[-1] = (kept[-1][0], stop, kept[-1][2])
        elif kept and kept[-1][1] < least:
            kept[-1] = (0, stop, text)
        else:
            kept.append((start, stop, text))
    motions = (Motion(at(start) if start else 0.0, at(stop), text) for start, stop, text in kept)
    return tuple(motion for motion in motions if motion.start < motion.end)


def _texts(
    trace: ArmTrace, movement: Movement, strokes: list[Stroke], frames: int, fps: float
) -> list[tuple[str, str]]:
    """What the arm and the gripper do at each frame; empty texts where they do nothing."""
    arm = [""] * frames
    for start, stop in runs(~movement.still):
        cuts = [d.frame for d in dips(movement, start, stop, fps) if d.depth > 0.5]
        for a, b in zip([start, *cuts], [*cuts, stop], strict=True):
            arm[a:b] = [_arm_text(trace, movement, a, b)] * (b - a)
    hand = [""] * frames
    least = ceil(LEAST_SECONDS * fps)
    for stroke in strokes:
        # A command of a binary gripper is over within a frame; its fingers are under way for longer.
        span = slice(stroke.start, min(max(stroke.stop, stroke.start + least), frames))
        hand[span] = [f"{stroke.kind} the {_which(trace.arm)}gripper"] * len(hand[span])
    return list(zip(arm, hand, strict=True))


def _which(arm: Arm) -> str:
    return f"{arm} " if arm else ""


def _arm_text(trace: ArmTrace, movement: Movement, start: int, stop: int) -> str:
    """What one motion does, with a direction only where a channel's name makes it plain."""
    which = _which(trace.arm)
    travel = np.abs(movement.velocity[start:stop]).sum(axis=0)
    total = float(travel.sum())
    if total > 0:
        main = int(travel.argmax())
        if travel[main] > 0.75 * total:
            named = _named(trace, main, float(movement.velocity[start:stop, main].sum()))
            if named:
                return named.format(which)
        if float(travel[is_base(trace.names)].sum()) > 0.75 * total:
            return "drive"
    return f"move the {which}arm"


def _named(trace: ArmTrace, column: int, direction: float) -> str:
    found = words(trace.names[column])
    if is_base(trace.names)[column]:
        return next((BASE[axis][0 if direction > 0 else 1] for axis in BASE if axis in found), "")
    if any(axis in found for axis in ("dz", "z")) and not {"rot", "ang", "quat"} & set(found):
        return AXES["z"][0 if direction > 0 else 1]
    joined = "_".join(found)
    return next((text for part, text in PARTS if part in joined), "")


def _joined(told: list[tuple[str, str]]) -> str:
    """One text for what all arms do at a frame: gripper movements before arm movements."""
    hands = [hand for _, hand in told if hand]
    arms = [arm for arm, _ in told if arm]
    if hands:
        return hands[0] if len(hands) == 1 else _both(hands)
    if arms:
        return arms[0] if len(arms) == 1 else "move both arms"
    return "hold still"


def _both(hands: list[str]) -> str:
    kinds = {hand.split(" ", 1)[0] for hand in hands}
    return f"{kinds.pop()} both grippers" if len(kinds) == 1 else " and ".join(hands)
