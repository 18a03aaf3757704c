"""Asking where grippers are: one point for each gripper and picture, or none, in pixels of the dataset's frames."""

from __future__ import annotations

import asyncio
import json
import random
import re
from typing import Any

import pytest
from fake_openai_server import instance
from hypothesis import given
from hypothesis import strategies as st
from shots import located, shot, told
from talking import ScriptedBackend

from roboscribe.asks import GripperPoints, LocateGripper
from roboscribe.config import VlmSettings
from roboscribe.errors import AnswerError
from roboscribe.frames import Places
from roboscribe.models.answers import schema_of
from roboscribe.models.asking import CONVERSATIONS, AskingModel
from roboscribe.models.families import places_of
from roboscribe.models.ledger import Ledger
from roboscribe.prompts import Prompts

BOTH = ("left gripper", "right gripper")


def asked(ask: LocateGripper, places: Places, *pictures: Any) -> tuple[GripperPoints, int]:
    """What comes of a model's reply about each picture, and how often it was asked."""
    reply = json.dumps({"pictures": {str(n): found for n, found in enumerate(pictures, 1)}})
    backend = ScriptedBackend(*[reply] * 2 * CONVERSATIONS)
    model = AskingModel(backend, Prompts(), ledger=Ledger(), places=places)
    return asyncio.run(model.answer(ask)), len(backend.requests)


def answered(ask: LocateGripper, places: Places, *pictures: Any) -> GripperPoints:
    return asked(ask, places, *pictures)[0]


@pytest.mark.parametrize(
    "model", ["Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen3-VL-8B-Instruct", "google/gemini-2.5-flash"]
)
def test_points_arrive_where_the_model_saw_them(model: str) -> None:
    places = places_of(VlmSettings(), model)
    shown = shot((1280, 720), (640, 360))
    said = {
        "left gripper": told(places, shown.picture(), (100, 700)),
        "right gripper": None,
    }
    found = answered(located(shown, names=BOTH), places, said).pictures["1"]
    assert found["right gripper"] is None
    assert found["left gripper"] == pytest.approx([100, 700], abs=2)


def test_a_point_outside_is_left_out_but_asked_for_again_where_all_are() -> None:
    ask, places = located(shot(), shot()), Places("thousandths")
    for other, calls in (([500, 500], 1), (None, 2 * CONVERSATIONS)):
        answer, times = asked(ask, places, {"gripper": [500, 1200]}, {"gripper": other})
        assert times == calls
        found = answer.pictures
        assert (found["1"]["gripper"], found["2"]["gripper"]) == (None, other and [320, 240])
        [left_out] = answer.left_out
        assert re.search(r"^top at .* s, gripper: .* outside the picture", left_out)
    with pytest.raises(AnswerError, match="Picture 1 says nothing of the right gripper"):
        answered(located(shot(), names=BOTH), places, {"left gripper": None})


@given(st.integers(), st.sampled_from([("gripper",), BOTH]))
def test_whatever_fits_the_schema_tells_of_every_gripper_in_every_picture(
    seed: int, names: tuple[str, ...]
) -> None:
    ask = located(shot(), shot((320, 200)), names=names).put_in(Places("thousandths"))
    schema = json.loads(json.dumps(schema_of(GripperPoints)))
    ask.narrow(schema)
    answer = GripperPoints.model_validate(instance(schema, random.Random(seed)))
    assert ask.objection(answer) == ""
    for number, (width, height) in (("1", (640, 480)), ("2", (320, 200))):
        found = ask.settled(answer).pictures[number]
        assert tuple(found) == names
        for point in filter(None, found.values()):
            assert 0 <= point[0] < width
            assert 0 <= point[1] < height
