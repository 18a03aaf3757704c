"""Places a model names come out in pixels of the dataset's frames, whatever the conventions of its family."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from real_models import require

from roboscribe.config import VlmSettings
from roboscribe.errors import SettingsError
from roboscribe.models.families import (
    UNKNOWN,
    Family,
    family_of,
    from_source_point,
    pixel_bounds,
    template_variables,
    to_source_box,
    to_source_point,
)

QWEN2 = family_of("qwen2_vl")
QWEN25 = family_of("qwen2_5_vl")
QWEN3 = family_of("qwen3_vl")
GEMINI = family_of("gemini-2.5-pro")

sides = st.integers(40, 3000)
sizes = st.tuples(sides, sides).filter(lambda size: max(size) / min(size) < 100)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("Qwen/Qwen2-VL-7B-Instruct", "qwen2_vl"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2_5_vl"),
        ("qwen2_5_vl", "qwen2_5_vl"),
        ("qwen2.5-vl:7b", "qwen2_5_vl"),
        ("Qwen/Qwen3-VL-30B-A3B-Instruct-FP8", "qwen3_vl"),
        ("qwen3_vl_moe", "qwen3_vl"),
        ("Qwen/Qwen3.5-35B-A3B", "qwen3_vl"),
        ("nvidia/Cosmos-Reason1-7B", "qwen2_5_vl"),
        ("OpenGVLab/InternVL3_5-8B", "internvl"),
        ("zai-org/GLM-4.5V", "glm4v"),
        ("google/gemini-2.5-flash", "gemini"),
        ("gpt-5", "unknown"),
    ],
)
def test_a_name_or_type_tells_the_family(model: str, family: str) -> None:
    assert family_of(model).name == family


def test_a_local_folder_is_known_by_its_config_not_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "Qwen3-VL-mine"
    folder.mkdir()
    assert family_of(str(folder)).name == "qwen3_vl"
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl"}))
    assert family_of(str(folder)).name == "qwen2_5_vl"


@pytest.mark.parametrize("family", [QWEN2, QWEN3, UNKNOWN])
def test_thousandths_do_not_depend_on_what_was_sent(family: Family) -> None:
    assert to_source_point((500, 250), family, (320, 240), (1280, 720)) == (640, 180)
    assert to_source_box((0, 0, 1000, 1000), family, (100, 70), (1280, 720)) == (0, 0, 1280, 720)


def test_pixels_are_those_of_the_resized_picture() -> None:
    # 640x480 becomes 644x476 in steps of 28.
    assert to_source_point((322, 238), QWEN25, (640, 480), (640, 480)) == (320, 240)
    assert to_source_point((644, 476), QWEN25, (640, 480), (1280, 960)) == (1280, 960)


def test_y_stands_first_where_the_family_has_it_so() -> None:
    assert to_source_box((100, 200, 300, 400), GEMINI, (10, 10), (1000, 1000)) == (200, 100, 400, 300)
    assert from_source_point((200, 100), GEMINI, (10, 10), (1000, 1000)) == (100, 200)


def test_boxes_are_put_right_and_kept_inside() -> None:
    box = to_source_box((1200, 900, -5, 100), QWEN3, (640, 480), (640, 480))
    assert box == (0, 48, 640, 432)


@given(st.sampled_from([QWEN2, QWEN25, QWEN3, GEMINI]), sizes, sizes, st.data())
def test_a_place_told_to_a_model_and_back_is_where_it_was(
    family: Family, sent: tuple[int, int], source: tuple[int, int], data: st.DataObject
) -> None:
    point = (data.draw(st.floats(0, source[0])), data.draw(st.floats(0, source[1])))
    told = from_source_point(point, family, sent, source)
    back = to_source_point(told, family, sent, source)
    assert told == (int(told[0]), int(told[1]))
    resized = family.resizing.size(sent) if family.resizing else (1000, 1000)
    grid = resized if family.coordinates == "pixels" else (1000, 1000)
    for value, was, side, steps in zip(back, point, source, grid, strict=True):
        assert 0 <= value <= side
        assert abs(value - was) <= 0.5 * side / steps + 1e-9 * side


@given(st.sampled_from([QWEN2, QWEN25, QWEN3]), sizes, st.none() | st.integers(200_000, 2_000_000))
def test_resized_pictures_keep_to_steps_and_bounds(
    family: Family, sent: tuple[int, int], most: int | None
) -> None:
    assert family.resizing is not None
    width, height = family.resizing.size(sent, most)
    step = family.resizing.step
    assert width % step == height % step == 0
    assume(min(width, height) > step)
    assert width * height <= (most or family.resizing.most)


@given(st.sampled_from([QWEN2, QWEN3]), sizes, st.integers(200_000, 4_000_000))
def test_sizes_are_those_of_the_real_processor(family: Family, sent: tuple[int, int], most: int) -> None:
    require("transformers", "torch", "torchvision", "transformers")
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    assert family.resizing is not None
    assume(min(sent) > family.resizing.step)
    height, width = smart_resize(sent[1], sent[0], family.resizing.step, family.resizing.least, most)
    assert family.resizing.size(sent, most) == (width, height)


def test_thinking_is_off_unless_it_is_wanted() -> None:
    assert template_variables(VlmSettings(), QWEN3) == {"enable_thinking": False}
    wanted = VlmSettings(chat_template_kwargs='{"enable_thinking": true, "x": 1}')
    assert template_variables(wanted, QWEN3) == {"enable_thinking": True, "x": 1}


def test_bounds_of_pixels_reach_processors_that_have_them() -> None:
    few = VlmSettings(max_pixels=50_000)
    assert pixel_bounds(VlmSettings(), QWEN3) is None
    assert pixel_bounds(few, QWEN3) == {"shortest_edge": 50_000, "longest_edge": 50_000}
    assert pixel_bounds(few, QWEN3, least=4096) == {"shortest_edge": 4096, "longest_edge": 50_000}
    with pytest.raises(SettingsError, match=r"--vlm\.max-pixels"):
        pixel_bounds(few, UNKNOWN)
