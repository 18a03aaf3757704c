"""A model is known by its name, type or folder, and with it how it names places and how it resizes pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from real_models import require

from roboscribe.config import VlmSettings
from roboscribe.errors import SettingsError
from roboscribe.frames import Jpeg
from roboscribe.models.families import (
    UNKNOWN,
    Family,
    family_of,
    pixel_bounds,
    places_of,
    template_variables,
)

QWEN2 = family_of("qwen2_vl")
QWEN3 = family_of("qwen3_vl")

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


@pytest.mark.parametrize(
    ("model", "unit", "y_first"),
    [
        ("Qwen/Qwen2-VL-7B-Instruct", "thousandths", False),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "resized", False),
        ("Qwen/Qwen3-VL-8B-Instruct", "thousandths", False),
        ("google/gemini-2.5-pro", "thousandths", True),
        ("who/knows", "thousandths", False),
    ],
)
def test_a_family_names_places_in_its_own_way(model: str, unit: str, y_first: bool) -> None:
    places = places_of(VlmSettings(), model)
    assert (places.unit, places.y_first) == (unit, y_first)


def test_bounds_of_pixels_decide_in_which_pixels_places_are_named() -> None:
    name = "Qwen/Qwen2.5-VL-7B-Instruct"
    picture = Jpeg(b"", 1280, 960, 1280, 960)
    assert places_of(VlmSettings(), name).extent(picture) == (1288, 952)
    assert places_of(VlmSettings(max_pixels=320_000), name).extent(picture) == (644, 476)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (
            "processor_config.json",
            {"image_processor": {"size": {"shortest_edge": 3136, "longest_edge": 50176}}},
        ),
        ("preprocessor_config.json", {"size": {"shortest_edge": 3136, "longest_edge": 50176}}),
        ("preprocessor_config.json", {"min_pixels": 3136, "max_pixels": 50176}),
    ],
)
def test_the_bounds_of_a_local_model_are_its_own(tmp_path: Path, file: str, content: object) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "qwen2_5_vl"}')
    (tmp_path / file).write_text(json.dumps(content))
    picture = Jpeg(b"", 640, 480, 640, 480)
    assert places_of(VlmSettings(), str(tmp_path)).extent(picture) == (252, 168)
    assert places_of(VlmSettings(max_pixels=12_544), str(tmp_path)).extent(picture) == (112, 84)


@given(st.sampled_from([QWEN2, QWEN3]), sizes, st.integers(200_000, 4_000_000))
def test_sizes_are_those_of_the_real_processor(family: Family, sent: tuple[int, int], most: int) -> None:
    require("transformers", "torch", "torchvision", "transformers")
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    assert family.resizing is not None
    assume(min(sent) > family.resizing.step)
    height, width = smart_resize(sent[1], sent[0], family.resizing.step, family.resizing.least, most)
    assert replace(family.resizing, most=most).size(sent) == (width, height)


def test_thinking_is_off_unless_it_is_wanted() -> None:
    assert template_variables(VlmSettings()) == {"enable_thinking": False}
    wanted = VlmSettings(chat_template_kwargs='{"enable_thinking": true, "x": 1}')
    assert template_variables(wanted) == {"enable_thinking": True, "x": 1}


def test_bounds_of_pixels_reach_processors_that_have_them() -> None:
    few = VlmSettings(max_pixels=50_000)
    assert pixel_bounds(VlmSettings(), QWEN3) is None
    assert pixel_bounds(few, QWEN3) == {"shortest_edge": 50_000, "longest_edge": 50_000}
    assert pixel_bounds(few, QWEN3, least=4096) == {"shortest_edge": 4096, "longest_edge": 50_000}
    with pytest.raises(SettingsError, match=r"--vlm\.max-pixels"):
        pixel_bounds(few, UNKNOWN)
