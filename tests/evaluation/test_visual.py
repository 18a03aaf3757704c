"""Judging visual answers to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from roboscribe.errors import RoboscribeError
from roboscribe.evaluation.gold import read_gold_pictures
from roboscribe.evaluation.visual import GoldPicture, GoldThing, is_right, overlap

PINK = GoldThing("brick", "pink", (100.0, 100.0, 140.0, 130.0), (120.0, 115.0))
RED = GoldThing("brick", "red", (300.0, 100.0, 340.0, 130.0), (320.0, 115.0))
BALL = GoldThing("ball", "red", (500.0, 400.0, 540.0, 440.0), (520.0, 420.0))
TABLE = GoldPicture((PINK, RED, BALL), (640.0, 480.0), "pink brick", frozenset({"red brick"}))


def boxes(*found: tuple[str, list[float]]) -> dict[str, Any]:
    return {"detections": [{"label": label, "bbox_format": "xyxy", "bbox": box} for label, box in found]}


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("", boxes(("pink brick", [102, 100, 140, 134]))),
    ("", boxes(("red object", [300, 100, 340, 130]), ("red object", [500, 400, 540, 440]))),
    ("", {"label": "ball", "point_format": "xy", "point": [522, 418]}),
    ("", {"label": "brick", "count": 2}),
    ("", {"label": "pink or red object", "count": 3}),
    ("", {"label": "blue object", "count": 0}),
    ("What color is it at (310, 120)?", {"label": "brick", "attribute": "color", "value": "red"}),
    ("What color is the brick in the gripper?", {"label": "brick", "attribute": "color", "value": "pink"}),
    ("What color is the brick to be moved?", {"label": "brick", "attribute": "color", "value": "red"}),
    ("", {"subject": "pink brick", "relation": "left of", "object": "red brick"}),
    ("", {"subject": "ball", "relation": "below", "object": "red brick"}),
    ("", {"subject": "pink brick", "relation": "held by", "object": "gripper"}),
]
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("", boxes(("pink brick", [120, 110, 160, 150]))),
    ("", boxes(("red brick", [100, 100, 140, 130]))),
    ("", boxes(("red object", [300, 100, 340, 130]))),
    ("", boxes(("red brick", [300, 100, 340, 130]), ("red brick", [300, 100, 340, 130]))),
    ("", boxes()),
    ("", {"label": "ball", "point_format": "xy", "point": [505, 402]}),
    ("", {"label": "red object", "point_format": "xy", "point": [520, 420]}),
    ("", {"label": "brick", "count": 3}),
    ("What color is it at (310, 120)?", {"label": "brick", "attribute": "color", "value": "pink"}),
    ("What color is it at (10, 10)?", {"label": "brick", "attribute": "color", "value": "red"}),
    ("What color is the brick in the gripper?", {"label": "brick", "attribute": "color", "value": "red"}),
    ("", {"subject": "pink brick", "relation": "right of", "object": "red brick"}),
    ("", {"subject": "pink brick", "relation": "above", "object": "red brick"}),
    ("", {"subject": "pink brick", "relation": "left of", "object": "red object"}),
    ("", {"subject": "red brick", "relation": "held by", "object": "gripper"}),
]


@pytest.mark.parametrize(("question", "answer"), RIGHT)
def test_right_answers(question: str, answer: dict[str, Any]) -> None:
    assert is_right(question, answer, TABLE)


@pytest.mark.parametrize(("question", "answer"), WRONG)
def test_wrong_answers(question: str, answer: dict[str, Any]) -> None:
    assert not is_right(question, answer, TABLE)


def test_an_answer_of_no_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        is_right("", {"shape": "round"}, TABLE)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_the_shared_gold_tells_what_pictures_show(shared_data: Path) -> None:
    gold = read_gold_pictures(shared_data / "so101_sim_bricks_ground_truth.json")
    assert len(gold) == 2 * 203
    first = gold[0, "observation.images.top", 0]
    assert [thing.name for thing in first.things] == ["pink brick", "red brick", "transparent box"]
    assert first.things[0].box == (150, 233, 194, 277)
    assert (first.size, first.held, first.moved) == ((640, 480), "", {"pink brick"})
    assert gold[0, "observation.images.top", 120].held == "pink brick"


@pytest.mark.parametrize(
    "text", ["[]", '{"episodes": [{"episode_index": 0, "frames": [{}]}], "image_size": [1, 1]}']
)
def test_pictures_of_another_shape_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gold.json"
    path.write_text(text)
    with pytest.raises(RoboscribeError, match=r"gold\.json"):
        read_gold_pictures(path)
