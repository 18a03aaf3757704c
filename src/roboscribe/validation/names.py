"""The rule for names: labels go in, things that are called by two names within an episode come out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from roboscribe.english import lexicon as lex
from roboscribe.english.steps import read_step
from roboscribe.english.things import Thing, is_unknown, thing_of
from roboscribe.english.words import singular
from roboscribe.validation.base import EpisodeView, Problem, at, rule
from roboscribe.validation.content import as_list, as_object, parsed

_ARTICLE = re.compile(r"^(?:the|an?) ", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_MORE = frozenset({"another", "other", "next", "each", "every", "remaining", "rest"})
"""Words that tell of more things than one."""


@dataclass(frozen=True, slots=True)
class Naming:
    """A name that is given to a thing.

    Attributes:
        time: Seconds, the first time.
        text: The name, without article.
        thing: What it names.
    """

    time: float
    text: str
    thing: Thing


@rule("label.drift", "subtask", "vqa", severity="warning")
def drift(view: EpisodeView) -> Iterator[Problem]:
    """Subtasks and visual answers call a thing by one name throughout an episode.

    Two names are taken for one thing where they differ by a synonym ("cube", "block") or a spelling ("grey",
    "gray") only, and no text of the episode uses both. With a synonym, a colour may be left out ("red cube",
    "block") where nothing tells of more than one such thing.
    """
    names: dict[Thing, Naming] = {}
    for naming in sorted(_namings(view), key=lambda naming: naming.time):
        names.setdefault(naming.thing, naming)
    pairs = [
        pair
        for pair in combinations(names.values(), 2)
        if _are_one(pair[0].thing, pair[1].thing) or _is_the_only(pair[0].thing, pair[1].thing, names, view)
    ]
    texts = list(_texts(view)) if pairs else []
    for first, second in pairs:
        one, other = _words_apart(first.thing, second.thing)
        if not any(one <= words and other <= words for words in texts):
            yield Problem(
                second.time,
                f"What is “{first.text}” {at(first.time)} is “{second.text}” {at(second.time)}.",
                "Call a thing by one name throughout the episode.",
            )


def _namings(view: EpisodeView) -> Iterator[Naming]:
    for row in view.of_style("subtask"):
        step = read_step(row.content or "")
        yield from _named(row.timestamp, step.thing, step.place)
    for time, answer in _answers(view):
        yield from _named(time, *_detected(answer), *map(answer.get, ("label", "subject", "object")))


def _answers(view: EpisodeView) -> Iterator[tuple[float, dict[str, Any]]]:
    """Time and content of each visual answer; an empty one where it is no JSON object."""
    for row in view.of_style("vqa"):
        if row.role == "assistant":
            yield row.timestamp, as_object(parsed(row)[0])


def _detected(answer: dict[str, Any]) -> list[object]:
    """The labels of an answer's boxes."""
    return [as_object(item).get("label") for item in as_list(answer.get("detections"))]


def _named(time: float, *nouns: object) -> Iterator[Naming]:
    for noun in nouns:
        if isinstance(noun, str) and noun.strip() and not is_unknown(noun):
            yield Naming(time, _ARTICLE.sub("", noun), thing_of(noun))


def _are_one(one: Thing, other: Thing) -> bool:
    """Whether two different names can only be names of one thing."""
    kin = one.head == other.head or _are_synonyms(one, other)
    return kin and _spelt_alike(one.attributes) == _spelt_alike(other.attributes)


def _is_the_only(one: Thing, other: Thing, named: Collection[Thing], view: EpisodeView) -> bool:
    """Whether two names by different nouns, one without its colour, are of the only such thing that is spoken of."""
    if not _are_synonyms(one, other):
        return False
    ours, theirs = _spelt_alike(one.attributes), _spelt_alike(other.attributes)
    if not ours ^ theirs or not (ours <= theirs or theirs <= ours) or not ours ^ theirs <= lex.HUES:
        return False
    kin = {one.head, other.head}
    return {thing for thing in named if thing.head in kin} == {one, other} and not are_several(kin, view)


def are_several(heads: Set[str], view: EpisodeView) -> bool:
    """Whether anything tells of more than one thing with one of these nouns."""
    for text in (*view.tasks, *(row.content or "" for row in view.of_style("subtask"))):
        words = set(_WORD.findall(text.lower()))
        if words & _MORE or any(singular(word) in heads for word in words - heads):
            return True
    for _, answer in _answers(view):
        found = _detected(answer)
        if answer.get("count", 1) not in (0, 1):
            found += [answer.get("label")] * 2
        if sum(isinstance(label, str) and thing_of(label).head in heads for label in found) > 1:
            return True
    return False


def _are_synonyms(one: Thing, other: Thing) -> bool:
    return one.head != other.head and any({one.head, other.head} <= group for group in lex.SYNONYMS)


def _spelt_alike(attributes: frozenset[str]) -> frozenset[str]:
    """The attributes, with one word for each of those that say the same."""
    return frozenset(next((min(group) for group in lex.ALIKE if word in group), word) for word in attributes)


def _words_apart(one: Thing, other: Thing) -> tuple[set[str], set[str]]:
    """The words of each name by which the two differ: their nouns, or else what only one of them has."""
    if one.head != other.head:
        return {one.head}, {other.head}
    ours, theirs = ({thing.head, *thing.attributes} for thing in (one, other))
    return ours - theirs, theirs - ours


def _texts(view: EpisodeView) -> Iterator[set[str]]:
    """The words of each text of the episode in which two names would be names of two things."""
    answers = (row for row in view.of_style("vqa") if row.role == "assistant")
    for text in (*view.tasks, *(row.content or "" for row in (*view.of_style("subtask"), *answers))):
        yield {form for word in _WORD.findall(text.lower()) for form in (word, singular(word))}


RULES = (drift,)
