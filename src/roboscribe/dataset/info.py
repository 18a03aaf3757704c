"""The dataset's ``meta/info.json`` goes in; its checked, typed form comes out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from roboscribe.errors import DatasetError, cause

INFO = "meta/info.json"

Version = Literal["v2.0", "v2.1", "v3.0"]
VERSIONS: tuple[Version, ...] = ("v2.0", "v2.1", "v3.0")

Feature = Mapping[str, Any]

VISUAL = ("video", "image")
LANGUAGE = "language"
NUMERIC = re.compile(r"(float(16|32|64)|u?int(8|16|32|64)|bool)")
OTHER = re.compile(
    r"video|image|language|null|(large_)?(string|binary)|date(32|64)|(time(32|64)|timestamp|duration)\[.*\]"
)
"""Dtypes that a LeRobot feature can have besides the numeric ones: LeRobot's own and those of Arrow."""


@dataclass(frozen=True, slots=True)
class Info:
    """What ``info.json`` says, checked for the keys that reading needs.

    Attributes:
        raw: The file as loaded, unknown keys included.
        version: Layout version.
        fps: Frames per second.
        features: Feature key to its declaration; every one has ``dtype`` (str) and ``shape`` (list of int).
        robot_type: As declared, or "".
        data_path: Template of the data files, relative to the root.
        video_path: Template of the video files, or None where no feature is a video.
        chunks_size: Episodes per chunk of the v2.x layouts.
    """

    raw: Mapping[str, Any]
    version: Version
    fps: float
    features: Mapping[str, Feature]
    robot_type: str
    data_path: str
    video_path: str | None
    chunks_size: int


def load_info(root: Path) -> Info:
    """``info.json`` of the dataset at ``root``.

    Raises:
        DatasetError: There is none, it is not JSON, lacks a key, or says something that cannot be.
    """
    path = root / INFO
    if not path.is_file():
        raise DatasetError(
            f"{root} is not a LeRobot dataset: it has no {INFO}.",
            "Give the folder that holds data/ and meta/.",
        )
    try:
        loaded: object = json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError) as error:
        raise DatasetError(
            f"{path} cannot be read as JSON: {cause(error)}.", "Download the file again."
        ) from error
    if not isinstance(loaded, dict):
        raise DatasetError(f"{path} holds no JSON object.")
    return parse_info(cast("dict[str, Any]", loaded))


def parse_info(raw: Mapping[str, Any]) -> Info:
    """``Info`` from the loaded JSON object.

    Raises:
        DatasetError: A key is missing, or its value is of the wrong kind.
    """
    version = _version(raw)
    for key in ("fps", "features", "data_path"):
        if raw.get(key) is None:
            raise DatasetError(f"{INFO} lacks the key {key!r}.", "Restore it from the dataset's origin.")
    features = _features(raw["features"])
    has_video = any(feature["dtype"] == "video" for feature in features.values())
    if has_video and raw.get("video_path") is None:
        raise DatasetError(f"{INFO} declares video features but lacks the key 'video_path'.")
    templates = [_text(raw, key) for key in ("data_path", "video_path") if raw.get(key) is not None]
    chunks_size = raw.get("chunks_size")
    if chunks_size is None and any("{episode_chunk" in template for template in templates):
        raise DatasetError(f"{INFO} lacks the key 'chunks_size', which its paths need for {{episode_chunk}}.")
    if chunks_size is not None and (not _is_number(chunks_size) or chunks_size < 1):
        raise DatasetError(f"{INFO}: chunks_size is {chunks_size!r}, not a number of at least 1.")
    return Info(
        raw=raw,
        version=version,
        fps=_fps(raw["fps"]),
        features=features,
        robot_type=str(raw.get("robot_type") or ""),
        data_path=templates[0],
        video_path=templates[1] if len(templates) > 1 else None,
        chunks_size=int(chunks_size or 1000),
    )


def _version(raw: Mapping[str, Any]) -> Version:
    said = raw.get("codebase_version")
    if said is None:
        raise DatasetError(
            f"{INFO} lacks the key 'codebase_version'.", f"Roboscribe reads {', '.join(VERSIONS)}."
        )
    for version in VERSIONS:
        if str(said).lower().lstrip("v") == version[1:]:
            return version
    raise DatasetError(
        f"{INFO}: codebase_version {said!r} is unknown; Roboscribe reads {', '.join(VERSIONS)}.",
        "LeRobot's own converters bring an older dataset there; a newer one needs a newer Roboscribe.",
    )


def _fps(value: Any) -> float:
    if not _is_number(value) or not math.isfinite(value) or value <= 0:
        raise DatasetError(f"{INFO}: fps is {value!r}, not a number above 0.")
    return float(value)


def _features(value: object) -> dict[str, Feature]:
    if not isinstance(value, dict) or not value:
        raise DatasetError(f"{INFO}: features is not an object with one entry per feature.")
    features: dict[str, Feature] = {}
    for key, declared in cast("dict[str, object]", value).items():
        if not isinstance(declared, dict):
            raise DatasetError(f"{INFO}: feature {key!r} is not an object with dtype and shape.")
        feature = cast("dict[str, Any]", declared)
        dtype = feature.get("dtype")
        if not isinstance(dtype, str):
            raise DatasetError(f"{INFO}: feature {key!r} lacks its dtype.")
        if not NUMERIC.fullmatch(dtype) and not OTHER.fullmatch(dtype):
            raise DatasetError(f"{INFO}: feature {key!r} has the unknown dtype {dtype!r}.")
        shape: Any = feature.get("shape")
        whole = isinstance(shape, list) and all(isinstance(n, int) for n in cast("list[object]", shape))
        if not whole and NUMERIC.fullmatch(dtype):
            raise DatasetError(f"{INFO}: feature {key!r} lacks its shape, a list of whole numbers.")
        features[key] = feature if whole else {**feature, "shape": []}
    return features


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw[key]
    if not isinstance(value, str) or not value:
        raise DatasetError(f"{INFO}: {key} is {value!r}, not a path template.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
