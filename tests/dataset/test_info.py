"""info.json: what is understood, and what is refused with a sentence that names the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from roboscribe.dataset.info import load_info, parse_info
from roboscribe.errors import DatasetError


def raw(**changes: Any) -> dict[str, Any]:
    info: dict[str, Any] = {
        "codebase_version": "v2.1",
        "fps": 30,
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/{video_key}/episode_{episode_index:06d}.mp4",
        "chunks_size": 1000,
        "features": {"state": {"dtype": "float32", "shape": [2], "names": None}},
    }
    return {key: value for key, value in {**info, **changes}.items() if value != "absent"}


@pytest.mark.parametrize(
    ("said", "version"), [("v2.0", "v2.0"), ("v2.1", "v2.1"), ("v3.0", "v3.0"), ("3.0", "v3.0")]
)
def test_versions(said: str, version: str) -> None:
    assert parse_info(raw(codebase_version=said)).version == version


@pytest.mark.parametrize("fps", [30, 29.97])
def test_fps_may_be_whole_or_not(fps: float) -> None:
    assert parse_info(raw(fps=fps)).fps == pytest.approx(fps)


@pytest.mark.parametrize("key", ["codebase_version", "fps", "features", "data_path", "chunks_size"])
def test_missing_keys_are_named(key: str) -> None:
    with pytest.raises(DatasetError, match=rf"meta/info.json lacks the key '{key}'"):
        parse_info(raw(**{key: "absent"}))


def test_chunks_size_is_needed_only_by_templates_that_use_it() -> None:
    info = parse_info(raw(data_path="data/{episode_index}.parquet", chunks_size="absent"))
    assert info.chunks_size == 1000


def test_video_path_is_needed_only_by_videos() -> None:
    assert parse_info(raw(video_path=None)).video_path is None
    camera = {"top": {"dtype": "video", "shape": [48, 64, 3], "names": None}}
    with pytest.raises(DatasetError, match="'video_path'"):
        parse_info(raw(video_path=None, features=camera))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codebase_version": "v1.6"}, "codebase_version 'v1.6' is unknown.*v2.0, v2.1, v3.0"),
        ({"fps": 0}, "fps is 0"),
        ({"fps": "30"}, "fps is '30'"),
        ({"fps": True}, "fps is True"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"features": []}, "features is not an object"),
        ({"features": {}}, "features is not an object"),
        ({"features": {"state": 7}}, "feature 'state' is not an object"),
        ({"features": {"state": {"shape": [2]}}}, "feature 'state' lacks its dtype"),
        (
            {"features": {"state": {"dtype": "floaty", "shape": [2]}}},
            "'state' has the unknown dtype 'floaty'",
        ),
        ({"features": {"state": {"dtype": "float32"}}}, "feature 'state' lacks its shape"),
        ({"data_path": 3}, "data_path is 3"),
        ({"chunks_size": 0}, "chunks_size is 0"),
    ],
)
def test_values_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_info(raw(**changes))


@pytest.mark.parametrize("dtype", ["string", "int64", "bool", "language", "timestamp[s]", "large_string"])
def test_dtypes_of_other_features_are_let_pass(dtype: str) -> None:
    assert parse_info(raw(features={"x": {"dtype": dtype, "shape": [1]}})).features["x"]["dtype"] == dtype


@pytest.mark.parametrize(("text", "message"), [("{", "cannot be read as JSON"), ("[]", "no JSON object")])
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/info.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        load_info(tmp_path)


def test_a_folder_without_info_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is not a LeRobot dataset: it has no meta/info.json"):
        load_info(tmp_path)
