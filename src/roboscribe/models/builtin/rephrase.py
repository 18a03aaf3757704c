"""Rephrases a task by rule: a task text goes in, other ways to ask for exactly the same come out."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, product, zip_longest

from roboscribe.asks import RephraseTask, Rephrasings
from roboscribe.english import lexicon as lex
from roboscribe.english.task import Task, TaskAction, parse_task
from roboscribe.english.words import has_regular_participle, is_plural, past_tense
from roboscribe.models.builtin.retelling import listed, with_object

_LONGEST = 300
_MOST_PHRASES = 400

_FRAMES = (
    "Please {}.",
    "Can you {}?",
    "Could you {}?",
    "Could you please {}?",
    "Would you {}, please?",
    "I need you to {}.",
    "I'd like you to {}.",
    "I want you to {}.",
    "{}, please.",
    "Your task is to {}.",
    "Go ahead and {}.",
)

_SYNONYMS = (
    ("lift", "lift up", "raise"),
    ("get", "fetch", "retrieve"),
    ("collect", "gather"),
    ("put", "place", "set"),
    ("throw away", "dispose of"),
    ("open", "open up"),
    ("close", "shut"),
    ("turn on", "switch on"),
    ("turn off", "switch off"),
    ("turn over", "flip over"),
    ("wipe", "wipe down"),
    ("move", "transfer"),
)
_PICK = ("pick up", "grab", "grasp", "take hold of")
_TAKE = ("pick up", "grab", "take")
_ONE_STEP = ("put", "place", "set", "move", "take", "pick", "pick up", "grab", "bring")
_PREPOSITIONS = {
    "in": ("in", "into"),
    "into": ("into", "in"),
    "inside": ("inside", "in", "into"),
    "on": ("on", "onto"),
    "onto": ("onto", "on"),
    "on top of": ("on top of", "onto"),
    "next to": ("next to", "beside"),
    "beside": ("beside", "next to"),
    "towards": ("towards", "toward"),
    "near": ("near", "close to"),
    "under": ("under", "underneath"),
}
"""Prepositions that say the same about where something is put, by the one in the text."""


def rephrase(ask: RephraseTask) -> Rephrasings:
    """Other ways to say the task; at most ``ask.count``, fewer when fewer are known.

    Object, colour, count, place and manner stay as they are. A task that is not fully understood is only
    made polite; one that is not understood at all gets no rephrasing.
    """
    task = parse_task(ask.task)
    chance = random.Random(ask.seed)
    if task.understood:
        texts = _ways(_deeds(task), chance)
    elif task.actions and _starts_with_verb(ask.task):
        body = _lower_first(" ".join(ask.task.split()).rstrip(".!? "))
        frames = list(_FRAMES)
        chance.shuffle(frames)
        texts = (_sentence(frame, body) for frame in frames)
    else:
        texts = iter(())
    fresh = (text for text in _distinct([ask.task], texts) if len(text) <= _LONGEST)
    return Rephrasings(texts=list(islice(fresh, max(0, min(ask.count, 100)))))


@dataclass(frozen=True, slots=True)
class _Deed:
    """One step of the task as a person would name it: a single action, or taking things and placing them.

    Attributes:
        action: The action, or the placing.
        objects: What it is done to.
        taken: The picking before a placing, when the text says it.
        held: Whether an earlier deed has already taken hold of the objects.
    """

    action: TaskAction
    objects: tuple[str, ...]
    taken: TaskAction | None = None
    held: bool = False


def _deeds(task: Task) -> list[_Deed]:
    """The actions with picking and placing of one object joined, and equal deeds for many objects too."""
    deeds: list[_Deed] = []
    actions = list(task.actions)
    while actions:
        action, *actions = actions
        taken = None
        placing = action.verb == "pick" and actions and actions[0].verb in lex.CARRYING - {"pick"}
        if placing and actions[0].object == action.object:
            taken, action, actions = action, actions[0], actions[1:]
        thing = action.object or ""
        held = any(thing in deed.objects and deed.action.verb in ("pick", "move") for deed in deeds)
        deed = _Deed(action, (thing,), taken, held)
        if deeds and _same_but_object(deeds[-1], deed):
            deed = replace(deed, objects=(*deeds.pop().objects, thing))
        deeds.append(deed)
    return deeds


def _same_but_object(one: _Deed, other: _Deed) -> bool:
    def anything(action: TaskAction | None) -> TaskAction | None:
        return replace(action, object=None) if action else None

    return anything(one.action) == anything(other.action) and anything(one.taken) == anything(other.taken)


def _ways(deeds: Sequence[_Deed], chance: random.Random) -> Iterator[str]:
    """Sentences that ask for the deeds, the most different ones first."""
    choices = [list(dict.fromkeys(_phrases(deed))) for deed in _later_mentions(deeds)]
    phrases = [text for options in islice(product(*choices), _MOST_PHRASES) for text in _joined(options)]
    chance.shuffle(phrases)
    frames = list(_FRAMES)
    chance.shuffle(frames)
    wishes = list(_wishes(deeds[0])) if len(deeds) == 1 else []
    chance.shuffle(wishes)
    plain = [_sentence("{}.", phrase) for phrase in phrases]
    # Half the list lies between a framed phrase and the plain one beside it, so that neighbours differ.
    half = len(phrases) // 2
    framed = [
        _sentence(frame, phrase)
        for frame, phrase in zip(cycle(frames), phrases[half:] + phrases[:half], strict=False)
    ]
    yield from (text for trio in zip_longest(framed, plain, wishes) for text in trio if text)
    rest = [_sentence(frame, phrase) for frame, phrase in product(frames, phrases)]
    chance.shuffle(rest)
    yield from rest


def _later_mentions(deeds: Sequence[_Deed]) -> Iterator[_Deed]:
    """The deeds with "a cup" become "the cup" where it has been mentioned before."""
    seen: set[str] = set()

    def again(noun: str | None) -> str | None:
        definite = re.sub(r"^an? ", "the ", noun or "")
        known = definite in seen
        seen.add(definite)
        return definite if known else noun

    for deed in deeds:
        objects = tuple(again(noun) or "" for noun in deed.objects)
        action = replace(deed.action, destination=again(deed.action.destination))
        yield replace(deed, action=action, objects=objects)


def _phrases(deed: _Deed) -> Iterator[str]:
    """Imperatives without capital and full stop that mean the deed."""
    action, taken = deed.action, deed.taken
    things, it = listed(deed.objects), _pronoun(deed.objects)
    source = taken.origin if taken else action.origin
    carried = action.verb in lex.CARRYING and action.destination is not None and action.phrase in _ONE_STEP
    if taken or (carried and not deed.held):
        first = f" {things}{_tail(source)}{_tail(taken.manner if taken else None)}"
        takes = ("take",) if source and (not taken or _leaves(source)) else _TAKE
        for take, (put, place) in product(takes, _ends(action)):
            if take != put:
                yield f"{take}{first} and {with_object(put, it)}{place}"
    if taken is None or not (taken.manner or _leaves(source) or (source and not action.destination)):
        whence = _relative(source, it) if action.destination else source
        for verb, place in _ends(action):
            yield f"{with_object(verb, things + _tail(whence))}{place}"
    if action.verb == "stack" and action.preposition in ("on", "onto"):
        yield f"stack {things} on top of {action.destination}{_tail(action.manner)}"
    if action.verb == "push" and action.destination and not (action.manner or action.origin):
        for _, place in _ends(action):
            yield f"move {things}{place} by pushing {it}"
    if action.manner and action.manner.startswith("with the ") and not taken:
        rest = f"{with_object(action.phrase, things)}{_tail(action.origin)}{_destination(action)}"
        yield f"use {action.manner.removeprefix('with ')} to {rest}"


def _ends(action: TaskAction) -> list[tuple[str, str]]:
    """Pairs of verb and what follows its object, all meaning the action."""
    prepositions = (action.preposition,)
    if action.phrase in ("put", "place", "set", "drop", "stack", "insert") or action.preposition == "towards":
        prepositions = _PREPOSITIONS.get(action.preposition or "", prepositions)
    return [
        (verb, f"{_destination(action, word)}{_tail(action.manner)}")
        for verb in _verbs(action)
        for word in prepositions
        if not (verb == "set" and word in ("into", "inside"))
    ]


def _verbs(action: TaskAction) -> tuple[str, ...]:
    """Verbs that say the same as the action's own."""
    if action.verb in ("place", "move") and action.phrase in _ONE_STEP:
        if not action.destination:
            return ("place", "put down") if action.verb == "place" else ("move",)
        if action.preposition in ("to", "towards", "toward"):
            return ("move", "transfer") if action.origin else ("bring", "take", "move")
        if action.phrase != "move":
            return ("put", "place", "set")
    if action.verb == "pick" and action.phrase in ("pick", "grip", *_PICK):
        return _PICK
    if action.phrase == "press" and "button" in (action.object or ""):
        return ("press", "push")
    return next((group for group in _SYNONYMS if action.phrase in group), (action.phrase,))


