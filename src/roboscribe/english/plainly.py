"""What a clause says, put plainly: its verb and words go in; what it is for and the verb that says so come out.

"Leave it alone" is to skip it, "keep your arm still" to wait, "leave it open" not to close it. What can be said in many
ways is put in one, so that whoever compares deeds knows plain verbs only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from roboscribe.english import lexicon as lex
from roboscribe.english.deeds import VERB_FORMS, VerbForm

Sense = Literal["wanted", "ruled out", "told"]
"""Whether a clause asks for something, asks for it not to be, or only tells how things are."""

FOR_LATER = ("for later", "for now", "for the moment", "can wait")
"""Ends of a clause about what is not to be done yet."""
WISHING = frozenset({"need", "have", "want", "like"})
"""Verbs of who wishes for a thing, not for a deed."""
STATES = {"open": "close", "closed": "open", "shut": "open"}
"""What changes a state; who wants a thing left in it rules that out."""

_LEAVING = frozenset({"leave", "keep"})
_ALONE = frozenset({"alone", "be", "out", "aside", lex.IN_ITS_PLACE})
_MOTIONS = frozenset(
    {"move", "shift", "go", "drive", "go on", "move on", "carry on", "go ahead", "continue", "keep going"}
)
"""Verbs by which, without an object, a robot moves at all."""
_AMOUNTS = {
    "at",
    "inch",
    "bit",
    "muscle",
    "finger",
    "millimeter",
    "millimetre",
    "moment",
    "second",
    "now",
    "yet",
    "for",
}
_BARE = lex.LIMBS | lex.DETERMINERS | _AMOUNTS | {"left", "right", "again"}
"""Words after them that name no more than the body or an amount: "move your arm", "move an inch"."""


def put_plainly(
    sense: Sense, verb: VerbForm | None, words: Sequence[str], end: int, *, command: bool, limited: bool
) -> tuple[Sense, VerbForm | None]:
    """What a clause is for, and the verb that says so plainly.

    Args:
        sense: What it is for by the words before it.
        verb: Its verb as written.
        words: Its words.
        end: Index after the verb.
        command: Whether the verb tells the robot what to do.
        limited: Whether it holds only until or without something.
    """
    base, after = verb.base if verb else "", words[end:]
    ordered = command or sense == "ruled out"
    state = next((word for word in after[1:] if word in STATES), "")
    if base == "wait" and words[-2:] == ["can", "wait"]:
        return ("ruled out" if sense == "wanted" else sense), VERB_FORMS["skip"]
    if base in WISHING:
        return sense if ordered else "told", None
    if base in _LEAVING and ordered and state:
        return "ruled out" if sense == "wanted" else "wanted", VERB_FORMS[STATES[state]]
    if base in ("keep", "hold") and ordered and "still" in after and not lex.LIMBS.isdisjoint(after):
        return sense, VERB_FORMS["wait"]
    if base in _MOTIONS and sense == "ruled out" and not limited and _BARE.issuperset(after):
        return "wanted", VERB_FORMS["wait"]
    if verb and verb.deeds & {"put", "carry"} and "back" in after:
        return sense, VERB_FORMS["undo"]
    if base in _LEAVING and (not _ALONE.isdisjoint(after) or " ".join(after).endswith(FOR_LATER)):
        verb = VERB_FORMS["skip"]
    if sense == "wanted" and command and verb and "skip" in verb.deeds:
        sense = "ruled out"
    return sense, verb
