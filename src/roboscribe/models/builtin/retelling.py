"""Puts what a robot did into words: outcomes and failures come in, one or two sentences go out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from roboscribe.english import lexicon as lex
from roboscribe.english.steps import HEADS, is_verb
from roboscribe.english.words import past_tense

MOST_WORDS = 40

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_MOST_NAMED = 4
_SUBJECT = re.compile(
    r"^(?:the |my )?(?:robot|arm|gripper|robot arm)(?:'s (?:arm|gripper))? (?=\w+s\b)", re.I
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something done that still counts.

    Attributes:
        did: The verb in the past tense; the whole phrase when there is no thing.
        thing: What it was done to; None when that is part of ``did``.
        preposition: Between thing and place; None without a place.
        place: Where the thing is now, or what it was moved towards.
        how: Manner worth keeping: ``in half``.
        held: Whether the robot has the thing in its hand because of it.
        tries: Tries that failed before.
    """

    did: str
    thing: str | None = None
    preposition: str | None = None
    place: str | None = None
    how: str | None = None
    held: bool = False
    tries: int = 0


def retell(
    outcomes: Sequence[Outcome],
    under_way: str,
    failure: str,
    names: Mapping[str, str],
    fresh: bool,
) -> str:
    """The memory text: outcomes in order, then what is under way, then a failure.

    Args:
        outcomes: What has been done.
        under_way: A phrase in the past tense, or "".
        failure: A sentence, or "".
        names: Short names of noun phrases; used for all but a fresh outcome.
        fresh: Whether the last outcome has only just come about.
    """
    groups = [list(group) for _, group in groupby(outcomes, key=_mergeable)]
    told = [_phrase(group, {} if fresh and group is groups[-1] else names) for group in groups]
    told += [under_way] if under_way else []
    dropped = 0
    text = _sentences("", told, failure)
    while len(text.split()) > MOST_WORDS and len(told) > 1:
        dropped += len(groups[0]) if groups else 1
        groups, told = groups[1:], told[1:]
        steps = "step" if dropped == 1 else "steps"
        text = _sentences(f"After {_number(dropped)} earlier {steps}, ", told, failure)
    return text


def _sentences(opening: str, told: Sequence[str], failure: str) -> str:
    sentence = f"{opening}I {listed(told)}." if told else ""
    return f"{sentence} {failure}".strip() or "I have waited."


def _mergeable(outcome: Outcome) -> object:
    """Key that outcomes share which can be told in one phrase."""
    if outcome.thing is None or outcome.held:
        return id(outcome)
    return outcome.did, outcome.preposition, outcome.place, outcome.how


def _phrase(group: Sequence[Outcome], names: Mapping[str, str]) -> str:
    first = group[0]
    things = list(dict.fromkeys(outcome.thing for outcome in group if outcome.thing))
    words = [with_object(first.did, _things([names.get(thing, thing) for thing in things]))]
    if first.place:
        words += [first.preposition or "", names.get(first.place, first.place)]
    if first.how:
        words.append(first.how)
    if first.tries:
        ordinal = _ORDINALS[first.tries] if first.tries < len(_ORDINALS) else "last"
        words.append(f"on the {ordinal} try")
    return " ".join(word for word in words if word)


def _things(names: Sequence[str]) -> str:
    """``the pink and the red brick`` where the nouns are the same, a number where there are many."""
    if len(names) > _MOST_NAMED:
        return f"{_number(len(names))} objects"
    heads = {name.split()[-1] for name in names}
    if len(names) > 1 and len(heads) == 1 and all(len(name.split()) > 2 for name in names):
        return listed([*(name.rsplit(" ", 1)[0] for name in names[:-1]), names[-1]])
    return listed(names)


def missed(thing: str, tries: int) -> str:
    """The sentence for ``tries`` grasps at ``thing`` that closed on nothing."""
    return f"My first {'try' if tries == 1 else f'{_number(tries)} tries'} at {thing} missed."


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def listed(texts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else ""


def with_object(verb: str, thing: str) -> str:
    """``verb thing``, with a pronoun before the particle: "put it down"."""
    head, _, particle = verb.partition(" ")
    if particle in lex.PARTICLES and thing in ("it", "them"):
        return f"{head} {thing} {particle}"
    return f"{verb} {thing}".strip()


def past_verb(phrase: str) -> str:
    """Past tense of a verb phrase: ``pick up`` → ``picked up``."""
    head, *particle = phrase.split()
    return " ".join((past_tense(head), *particle))


def past_phrase(label: str) -> str:
    """A label in any wording as something done in the past, to stand after "I".

    The verb is the first word after adverbs, and each known verb after "and"; a label that does not begin
    like a command is quoted.
    """
    words = _SUBJECT.sub("", label.strip().rstrip(".!")).split()
    at = next((i for i, word in enumerate(words) if not word.lower().endswith("ly")), 0)
    if not words or not is_verb(words, at):
        return f"finished “{label}”"
    for i, word in enumerate(words):
        known = word.lower() in HEADS and i and words[i - 1].lower() in ("and", "then", "and,")
        if i == at or known:
            words[i] = past_tense(HEADS.get(word.lower(), word.lower()))
    return " ".join((*(word.lower() for word in words[:at]), *words[at:]))