def _destination(action: TaskAction, preposition: str | None = None) -> str:
    return f" {preposition or action.preposition} {action.destination}" if action.destination else ""


def _leaves(origin: str | None) -> bool:
    """Whether an origin is part of a taking: "off the pot", "out of the box"."""
    return origin is not None and origin.startswith(("off ", "out "))


def _relative(origin: str | None, it: str) -> str | None:
    """Where the object is, as a clause that cannot be read as where it goes."""
    if not origin or origin.startswith("from ") or _leaves(origin):
        return origin
    return f"that {'are' if it == 'them' else 'is'} {origin}"


def _pronoun(objects: Sequence[str]) -> str:
    return "them" if len(objects) > 1 or is_plural(objects[0]) else "it"


def _wishes(deed: _Deed) -> Iterator[str]:
    """Sentences that name the wanted outcome instead of the deed."""
    action, taken = deed.action, deed.taken
    if action.origin or action.manner or (taken and (taken.origin or taken.manner)):
        return
    things = listed(deed.objects)
    at_rest = {"into": "in", "onto": "on"}.get(action.preposition or "", action.preposition)
    if action.verb == "place" and action.phrase in _ONE_STEP and action.destination and at_rest != "to":
        where = _destination(action, at_rest)
        yield f"I need {things}{where}."
        yield f"I want {things}{where}."
        yield f"{_upper_first(things)} should go{where}."
    head, *particle = action.phrase.split()
    if taken is None and has_regular_participle(head) and (particle or action.verb not in ("pick", "other")):
        done = " ".join((past_tense(head), *particle)) + _destination(action)
        needs = "need" if _pronoun(deed.objects) == "them" else "needs"
        yield f"{_upper_first(things)} {needs} to be {done}."
        if action.verb in ("open", "close", "fold", "wipe", "turn", "stack", "insert", "pour"):
            yield f"I need {things} {done}."


def _joined(steps: Sequence[str]) -> Iterator[str]:
    """Steps in a row as one phrase."""
    if len(steps) == 1:
        yield steps[0]
        return
    yield f"{', '.join(steps[:-1])}, then {steps[-1]}"
    yield f"{', '.join(steps[:-1])} and then {steps[-1]}"
    if len(steps) == 2:
        yield f"first {steps[0]}, then {steps[1]}"
    else:
        yield f"first {', then '.join(steps[:-1])}, and finally {steps[-1]}"


def _tail(text: str | None) -> str:
    return f" {text}" if text else ""


def _sentence(frame: str, phrase: str) -> str:
    return _upper_first(frame.format(phrase))


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _starts_with_verb(text: str) -> bool:
    words = text.lower().split()
    return any(" ".join(words[:size]) in lex.BASE_FORMS for size in (1, 2))


def _distinct(known: Iterable[str], texts: Iterable[str]) -> Iterator[str]:
    """Texts that differ from the known ones and each other in more than case and punctuation."""
    seen = {_plain(text) for text in known}
    for text in texts:
        key = _plain(text)
        if key not in seen:
            seen.add(key)
            yield text


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
