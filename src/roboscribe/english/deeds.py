"""What a robot can be told to do: verbs in any form go in, the kinds of deed they mean come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from roboscribe.english import lexicon as lex
from roboscribe.english.steps import Kind, Step
from roboscribe.english.words import gerund, past_tense, third_person

Deeds = frozenset[str]
"""Kinds of deed, each called by a verb of ours; what a verb means is any of them."""

HANDLING = frozenset(
    (
        *("hold", "lift", "carry", "put", "release", "push", "pull", "open", "close", "pour", "press"),
        *("turn", "wipe", "fold", "throw"),
    )
)
"""What cannot be done to a thing without touching it."""
WORKING: Deeds = HANDLING | {phrase.split()[0] for phrase in lex.PHRASES["other"].split("|")}
"""The same and all other work of the closed vocabulary, each verb of which is a deed of its own."""
GOING: Deeds = frozenset({"approach"})
LEAVING: Deeds = frozenset({"leave"})
MOVING: Deeds = frozenset({"carry", "lift", "push", "pull"})
BACK: Deeds = frozenset({"back"})
WAITING: Deeds = frozenset({"wait"})
IDLE: Deeds = WAITING | BACK | {"stop", "undo"}
"""What is told of what the robot does at once."""
PLACING: Deeds = frozenset({"put", "release", "carry", "push", "pull", "throw"})
"""What brings a thing somewhere."""
LOOSE = frozenset({"drop", "drop off", "throw", "throw away", "toss", "fling"})
"""Verbs that also tell how: who says "don't drop it" rules out no setting down."""


@dataclass(frozen=True, slots=True)
class VerbForm:
    """A verb as it may be written.

    Attributes:
        base: Its base form with particle.
        deeds: What it tells to do; it means any of them.
        plain: Whether this is the base form, as in a command.
    """

    base: str
    deeds: Deeds
    plain: bool


_PHRASES: dict[str, str] = {
    "hold": "grasp|grab|grip|take hold of|catch|seize|get hold of|get a hold of|clutch",
    "lift": "lift|lift up|raise",
    "hold lift": "pick|pick up|pickup",
    "hold lift carry": "take|get|fetch|retrieve|collect|remove|gather|take out|take along",
    "carry move": "move|shift|budge",
    "carry": "transfer|carry|bring|transport|relocate|deliver|hand|hand over|pass",
    "put": "put|put down|put away|place|set down|set|lay|lay down|lower|deposit|store|return|sort|load|pack|serve"
    "|stack|stack up|pile|pile up|insert|plug|plug in|hang|hang up|bring down",
    "release": "release|let go of|let go|let it go|let them go",
    "put release": "drop|drop off",
    "throw": "throw|throw away|toss|fling",
    "push": "push|slide|nudge|shove",
    "pull": "pull|pull out|drag|tug",
    "open": "open|open up",
    "open pull": "pull open",
    "open push": "push open|slide open",
    "open release back": "reopen",
    "close": "close|shut",
    "close push": "push closed|push shut|slide closed|slide shut",
    "close pull": "pull closed|pull shut",
    "pour": "pour|pour out|empty|tip|dump",
    "press": "press|press down|tap|click",
    "turn": "turn|turn on|turn off|turn over|switch on|switch off|rotate|twist|flip|flip over|spin|screw|unscrew",
    "wipe": "wipe|wipe down|wipe up|sweep|sweep up|scrub|dust",
    "fold": "fold|fold up",
    "approach": "approach|reach|reach for|head for|head to|get to|get over to",
    "approach carry": "go|go to|go for|go over|go towards|go on to|move to|move towards|move toward|move over"
    "|drive|drive to|drive over to|navigate to|roll to|walk to",
    "touch": "touch|bother|mess with|handle",
    "use": "use",
    "jolt": "disturb|bump|bump into|knock|knock over|hit|poke",
    "back": "go back|move back|come back|pull back|back off|back up|back away|step back|retract|retreat|withdraw"
    "|move away|come home|go home|return to|get out|get back",
    "wait": "wait|pause|hold still|hold on|hang on|stay|stand still|keep still|remain|freeze",
    "leave": "leave",
    "stop": "stop|halt|abort|cancel|quit",
    "undo": "undo|revert|start over",
    "skip": "ignore|skip|forget|forget about|keep away from|stay away from|keep off|stay off|keep clear of"
    "|stay clear of",
    "other": "keep|hold|hold on to|keep hold of|give|give up|make sure|see|watch|look|try|need|have|want|like|help"
    "|remember|continue|go ahead|go on|move on|carry on|keep going|push on|get ready|get going|get started",
}
"""Phrases by the deeds they mean; ``other`` are those that tell of no deed, though they hold another's word."""


def _forms() -> Iterator[tuple[str, VerbForm]]:
    for phrase in lex.PHRASES["other"].split("|"):
        yield from _forms_of(phrase, frozenset({phrase.split()[0]}))
    for names, phrases in _PHRASES.items():
        for phrase in phrases.split("|"):
            yield from _forms_of(phrase, frozenset(names.split()))


def _forms_of(phrase: str, deeds: Deeds) -> Iterator[tuple[str, VerbForm]]:
    head, _, particle = phrase.partition(" ")
    for form in (past_tense(head), third_person(head), gerund(head), head):
        yield f"{form} {particle}".strip(), VerbForm(phrase, deeds, form == head)


VERB_FORMS = dict(_forms())
"""Every known form of a verb, by how it is written."""

_OF_KINDS: dict[Kind, str] = {
    "approach": "approach",
    "pick": "hold lift",
    "grasp": "hold",
    "lift": "lift",
    "carry": "carry",
    "lower": "put",
    "place": "carry put release",
    "release": "put release",
    "push": "push",
    "pull": "pull",
    "open": "open",
    "close": "close",
    "wait": "wait",
    "retract": "back",
    "reopen": "open release back undo",
}


def deeds_of(step: Step) -> Deeds:
    """What a step does; nothing that is known for one whose label tells no more than that it is a command."""
    deeds: set[str] = set(_OF_KINDS.get(step.kind, "").split())
    if step.kind in ("act", "place", "open", "close") or len(step.actions) > 1:
        for action in step.actions:
            form = VERB_FORMS.get(action.phrase)
            deeds |= form.deeds if form else set()
    # "Put the jug back on the tray": what was done to it is undone.
    return frozenset(deeds | {"undo"}) if "back" in step.text.split() else frozenset(deeds)


def is_open(step: Step) -> bool:
    """Whether a step may do what its label is not understood to say."""
    return step.kind == "unknown" or (step.kind == "act" and not deeds_of(step))


def longest_verb(tokens: Sequence[str], at: int) -> int:
    """Number of tokens of the longest verb form that stands at ``at``; 0 for none."""
    for size in range(min(4, len(tokens) - at), 0, -1):
        if " ".join(tokens[at : at + size]) in VERB_FORMS:
            return size
    return 0
