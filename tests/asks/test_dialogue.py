"""Exchanges as a model might write them fit their occasion, or are objected to with what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
from talking import jpeg

from roboscribe.asks import Exchange, Exchanges, ImagineDialogue, ImagineDialogues, Occasion
from roboscribe.asks.dialogue import TYPES, ResponseType, ScenarioType
from roboscribe.errors import EpisodeError
from roboscribe.frames import Jpeg
from roboscribe.models.answers import schema_of
from roboscribe.prompts.render import Prompts

TASK = "Put the pink brick in the transparent box."
SKILLS = (
    "wait",
    "move towards the pink brick",
    "pick up the pink brick",
    "place the pink brick in the transparent box",
    "retract",
)
WAIT, GO, PICK, PLACE, RETRACT = range(5)


def occasion(
    done: int,
    scenario: ScenarioType = "specific_object",
    response: ResponseType = "confirmation",
    skills: Sequence[str] = SKILLS,
    **more: Any,
) -> Occasion:
    return Occasion(1.5, TASK, tuple(skills), done, scenario, response, **more)


FITTING: list[tuple[Occasion, str, str]] = [
    (occasion(GO), "Could you get me the pink brick?", "Sure, I'll go and get it."),
    (occasion(PICK), "Now grab it, please.", "Will do."),
    (occasion(PLACE), "It belongs in the box over there.", "Yes, into the box it goes."),
    (occasion(WAIT), "Hang on a second.", "Of course, I'll wait."),
    (occasion(GO, "negative_task"), "Not the box, the pink brick.", "Sure, only the brick."),
    (occasion(RETRACT, "implicit_request"), "I can't see past your arm.", "Oh, I'll move back."),
    (occasion(PICK, response="clarification"), "Take the pink one.", "This one?"),
    (
        occasion(PLACE, "constraint_based", "constraint_acknowledgment"),
        "Carry the brick to the box without dropping it.",
        "I'll hold on to it until it is in the box.",
    ),
    (occasion(1, skills=("crack the egg", "whisk it")), "Would you whisk it now?", "Sure."),
]

FAULTY: list[tuple[Occasion, str, str, str]] = [
    (occasion(GO), "Could you get me that?", "Sure.", "name the pink brick"),
    (occasion(GO), "Get it.", "Sure.", "name the pink brick"),
    (occasion(PICK), "Don't take the pink brick.", "Sure.", "forbids what the robot does"),
    (occasion(GO), "Take the cup, not the pink brick.", "Sure.", "does not lead to the current skill"),
    (occasion(PLACE), "Put it on the tray instead.", "Sure.", "does not lead to the current skill"),
    (occasion(GO, "negative_task"), "Go to the pink brick.", "Sure.", "not to do"),
    (occasion(GO), "... !", "Sure.", "blank"),
    (occasion(GO), "so " * 40 + "brick", "Sure.", "41 words"),
    (occasion(GO), "Get the pink brick.", "yes " * 31, "31 words"),
    (occasion(GO), "Get the pink brick.", "Sorry, I can't do that.", "refuses"),
    (occasion(GO), "Get the pink brick.", "Which one?", "is no confirmation"),
    (occasion(GO, response="clarification"), "Get the pink brick.", "Sure.", "is a question"),
    (
        occasion(GO, "constraint_based", "constraint_acknowledgment"),
        "Get the pink brick, but slowly.",
        "Okay.",
        "does not say what the robot keeps to",
    ),
]


@pytest.mark.parametrize(("on", "prompt", "utterance"), FITTING)
def test_what_fits_is_let_pass(on: Occasion, prompt: str, utterance: str) -> None:
    assert on.fault(Exchange(user_prompt=prompt, robot_utterance=utterance)) == ""


@pytest.mark.parametrize(("on", "prompt", "utterance", "reason"), FAULTY)
def test_what_does_not_fit_is_objected_to(on: Occasion, prompt: str, utterance: str, reason: str) -> None:
    ask = ImagineDialogue(episode=0, occasion=on)
    assert reason in ask.objection(Exchange(user_prompt=prompt, robot_utterance=utterance))


def test_every_pair_of_types_is_one_of_twenty() -> None:
    assert len(set(TYPES)) == len(TYPES) == 20


def exchange(prompt: str = "Get the pink brick.", utterance: str = "Sure.") -> Exchange:
    return Exchange(user_prompt=prompt, robot_utterance=utterance)


def test_an_episode_needs_an_exchange_for_each_occasion_and_is_told_which_is_wrong() -> None:
    ask = ImagineDialogues(episode=0, occasions=(occasion(GO), occasion(PICK)))
    assert "2 exchanges are wanted, but 1" in ask.objection(Exchanges(exchanges=[exchange()]))
    assert ask.objection(Exchanges(exchanges=[exchange(), exchange("Grab it.")])) == ""
    fault = ask.objection(Exchanges(exchanges=[exchange(), exchange("Grab the cup there.")]))
    assert fault.startswith("Exchange 2: user_prompt, “Grab the cup there.”")
    schema = deepcopy(dict(schema_of(Exchanges)))
    ask.narrow(schema)
    assert schema["properties"]["exchanges"]["minItems"] == schema["properties"]["exchanges"]["maxItems"] == 2


class Still:
    """A picture of a camera."""

    camera = "observation.images.top"

    def picture(self) -> Jpeg:
        return jpeg()


class Sheet:
    """Stands in for contact sheets."""

    def pictures(self) -> list[Jpeg]:
        return [jpeg()]


def words(ask: Any) -> tuple[list[str | Jpeg], str]:
    _, parts = asyncio.run(Prompts().render(ask))
    return list(parts[:-1]), str(parts[-1])


def test_the_prompt_carries_task_history_skill_types_and_what_to_avoid() -> None:
    on = occasion(PICK, "negative_task", "clarification", avoid=("Grab that brick.",))
    shown, text = words(ImagineDialogue(episode=0, occasion=on, shots=(Still(), Still())))
    assert [part for part in shown if isinstance(part, str)] == ["top, 1.5 s:"] * 2
    assert sum(isinstance(part, Jpeg) for part in shown) == 2
    for part in (TASK, "1. wait\n2. move towards the pink brick", "1.5 s: pick up the pink brick"):
        assert part in text
    for part in ("not to do or not to touch", "asks one short question", "Grab that brick."):
        assert part in text
    assert "place the pink brick" not in text, "what comes later is not told"


def test_the_prompt_about_an_episode_tells_each_occasion() -> None:
    occasions = (occasion(WAIT), occasion(PICK, "implicit_request", "acknowledgment"))
    shown, text = words(ImagineDialogues(episode=0, occasions=occasions, sheets=Sheet()))
    assert len(shown) == 1
    assert "5. retract" in text
    assert "1. 1.5 s, skill 1 (wait): specific_object, confirmation" in text
    assert "2. 1.5 s, skill 3 (pick up the pink brick): implicit_request, acknowledgment" in text
    assert "2 in all" in text


def test_a_model_that_looks_is_never_asked_without_pictures() -> None:
    with pytest.raises(EpisodeError, match="no picture"):
        ImagineDialogue(episode=0, occasion=occasion(GO)).look()
