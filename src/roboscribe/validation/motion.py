"""Rules for motion primitives: that they cover the episode, and speak of nothing but the robot's own body."""

from __future__ import annotations

import re
from collections.abc import Iterator

from roboscribe.validation.base import EpisodeView, Problem, at, quoted, rule


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_MOVES = _words(
    "move raise lower lift open close grip grasp release rotate turn twist roll pitch yaw swing bend flex tilt lean",
    "extend retract stretch reach push pull press drive go step walk back slide shift swivel spin pan hold stay stand",
    "stop halt pause wait keep continue descend ascend advance withdraw straighten translate strafe squeeze idle rest",
)
_BODY = _words(
    "arm arms gripper grippers hand hands finger fingers jaw jaws claw claws thumb wrist wrists elbow elbows forearm",
    "shoulder shoulders joint joints waist torso trunk head neck hip hips knee knees leg legs foot feet base body",
    "robot tool end effector endeffector eef ee tcp tip wheel wheels chassis camera lift flex",
)
_WHERE = _words(
    "left right up down forward forwards backward backwards back upward upwards downward downwards inward inwards",
    "outward outwards sideways ahead straight in out away front side horizontally vertically diagonally laterally",
    "still clockwise counterclockwise anticlockwise counter anti around round along about axis direction x y z cw ccw",
    "roll pitch yaw pan tilt toward towards origin home",
)
_HOW = _words(
    "slowly quickly gently slightly fully partially completely halfway half little bit far further more less steadily",
    "slow fast rapidly smoothly carefully small large step steps motion movement position pose place",
    "cm mm m meter meters metre metres centimeter centimeters centimetre centimetres millimeters inch inches degree",
    "degrees deg rad radians percent s second seconds",
)
_JOINING = _words(
    "and or then while both the a an its your of at by to with from for on into is in upper lower same it not",
)
_KNOWN = _MOVES | _BODY | _WHERE | _HOW | _JOINING
_WORD = re.compile(r"[^\W\d_]+")


@rule("motion.cover", "motion", severity="warning")
def motion_cover(view: EpisodeView) -> Iterator[Problem]:
    """The first motion starts with the episode."""
    first = view.of_style("motion")[0]
    if first.timestamp != view.start:
        yield Problem(
            first.timestamp,
            f"The first motion {quoted(first.content)} starts {at(first.timestamp)}, not with the episode.",
            "Add one at the first frame.",
        )


@rule("motion.primitive", "motion", severity="warning")
def motion_primitive(view: EpisodeView) -> Iterator[Problem]:
    """A motion says how the robot's own body moves ("close the gripper"), in no terms of things around it."""
    told: set[str] = set()
    for row in view.of_style("motion"):
        text = (row.content or "").lower()
        words = _WORD.findall(text)
        strange = next((word for word in words if word not in _KNOWN), None)
        if text.strip() and text not in told and (strange or _MOVES.isdisjoint(words)):
            told.add(text)
            fault = f"speaks of “{strange}”" if strange else "names no movement"
            yield Problem(
                row.timestamp,
                f"The motion {quoted(row.content)} {at(row.timestamp)} {fault}.",
                "Say what arm, gripper or base do: “close the gripper”, “move left and down”.",
            )


RULES = (motion_cover, motion_primitive)
