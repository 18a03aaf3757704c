"""Typical answers fit their asks, and are written as a model would write them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from real_models import ANSWERS
from talking import Look, Sight

from roboscribe.asks import Answer, RephraseTask, Segment, Segments, UpdateMemory
from roboscribe.asks.base import copied
from roboscribe.errors import AnswerError
from roboscribe.models.answers import parse_answer, schema_of
from roboscribe.models.typical import as_replied, typical_answer, usual_value


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_a_usual_value_fits_every_kind_of_answer(kind: type[Answer]) -> None:
    assert parse_answer(json.dumps(usual_value(schema_of(kind))), kind)


def typical(ask: Any) -> Any:
    schema = copied(schema_of(ask.answer))
    ask.narrow(schema)
    answer = asyncio.run(typical_answer(ask, schema))
    assert parse_answer(as_replied(answer, schema), ask.answer)
    return answer


def test_a_kind_of_ask_that_nobody_knows_is_answered_by_its_schema() -> None:
    answer = typical(Look(episode=0, text="What is it?"))
    assert isinstance(answer, Sight)
    assert 0 <= answer.count <= 9
    assert 2 <= len(answer.name) <= 40


def test_as_many_texts_as_are_wanted() -> None:
    assert len(typical(RephraseTask(episode=0, task="Lift the cup.", count=7)).texts) == 7
    remember = UpdateMemory(episode=0, task="", subtasks=("lift", "wait", "lower"), boundaries=(1, 2))
    assert len(typical(remember).memories) == 2


def test_what_no_answer_can_hold_fails_as_it_would() -> None:
    remember = UpdateMemory(episode=0, task="", subtasks=("lift",) * 999, boundaries=tuple(range(1, 999)))
    with pytest.raises(AnswerError, match="UpdateMemory"):
        typical(remember)


def test_replies_hold_what_is_asked_for_and_no_more_digits_than_models_write() -> None:
    answer = Segments(segments=[Segment(start=1 / 3, end=2 / 3, label="wait")])
    assert as_replied(answer, schema_of(Segments)) == (
        '{"segments": [{"start": 0.33, "end": 0.67, "label": "wait"}]}'
    )
    only = {"type": "object", "properties": {"name": {"type": "string"}}}
    sight = Sight(name="red cup", count=2, colours=["red"])
    assert as_replied(sight, only) == '{"name": "red cup"}'
