"""What is taken over of interjections that a model cannot get right."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from talking import ScriptedBackend

from roboscribe.asks import Ask, Interject
from roboscribe.asks.interject import Moment
from roboscribe.frames import Part
from roboscribe.models.answers import schema_of
from roboscribe.models.asking import AskingModel
from roboscribe.models.cache import RequestCache
from roboscribe.models.ledger import Ledger

SUBTASKS = ("move towards the red cup", "grasp the red cup", "lift the red cup", "retract")
ASK = Interject(
    episode=0,
    task="Lift the red cup.",
    subtasks=SUBTASKS,
    moments=(Moment(2.0, 1, "specific_constraint"), Moment(4.0, 2, "encouragement")),
)
GOOD = {"request": "Grasp the red cup without pushing it.", "speech": "Okay, I will grasp the red cup."}
CONTRARY = {"request": "Stop and put the red cup back.", "speech": "Okay, I will stop."}
PRAISE = {"request": "Well done, keep going.", "speech": "Thank you, I will lift the red cup now."}


class Words:
    """Renders an ask as its type's name."""

    def digest(self, kind: type[Ask[Any]]) -> str:
        return kind.__name__

    async def render(self, ask: Ask[Any]) -> tuple[str, list[Part]]:
        return "", [type(ask).__name__]


def reply(*made: object) -> str:
    return json.dumps({"interjections": made})


def test_the_examples_are_what_they_are_called() -> None:
    assert ASK.objection(ASK.answer.model_validate_json(reply(GOOD, PRAISE))) == ""
    assert "Request 1" in ASK.objection(ASK.answer.model_validate_json(reply(CONTRARY, PRAISE)))


def test_what_fits_is_kept_where_asking_again_does_not_help(tmp_path: Path) -> None:
    cache = RequestCache(tmp_path, print)
    for backend, calls in ((ScriptedBackend(*[reply(CONTRARY, PRAISE)] * 6), 6), (ScriptedBackend(), 0)):
        model = AskingModel(backend, Words(), ledger=Ledger(), cache=cache)
        first, second = asyncio.run(model.answer(ASK)).interjections
        assert first is None
        assert second is not None
        assert second.request == PRAISE["request"]
        assert len(backend.requests) == calls, "the second time it comes from the cache"


def test_only_what_is_not_tried_as_another_kind_is_told_to_be_left_out() -> None:
    contrary = ASK.answer.model_validate_json(reply(CONTRARY, CONTRARY))
    once_more = replace(ASK, moments=(replace(ASK.moments[0], otherwise="preference"), ASK.moments[1]))
    for ask, number in ((ASK, 2), (once_more, 1)):
        kept = ask.remainder(contrary)
        assert kept is not None
        assert len(kept.left_out) == number


def test_a_model_that_mends_its_reply_loses_nothing() -> None:
    backend = ScriptedBackend(reply(CONTRARY, PRAISE), reply(GOOD, PRAISE))
    answer = asyncio.run(AskingModel(backend, Words(), ledger=Ledger()).answer(ASK))
    assert [made and made.request for made in answer.interjections] == [GOOD["request"], PRAISE["request"]]


def test_a_model_is_not_offered_to_say_nothing() -> None:
    schema = json.loads(json.dumps(schema_of(ASK.answer)))
    ASK.narrow(schema)
    assert schema["properties"]["interjections"]["items"]["type"] == "object"
