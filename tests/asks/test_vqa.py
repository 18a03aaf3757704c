"""Visual questions: the schema holds exactly what is wanted, and places arrive in pixels of the dataset's frames."""

from __future__ import annotations

import asyncio
import json
import random
import re
from typing import Any, get_args

import pytest
from fake_openai_server import instance
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shots import questions, shot, told
from talking import ScriptedBackend

from roboscribe.asks import AskAboutFrames, FrameAnswers
from roboscribe.config import QuestionKind, VlmSettings
from roboscribe.errors import AnswerError
from roboscribe.frames import Places
from roboscribe.models.answers import schema_of
from roboscribe.models.asking import CONVERSATIONS, AskingModel
from roboscribe.models.families import places_of
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Request
from roboscribe.prompts import Prompts

PROMPTS = Prompts()
KINDS = get_args(QuestionKind)
MODELS = (
    "Qwen/Qwen2-VL-7B-Instruct",
    "Qwen/Qwen2.5-VL-7B-Instruct",
    "Qwen/Qwen3-VL-8B-Instruct",
    "google/gemini-2.5-flash",
    "who/knows",
)
COUNT = {"question": "How many cups are there?", "label": "cup", "count": 2, "note": None}

sides = st.integers(64, 2000)
sizes = st.tuples(sides, sides).filter(lambda size: max(size) / min(size) < 20)


def boxes(*found: Any) -> dict[str, Any]:
    return {
        "question": "Where is the cup?",
        "detections": [{"label": "cup", "bbox": list(box)} for box in found],
    }


def keypoint(point: Any) -> dict[str, Any]:
    return {"question": "Point to the cup.", "label": "cup", "point": list(point)}


def narrowed(ask: AskAboutFrames) -> dict[str, Any]:
    schema = json.loads(json.dumps(schema_of(FrameAnswers)))
    ask.narrow(schema)
    return schema


