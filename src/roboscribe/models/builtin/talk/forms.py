"""Forms of what is said to a robot at work, by kind of request and by what it does next; facts fill their blanks.

A form counts only where all its blanks are known and its conditions, in brackets before it, hold. Blanks:

- ``T`` what the next step is about; ``it`` and ``they``, its pronouns as object and subject; ``is``, ``isnt``,
  ``has``, ``belongs``, ``needs``, verbs for it, and ``self``; for another thing these end in its name: ``is_O``
- ``D`` where it ends, ``P`` the same with its preposition at rest ("in the box")
- ``O`` something that nothing is done to from here on; ``R`` such a thing, or one whose turn comes later, of the
  same kind as ``T``; ``C`` what ``T`` goes in or on, where nothing else is done to it
- ``L`` something whose turn comes only later
- ``arm`` the arm that acts next, ``other`` the other one
- ``do`` the next step as a command; ``take``, ``take_it``, ``took`` the way it takes hold of ``T``
- ``AT`` what was just reached; ``did`` what was done just before, in the past tense

Conditions:

- ``keeps`` the thing stays in hand until it is where it belongs; ``empty`` nothing is in hand
- ``home`` it ends in or on ``D``; ``apart`` it does not go there now
- ``lifts``, ``moves``, ``goes`` it is lifted or carried, or the robot draws back, right after
- ``choosing`` the robot goes for the thing now; ``retry`` for the second time; ``alone`` nothing else has its turn
- ``doing`` the next step is no waiting or drawing back; ``more`` one of the remaining is none; ``rare`` it is of a
  kind with few forms of its own
- ``fine`` nothing failed just now, ``missed`` something did
"""

from __future__ import annotations

from collections.abc import Mapping

Forms = Mapping[str, tuple[str, ...]]

ANY = "any"
"""Forms for whatever the robot does next."""

LAST = "last"
"""Forms for when no other can be filled."""

DRAWS_ON: Mapping[str, str] = {"pick": "grasp"}
"""Kinds of step that have the forms of another."""
