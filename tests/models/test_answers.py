"""Replies as models write them become answers; what is wrong with the others is said in words."""

import json
from typing import Annotated, Any

import pytest
from pydantic import Field
from talking import BAD, GOOD, Sight

from roboscribe.asks import Answer, Segments
from roboscribe.models.answers import UnfitReply, parse_answer, schema_of


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure! Here it is:\n```\n{GOOD}\n```\nAnything else?",
        f"<think>Perhaps {BAD}? No.</think>\n{GOOD}",
        f"It may be {{blue}}, as in {BAD}.</think>{GOOD}",
        f"{GOOD} I hope that helps: {{}}",
        f"First I thought {BAD}, but then\n\n{GOOD}",
        GOOD.replace("red cup", "red\n\x07cup"),
        GOOD.replace("red cup", "<|im_start|>red cup<|vision_pad|>") + "<|im_end|>",
        json.dumps(json.loads(GOOD), indent=4) + "\n" * 50,
    ],
)
def test_the_answer_is_found_whatever_stands_around_it(text: str) -> None:
    assert parse_answer(text, Sight) == Sight(name="red cup", count=2, colours=["red"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("<think>What could it be?</think>", "empty"),
        ("I see a red cup.", "not JSON"),
        ("[1, 2]", "not an object"),
        ('{"name": ' + "[" * 20_000 + "]" * 20_000 + "}", "nested too deeply"),
        ("[" * 20_000 + "]" * 20_000, "nested too deeply"),
        (GOOD[:-1], "not JSON"),
        (BAD, "count: Input should be less than or equal to 9"),
        ('{"name": "red cup"}', "colours: Field required"),
        (GOOD[:-1] + ', "extra": 1}', "extra: Extra inputs are not permitted"),
        (GOOD.replace("red cup", "<|im_start|>"), "name: String should have at least 2 characters"),
    ],
)
def test_what_is_wrong_with_a_reply_is_said(text: str, complaint: str) -> None:
    with pytest.raises(UnfitReply, match=complaint):
        parse_answer(text, Sight)


def test_what_is_whole_in_a_list_that_breaks_off_is_not_taken_for_the_answer() -> None:
    with pytest.raises(UnfitReply, match="not JSON") as caught:
        parse_answer('{"segments": [{"start": 0, "end": 1, "label": "wait"}, {"start": 1, "en', Segments)
    assert caught.value.garbled


def test_a_long_list_of_mistakes_is_cut_short() -> None:
    wrong = json.dumps({"segments": [{"start": -1, "end": -1, "label": ""}] * 20})
    with pytest.raises(UnfitReply) as caught:
        parse_answer(wrong, Segments)
    assert "segments.0.start" in str(caught.value)
    assert "55 more" in str(caught.value)


class Note(Answer):
    title: str
    note: Annotated[str | None, Field(max_length=9)] = None


def test_a_schema_is_what_strict_servers_take() -> None:
    schema: Any = schema_of(Segments)
    assert "$ref" not in json.dumps(schema)
    segment = schema["properties"]["segments"]["items"]
    assert segment["required"] == ["start", "end", "label"]
    assert segment["additionalProperties"] is False
    assert segment["properties"]["label"] == {"type": "string", "minLength": 2, "maxLength": 120}


def test_every_property_is_required_and_a_property_may_be_called_title() -> None:
    schema: Any = schema_of(Note)
    assert schema["required"] == ["title", "note"]
    assert set(schema["properties"]) == {"title", "note"}
    assert "default" not in schema["properties"]["note"]