def answered(ask: AskAboutFrames, places: Places, *pictures: Any) -> tuple[FrameAnswers, list[Request]]:
    """What comes of a model's reply about each picture, and the requests it took."""
    reply = json.dumps({"pictures": {str(n): about for n, about in enumerate(pictures, 1)}})
    backend = ScriptedBackend(*[reply] * 6)
    model = AskingModel(backend, PROMPTS, ledger=Ledger(), places=places)
    return asyncio.run(model.answer(ask)), backend.requests


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=40)
@given(sizes, sizes, st.none() | st.integers(100_000, 1_000_000), st.data())
def test_a_box_and_a_point_arrive_where_the_model_saw_them(
    model: str,
    source: tuple[int, int],
    sent: tuple[int, int],
    most: int | None,
    data: st.DataObject,
) -> None:
    places = places_of(VlmSettings(max_pixels=most), model)
    shown = shot(source, sent)
    x, y = data.draw(st.integers(0, source[0] * 3 // 4)), data.draw(st.integers(0, source[1] * 3 // 4))
    right, bottom = x + source[0] // 5, y + source[1] // 5
    picture = shown.picture()
    answer, requests = answered(
        questions((shown, ("bbox", "keypoint"), 2)),
        places,
        {
            "bbox": boxes(told(places, picture, (x, y), (right, bottom))),
            "keypoint": keypoint(told(places, picture, (x, y))),
        },
    )
    assert len(requests) == 1
    about = answer.pictures["1"]
    assert about.bbox is not None
    assert about.keypoint is not None
    (found,) = about.bbox.content["detections"]
    assert found["bbox_format"] == "xyxy"
    # The model's own numbers are whole, so that a place is as exact as its grid, and one pixel of ours.
    grid = places.extent(picture)
    for value, was, side, steps in zip(
        found["bbox"], (x, y, right, bottom), source * 2, grid * 2, strict=True
    ):
        assert type(value) is int
        assert abs(value - was) <= 0.5 * side / steps + 1
    point = about.keypoint.content["point"]
    for value, was, side, steps in zip(point, (x, y), source, grid, strict=True):
        assert 0 <= value < side
        assert abs(value - was) <= 0.5 * side / steps + 1


@given(st.sampled_from(MODELS), sizes, st.data())
def test_the_edges_of_what_a_model_may_say_lie_inside_the_picture(
    model: str, source: tuple[int, int], data: st.DataObject
) -> None:
    places = places_of(VlmSettings(), model)
    shown = shot(source)
    extent = places.extent(shown.picture())
    ends = tuple(reversed(extent)) if places.y_first else extent
    low = [data.draw(st.integers(0, end - 1)) for end in ends]
    high = [data.draw(st.integers(start + 1, end)) for start, end in zip(low, ends, strict=True)]
    ask = questions((shown, ("bbox", "keypoint"), 2))
    answer, _ = answered(ask, places, {"bbox": boxes([*low, *high]), "keypoint": keypoint(ends)})
    about = answer.pictures["1"]
    assert about.bbox is not None
    assert about.keypoint is not None
    left, top, right, bottom = about.bbox.content["detections"][0]["bbox"]
    assert 0 <= left < right <= source[0]
    assert 0 <= top < bottom <= source[1]
    assert about.keypoint.content["point"] == [source[0] - 1, source[1] - 1]


@pytest.mark.parametrize(
    ("model", "numbers", "order"),
    [
        ("Qwen/Qwen2-VL-7B-Instruct", "0 to 1000", "[x_min, y_min, x_max, y_max]"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "Picture 1 is 644 wide and 476 high", "[x_min, y_min, x_max, y_max]"),
        ("Qwen/Qwen3-VL-8B-Instruct", "0 to 1000", "[x_min, y_min, x_max, y_max]"),
        ("google/gemini-2.5-flash", "0 to 1000", "[y_min, x_min, y_max, x_max]"),
    ],
)
def test_a_model_is_told_and_held_to_its_own_numbers(model: str, numbers: str, order: str) -> None:
    places = places_of(VlmSettings(), model)
    _, (request,) = answered(questions((shot(), ("bbox",), 1)), places, {"bbox": boxes([1, 2, 3, 4])})
    words = request.parts[-1]
    assert isinstance(words, str)
    assert numbers in words
    assert order in words
    found = request.schema["properties"]["pictures"]["properties"]["1"]["properties"]["bbox"]["anyOf"][0]
    coordinate = found["properties"]["detections"]["items"]["properties"]["bbox"]["items"]
    assert coordinate == {"type": "integer", "minimum": 0, "maximum": max(places.extent(shot().picture()))}


def test_the_schema_holds_each_picture_to_just_its_kinds() -> None:
    ask = questions((shot(), ("bbox", "count"), 1), (shot(), ("spatial",), 1))
    pictures = narrowed(ask)["properties"]["pictures"]
    assert pictures["required"] == ["1", "2"]
    assert pictures["additionalProperties"] is False
    kinds = {number: list(entry["properties"]) for number, entry in pictures["properties"].items()}
    assert kinds == {"1": ["bbox", "count"], "2": ["spatial"]}
    assert pictures["properties"]["1"]["required"] == ["bbox", "count"]
    assert {"type": "null"} in pictures["properties"]["2"]["properties"]["spatial"]["anyOf"]


@given(st.integers(), st.sampled_from(MODELS))
def test_whatever_fits_the_schema_is_an_answer_and_settles_inside_the_pictures(seed: int, model: str) -> None:
    ask = questions((shot(), KINDS, 3), (shot((320, 200)), KINDS[::2], 1)).put_in(
        places_of(VlmSettings(), model)
    )
    answer = FrameAnswers.model_validate(instance(narrowed(ask), random.Random(seed)))
    settled = ask.settled(answer)
    for number, (width, height) in (("1", (640, 480)), ("2", (320, 200))):
        about = settled.pictures[number]
        for found in about.bbox.detections if about.bbox else ():
            assert 0 <= found.bbox[0] < found.bbox[2] <= width
            assert 0 <= found.bbox[1] < found.bbox[3] <= height
        if about.keypoint:
            assert 0 <= about.keypoint.point[0] < width
            assert 0 <= about.keypoint.point[1] < height
    assert settled.pictures["2"].keypoint is settled.pictures["2"].attribute is None


@pytest.mark.parametrize(
    "impossible",
    [
        {"bbox": boxes([300, 300, 200, 400])},
        {"bbox": boxes([10, 10, 10, 50])},
        {"bbox": boxes([10, 10, 30, 50], [300, 300, 200, 400])},
        {"keypoint": keypoint([1200, 30])},
        {
            "spatial": {
                "question": "Where is the cup?",
                "subject": "cup",
                "relation": "left of",
                "object": "Cup",
            }
        },
    ],
)
def test_what_is_impossible_counts_as_not_answered_beside_what_is_not(impossible: dict[str, Any]) -> None:
    (kind,) = impossible
    ask = questions((shot(), (kind, "count"), 1))
    answer, requests = answered(ask, Places("thousandths"), {**impossible, "count": COUNT})
    assert len(requests) == 1
    assert answer.pictures["1"].of(kind) is None
    assert answer.pictures["1"].count is not None


@pytest.mark.parametrize(
    ("about", "fault"),
    [
        ({"bbox": boxes([300, 300, 200, 400])}, "has no area"),
        ({"bbox": boxes([0, 0, 1200, 400])}, "outside the picture, which ends at x = 1000 and y = 1000"),
    ],
)
def test_a_reply_of_which_nothing_is_possible_is_sent_back_and_in_the_end_left_out(
    about: dict[str, Any], fault: str
) -> None:
    answer, requests = answered(questions((shot(), ("bbox",), 1)), Places("thousandths"), about)
    assert len(requests) == 2 * CONVERSATIONS
    assert re.search(f"Picture 1, bbox: .*{fault}", requests[1].turns[0].objection)
    assert answer.pictures["1"].bbox is None
    [left_out] = answer.left_out
    assert re.search(f"^top at .* s, bbox: .*{fault}", left_out)


def test_what_a_spare_kind_makes_up_for_is_not_left_out() -> None:
    impossible = {"bbox": boxes([10, 10, 10, 50]), "keypoint": keypoint([1200, 30]), "count": COUNT}
    kinds: tuple[QuestionKind, ...] = ("bbox", "keypoint", "count")
    for wanted, missing in ((1, 0), (2, 1), (3, 2)):
        answer, _ = answered(questions((shot(), kinds, wanted)), Places("thousandths"), impossible)
        assert len(answer.left_out) == missing


def test_a_picture_left_out_or_made_up_is_sent_back() -> None:
    one = questions((shot(), ("count",), 1))
    two = questions((shot(), ("count",), 1), (shot(), ("count",), 1))
    with pytest.raises(AnswerError, match="no answer about picture 2"):
        answered(two, Places("thousandths"), {"count": COUNT})
    with pytest.raises(AnswerError, match="no picture '2'"):
        answered(one, Places("thousandths"), {"count": COUNT}, {"count": COUNT})


def test_a_model_may_abstain_from_everything() -> None:
    answer, requests = answered(questions((shot(), ("count",), 1)), Places("thousandths"), {"count": None})
    assert len(requests) == 1
    assert answer.pictures["1"].count is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": COUNT | {"count": -1}},
        {"count": COUNT | {"count": 2.5}},
        {"count": COUNT | {"count": True}},
        {"count": COUNT | {"label": "  "}},
        {"attribute": {"question": "What is it?", "label": "cup", "attribute": "taste", "value": "sweet"}},
        {"spatial": {"question": "Where is it?", "subject": "cup", "relation": "near", "object": "box"}},
        {"bbox": {"question": "Where is it?", "detections": []}},
        {"keypoint": keypoint([1])},
    ],
)
def test_counts_names_relations_and_places_are_of_their_kind(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FrameAnswers.model_validate({"pictures": {"1": wrong}})


def test_content_is_the_answer_alone_in_the_form_of_the_contract() -> None:
    about = FrameAnswers.model_validate(
        {
            "pictures": {
                "1": {
                    "bbox": boxes([1, 2, 3, 4]),
                    "keypoint": keypoint([1, 2]),
                    "count": COUNT,
                    "attribute": {
                        "question": "What color is it?",
                        "label": "cup",
                        "attribute": "color",
                        "value": "red",
                    },
                    "spatial": {
                        "question": "Where is it?",
                        "subject": "cup",
                        "relation": "on",
                        "object": "table",
                    },
                }
            }
        }
    ).pictures["1"]
    contents = [question.content for kind in KINDS if (question := about.of(kind))]
    assert contents == [
        {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [1, 2, 3, 4]}]},
        {"label": "cup", "point_format": "xy", "point": [1, 2]},
        {"label": "cup", "count": 2},
        {"label": "cup", "attribute": "color", "value": "red"},
        {"subject": "cup", "relation": "on", "object": "table"},
    ]
