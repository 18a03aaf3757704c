"""Reads what a person says to a robot at work: a text comes in, what it asks for and what it rules out goes out.

The reading is by words, and careful: of a clause that it cannot read it says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from roboscribe.english import lexicon as lex
from roboscribe.english.deeds import VERB_FORMS, Deeds, VerbForm, longest_verb
from roboscribe.english.things import Thing, mentions


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


Sense = Literal["wanted", "ruled out", "told"]
"""Whether a clause asks for something, asks for it not to be, or only tells how things are."""

_TOKEN = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*|[.,;:!?–—]")
_IN_PLACE = re.compile(
    r"\b(?:right |exactly |just )?(?:where|as|the way) (?:it|they|that)(?:'s| is| are|'re| lies| lie)?\b"
)
_STILL = "in-place"
_ENDS = frozenset(".;:!?–—")
_NEGATORS = _words("don't dont never avoid not without than shouldn't mustn't")
_TELLING = _words(
    "isn't aren't wasn't weren't hasn't haven't doesn't didn't can't cannot couldn't won't wouldn't needn't"
)
_STATES = _words("is are was were has have had does did i'm it's that's")
_UNTIL = _words("before until till")
_TIMES = _UNTIL | _words("after when once while if unless because since though although")
_TURNS = _words("but instead just only so then rather")
_NOT_YET = _words("yet first now still already later without")
_REVERSED = _words("forget fail hesitate skip ignore neglect miss leave stop worry")
_ALONE = frozenset({"alone", "be", "out", "aside", _STILL})
_OPENERS = _words(
    "please now then so and also just only ok okay next again first actually no yes robot hey well all right",
    "alright sure got it let let's lets me go ahead make sure be try to can could would will should must may",
    "you i we i'd i'll we'll we'd i'm going want need like prefer rather use using your the left right arm",
    "hand gripper with instead here there better simply if possible wait exactly good great nice perfect",
    "understood thanks thank but that",
)
"""What may come before the verb of a command."""
_LINKING = _words("need have want like try remember help see watch") | {"make sure", "go ahead"}
"""Verbs that another one may follow, which then is what is asked for."""
_WISHING = _words("need have want like")
_FOR_LATER = ("for later", "for now", "for the moment")
_MODALS = _words("can could would will should must may want need like rather prefer i'd to sure")
_PLAIN_WISH = _OPENERS | _words("meant mean for of this time one ones said about how what other")
_WISH = re.compile(
    r"(?:[a-z']+ ){0,3}(?:rather|prefer|like|want|meant)(?: have)? (?:the|that|an?)(?: [a-z]+){1,3}?"
    r"(?: (?:now|next|first|instead|please|then))*"
)
"""A wish for a thing of whatever name: "I'd rather have the hammer"."""
_BEFORE_NOUNS = (lex.ARTICLES - {"this", "that"}) | _words(
    "left right any no is are was be stay stays good great nice perfect"
)
_PRONOUNS = frozenset({"it", "them", "this", "that", "these", "those"})
_FURTHER_PREPOSITIONS = frozenset({"past", "outside", "away from", "beyond", "within", "outside of"})


@dataclass(frozen=True, slots=True)
class Named:
    """A thing as a clause names it.

    Attributes:
        thing: What it is.
        preposition: Before it: ``next to``; "" for none.
    """

    thing: Thing
    preposition: str


@dataclass(frozen=True, slots=True)
class Demand:
    """A clause of what is said.

    Attributes:
        sense: What it is for.
        words: Its tokens.
        verb: Its verb; None when it has none that is known.
        command: Whether the verb tells the robot what to do.
        named: Things that it names.
        pronoun: Whether a pronoun may stand for another.
        not_yet: Whether it rules something out for now only.
    """

    sense: Sense
    words: tuple[str, ...]
    verb: VerbForm | None = None
    command: bool = False
    named: tuple[Named, ...] = ()
    pronoun: bool = False
    not_yet: bool = False

    @property
    def deeds(self) -> Deeds:
        """What its verb means; empty without one."""
        return self.verb.deeds if self.verb else frozenset()

    @property
    def objects(self) -> tuple[Thing, ...]:
        """Things named without a preposition."""
        return tuple(named.thing for named in self.named if named.preposition in ("", "of", "for"))

    @property
    def places(self) -> tuple[Named, ...]:
        """Things named with a preposition of place."""
        return tuple(named for named in self.named if named.preposition not in ("", "of", "for", "with"))

    @property
    def wish(self) -> bool:
        """Whether it does no more than to name what is wanted: "no, the blue one, please"."""
        return self.sense == "wanted" and self.verb is None


def read_demands(text: str, known: Collection[Thing]) -> list[Demand]:
    """The clauses of a text.

    Args:
        text: What is said, in English.
        known: Things that may be named in it.
    """
    plain = _IN_PLACE.sub(_STILL, text.lower().replace("’", "'"))
    plain = re.sub(r"\bdo not\b", "don't", plain)
    plain = re.sub(r"\b(i|we)(?:'ll| will) not\b|\b(?:i|we) won't\b", "i'll don't", plain)
    return [_read(clause, known) for clause in _clauses(_TOKEN.findall(plain)) if clause.words]


@dataclass(slots=True)
class _Clause:
    """A stretch of tokens of one sense, and whether the one after it tells until when that holds."""

    sense: Sense
    words: list[str]
    for_a_time: bool = False


def _clauses(tokens: Sequence[str]) -> Iterator[_Clause]:
    """Stretches of tokens of one sense each."""
    sense: Sense = "wanted"
    words: list[str] = []
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        turned = _turn(sense, words, token, following, tokens[at + 1 :])
        if turned is None:
            if token[0].isalnum():
                words.append(token)
            continue
        # "The brick isn't …": what stands before belongs to what is told.
        tells = turned == "told" and token in _TELLING | {"not", "don't", "dont"}
        yield _Clause("told" if tells else sense, words, for_a_time=token in _UNTIL)
        sense, words = turned, []
        if token[0].isalnum() and token not in (_NEGATORS - {"without"}) | _TIMES | {"and"}:
            words = [token]
    yield _Clause(sense, words)


def _turn(sense: Sense, words: list[str], token: str, following: str, rest: Sequence[str]) -> Sense | None:
    """The sense from this token on, or None where it stays what it is."""
    before = words[-1] if words else ""
    if token in _ENDS:
        return "wanted"
    if token == ",":
        # "don't touch the red, the blue or the green one" goes on; "don't take the red one, the blue one" turns.
        upto = next((i for i, word in enumerate(rest) if word in _ENDS), len(rest))
        return None if sense == "ruled out" and {"or", "nor"} & {*rest[:upto]} else "wanted"
    if token == "not" and before in _STATES | _TELLING:
        return "told"
    if token == "no" and following in ("need", "reason"):
        return "ruled out"
    if (token, following) == ("never", "mind"):
        return "told"
    if token in ("without", "than") and (
        sense == "ruled out" or (token == "without" and not _ing(following))
    ):
        return "told"
    if token in ("don't", "dont"):
        telling = before in ("i", "you", "we") and following != "want" and "sure" not in words
        return "told" if telling or following in ("just", "only", "merely", *_REVERSED) else "ruled out"
    if token in ("stop", "quit") and _ing(following):
        return "ruled out"
    if token in _NEGATORS or (token in ("instead", "rather") and following in ("of", "than")):
        return "ruled out"
    if token in _TELLING or token in _TIMES:
        return "told"
    if token in _TURNS and words and not (token == "rather" and before in ("i'd", "would")):
        return "wanted"
    if token == "and" and (longest_verb([following], 0) or following in ("don't", "please", "not")):
        return "told" if sense == "ruled out" else "wanted"
    return None


def _ing(word: str) -> bool:
    return word.endswith("ing")


def _read(clause: _Clause, known: Collection[Thing]) -> Demand:
    """A clause with its verb and the things it names found."""
    sense, words = clause.sense, clause.words
    start, end, verb = _verb(words)
    lead = words[:start]
    addressed = not (lead and lead[-1] == "you" and _MODALS.isdisjoint(lead))
    command = bool(verb and verb.plain and addressed and all(w in _OPENERS or w.endswith("ly") for w in lead))
    named = tuple(
        Named(found.thing, _preposition(words, found.start, end if found.start >= end else 0))
        for found in mentions(words, known)
    )
    said = " ".join(words)
    postponed = said.endswith("can wait")
    if verb and verb.base == "leave" and (not _ALONE.isdisjoint(words) or said.endswith(_FOR_LATER)):
        verb = VERB_FORMS["skip"]
    elif verb and verb.deeds & {"put", "carry"} and "back" in words[end:]:
        verb = VERB_FORMS["undo"]
    elif verb and verb.base in _WISHING:
        verb = None
    if sense == "wanted" and verb and (postponed or (command and "skip" in verb.deeds)):
        sense, verb = "ruled out", VERB_FORMS["skip"]
    if verb is None and not _is_plain_wish(words, named) and not _WISH.fullmatch(said):
        sense = "told"
    return Demand(
        sense=sense,
        words=tuple(words),
        verb=verb,
        command=command,
        named=named,
        pronoun=any(
            word in _PRONOUNS and _preposition(words, at, end if at >= end else 0) in ("", "of")
            for at, word in enumerate(words)
        ),
        not_yet=clause.for_a_time or postponed or not _NOT_YET.isdisjoint(words),
    )


def _is_plain_wish(words: Sequence[str], named: Sequence[Named]) -> bool:
    """Whether the words are a wish for what they name, and tell nothing of it."""
    plain = _PLAIN_WISH | lex.SMALL_WORDS
    return all(
        word in plain or any(word.startswith(one.thing.head) or word in one.thing.attributes for one in named)
        for word in words
    )


def _verb(words: Sequence[str]) -> tuple[int, int, VerbForm | None]:
    """Where the verb of a clause begins and ends, and the verb: in "I need you to lift it" it is "lift"."""
    found: tuple[int, int, VerbForm | None] = len(words), 0, None
    at = 0
    while at < len(words):
        size = longest_verb(words, at)
        if not size or not _can_be_verb(words, at):
            at += 1
            continue
        form = VERB_FORMS[" ".join(words[at : at + size])]
        if found[2] is None or "other" not in form.deeds:
            found = at, at + size, form
        if form.base not in _LINKING:
            break
        at += size
    return found


def _can_be_verb(words: Sequence[str], at: int) -> bool:
    """Whether the word at ``at`` is not a noun or an adjective: "your hand", "the right place"."""
    before = words[at - 1] if at else ""
    return before not in _BEFORE_NOUNS


def _preposition(words: Sequence[str], at: int, start: int) -> str:
    """The preposition from ``start`` on before the noun phrase at ``at``, over its determiners; "" for none."""
    while at > start and (words[at - 1] in lex.DETERMINERS or words[at - 1] in ("very", "other")):
        at -= 1
    for size in (4, 3, 2, 1):
        phrase = " ".join(words[max(0, at - size) : at])
        if at - start >= size and phrase in lex.PREPOSITIONS | _FURTHER_PREPOSITIONS | {"of"}:
            return phrase
    return ""
