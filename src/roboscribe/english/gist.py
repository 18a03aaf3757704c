"""What texts say, however they say it: a text goes in, the words that carry its meaning come out."""

from __future__ import annotations

import re

from roboscribe.english import lexicon as lex
from roboscribe.english.words import singular


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_POLITE = _words(
    "please could can would will should may must might you your i i'd i'll i'm me my we let let's us ok okay hey",
    "hi robot now then just go ahead like want need do don't so here there is are be was it's that's right well all",
    "sure kindly mind thanks thank and or to of for with if when",
)

_TELLING = (lex.PREPOSITIONS | lex.PARTICLES | _words("left right not no don't never")) - _words(
    "of to for at by"
)
"""Small words by which two texts of the same gist may say different things: "turn it on", "turn it off"."""


def gist(text: str) -> frozenset[str]:
    """The words of a text that carry its meaning, whatever their order and number.

    Two texts with the same gist are near-duplicates: "Could you grab the cup, please?" and "Grab the cup!". A text
    of small words alone has all of these as its gist.
    """
    words = frozenset(_words_of(text))
    return words - _POLITE - lex.SMALL_WORDS or words


def sense(text: str) -> tuple[str, ...]:
    """The gist of a text in the order of its words, with the small words that can turn it round.

    Texts with the same sense ask for the same, which those with the same gist need not: "put the cup on the plate"
    and "put the plate on the cup", "turn it on" and "turn it off".
    """
    telling = gist(text) | _TELLING
    return tuple(word for word in _words_of(text) if word in telling)


def _words_of(text: str) -> list[str]:
    return [singular(word) for word in re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("’", "'"))]
