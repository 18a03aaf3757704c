"""Rules for memories: where they lie, how they are told, and that they keep outcomes and no more than that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from roboscribe.english import lexicon as lex
from roboscribe.english.steps import read_step
from roboscribe.english.texts import wording
from roboscribe.english.things import thing_of
from roboscribe.english.words import gerund, past_tense, singular
from roboscribe.validation.base import EpisodeView, Problem, at, quoted, rule
from roboscribe.validation.names import are_several

# What was picked up may still be held, "lay" is the past of "lie", and "put" may be a past.
_DEEDS = {
    verb
    for verb in {phrase.split()[0] for phrase in lex.BASE_FORMS} - {"hold", "lay"}
    if past_tense(verb) != verb
}
_AHEAD = re.compile(r"\bI(?: will|['’]ll| must| should| need to| have to|(?: am|['’]m) (?:about|going) to)\b")
_NOW = re.compile(
    rf"\bI (?:(?:\w+ly|now|then) )?(?:{'|'.join(sorted(_DEEDS))})\b"
    rf"|\bI(?: am|['’]m) (?:\w+ly |now )?(?:{'|'.join(sorted(map(gerund, _DEEDS)))})\b"
)
_FIRST_PERSON = re.compile(r"\b(?:I|[Mm]y|[Mm]e|[Ww]e|[Oo]ur)\b")
_LASTING = frozenset({"place", "push", "pull", "open", "close"})
"""Kinds of step that leave something elsewhere, or otherwise, than it was."""
_HUE = re.compile(rf"\b({'|'.join(sorted(lex.HUES))}) ([^\W\d_]+)")


@rule("memory.place", "memory")
def memory_place(view: EpisodeView) -> Iterator[Problem]:
    """Memories lie on subtask boundaries, from the second subtask on."""
    boundaries = view.times("subtask")
    for row in view.of_style("memory"):
        if row.timestamp == view.start:
            yield Problem(
                row.timestamp,
                f"There is a memory {at(row.timestamp)}, where nothing has been done yet.",
                "Remove it; the first memory belongs to the start of the second subtask.",
            )
        elif boundaries and row.timestamp not in boundaries[1:]:
            yield Problem(
                row.timestamp,
                f"The memory {quoted(row.content)} {at(row.timestamp)} is at no subtask boundary.",
                "Move it to the start of the subtask that follows it.",
            )


@rule("memory.cover", "memory", severity="warning")
def memory_cover(view: EpisodeView) -> Iterator[Problem]:
    """There is a memory at every subtask boundary from the second subtask on."""
    memories = set(view.times("memory"))
    for time in view.times("subtask")[1:]:
        if time not in memories:
            yield Problem(
                time,
                f"There is no memory {at(time)}, where a subtask starts; the one before stays in force.",
                "Add one, or annotate again with memory enabled.",
            )


@rule("memory.person", "memory", severity="warning")
def memory_person(view: EpisodeView) -> Iterator[Problem]:
    """A memory is told in the first person."""
    for row in view.of_style("memory"):
        if row.content and not _FIRST_PERSON.search(row.content):
            yield Problem(
                row.timestamp,
                f"The memory {quoted(row.content)} {at(row.timestamp)} is not in the first person.",
                "Tell it as the robot would: “I picked up the cup.”",
            )


@rule("memory.past", "memory", severity="warning")
def memory_past(view: EpisodeView) -> Iterator[Problem]:
    """A memory tells what has been done, not what is being done or is to come."""
    for row in view.of_style("memory"):
        if found := _AHEAD.search(row.content or ""):
            yield Problem(
                row.timestamp,
                f"The memory {quoted(row.content)} {at(row.timestamp)} looks ahead (“{found[0]}”).",
                "Tell what is done; what is to come belongs into the plan.",
            )
        elif found := _NOW.search(row.content or ""):
            yield Problem(
                row.timestamp,
                f"The memory {quoted(row.content)} {at(row.timestamp)} is not in the past tense (“{found[0]}”).",
                "Tell what is done: “I picked up the cup.”",
            )


@rule("memory.outcome", "memory", severity="warning")
def memory_outcome(view: EpisodeView) -> Iterator[Problem]:
    """A memory keeps the outcome of what was done since the one before."""
    subtasks = view.of_style("subtask")
    for one, other in pairwise(view.of_style("memory")):
        if wording(one.content or "") != wording(other.content or ""):
            continue
        earlier = {subtask.content for subtask in subtasks if subtask.timestamp < one.timestamp}
        for subtask in subtasks:
            new = one.timestamp <= subtask.timestamp < other.timestamp and subtask.content not in earlier
            if new and _lasts(subtask.content or ""):
                yield Problem(
                    other.timestamp,
                    f"The memory {quoted(other.content)} {at(other.timestamp)} is the one before, though"
                    f" {quoted(subtask.content)} is done.",
                    "Add what it has brought about.",
                )


@rule("memory.attribute", "memory", severity="warning")
def memory_attribute(view: EpisodeView) -> Iterator[Problem]:
    """A memory drops colours that tell no things apart and are in no subtask to come, nor in the one just done."""
    subtasks = view.of_style("subtask")
    labels = [subtask.content or "" for subtask in subtasks]
    coloured = set(_coloured((*view.tasks, *labels)))
    for row in view.of_style("memory") if subtasks else ():
        done = sum(subtask.timestamp < row.timestamp for subtask in subtasks)
        needed = {hue for hue, _ in _coloured(labels[max(0, done - 1) :])}
        for hue, noun in dict.fromkeys(_coloured([row.content or ""])):
            alone = not any(other != hue and kind == noun for other, kind in coloured)
            if hue not in needed and alone and not are_several({noun}, view):
                yield Problem(
                    row.timestamp,
                    f"The memory {quoted(row.content)} {at(row.timestamp)} keeps “{hue}”, which tells nothing apart"
                    " any more.",
                    f"Say “{noun}” without it.",
                )


def _lasts(label: str) -> bool:
    """Whether a subtask leaves something else than the robot's own hand elsewhere, or otherwise, than it was."""
    step = read_step(label)
    return step.kind in _LASTING and thing_of(step.thing or "").head not in lex.LIMBS


def _coloured(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each colour and the noun that it stands before."""
    for text in texts:
        for hue, noun in _HUE.findall(text.lower()):
            if noun not in lex.SMALL_WORDS:
                yield hue, singular(noun)


RULES = (memory_place, memory_cover, memory_person, memory_past, memory_outcome, memory_attribute)
