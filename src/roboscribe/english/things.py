"""Things as they are named: noun phrases and texts go in, what they name and whether it can be the same comes out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from roboscribe.english import lexicon as lex
from roboscribe.english.words import singular

_POINTING = frozenset({"the", "that", "those", "these", "my"})
"""Determiners of what the speaker takes for known."""

_STANDS_IN = "one"
"""Head of a noun phrase that leaves its noun out: "the pink one"."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What a noun phrase names.

    Attributes:
        head: Its noun in the singular.
        attributes: What tells it from others of the kind.
    """

    head: str
    attributes: frozenset[str] = frozenset()

    def is_certainly(self, other: Thing) -> bool:
        """Whether these words, said where ``other`` is, mean it: "the brick" and "the pink one" the pink brick."""
        if self.head == _STANDS_IN:
            return bool(self.attributes) and self.attributes <= other.attributes
        return (self.head == other.head and self.attributes <= other.attributes) or self._is_for_short(other)

    def may_be(self, other: Thing) -> bool:
        """Whether both can be names of one thing: of one kind, without attributes that exclude each other."""
        if self._is_for_short(other) or other._is_for_short(self):
            return True
        if _STANDS_IN not in (self.head, other.head) and self.head != other.head:
            return False
        return not any(_differ(self.attributes & kind, other.attributes & kind) for kind in lex.ATTRIBUTES)

    def _is_for_short(self, other: Thing) -> bool:
        """Whether it is called by the first of two nouns: "the fridge" for the fridge door."""
        return not self.attributes and self.head in other.attributes - lex.COLOURS


def _differ(some: frozenset[str], others: frozenset[str]) -> bool:
    alike = any(some & pair and others & pair for pair in lex.ALIKE)
    return bool(some and others) and not some & others and not alike


def definite(noun: str) -> str:
    """A noun phrase as it is said of something known: "a cup" is "the cup"."""
    return re.sub(r"^an? ", "the ", noun)


@lru_cache(maxsize=4096)
def thing_of(noun: str) -> Thing:
    """What a noun phrase names: ``the 3 small spoons on the tray`` is ``Thing("spoon", {"small"})``."""
    words = re.split(r" (?:of|with|from|on|in|that|which) ", noun.lower())[0].replace(",", "").split()
    while len(words) > 1 and (words[0] in lex.DETERMINERS or words[0].isdigit()):
        del words[0]
    return Thing(singular(words[-1]), frozenset(words[:-1])) if words else Thing("")


def is_unknown(noun: str) -> bool:
    """Whether a noun phrase says no more than that there is something: "the object", "it"."""
    words = noun.lower().split()
    return (
        noun in lex.PRONOUNS or not words or singular(words[-1]) in ("object", "thing", "item", "something")
    )


def distinct_things(nouns: Iterable[str]) -> list[str]:
    """The noun phrases that name something, each thing once, by the fullest of its names."""
    kept: list[str] = []
    for noun in nouns:
        thing = thing_of(noun)
        if not thing.head or is_unknown(noun) or thing.head in lex.LIMBS or noun in lex.UNCOUNTED:
            continue
        same = next((i for i, other in enumerate(kept) if thing.may_be(thing_of(other))), None)
        if same is None:
            kept.append(noun)
        elif thing_of(kept[same]).is_certainly(thing):
            kept[same] = noun
    return kept


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in a text where a thing is named.

    Attributes:
        start: Index of its first token, without determiners.
        end: Index after its last token.
        thing: What is named.
        known: Whether it is of a kind that was known beforehand.
    """

    start: int
    end: int
    thing: Thing
    known: bool = True


def mentions(tokens: Sequence[str], known: Collection[Thing]) -> Iterator[Mention]:
    """Where tokens, in lower case, name things of known kinds, in their order; colours alone count, too."""
    heads = {thing.head for thing in known} | {_STANDS_IN}
    attributes = frozenset[str]().union(*lex.ATTRIBUTES, *(thing.attributes for thing in known))
    found: list[str] = []
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        head = singular(token)
        qualifies = token in attributes and singular(following) in heads
        if head in heads and not qualifies and (head != _STANDS_IN or found):
            yield Mention(at - len(found), at + 1, Thing(head, frozenset(found)))
            found = []
        elif token in attributes and (found or _opens(tokens, at)):
            found.append(token)
            # "the pink, not the blue": the noun is left out where nothing that can be one follows.
            if token in lex.HUES and (not following.isalpha() or following in lex.SMALL_WORDS):
                yield Mention(at + 1 - len(found), at + 1, Thing(_STANDS_IN, frozenset(found)))
                found = []
        else:
            found = []


def further_mentions(tokens: Sequence[str], known: Collection[Mention]) -> Iterator[Mention]:
    """Where tokens, in lower case, name things of other kinds: by a noun after "the", or after "and a"."""
    for at, token in enumerate(tokens):
        joined = at > 0 and tokens[at - 1] in ("and", "or")
        if token not in _POINTING and not (joined and token in ("a", "an")):
            continue
        end = at + 1
        if token == "that" and "".join(tokens[end : end + 1]).endswith("s"):
            continue  # "that smells good"
        while end < min(len(tokens), at + 4) and _in_noun(tokens, end, at + 1):
            end += 1
        if end == at + 1 or any(one.start < end and at < one.end for one in known):
            continue
        head = singular(tokens[end - 1])
        if head not in lex.NO_THINGS | lex.UNCOUNTED and head != _STANDS_IN and not is_unknown(head):
            yield Mention(at + 1, end, Thing(head, frozenset(tokens[at + 1 : end - 1])), known=False)


def _in_noun(tokens: Sequence[str], at: int, start: int) -> bool:
    """Whether the word at ``at`` can belong to the noun phrase that begins at ``start``."""
    word = tokens[at]
    verb = word in lex.AUXILIARIES or (at > start and word in lex.VERBS)
    return (
        word.isalpha()
        and not word.endswith("ly")
        and word not in lex.SMALL_WORDS | lex.ADVERBS | lex.CONNECTING
        and not verb
    )


def _opens(tokens: Sequence[str], at: int) -> bool:
    """Whether a noun phrase can begin at ``at``: after a determiner, an adjective of no note, or at the start."""
    before = tokens[at - 1] if at else ","
    return before in lex.SMALL_WORDS or not before[0].isalnum() or before == "not"
