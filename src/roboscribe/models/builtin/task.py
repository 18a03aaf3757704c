"""Reads a task text: a sentence a person wrote about a demonstration comes in, its actions go out.

A small closed grammar of English commands. It says only what it knows: a text it cannot read gives a task
without actions, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from roboscribe.models.builtin import lexicon as lex
from roboscribe.models.builtin.lexicon import TaskVerb

_OPENERS = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|now|first|please|kindly|robot|could you|can you|would you|will you|you should"
    r"|you need to|you have to|your (?:task|job|goal) is to|(?:the )?(?:task|goal) is to|i (?:want|need|would like)"
    r" you to|i'd like you to|try to|let's|(?:the )?(?:robot arm|robot|arm|gripper)(?: should| must| needs to"
    r"| has to| is)?)(?:[\s,:!]+|$))+",
    re.IGNORECASE,
)
_CLOSERS = re.compile(r"[\s,]*(?:please|for me|thanks|thank you)?[\s.!?]*$", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W_]+(?:['’.\-/][^\W_]+)*|[,;.:!?&+]")
_STOPS = frozenset(",;.:!?&+")
_LINKS = _STOPS | {"and", "then", "finally", "afterwards", "next", "also", "before", "lastly", "please"}
_CARRYING = frozenset({"pick", "place", "stack", "insert", "move"})
_PLACING = frozenset({"place", "stack", "insert", "move", "pour", "push", "pull"})


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
        return tuple(dict.fromkeys(a.object for a in self.actions if a.object and a.verb in _CARRYING))

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
    return all(word in lex.FILLER or len(word) == 1 and word.isascii() for word in words)


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
    clauses, understood = _clauses(tokens)
    actions = _resolve(clauses)
    return Task(
        task, tuple(actions), understood and bool(actions) and all(action.object for action in actions)
    )


def _spaced(text: str) -> str:
    """``text`` with an identifier such as ``PutCubeInBox-v0`` taken apart into words."""
    text = " ".join(text.split())
    if " " in text:
        return text.replace("_", " ")
    text = re.sub(r"[-_]v\d+$", "", text)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", re.sub(r"[_\-]+", " ", text))


@dataclass(frozen=True, slots=True)
class _Clause:
    """A verb and its phrases as read, pronouns not yet resolved."""

    action: TaskAction
    objects: tuple[str, ...]


def _clauses(tokens: Sequence[str]) -> tuple[list[_Clause], bool]:
    """The clauses of a text, and whether every one of them begins with a known verb."""
    clauses: list[_Clause] = []
    understood = True
    at = 0
    while at < len(tokens):
        start = _clause_at(tokens, _skip(tokens, at, _LINKS))
        end = start[0] if start else _skip(tokens, at, _LINKS)
        body = end
        while end < len(tokens) and not _breaks(tokens, end, empty=end == body):
            end += 1
        if start:
            verb, phrase, manner = start[1:]
            clauses += _read(verb, phrase, manner, tokens[body:end])
        else:
            understood = understood and body >= len(tokens)
        at = max(end, at + 1)
    return clauses, understood


def _skip(tokens: Sequence[str], at: int, words: Collection[str]) -> int:
    while at < len(tokens) and tokens[at].lower() in words:
        at += 1
    return at


def _breaks(tokens: Sequence[str], at: int, empty: bool) -> bool:
    """Whether a new clause begins at ``at``: at a link word before a verb, or at "pick place"."""
    after = _skip(tokens, at, _LINKS)
    start = _clause_at(tokens, after)
    if after > at:
        return after == len(tokens) or start is not None or tokens[at] in ".;!?"
    return empty and start is not None and start[1] == "place"


def _clause_at(tokens: Sequence[str], at: int) -> tuple[int, TaskVerb, str, str] | None:
    """End of the verb phrase that stands at ``at``, its kind, base form and manner; None without a verb."""
    manners: list[str] = []
    if at < len(tokens) and tokens[at].lower() in ("use", "using", "with"):
        stop = next((i for i in range(at + 2, len(tokens)) if tokens[i] in ("to", ",")), None)
        if stop is None or not _match(tokens, stop + 1, lex.VERBS):
            return None
        manners.append("with " + _noun(tokens[at + 1 : stop]))
        at = stop + 1
    while at < len(tokens) and tokens[at].lower() in lex.ADVERBS and tokens[at].lower().endswith("ly"):
        manners.append(tokens[at].lower())
        at += 1
    size = _match(tokens, at, lex.VERBS)
    if not size:
        return None
    verb, phrase = lex.VERBS[" ".join(tokens[at : at + size]).lower()]
    return at + size, verb, phrase, " ".join(manners)


def _match(tokens: Sequence[str], at: int, known: Collection[str]) -> int:
    """Number of tokens of the longest entry of ``known`` that stands at ``at``; 0 for none."""
    for size in range(min(4, len(tokens) - at), 0, -1):
        if " ".join(tokens[at : at + size]).lower() in known:
            return size
    return 0


def _read(verb: TaskVerb, phrase: str, manner: str, body: Sequence[str]) -> Iterator[_Clause]:
    """The clause of one verb; two when a second object and destination follow: "… and the ball in the box"."""
    manners = [manner] if manner else []
    body = list(body)
    for words in lex.MANNERS:
        for at in range(len(body) - len(words) + 1):
            if tuple(body[at : at + len(words)]) == words:
                manners.append(" ".join(words))
                del body[at : at + len(words)]
                break
    for at, word in enumerate(body):
        full = f"{phrase.split()[0]} {word}".lower()
        if full in lex.VERBS and (at + 1 == len(body) or _match(body, at + 1, lex.PREPOSITIONS)):
            verb, phrase = lex.VERBS[full]
            del body[at]
            break
    parts = _split_at_prepositions(body, verb)
    head = parts[0][1]
    for at, (preposition, words) in enumerate(parts[1:-1], start=1):
        cut = next(
            (i for i in range(1, len(words) - 1) if words[i] == "and" and _opens_noun(words[i + 1])), None
        )
        if cut and preposition != "between" and verb in _PLACING:
            length = len(body) - sum(len(p.split()) + len(w) for p, w in parts[at + 1 :]) - len(words) + cut
            yield from _read(verb, phrase, manner, body[:length])
            yield from _read(verb, phrase, manner, body[length + 1 :])
            return
    while head and head[-1].lower() in lex.ADVERBS and (len(head) == 1 or not _opens_noun(head[-2])):
        manners.append(head.pop().lower())
    action = TaskAction(verb, None, phrase=phrase)
    yield _Clause(_place(action, parts[1:], manners), tuple(_conjuncts(head)))


def _split_at_prepositions(body: Sequence[str], verb: TaskVerb) -> list[tuple[str, list[str]]]:
    """Pairs of preposition and the words after it; the first pair has none and holds the object."""
    tools = lex.LIMBS | (frozenset() if verb in _CARRYING or verb in ("open", "close") else frozenset(body))
    parts: list[tuple[str, list[str]]] = [("", [])]
    at = 0
    while at < len(body):
        clause = _match(body, at, lex.RELATIVES)
        size = _match(body, at + clause, lex.PREPOSITIONS)
        if size and (body[at] != "with" or tools & set(body[at:])):
            words = " ".join(body[at + clause : at + clause + size]).lower()
            parts.append(("@" + words if clause else words, []))
            at += clause + size
        else:
            parts[-1][1].append(body[at])
            at += 1
    return parts


def _place(action: TaskAction, parts: Sequence[tuple[str, list[str]]], manners: list[str]) -> TaskAction:
    """``action`` with its prepositional phrases sorted into destination, origin and manner."""
    origins: list[str] = []
    places: list[tuple[str, str]] = []
    for preposition, words in parts:
        while words and words[-1].lower() in lex.ADVERBS and not (len(words) > 1 and _opens_noun(words[-2])):
            manners.append(words.pop().lower())
        noun = _noun(words)
        if preposition in lex.WITH:
            manners.append(" ".join((preposition, *words)))
        elif preposition[0] == "@" or preposition in lex.AWAY:
            origins.append(f"{preposition.lstrip('@')} {noun}".strip())
        else:
            places.append((preposition, noun))
    toward = next((i for i, (word, _) in enumerate(places) if word in lex.DIRECTIONAL), None)
    if toward is None and action.verb not in _PLACING and not (action.phrase == "take" and places):
        origins = [f"{word} {noun}".strip() for word, noun in places] + origins
        places = []
    elif (
        toward is not None
        and action.verb in ("turn", "press", "fold", "open", "close")
        and places[toward][0] != "onto"
    ):
        manners += [f"{word} {noun}".strip() for word, noun in places]
        places = []
    elif toward and places[0][0] not in lex.DIRECTIONAL:
        origins = [f"{word} {noun}" for word, noun in places[:toward]] + origins
        places = places[toward:]
    if places and action.verb == "pick":
        action = replace(action, verb="move")
    preposition, destination = places[0] if places else (None, None)
    for word, noun in places[1:]:
        destination = f"{destination} {word} {noun}"
    return replace(
        action,
        preposition=preposition,
        destination=destination,
        origin=" ".join(origins) or None,
        manner=" ".join(manners) or None,
    )


def _opens_noun(word: str) -> bool:
    return word.lower() in lex.DETERMINERS or word.isdigit()


def _conjuncts(words: Sequence[str]) -> Iterator[str]:
    """The noun phrases of a list: "the cup, the plate and the fork"; "the red and blue cubes" is one."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word.lower() in ("and", ",", "&"):
            parts.append([])
        else:
            parts[-1].append(word)
    parts = [part for part in parts if part]
    if len(parts) > 1 and parts[0][0].lower() == "both":
        parts[0] = parts[0][1:]
    adjectives = lex.COLOURS | lex.DETERMINERS
    if any(part and all(word.lower() in adjectives for word in part) for part in parts[:-1]):
        yield _noun(words)
    else:
        yield from (_noun(part) for part in parts if part)


