"""Rules for what happens at one moment: interjections of the user and speech of the robot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from roboscribe.asks.fit import MOST_SPOKEN_WORDS, contradiction
from roboscribe.asks.situation import situation
from roboscribe.english.gist import sense
from roboscribe.language import SPEECH, spoken_text
from roboscribe.validation.base import EpisodeView, Problem, at, quoted, rule
from roboscribe.validation.content import as_object


@rule("interjection.speech", "interjection")
def interjection_speech(view: EpisodeView) -> Iterator[Problem]:
    """The robot answers every interjection at once."""
    spoken = set(view.times(SPEECH))
    for row in view.of_style("interjection"):
        if row.timestamp not in spoken:
            yield Problem(
                row.timestamp,
                f"The interjection {quoted(row.content)} {at(row.timestamp)} has no answer.",
                "Add a speech row at the same timestamp.",
            )


@rule("interjection.plan", "interjection")
def interjection_plan(view: EpisodeView) -> Iterator[Problem]:
    """The plan, where there is one, is stated anew at every interjection."""
    planned = set(view.times("plan"))
    for row in view.of_style("interjection") if planned else ():
        if row.timestamp not in planned:
            yield Problem(
                row.timestamp,
                f"There is no plan {at(row.timestamp)}, where the interjection {quoted(row.content)} is.",
                "Add a plan row at the same timestamp.",
            )


@rule("interjection.planless", "interjection", severity="warning")
def interjection_planless(view: EpisodeView) -> Iterator[Problem]:
    """An episode with interjections has plans."""
    asked = view.of_style("interjection")
    if not view.of_style("plan"):
        yield Problem(
            asked[0].timestamp,
            f"There are interjections, from {quoted(asked[0].content)} {at(asked[0].timestamp)} on, but no plan.",
            "Add a plan row at the start, at every subtask boundary and at every interjection.",
        )


@rule("interjection.single", "interjection")
def interjection_single(view: EpisodeView) -> Iterator[Problem]:
    """The user makes one request at a time."""
    for one, other in pairwise(view.of_style("interjection")):
        if one.timestamp == other.timestamp:
            yield Problem(
                one.timestamp, f"There are two interjections {at(one.timestamp)}.", "Remove one of them."
            )


@rule("interjection.place", "interjection", severity="warning")
def interjection_place(view: EpisodeView) -> Iterator[Problem]:
    """The user interjects while the robot works; what is said at the start is the task."""
    for row in view.of_style("interjection"):
        if row.timestamp == view.start:
            yield Problem(
                row.timestamp,
                f"The interjection {quoted(row.content)} is at the start.",
                "Move it to where the robot does what it asks for, or remove it.",
            )


@rule("interjection.duplicate", "interjection", severity="warning")
def interjection_duplicate(view: EpisodeView) -> Iterator[Problem]:
    """The user says nothing twice, also in no other words of courtesy."""
    said: dict[tuple[str, ...], float] = {}
    for row in view.of_style("interjection"):
        first = said.setdefault(sense(row.content or ""), row.timestamp)
        if first != row.timestamp:
            yield Problem(
                row.timestamp,
                f"The interjection {quoted(row.content)} {at(row.timestamp)} says what was said {at(first)}.",
                "Ask for something else, or remove it.",
            )


@rule("interjection.fits", "interjection", severity="warning")
def interjection_fits(view: EpisodeView) -> Iterator[Problem]:
    """What the user says fits the subtasks to come: it forbids none of them and asks for nothing else."""
    subtasks = view.of_style("subtask")
    labels = tuple(row.content or "" for row in subtasks)
    for row in view.of_style("interjection") if subtasks else ():
        under_way = sum(subtask.timestamp <= row.timestamp for subtask in subtasks) - 1
        fault = contradiction(row.content or "", situation("; ".join(view.tasks), labels, max(0, under_way)))
        if fault:
            yield Problem(
                row.timestamp,
                f"The interjection {quoted(row.content)} {at(row.timestamp)} does not fit: {fault}.",
                "Reword it, or remove it with its answer.",
            )


@rule("speech.start", SPEECH)
def speech_start(view: EpisodeView) -> Iterator[Problem]:
    """The robot speaks at the start."""
    first = view.of_style(SPEECH)[0].timestamp
    if first != view.start:
        yield Problem(
            view.start,
            f"The robot first speaks {at(first)}, not at the start.",
            f"Add a speech row at the first frame ({view.start!r}).",
        )


@rule("speech.place", SPEECH, severity="warning")
def speech_place(view: EpisodeView) -> Iterator[Problem]:
    """After the start the robot speaks only when it is spoken to."""
    places = {view.start, *view.times("interjection")}
    for row in view.of_style(SPEECH):
        if row.timestamp not in places:
            yield Problem(
                row.timestamp,
                f"The robot speaks {at(row.timestamp)}, where there is no interjection.",
                "Add the interjection it answers, or remove it.",
            )


@rule("speech.single", SPEECH)
def speech_single(view: EpisodeView) -> Iterator[Problem]:
    """The robot says one thing at a time."""
    for one, other in pairwise(view.of_style(SPEECH)):
        if one.timestamp == other.timestamp:
            yield Problem(
                one.timestamp, f"There are two speech rows {at(one.timestamp)}.", "Join them into one."
            )


@rule("speech.call", SPEECH)
def speech_call(view: EpisodeView) -> Iterator[Problem]:
    """Speech is one call of the tool `say` with the argument `text`."""
    for row in view.of_style(SPEECH):
        fault = _call_fault(row.tool_calls or ())
        if fault:
            yield Problem(
                row.timestamp,
                f"The speech row {at(row.timestamp)} {fault}.",
                'Write {"type":"function","function":{"name":"say","arguments":{"text":"…"}}}.',
            )


@rule("speech.length", SPEECH, severity="warning")
def speech_length(view: EpisodeView) -> Iterator[Problem]:
    """What the robot says is short."""
    for row in view.of_style(SPEECH):
        if _call_fault(row.tool_calls or ()) is None:
            words = len((spoken_text(row) or "").split())
            if words > MOST_SPOKEN_WORDS:
                yield Problem(
                    row.timestamp,
                    f"What the robot says {at(row.timestamp)} has {words} words.",
                    f"Say it in at most {MOST_SPOKEN_WORDS}.",
                )


def _call_fault(calls: Sequence[Any]) -> str | None:
    """What is wrong with the tool calls of a speech row, or None."""
    if len(calls) != 1:
        return f"has {len(calls)} tool calls, not one" if calls else "has no tool call"
    call = as_object(calls[0])
    function = as_object(call.get("function"))
    arguments = as_object(function.get("arguments"))
    if call.get("type") != "function":
        return "has a tool call that is not of type function"
    if function.get("name") != "say":
        return "calls no tool by its name"
    if list(arguments) != ["text"]:
        return "calls say without the one argument text"
    text = arguments["text"]
    return None if isinstance(text, str) and text.strip() else "says nothing"


RULES = (
    interjection_speech,
    interjection_plan,
    interjection_planless,
    interjection_single,
    interjection_place,
    interjection_duplicate,
    interjection_fits,
    speech_start,
    speech_place,
    speech_single,
    speech_call,
    speech_length,
)
