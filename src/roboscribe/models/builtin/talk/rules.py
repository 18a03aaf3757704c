"""Talks by rule: a boundary and a kind of request come in, what a person says and the robot answers go out."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, product
from typing import TypeVar

from roboscribe.asks import Interject, Interjection, Talk
from roboscribe.asks.base import derive_seed
from roboscribe.asks.fit import fault_of_request, fault_of_speech
from roboscribe.asks.situation import Situation, situation
from roboscribe.config import Scenario
from roboscribe.english.task import as_command
from roboscribe.english.texts import lower_first, upper_first, wording
from roboscribe.models.builtin.talk.answering import ANSWERS, BRIEF, OPENINGS, PLAIN_OPENINGS, THANKS
from roboscribe.models.builtin.talk.facts import Facts, facts_of
from roboscribe.models.builtin.talk.forms import ANY, DRAWS_ON, LAST, Forms
from roboscribe.models.builtin.talk.ruling import CONSTRAINT, CORRECTION, NEGATIVE
from roboscribe.models.builtin.talk.wishing import ENCOURAGEMENT, IMPLICIT, PREFERENCE

REQUESTS: Mapping[Scenario, Forms] = {
    "negative_task": NEGATIVE,
    "situated_correction": CORRECTION,
    "specific_constraint": CONSTRAINT,
    "preference": PREFERENCE,
    "implicit_request": IMPLICIT,
    "encouragement": ENCOURAGEMENT,
}
T = TypeVar("T")
_LEADS = ("Hey, ", "Listen, ", "By the way, ", "Oh, ", "You know, ", "Robot, ")
"""What tells two requests of the same words apart."""
_OWN = 0.6
"""How often forms for this very kind of step are tried first."""
_CONDITION = re.compile(r"\[(\w+)\] ")
_OTHERS = "OCR"
"""Blanks for what the robot leaves alone."""


def interject(ask: Interject) -> Talk:
    """First words if they are wanted, then a request and an answer for each moment, each request in other words
    than those before it.

    Where all words there are have been used up, nothing is said.
    """
    return Talk(opening=_opening(ask) if ask.opens else None, interjections=_interjections(ask))


def _opening(ask: Interject) -> str:
    """The robot's first words: that it will do the task, in the task's own words where they are few."""
    chance = random.Random(derive_seed(ask.seed, ask.episode, "opening"))
    task = " and then ".join(filter(None, map(as_command, ask.task.split("; "))))
    forms = [form.format(task=task) for form in _shuffled(OPENINGS, chance)] if task else []
    at = situation(ask.task, ask.subtasks, 0)
    texts = chain(forms, _shuffled(PLAIN_OPENINGS, chance))
    return next(text for text in texts if not fault_of_speech(text, at))


def _interjections(ask: Interject) -> list[Interjection | None]:
    chance = random.Random(ask.seed)
    known = {wording(text) for text in ask.said}
    made: list[Interjection | None] = []
    for moment, at in zip(ask.moments, ask.situations, strict=True):
        facts = facts_of(at, chance)
        found = next(_requests(at, moment.scenario, facts, known, chance), None)
        if found is None:
            made.append(None)
            continue
        request, blanks = found
        known.add(wording(request))
        made.append(Interjection(request=request, speech=_answer(at, moment.scenario, facts, blanks, chance)))
    return made


def _requests(
    at: Situation, scenario: Scenario, facts: Facts, known: set[str], chance: random.Random
) -> Iterator[tuple[str, frozenset[str]]]:
    """Requests that fit and are not known, each with the blanks of its form."""
    own, shared = (_filled(REQUESTS[scenario].get(key, ()), facts, chance) for key in _keys(facts.kind))
    # Forms for this kind of step say more than those for any; each has its turn.
    first, second = (own, shared) if chance.random() < _OWN else (shared, own)
    last = _filled(REQUESTS[scenario].get(LAST, ()), facts, chance)
    plain = [*first, *second, *last]
    led = ((lead + lower_first(text), blanks) for lead, (text, blanks) in product(_LEADS, plain))
    for text, blanks in chain(plain, led):
        if wording(text) not in known and not fault_of_request(text, scenario, at):
            yield text, blanks


def _keys(kind: str) -> tuple[str, str]:
    return DRAWS_ON.get(kind, kind), ANY


def _answer(
    at: Situation, scenario: Scenario, facts: Facts, blanks: frozenset[str], chance: random.Random
) -> str:
    """What the robot says to a request whose form has these blanks."""
    others = [facts.words[name] for name in _OTHERS if name in blanks]
    words = dict(facts.words)
    if at.next.arm and "do" in words:
        words["do"] += f" with the {at.next.arm} arm"
    if others:
        words["S"] = others[0]
    forms = [text for text, _ in _filled(ANSWERS[scenario], replace(facts, words=words), chance)]
    if others:
        # Who asks to leave something alone is told that it is left alone.
        forms.sort(key=lambda text: others[0] not in text)
    brief = BRIEF if "do" in words else THANKS
    texts = chain(forms, _shuffled(brief, chance))
    return next(text for text in texts if not fault_of_speech(text, at))


def _filled(forms: Iterable[str], facts: Facts, chance: random.Random) -> list[tuple[str, frozenset[str]]]:
    """The forms whose conditions hold and whose blanks can be filled, with these blanks, in any order."""
    return list(_shuffled([*_fill(forms, facts)], chance))


def _fill(forms: Iterable[str], facts: Facts) -> Iterator[tuple[str, frozenset[str]]]:
    for form in forms:
        text = _CONDITION.sub("", form)
        blanks = frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)
        if blanks <= facts.words.keys() and facts.conditions.issuperset(_CONDITION.findall(form)):
            yield upper_first(text.format_map(facts.words)), blanks


def _shuffled(items: Sequence[T], chance: random.Random) -> list[T]:
    return chance.sample(items, len(items))