def _noun(words: Sequence[str]) -> str:
    """A noun phrase as text, with an article where it has no other determiner."""
    small = [word.lower() if word.lower() in lex.SMALL_WORDS else word for word in words]
    text = re.sub(r" (?=[,.])", "", " ".join(small))
    bare = not words or _opens_noun(words[0]) or text.lower() in lex.PRONOUNS | lex.UNCOUNTED
    return text if bare else f"the {text}"


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


def _resolve(clauses: Sequence[_Clause]) -> list[TaskAction]:
    """The actions of all clauses with pronouns resolved, one for each object."""
    actions: list[TaskAction] = []
    said = _Discourse({}, [], [])
    for clause, following in zip_longest(clauses, clauses[1:]):
        action, nouns = clause.action, clause.objects
        if not nouns and not (said.held and action.destination) and following:
            nouns = following.objects
        nouns = nouns or (("them",) if said.held else ())
        objects = [thing for noun in nouns for thing in said.object(noun, action.verb)]
        if action.destination is not None:
            place = said.place(action.destination, objects)
            action = replace(action, destination=place, preposition=action.preposition if place else None)
        done = [replace(action, object=thing) for thing in objects] or [action]
        before = actions[-len(done) :]
        if len(done) > 1 and [(a.verb, a.object) for a in before] == [("pick", thing) for thing in objects]:
            actions[-len(done) :] = [step for pair in zip(before, done, strict=True) for step in pair]
        else:
            actions += done
        if action.verb in _CARRYING:
            said.held = objects
        if action.verb == "open" and objects:
            said.opened = objects[-1]
    return actions
