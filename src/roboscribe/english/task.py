"""Reads a task text: a sentence a person wrote about a demonstration comes in, its actions go out.

A small closed grammar of English commands. It says only what it knows: a text it cannot read gives a task
without actions, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

from roboscribe.english import lexicon as lex
from roboscribe.english.clauses import Clause, read_clauses
from roboscribe.english.lexicon import TaskVerb

_OPENERS = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|now|first|please|kindly|robot|could you|can you|would you|will you|try to"
    r"|let's|you should|you need to|you have to|(?:(?:your|the) )?(?:task|job|goal) is to"
    r"|i (?:want|need|would like) you to|i'd like you to"
    r"|(?:the )?(?:robot arm|robot|arm|gripper)(?: should| must| needs to| has to| is)?)(?:[\s,:!]+|$))+",
    re.IGNORECASE,
)
_CLOSERS = re.compile(r"[\s,]*(?:please|for me|thanks|thank you)?[\s.!?]*$", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W_]+(?:['’.\-/][^\W_]+)*|[,;.:!?&+]")


@dataclass(frozen=True, slots=True)
class TaskAction:
    """One thing to be done.

    Attributes:
        verb: Its kind.
        object: What is acted on, with its article: ``the pink brick``; None when not named.
        preposition: Between object and destination: ``in``, ``on top of``.
        destination: Where the object shall end, with its article: ``the transparent box``.
        origin: Where the object is at first, with the preposition: ``on the table``, ``from the shelf``.
        manner: How it is done: ``in half``, ``with the left arm``.
        phrase: The verb as written, in its base form: ``pick up``.
    """

    verb: TaskVerb
    object: str | None
    preposition: str | None = None
    destination: str | None = None
    origin: str | None = None
    manner: str | None = None
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A task text and what could be read from it.

    Attributes:
        text: As given.
        actions: In the order they are to be done; empty when the text is not understood.
        understood: Whether every word of the text found its place in the actions.
    """

    text: str
    actions: tuple[TaskAction, ...]
    understood: bool = False

    @property
    def objects(self) -> tuple[str, ...]:
        """What the robot must take hold of and carry, in order, each once."""
        return tuple(dict.fromkeys(a.object for a in self.actions if a.object and a.verb in lex.CARRYING))

    def placement_of(self, object: str) -> TaskAction | None:
        """The last action that gives ``object`` a destination, or None."""
        return next((a for a in reversed(self.actions) if a.object == object and a.destination), None)

    def destination_of(self, object: str) -> str | None:
        """Where ``object`` shall end, or None."""
        action = self.placement_of(object)
        return action.destination if action else None


def is_placeholder(task: str) -> bool:
    """Whether a task text says nothing: empty, ``task``, ``test 3``, ``n/a``, ``no description``."""
    words = re.findall(r"[^\W\d_]+", _spaced(task).lower())
    return all(word in lex.FILLER or (len(word) == 1 and word.isascii()) for word in words)


def as_command(task: str) -> str:
    """A task as said after "I will": without address, courtesy, capital and full stop; "" for no known command."""
    text = _OPENERS.sub("", _CLOSERS.sub("", _spaced(task)))
    words = text.lower().split()
    starts = any(" ".join(words[:size]) in lex.BASE_FORMS for size in (1, 2, 3))
    return text[:1].lower() + text[1:] if starts and parse_task(task).actions else ""


@lru_cache(maxsize=4096)
def parse_task(task: str) -> Task:
    """The actions of a task text; none when it is a placeholder, not English, or not a command."""
    text = _CLOSERS.sub("", _spaced(task))
    letters = [char for char in text if char.isalpha()]
    if is_placeholder(task) or sum(char.isascii() for char in letters) < 0.9 * len(letters):
        return Task(task, ())
    tokens: list[str] = _TOKEN.findall(_OPENERS.sub("", text))
    words = [token for token in tokens if token[0].isalpha()]
    if lex.FOREIGN & {word.lower() for word in words}:
        return Task(task, ())
    if len(words) > 2 and all(word[0].isupper() for word in words if word.lower() not in lex.SMALL_WORDS):
        tokens = [token.lower() for token in tokens]
    clauses, readable = read_clauses(tokens)
    actions = tuple(_resolve(clauses))
    understood = readable and not _TOKEN.sub("", text).strip()
    return Task(task, actions, understood and bool(actions) and all(action.object for action in actions))


def _spaced(text: str) -> str:
    """``text`` with an identifier such as ``PutCubeInBox-v0`` taken apart into words."""
    text = " ".join(text.split())
    if " " in text:
        return text.replace("_", " ")
    text = re.sub(r"[-_]v\d+$", "", text)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", re.sub(r"[_\-]+", " ", text))


@dataclass(slots=True)
class _Discourse:
    """What has been mentioned so far: it tells what "it", "them" and a missing object stand for."""

    named: dict[str, str]
    mentioned: list[str]
    held: list[str]
    opened: str | None = None

    def name(self, noun: str) -> str:
        """``noun``, or what it was called before: "a cube" stays "a cube" when it becomes "the cube"."""
        bare = re.sub(r"^(?:the|an?) ", "", noun)
        first = self.named.setdefault(bare, noun)
        self.mentioned.append(first)
        return first

    def object(self, noun: str, verb: TaskVerb) -> list[str]:
        """What a clause acts on; nothing where a pronoun has nothing to stand for."""
        if noun in lex.PLURAL_PRONOUNS:
            return list(self.held)
        if noun not in lex.PRONOUNS:
            return [self.name(noun)]
        if verb in ("open", "close"):
            return [self.opened] if self.opened else self.mentioned[-1:]
        return self.held[-1:] or self.mentioned[-1:]

    def place(self, noun: str, objects: Sequence[str]) -> str | None:
        """Where a clause leads: a pronoun is the last thing mentioned that is not itself being moved."""
        if noun not in lex.PRONOUNS and noun:
            return self.name(noun)
        others = [thing for thing in self.mentioned if thing not in objects and thing not in self.held]
        return (self.opened if not noun else None) or (others[-1] if others else None)


def _resolve(clauses: Sequence[Clause]) -> list[TaskAction]:
    """The actions of all clauses with pronouns resolved, one for each object."""
    actions: list[TaskAction] = []
    said = _Discourse({}, [], [])
    for clause, following in zip_longest(clauses, clauses[1:]):
        nouns = clause.objects
        if not nouns and not (said.held and clause.destination) and following:
            nouns = following.objects
        nouns = nouns or (("them",) if said.held else ())
        objects = [thing for noun in nouns for thing in said.object(noun, clause.verb)]
        place = None if clause.destination is None else said.place(clause.destination, objects)
        done = [
            TaskAction(
                verb=clause.verb,
                object=thing,
                preposition=clause.preposition if place else None,
                destination=place,
                origin=clause.origin,
                manner=clause.manner,
                phrase=clause.phrase,
            )
            for thing in objects or [None]
        ]
        before = actions[-len(done) :]
        if len(done) > 1 and [(a.verb, a.object) for a in before] == [("pick", thing) for thing in objects]:
            actions[-len(done) :] = [step for pair in zip(before, done, strict=True) for step in pair]
        else:
            actions += done
        if clause.verb in lex.CARRYING:
            said.held = objects
        if clause.verb == "open" and objects:
            said.opened = objects[-1]
    return actions
