"""What a task wants done, in order: from the actions of a task text to goals that grasps can be assigned to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from roboscribe.english.task import Task, TaskAction

STROKES = frozenset({"push", "pull", "open", "close", "press", "turn", "wipe"})
"""Verbs of things done to an object where it is."""

_TOOL = re.compile(r"(?:with|using) (?!.*\b(?:arms?|hands?|grippers?)$)(.+)")

INSIDE = frozenset({"in", "into", "inside", "inside of", "through"})
ON_TOP = frozenset({"on", "onto", "on top of", "upon", "over", "above", "atop"})


@dataclass(frozen=True, slots=True)
class Goal:
    """One object to be brought somewhere, or one thing to be acted on.

    Attributes:
        verb: ``carry``, or one of ``STROKES``.
        object: Noun phrase with its article.
        preposition: As written in the task, or None.
        destination: Noun phrase with its article, or None.
        phrase: The verb as written, for ``STROKES``.
        held: What is in the hand where that is not the object: a tool.
    """

    verb: str
    object: str
    preposition: str | None = None
    destination: str | None = None
    phrase: str = ""
    held: str | None = None

    @property
    def carries(self) -> bool:
        """Whether the object is taken hold of and brought somewhere."""
        return self.verb == "carry"


UNKNOWN = Goal("carry", "the object")
"""What is done when the task does not say."""


def goals_of(task: Task) -> tuple[Goal, ...]:
    """The goals of a task in order; to pick something up and to place it is one goal."""
    goals: list[Goal] = []
    for action in task.actions:
        goal = _goal(action)
        picked = next(
            (
                index
                for index, earlier in enumerate(goals)
                if earlier.carries and earlier.object == goal.object and earlier.destination is None
            ),
            None,
        )
        if picked is not None and goal.carries and action.verb != "pick":
            goals[picked] = replace(goals[picked], preposition=goal.preposition, destination=goal.destination)
        else:
            goals.append(goal)
    return tuple(goals)


def _goal(action: TaskAction) -> Goal:
    if action.verb == "pour":
        # What is held is the vessel, and it is not left where its content goes.
        origin = action.origin or ""
        content = action.phrase in ("pour", "pour out")
        vessel = "the container" if content else action.object or UNKNOWN.object
        return Goal("carry", origin.removeprefix("from ") if origin.startswith("from ") else vessel)
    if action.verb in STROKES:
        tool = _TOOL.fullmatch(action.manner or "")
        held = tool[1] if tool else UNKNOWN.object if action.verb == "wipe" else None
        thing = action.object or UNKNOWN.object
        return Goal(action.verb, thing, action.preposition, action.destination, action.phrase, held)
    preposition = action.preposition
    if action.verb == "stack" and (preposition is None or preposition in ON_TOP):
        preposition = "on top of"
    return Goal("carry", action.object or UNKNOWN.object, preposition, action.destination)
