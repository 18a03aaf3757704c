"""Left and right: a text in lower case goes in, the arms and the ways that it names come out."""

from __future__ import annotations

import re
from collections.abc import Collection

_ARM = re.compile(r"(?<!\bmy )\b(left|right)(?: robot)? (?:arm|hand|gripper)s?\b")
_ACTING_ARM = re.compile(
    r"(?:\b(?P<preposition>to|towards?|in|into|from|on|onto|near|beside|behind|next to|of|at) )?"
    r"(?:\b(?:the|my|its|your) )?\b(?P<arm>left|right) (?:robot )?(?:arm|hand|gripper)\b"
)
_WAY = re.compile(
    r"\b(?:to|on|towards?) (?:the|your|my) (left|right)\b(?! (?:robot )?(?:arm|hand|gripper))"
    r"|\b(left|right)wards?\b|\b(clockwise|counterclockwise|anticlockwise)\b"
)
_OPPOSITES = {"left": "right", "clockwise": "counterclockwise"}
_OPPOSITE = _OPPOSITES | {there: here for here, there in _OPPOSITES.items()}


def arms_in(text: str) -> frozenset[str]:
    """The arms that a text names, ``left`` and ``right``."""
    return frozenset(_ARM.findall(text))


def acting_arms_in(text: str) -> frozenset[str]:
    """The arms that a text has act: "move the left arm to the cup".

    One that something is brought to need not be the one that acts: "put the cup in the right hand".
    """
    return frozenset(found["arm"] for found in _ACTING_ARM.finditer(text) if not found["preposition"])


def ways_in(text: str) -> frozenset[str]:
    """The ways to move or to turn that a text names: ``left``, ``right``, ``clockwise``, ``counterclockwise``."""
    found = (next(filter(None, match.groups())) for match in _WAY.finditer(text))
    return frozenset("counterclockwise" if way == "anticlockwise" else way for way in found)


def are_opposed(ways: Collection[str], others: Collection[str]) -> bool:
    """Whether some of these ways are the opposite of one of the others, and not among them."""
    return any(way not in others and _OPPOSITE[way] in others for way in ways)
