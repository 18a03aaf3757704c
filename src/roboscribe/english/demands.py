"""Reads what a person says to a robot at work: a text comes in, what it asks for and what it rules out goes out.

The reading is by words, and careful: of a clause that it cannot read it says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from roboscribe.english import lexicon as lex
from roboscribe.english.deeds import VERB_FORMS, Deeds, VerbForm, longest_verb
from roboscribe.english.plainly import FOR_LATER, STATES, Sense, put_plainly
from roboscribe.english.sides import acting_arms_in, arms_in, ways_in
from roboscribe.english.things import Mention, Thing, further_mentions, mentions
from roboscribe.english.words import singular


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_TOKEN = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*|[.,;:!?–—]")
_IN_PLACE = re.compile(
    r"\b(?:right |exactly |just )?(?:where|as|the way) (?:it|they|that)(?:'s| is| are|'re| lies| lie)?\b"
)
_ENDS = frozenset(".;:!?–—")
_NEGATORS = _words("don't dont never avoid not without than shouldn't mustn't")
_TELLING = _words(
    "isn't aren't wasn't weren't hasn't haven't doesn't didn't can't cannot couldn't won't wouldn't needn't"
)
_BEING = _words("is are was were has have had does did i'm it's that's")
_UNTIL = _words("before until till")
_TIMES = _UNTIL | _words("after when once while if unless because since though although")
_TURNS = _words("but instead just only so then rather")
_NOT_YET = _words("yet first now still already later without")
_REVERSED = _words("forget fail hesitate skip ignore neglect miss leave stop worry")
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
_MODALS = _words("can could would will should must may want need like rather prefer i'd to sure")
_PLAIN_WISH = (
    (_OPENERS - {"should"})
    | lex.SMALL_WORDS
    | _words("meant mean for of this time one ones said about how what other love as well too")
)
"""Words of a wish beside what is wished for."""
_BEFORE_NOUNS = (lex.ARTICLES - {"this", "that"}) | _words(
    "left right any no is are was be stay stays good great nice perfect"
)
_PRONOUNS = frozenset({"it", "it's", "them", "this", "that", "these", "those"})
_LIMBS = frozenset(map(singular, lex.LIMBS))
_PLAIN_WORDS = (
    lex.SMALL_WORDS
    | lex.ADVERBS
    | lex.LIMBS
    | _words("please now instead next first then too yet again ever still anything something")
)
"""Words that tell of nothing further."""
_FIRST = re.compile(r"\bfirst\b|\bnext\b(?! to)")
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
        more: Whether it has words that no other field tells of: "more force than necessary".
    """

    sense: Sense
    words: tuple[str, ...]
    verb: VerbForm | None = None
    command: bool = False
    named: tuple[Named, ...] = ()
    pronoun: bool = False
    not_yet: bool = False
    more: bool = False

    @property
    def deeds(self) -> Deeds:
        """What its verb means; empty without one."""
        return self.verb.deeds if self.verb else frozenset()

    @property
    def said(self) -> str:
        """Its words as text."""
        return " ".join(self.words)

    @property
    def arms(self) -> frozenset[str]:
        """Arms of the robot that it has act."""
        return acting_arms_in(self.said) & arms_in(self.said)

    @property
    def ways(self) -> frozenset[str]:
        """Ways to move or to turn that it names."""
        return ways_in(self.said)

    @property
    def body(self) -> bool:
        """Whether it speaks of an arm, a hand or a gripper."""
        return not _LIMBS.isdisjoint(self.words)

    @property
    def first(self) -> bool:
        """Whether it is about what comes before all else."""
        return bool(_FIRST.search(self.said))

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
    plain = _IN_PLACE.sub(lex.IN_ITS_PLACE, text.lower().replace("’", "'"))
    plain = re.sub(r"\bdo not\b", "don't", plain)
    plain = re.sub(r"\b(i|we)(?:'ll| will) not\b|\b(?:i|we) won't\b", "i'll don't", plain)
    return [_read(clause, known) for clause in _clauses(_TOKEN.findall(plain)) if clause.words]


@dataclass(slots=True)
class _Clause:
    """A stretch of tokens of one sense, and whether the one after it tells until when that holds."""

    sense: Sense
    words: list[str]
    limited: bool = False


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
        yield _Clause("told" if tells else sense, words, limited=token in _UNTIL | {"without"})
        sense, words = turned, []
        ends = token in ("stop", "quit") and turned == "ruled out"
        if token[0].isalnum() and not ends and token not in (_NEGATORS - {"without"}) | _TIMES | {"and"}:
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
    if token == "not" and before in _BEING | _TELLING:
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
    words = clause.words
    start, end, verb = _verb(words)
    command = verb is not None and _is_command(words[:start], verb)
    pronoun = any(
        _is_pronoun(words, at) and _preposition(words, at, end if at >= end else 0) in ("", "of")
        for at in range(len(words))
    )
    found = [*mentions(words, known)]
    found = sorted((*found, *further_mentions(words, found)), key=lambda one: one.start)
    named = [(one, _preposition(words, one.start, end if one.start >= end else 0)) for one in found]
    has_object = pronoun or any(one.known and not preposition for one, preposition in named)
    covered = {at for one in found for at in range(one.start, one.end)}
    others = [word for at, word in enumerate(words) if at not in covered and not start <= at < end]
    sense, meant = put_plainly(clause.sense, verb, words, end, command=command, limited=clause.limited)
    if meant is None and not _PLAIN_WISH.issuperset(others):
        sense = "told"
    return Demand(
        sense=sense,
        words=tuple(words),
        verb=meant,
        command=command or (sense == "wanted" and clause.sense != "wanted"),
        named=tuple(
            Named(one.thing, preposition)
            for one, preposition in named
            if one.known or _counts(one, preposition, words, has_object)
        ),
        pronoun=pronoun,
        not_yet=clause.limited or " ".join(words).endswith(FOR_LATER) or not _NOT_YET.isdisjoint(words),
        more=any(word not in _PLAIN_WORDS and not longest_verb([word], 0) for word in others),
    )


def _is_command(lead: Sequence[str], verb: VerbForm) -> bool:
    """Whether a verb after these words tells the robot what to do: "could you lift", "I'd rather you lifted",
    "I'd like to have it lifted"."""
    if verb.plain and not (verb.base in STATES and _is_wish(lead)):
        addressed = not lead or lead[-1] != "you" or not _MODALS.isdisjoint(lead)
        return addressed and all(word in _OPENERS or word.endswith("ly") for word in lead)
    return _is_wish(lead)


def _is_wish(lead: Sequence[str]) -> bool:
    return bool(lead) and lead[0] in ("i'd", "we'd")


def _is_pronoun(words: Sequence[str], at: int) -> bool:
    """Whether the word at ``at`` stands for a thing: "take this", not "this time"."""
    following = words[at + 1] if at + 1 < len(words) else ""
    stands_alone = not following or following in lex.SMALL_WORDS | lex.ADVERBS | lex.CONNECTING
    return words[at] in _PRONOUNS and (words[at] in ("it", "them") or stands_alone)


def _counts(one: Mention, preposition: str, words: Sequence[str], has_object: bool) -> bool:
    """Whether a noun that is not known tells what a clause is about, or where: not "push it the other way"."""
    if one.thing.head in _LIMBS and words[one.start - 1] != "my":
        return False
    if preposition:
        return preposition in lex.DIRECTIONAL | lex.LOCATIVE | lex.AWAY
    return not has_object or (one.start > 1 and words[one.start - 2] in ("and", "or"))


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
