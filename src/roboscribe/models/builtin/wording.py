"""The label of one phase: from its verb and the goal it serves to a short imperative."""

from __future__ import annotations

import re

from roboscribe.models.builtin.goals import INSIDE, ON_TOP, Goal
from roboscribe.signals import Phase

_TAKES = re.compile(r"\b(arm|hand|gripper|person|human|man|woman|child|user|me|you|him|her|them)$")
"""Who is given what is brought to them."""


def label_of(phase: Phase, goal: Goal, full: bool, name_arm: bool) -> str:
    """A short imperative that begins with the phase's verb.

    Args:
        phase: What the robot does.
        goal: What it does it for.
        full: Whether the hand holds the goal's object during the phase.
        name_arm: Whether to say which arm does it.
    """
    text = _text(phase, goal, full)
    return f"{text} with the {phase.arm} arm"[:120] if name_arm and phase.arm else text[:120]


def _text(phase: Phase, goal: Goal, full: bool) -> str:
    thing, held = goal.object, goal.held or goal.object
    match phase.verb:
        case "wait" | "retract":
            return phase.verb
        case "move" if full:
            return f"move to {goal.destination}" if goal.destination else f"move {thing}"
        case "move":
            return f"move towards {held}"
        case "reopen":
            return f"reopen the gripper and back off from {held}"
        case "grasp" | "lift":
            return f"{phase.verb} {held}"
        case "release" if goal.held:
            return f"release {held}"
        case "release":
            above = "on top of" if goal.preposition == "on top of" else "onto"
            return f"release {thing}{_place(goal, above, 'at')}"
        case "lower":
            return f"lower {thing}{_place(goal, 'onto', 'at')}"
        case "push" if goal.verb not in ("carry", "push"):
            return f"{goal.phrase} {thing}"
        case "push" | "pull":
            return f"{phase.verb} {thing}{_place(goal, 'onto', 'to')}"
        case _:
            return f"{phase.verb} {thing}"


def _place(goal: Goal, above: str, by: str) -> str:
    """Where the object goes, with a leading space; ``above`` is the word for onto it, ``by`` for to it."""
    if goal.destination is None:
        return ""
    if goal.preposition in INSIDE:
        return f" into {goal.destination}"
    if goal.preposition in ON_TOP:
        return f" {above} {goal.destination}"
    if goal.preposition in (None, "to"):
        return f" {'to' if _TAKES.search(goal.destination) else by} {goal.destination}"
    return f" {goal.preposition} {goal.destination}"
