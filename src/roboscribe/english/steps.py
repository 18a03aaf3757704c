"""Reads a subtask label: a short command comes in, what the robot does, to what, where and with which arm goes out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from roboscribe.english import lexicon as lex
from roboscribe.english.sides import acting_arms_in
from roboscribe.english.task import TaskAction, parse_task
from roboscribe.english.texts import lower_first
from roboscribe.english.things import definite

Kind = Literal[
    "approach", "pick", "grasp", "lift", "carry", "lower", "place", "release", "push", "pull", "open", "close",
    "wait", "retract", "reopen", "act", "unknown",
]  # fmt: skip
"""What a step does. ``place`` brings something somewhere and lets go; ``release`` only lets go; ``act`` is
any other command; ``unknown`` is what does not read as a command."""

TRIVIAL: frozenset[Kind] = frozenset({"wait", "retract"})
"""Steps that do nothing to anything."""

_ARM = re.compile(
    r" (?:with|using) (?:(?:the|my|its|your) )?(?P<last>left|right) (?:robot )?(?:arm|hand|gripper)$"
    r"|^(?:the )?(?P<first>left|right) (?:robot )?(?:arm|hand|gripper) ?[:,–-] ?",
    re.IGNORECASE,
)
"""The arm that acts, where it ends a label ("… with the left arm") or stands before it ("left arm: …")."""
_SET: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("wait", re.compile(r"(?:wait|pause|idle|rest|hold still|stay)\b", re.IGNORECASE)),
    (
        "retract",
        re.compile(
            r"(?:retract|retreat|withdraw|back (?:off|up|away)"
            r"|(?:go|move|come|step|return) (?:back|away|home|to (?:the )?(?:home|rest)))\b",
            re.IGNORECASE,
        ),
    ),
    (
        "approach",
        re.compile(
            r"(?:drive|navigate|roll|walk)(?: (?:back|over|the (?:robot|base)))? (?:to|towards?|up to) (?P<thing>.+)",
            re.IGNORECASE,
        ),
    ),
    ("reopen", re.compile(r"reopen\b(?:.*? from (?P<thing>.+))?", re.IGNORECASE)),
    ("release", re.compile(r"let go of (?P<thing>.+)", re.IGNORECASE)),
)
"""Labels that are no commands of the closed grammar."""
_OBJECT = re.compile(
    r"\w+ (?:(?:up|down|on|off|out) )?(the (?:(?!(?:on|in|to|with|from|into|onto|and)\b)\w+ ?)+)"
)
_APPROACHES = frozenset({"reach", "reach for", "approach"})
_GRASPS = frozenset({"grasp", "grip", "grab", "take hold of", "catch", "seize"})
_LIFTS = frozenset({"lift", "lift up"})
HEADS = {form.split()[0]: base.split()[0] for form, (_, base) in lex.VERBS.items()}
"""Base form of every known verb, by each form it may be written in; without particles."""


@dataclass(frozen=True, slots=True)
class Step:
    """A subtask and what could be read from its label.

    Attributes:
        text: The label in one line, without full stop and without the arm.
        kind: What is done.
        thing: What it is done to, or where the hand goes, with "the"; None when not named.
        preposition: Between thing and place: ``into``.
        place: Where the thing goes, with "the"; None when not named.
        arm: ``left``, ``right`` or "".
        actions: All actions of the label; several where it names more than one.
    """

    text: str
    kind: Kind
    thing: str | None = None
    preposition: str | None = None
    place: str | None = None
    arm: str = ""
    actions: tuple[TaskAction, ...] = ()

    @property
    def lead(self) -> TaskAction | None:
        """The first action, or None."""
        return self.actions[0] if self.actions else None


@lru_cache(maxsize=4096)
def read_step(label: str) -> Step:
    """The step that a label names."""
    line = " ".join(label.split()).rstrip(".! ")
    match = _ARM.search(line)
    text, arm = _ARM.sub("", line), (match["last"] or match["first"]).lower() if match else ""
    for kind, pattern in _SET:
        if named := pattern.match(text):
            thing = named.groupdict().get("thing")
            return Step(lower_first(text), kind, definite(thing) if thing else None, arm=arm)
    text = _as_command(text)
    if not text:
        return Step(line, "unknown", arm=arm)
    actions = parse_task(text).actions
    if not actions:
        return Step(text, "act", _after_verb(text), arm=arm)
    # A label of two actions at one thing is called after the last: to pick something up and put it away is placing.
    action = actions[-1] if len({each.object for each in actions}) == 1 else actions[0]
    thing, place = (definite(noun) if noun else None for noun in (action.object, action.destination))
    if is_reaching(action):
        return Step(text, "approach", place or thing, arm=arm, actions=actions)
    return Step(text, _kind(action), thing, action.preposition, place, arm, actions)


def arm_in(label: str) -> str:
    """The arm that acts, wherever a label names it; "" where it names none or both."""
    arms = acting_arms_in(label.lower())
    return next(iter(arms)) if len(arms) == 1 else ""


def _kind(action: TaskAction) -> Kind:
    match action.verb:
        case "pick":
            return "grasp" if action.phrase in _GRASPS else "lift" if action.phrase in _LIFTS else "pick"
        case "place" if action.phrase in ("lower", "release"):
            return action.phrase
        case "place" | "stack" | "insert":
            return "place"
        case "move":
            return "carry"
        case "push" | "pull" | "open" | "close":
            return action.verb
        case _:
            return "act"


def is_reaching(action: TaskAction) -> bool:
    """Whether an action only moves the hand: "move towards the cup", "move the gripper to the cup"."""
    if action.phrase in _APPROACHES:
        return bool(action.object or action.destination)
    moves_hand = action.object is None or action.object.split()[-1] in lex.LIMBS
    return action.verb == "move" and moves_hand and bool(action.destination)


def _as_command(text: str) -> str:
    """A label as said in a command: "Picking up the cup" is "pick up the cup"; "" where it begins with no verb."""
    words = text.split()
    at = next((i for i, word in enumerate(words) if not word.lower().endswith("ly")), 0)
    if not is_verb(words, at):
        return ""
    words[at] = HEADS.get(words[at].lower(), words[at].lower())
    return " ".join((*(word.lower() for word in words[:at]), *words[at:]))


def is_verb(words: Sequence[str], at: int) -> bool:
    """Whether the word at ``at`` is a verb: a known one, or one that an article or a preposition follows."""
    word = words[at].lower() if at < len(words) else ""
    following = words[at + 1].lower() if at + 1 < len(words) else ""
    if word in HEADS:
        return True
    if word.endswith("ing") or not word.isalpha() or word in lex.SMALL_WORDS:
        return False
    return following in lex.SMALL_WORDS | lex.PARTICLES | lex.ADVERBS


def _after_verb(text: str) -> str | None:
    """The noun phrase that follows a verb which is not known: "crack the egg"."""
    match = _OBJECT.match(text)
    return match[1].strip() if match else None
