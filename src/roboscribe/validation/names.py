"""The rule for names: labels go in, things that are called by two names within an episode come out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from roboscribe.english import lexicon as lex
from roboscribe.english.steps import read_step
from roboscribe.english.things import Thing, is_unknown, thing_of
from roboscribe.english.words import singular
from roboscribe.validation.base import EpisodeView, Problem, at, rule
from roboscribe.validation.content import as_list, as_object, parsed

_ARTICLE = re.compile(r"^(?:the|an?) ", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


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
    "gray") only, and no text of the episode uses both.
    """
    names: dict[Thing, Naming] = {}
    for naming in sorted(_namings(view), key=lambda naming: naming.time):
        names.setdefault(naming.thing, naming)
    pairs = [pair for pair in combinations(names.values(), 2) if _are_one(pair[0].thing, pair[1].thing)]
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
    for row in view.of_style("vqa"):
        if row.role == "assistant":
            answer = as_object(parsed(row)[0])
            found = [as_object(item).get("label") for item in as_list(answer.get("detections"))]
            yield from _named(row.timestamp, *found, *map(answer.get, ("label", "subject", "object")))


def _named(time: float, *nouns: object) -> Iterator[Naming]:
    for noun in nouns:
        if isinstance(noun, str) and noun.strip() and not is_unknown(noun):
            yield Naming(time, _ARTICLE.sub("", noun), thing_of(noun))


def _are_one(one: Thing, other: Thing) -> bool:
    """Whether two different names can only be names of one thing."""
    heads = {one.head, other.head}
    same_heads = len(heads) == 1 or any(heads <= group for group in lex.SYNONYMS)
    return same_heads and _spelt_alike(one.attributes) == _spelt_alike(other.attributes)


def _spelt_alike(attributes: frozenset[str]) -> frozenset[str]:
    """The attributes, with one word for each of those that say the same."""
    return frozenset(next((min(group) for group in lex.ALIKE if word in group), word) for word in attributes)


def _words_apart(one: Thing, other: Thing) -> tuple[set[str], set[str]]:
    """The words of each name that the other does not have."""
    ours, theirs = ({thing.head, *thing.attributes} for thing in (one, other))
    return ours - theirs, theirs - ours


def _texts(view: EpisodeView) -> Iterator[set[str]]:
    """The words of each text of the episode in which two names would be names of two things."""
    answers = (row for row in view.of_style("vqa") if row.role == "assistant")
    for text in (*view.tasks, *(row.content or "" for row in (*view.of_style("subtask"), *answers))):
        yield {form for word in _WORD.findall(text.lower()) for form in (word, singular(word))}


RULES = (drift,)
