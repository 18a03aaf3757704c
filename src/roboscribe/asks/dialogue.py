"""Asks for what a person could have said for the robot to do its current skill, and what the robot answers.

The scenario and response types are those of Hi Robot (arXiv 2502.19417), whose policy is trained on such pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Protocol, get_args

from pydantic import Field, StringConstraints

from roboscribe.asks.base import Answer, Ask, Sheets
from roboscribe.asks.fit import contradiction, refuses
from roboscribe.asks.grounding import heeds, names_skill
from roboscribe.asks.kinds import rules_out
from roboscribe.asks.segment import pictures_of
from roboscribe.asks.situation import Situation, situation
from roboscribe.english.texts import wording
from roboscribe.errors import EpisodeError
from roboscribe.frames import Jpeg, Part
from roboscribe.frames.sheets import camera_name

ScenarioType = Literal[
    "specific_object", "negative_task", "situated_correction", "implicit_request", "constraint_based"
]
"""What a person means by what is said."""

ResponseType = Literal["confirmation", "clarification", "acknowledgment", "constraint_acknowledgment"]
"""What the robot's answer is for."""

TYPES: tuple[tuple[ScenarioType, ResponseType], ...] = tuple(
    (scenario, response) for scenario in get_args(ScenarioType) for response in get_args(ResponseType)
)
"""Every pair of the two."""

MOST_PROMPT_WORDS = 40
MOST_UTTERANCE_WORDS = 30

Prompt = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=240)]
Utterance = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]


class Exchange(Answer):
    """What a person says, and what the robot answers before it acts."""

    user_prompt: Prompt
    robot_utterance: Utterance


class Exchanges(Answer):
    """One exchange for each occasion asked about, in the same order; null where none that fits was found."""

    exchanges: Annotated[list[Exchange | None], Field(max_length=100)]


class Pictured(Protocol):
    """A picture that is made when it is first looked at."""

    @property
    def camera(self) -> str:
        """Camera key, or another name."""
        ...

    def picture(self) -> Jpeg:
        """The picture.

        Raises:
            RoboscribeError: It cannot be read.
        """
        ...


