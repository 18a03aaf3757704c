"""What texts say, however they say it: a text goes in, the words that carry its meaning come out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from roboscribe.english import lexicon as lex
from roboscribe.english.words import singular


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_POLITE = _words(
    "please could can would will should may must might you your i i'd i'll i'm me my we let let's us ok okay hey",
    "hi robot now then just go ahead like want need do don't so here there is are be was it's that's right well all",
    "sure kindly mind thanks thank and or to of for with if when",
)


def gist(text: str) -> frozenset[str]:
    """The words of a text that carry its meaning, whatever their order and number.

    Two texts with the same gist are near-duplicates: "Could you grab the cup, please?" and "Grab the cup!". A text
    of small words alone has all of these as its gist.
    """
    words = [singular(word) for word in re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("’", "'"))]
    content = frozenset(words) - _POLITE - lex.SMALL_WORDS
    return content or frozenset(words)


def distinct_bigrams(texts: Iterable[str]) -> float:
    """Share of pairs of neighbouring words that are different ones (distinct-2); 0 where there are none."""
    pairs = [
        pair
        for words in (re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower()) for text in texts)
        for pair in pairwise(words)
    ]
    return len(set(pairs)) / len(pairs) if pairs else 0.0
