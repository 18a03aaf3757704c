"""Asks for what is said while a robot works: its first words, and a person's interjections with its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from roboscribe.asks.base import Answer, Ask, Sheets
from roboscribe.asks.fit import fault_of_request, fault_of_speech
from roboscribe.asks.segment import pictures_of
from roboscribe.asks.situation import Situation, situation
from roboscribe.config import Scenario
from roboscribe.english.texts import wording
from roboscribe.frames import Part

Spoken = Annotated[str, Field(min_length=2, max_length=200)]


class Speech(Answer):
    """What the robot says."""

    text: Spoken


class Interjection(Answer):
    """What a person says to the robot at work, and what the robot answers."""

    request: Spoken
    speech: Spoken


class Interjections(Answer):
    """One interjection for each moment asked about, in the same order; null where none would fit."""

    interjections: Annotated[list[Interjection | None], Field(max_length=100)]


@dataclass(frozen=True, kw_only=True, eq=False)
class OpeningSpeech(Ask[Speech]):
    """What does the robot say when it has been given the task and begins?

    Attributes:
        task: The task text; empty when unknown.
        subtasks: Labels of the episode's subtasks in order, at least one.
    """

    answer = Speech

    task: str
    subtasks: tuple[str, ...]

    @property
    def first(self) -> str:
        """The subtask that the robot begins with."""
        return self.subtasks[0]

    def objection(self, answer: Speech) -> str:
        """The robot agrees in a breath, and says nothing that it does not do."""
        fault = fault_of_speech(answer.text, situation(self.task, self.subtasks, 0))
        return f"What the robot says {fault}." if fault else ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A subtask boundary at which a person speaks.

    Attributes:
        time: Seconds.
        done: How many subtasks are done by then (1 ≤ done < len(subtasks)).
        scenario: What kind of thing the person says.
        sheets: Frames before and after; None for a model that does not look.
    """

    time: float
    done: int
    scenario: Scenario
    sheets: Sheets | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Interject(Ask[Interjections]):
    """What could a person say at each of these moments that fits what the robot does next?

    Attributes:
        task: The task text; empty when unknown.
        subtasks: Labels of the episode's subtasks in order.
        moments: When and what for, in order of time.
        said: What the person has said before.
    """

    answer = Interjections

    task: str
    subtasks: tuple[str, ...]
    moments: tuple[Moment, ...]
    said: tuple[str, ...] = ()

    @property
    def situations(self) -> list[Situation]:
        """What is about to happen at each moment."""
        return [situation(self.task, self.subtasks, moment.done) for moment in self.moments]

    def look(self) -> Sequence[Part]:
        """The contact sheets of each moment, under its time."""
        parts: list[Part] = []
        for number, moment in enumerate(self.moments, 1):
            if moment.sheets is not None:
                parts += [f"Around moment {number}, at {moment.time:.1f} s:"]
                parts += pictures_of(moment.sheets, self.episode)
        return parts

    def narrow(self, schema: dict[str, Any]) -> None:
        """As many interjections as moments, none of them null: a model always finds something to say."""
        wanted = schema["properties"]["interjections"]
        wanted.update(minItems=len(self.moments), maxItems=len(self.moments))
        wanted["items"] = next(kind for kind in wanted["items"]["anyOf"] if kind["type"] == "object")

    def objection(self, answer: Interjections) -> str:
        """Each fits what the robot does next, is about something and is no other's twin."""
        if len(answer.interjections) != len(self.moments):
            return (
                f"{len(self.moments)} interjections are wanted, but {len(answer.interjections)} were given."
            )
        return " ".join(filter(None, self._faults(answer)))

    def remainder(self, answer: Interjections) -> Interjections | None:
        """The interjections that fit; a person need not speak at every moment."""
        if len(answer.interjections) != len(self.moments):
            return None
        faults = self._faults(answer)
        kept = zip(answer.interjections, faults, strict=True)
        made = Interjections(interjections=[None if fault else made for made, fault in kept])
        return made.leaving_out(filter(None, faults))

    def _faults(self, answer: Interjections) -> list[str]:
        """What is wrong with each interjection; empty for one that will do."""
        known = [wording(text) for text in self.said]
        faults: list[str] = []
        for number, (moment, at, made) in enumerate(
            zip(self.moments, self.situations, answer.interjections, strict=True), 1
        ):
            if made is None:
                faults.append(f"Interjection {number} is missing.")
                continue
            key = wording(made.request)
            fault = (
                "repeats another one" if key in known else fault_of_request(made.request, moment.scenario, at)
            )
            known.append(key)
            if fault:
                faults.append(f"Request {number}, “{made.request}”, {fault}.")
            elif fault := fault_of_speech(made.speech, at):
                faults.append(f"Speech {number}, “{made.speech}”, {fault}.")
            else:
                faults.append("")
        return faults


def can_hold(scenario: Scenario, at: Situation) -> bool:
    """Whether a person can say something of this kind that fits what the robot does next.

    Praise always fits. All else needs a label that tells what is done; what is not to be done needs something
    that is not done, and a correction something that it is set against.
    """
    if scenario == "encouragement":
        return True
    if at.next.kind == "unknown":
        return False
    if scenario in ("negative_task", "situated_correction"):
        return at.next.kind != "act" or bool(at.spared or at.later)
    return True