@dataclass(frozen=True)
class Occasion:
    """A time at which a person speaks, and what kind of exchange is wanted.

    Attributes:
        time: Seconds.
        task: The task text; empty when unknown.
        skills: Names of the episode's skills in order, as far as they are known.
        done: How many of them are done; the next one is the current skill (0 ≤ done < len(skills)).
        scenario: What kind of thing the person says.
        response: What kind of answer the robot gives.
        number: How many occasions of the dataset come before it; a rule takes turns by it.
        avoid: What has been said elsewhere and is not to be said again.
    """

    time: float
    task: str
    skills: tuple[str, ...]
    done: int
    scenario: ScenarioType
    response: ResponseType
    number: int = 0
    avoid: tuple[str, ...] = ()

    @property
    def skill(self) -> str:
        """The current skill."""
        return self.skills[self.done]

    @property
    def history(self) -> tuple[str, ...]:
        """The skills done, in order."""
        return self.skills[: self.done]

    @cached_property
    def situation(self) -> Situation:
        """What the robot is about to do."""
        return situation(self.task, self.skills, self.done)

    def fault(self, exchange: Exchange) -> str:
        """What is wrong with an exchange on this occasion, in a sentence; empty when it will do."""
        if fault := self._fault_of_prompt(exchange.user_prompt):
            return f"user_prompt, “{exchange.user_prompt}”, {fault}."
        fault = self._fault_of_utterance(exchange.robot_utterance, exchange.user_prompt)
        return f"robot_utterance, “{exchange.robot_utterance}”, {fault}." if fault else ""

    def _fault_of_prompt(self, prompt: str) -> str:
        words = len(prompt.split())
        if not wording(prompt):
            return "is blank"
        if words > MOST_PROMPT_WORDS:
            return f"has {words} words; say it in at most {MOST_PROMPT_WORDS}"
        if not names_skill(prompt, self.situation):
            return f"does not say what it is about; name {self.situation.thing or f'“{self.skill}”'}"
        if self.scenario == "negative_task" and not rules_out(prompt):
            return "does not say what the robot is not to do"
        fault = contradiction(prompt, self.situation)
        return f"does not lead to the current skill, “{self.skill}”: {fault}" if fault else ""

    def _fault_of_utterance(self, utterance: str, prompt: str) -> str:
        words = len(utterance.split())
        if not wording(utterance):
            return "is blank"
        if words > MOST_UTTERANCE_WORDS:
            return f"has {words} words; say it in at most {MOST_UTTERANCE_WORDS}"
        if refuses(utterance):
            return "refuses; the robot is seen to do the current skill"
        asks = utterance.rstrip("\"'”’ ").endswith("?")
        if asks != (self.response == "clarification"):
            return (
                "asks nothing; a clarification is a question"
                if not asks
                else f"is no {self.response}: it asks"
            )
        if self.response == "constraint_acknowledgment" and not heeds(utterance, prompt):
            return "does not say what the robot keeps to"
        return ""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagineDialogue(Ask[Exchange]):
    """What could a person have said at this time, and what did the robot answer?

    Attributes:
        occasion: When, and what kind of exchange.
        shots: What the cameras show then; none for a model that does not look.
    """

    answer = Exchange

    occasion: Occasion
    shots: tuple[Pictured, ...] = ()

    def look(self) -> Sequence[Part]:
        """The picture of each camera under its name."""
        if not self.shots:
            raise EpisodeError(
                self.episode, "There is no picture to look at.", "The model needs a camera with video."
            )
        parts: list[Part] = []
        for shot in self.shots:
            parts += [f"{camera_name(shot.camera)}, {self.occasion.time:.1f} s:", shot.picture()]
        return parts

    def objection(self, answer: Exchange) -> str:
        """It names the skill's object, leads to the skill, and the answer is of its type."""
        return self.occasion.fault(answer)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagineDialogues(Ask[Exchanges]):
    """The same for many occasions of one episode at once, which is seen as a whole.

    Attributes:
        occasions: When, and what kinds of exchange, in order of time, all of the same task and skills.
        sheets: Frames of the whole episode; None for a model that does not look.
    """

    answer = Exchanges

    occasions: tuple[Occasion, ...]
    sheets: Sheets | None = None

    @property
    def task(self) -> str:
        """The task text; empty when unknown."""
        return self.occasions[0].task

    @property
    def skills(self) -> tuple[str, ...]:
        """Names of the episode's skills in order."""
        return self.occasions[0].skills

    @property
    def avoid(self) -> tuple[str, ...]:
        """What is not to be said again on any of the occasions."""
        return tuple(dict.fromkeys(text for occasion in self.occasions for text in occasion.avoid))

    def look(self) -> Sequence[Part]:
        """The episode."""
        return pictures_of(self.sheets, self.episode)

    def narrow(self, schema: dict[str, Any]) -> None:
        """As many exchanges as occasions, none of them null."""
        wanted = schema["properties"]["exchanges"]
        wanted.update(minItems=len(self.occasions), maxItems=len(self.occasions))
        wanted["items"] = next(kind for kind in wanted["items"]["anyOf"] if kind["type"] == "object")

    def objection(self, answer: Exchanges) -> str:
        """Each fits its occasion."""
        if len(answer.exchanges) != len(self.occasions):
            return f"{len(self.occasions)} exchanges are wanted, but {len(answer.exchanges)} were given."
        faults = enumerate(self._faults(answer), 1)
        return " ".join(f"Exchange {number}: {fault}" for number, fault in faults if fault)

    def remainder(self, answer: Exchanges) -> Exchanges | None:
        """The exchanges that fit, so that only the others are asked for again."""
        if len(answer.exchanges) != len(self.occasions):
            return None
        made = zip(answer.exchanges, self._faults(answer), strict=True)
        kept = [None if fault else exchange for exchange, fault in made]
        return Exchanges(exchanges=kept) if any(kept) else None

    def _faults(self, answer: Exchanges) -> list[str]:
        """What is wrong with each exchange; empty for one that will do."""
        return [
            occasion.fault(exchange) if exchange is not None else "It is missing."
            for occasion, exchange in zip(self.occasions, answer.exchanges, strict=True)
        ]
