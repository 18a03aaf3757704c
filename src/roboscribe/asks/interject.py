"""The ask for what is said while a robot works: its first words, and a person's interjections with its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from roboscribe.asks.base import Answer, Ask, Sheets, exactly
from roboscribe.asks.fit import fault_of_request, fault_of_speech
from roboscribe.asks.segment import pictures_of
from roboscribe.asks.situation import Situation, situation
from roboscribe.config import Scenario
from roboscribe.english.texts import wording
from roboscribe.frames import Part

Spoken = Annotated[str, Field(min_length=2, max_length=200)]


class Interjection(Answer):
    """What a person says to the robot at work, and what the robot answers."""

    request: Spoken
    speech: Spoken


class Talk(Answer):
    """What the robot says before it moves, and one interjection for each moment asked about, in the same order; null
    where none is wanted or would fit."""

    opening: Spoken | None = None
    interjections: Annotated[list[Interjection | None], Field(max_length=100)] = Field(default=[])


@dataclass(frozen=True, slots=True)
class Moment:
    """A subtask boundary at which a person speaks.

    Attributes:
        time: Seconds.
        done: How many subtasks are done by then (1 ≤ done < len(subtasks)).
        scenario: What kind of thing the person says.
        sheets: Frames before and after; None for a model that does not look.
        otherwise: What kind is asked for instead where nothing of the first fits; None at the last try.
    """

    time: float
    done: int
    scenario: Scenario
    sheets: Sheets | None = None
    otherwise: Scenario | None = None

    @property
    def redrawn(self) -> Moment | None:
        """The same moment for the other kind; None where there is no other."""
        return replace(self, scenario=self.otherwise, otherwise=None) if self.otherwise else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Interject(Ask[Talk]):
    """What could a person say at each of these moments that fits what the robot does next?

    Attributes:
        task: The task text; empty when unknown.
        subtasks: Labels of the episode's subtasks in order, at least one.
        moments: When and what for, in order of time; there may be none where the robot only begins.
        opens: Whether the robot's first words are wanted as well, with which it takes on the task.
        said: What the person has said before.
        arms: The arm that acts in each subtask by the robot's signals; see ``Situation``.
    """

    answer = Talk

    task: str
    subtasks: tuple[str, ...]
    moments: tuple[Moment, ...] = ()
    opens: bool = False
    said: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()

    @property
    def situations(self) -> list[Situation]:
        """What is about to happen at each moment."""
        return [situation(self.task, self.subtasks, moment.done, self.arms) for moment in self.moments]

    def look(self) -> Sequence[Part]:
        """The contact sheets of each moment, under its time."""
        parts: list[Part] = []
        for number, moment in enumerate(self.moments, 1):
            if moment.sheets is not None:
                parts += [f"Around moment {number}, at {moment.time:.1f} s:"]
                parts += pictures_of(moment.sheets, self.episode)
        return parts

    def narrow(self, schema: dict[str, Any]) -> None:
        """First words if they are wanted, and as many interjections as moments, none of them null: a model always
        finds something to say."""
        opening, talk = (schema["properties"][name] for name in ("opening", "interjections"))
        talk.update(minItems=len(self.moments), maxItems=len(self.moments))
        talk["items"] = _never_null(talk["items"])
        wanted = {"opening": _never_null(opening)} if self.opens else {}
        schema.update(exactly(wanted | ({"interjections": talk} if self.moments else {})))

    def objection(self, answer: Talk) -> str:
        """The robot agrees in a breath; each interjection fits what it does next, is about something and is no
        other's twin."""
        if len(answer.interjections) != len(self.moments):
            return (
                f"{len(self.moments)} interjections are wanted, but {len(answer.interjections)} were given."
            )
        return " ".join(filter(None, (self._opening_fault(answer), *self._faults(answer))))

    def remainder(self, answer: Talk) -> Talk | None:
        """The interjections that fit; a person need not speak at every moment, but the robot begins.

        Those are left out for which no other kind is tried.
        """
        if len(answer.interjections) != len(self.moments) or self._opening_fault(answer):
            return None
        faults = self._faults(answer)
        kept = zip(answer.interjections, faults, strict=True)
        talk = Talk(opening=answer.opening, interjections=[None if fault else made for made, fault in kept])
        tried = zip(faults, self.moments, strict=True)
        return talk.leaving_out(fault for fault, moment in tried if fault and moment.otherwise is None)

    def _opening_fault(self, answer: Talk) -> str:
        """What is wrong with the first words: the robot says nothing that it does not do."""
        if not self.opens:
            return ""
        if answer.opening is None:
            return "The opening is missing."
        fault = fault_of_speech(answer.opening, situation(self.task, self.subtasks, 0, self.arms))
        return f"The opening, “{answer.opening}”, {fault}." if fault else ""

    def _faults(self, answer: Talk) -> list[str]:
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


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What else than null a schema allows."""
    return next(kind for kind in schema["anyOf"] if kind["type"] != "null")


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
