"""Whether words are about what the robot does: a text and a situation go in, whether it names the thing comes out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from roboscribe.asks.kinds import names_something, rules_out
from roboscribe.asks.situation import Situation
from roboscribe.english import lexicon as lex
from roboscribe.english.steps import TRIVIAL
from roboscribe.english.things import Thing, is_unknown, mentions, thing_of
from roboscribe.english.words import singular

_PRONOUNS = frozenset({"it", "them", "this", "that", "these", "those", "one", "ones", "its", "they"})
_RESTRICTING = re.compile(
    r"\b(?:not|no|never|nothing|without|only|just|careful|carefully|gently|slowly|steady|steadily|avoid|keep|stay"
    r"|leave|instead|first|exactly|than|clear|won't|don't)\b"
)
_EMPTY = lex.SMALL_WORDS | frozenset(
    word
    for line in (
        "i i'll i'm you me my your please can could would will do ok okay sure now is be got let right yes want",
        "so then need like should here there go going",
    )
    for word in line.split()
)
"""Words that an answer shares with any request."""


def names_skill(prompt: str, at: Situation) -> bool:
    """Whether a prompt names what the current skill is about, or has a pronoun that the history resolves.

    What it is about is the thing, where it goes, or what the hand goes to. Steps that are about nothing, such as
    waiting, need no name; of a skill whose object is not told, any word that points will do.
    """
    if at.next.kind in TRIVIAL:
        return True
    things = [
        thing_of(noun) for noun in (at.thing, at.next.thing, at.next.place) if noun and not is_unknown(noun)
    ]
    if not things:
        return names_something(prompt, at)
    tokens = _tokens(prompt)
    if any(said.thing.may_be(thing) for said in mentions(tokens, at.known) for thing in things):
        return True
    return not _PRONOUNS.isdisjoint(tokens) and any(thing.may_be(things[0]) for thing in _mentioned(at))


def heeds(utterance: str, prompt: str) -> bool:
    """Whether an utterance tells what the robot keeps to: by a word that restricts, or the prompt's own words."""
    said = utterance.lower().replace("’", "'")
    content = {singular(word) for word in _tokens(prompt) if word.isalnum()} - _EMPTY
    return (
        bool(_RESTRICTING.search(said))
        or rules_out(said)
        or any(singular(w) in content for w in _tokens(said))
    )


def _mentioned(at: Situation) -> Iterator[Thing]:
    """Things that the history speaks of."""
    for step in at.steps[: at.done]:
        if step.thing and not is_unknown(step.thing):
            yield thing_of(step.thing)


def _tokens(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?|[.,;:!?]", text.lower().replace("’", "'"))
