"""Gold labels: from a ground-truth JSON file to segments and pictures per episode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roboscribe.errors import RoboscribeError
from roboscribe.evaluation.metrics import Span
from roboscribe.evaluation.visual import GoldPicture, GoldThing


@dataclass(frozen=True, slots=True)
class GoldEpisode:
    """The gold of one episode.

    Attributes:
        index: The dataset's episode index.
        task: Task text; empty when the file has none.
        segments: Fine segments that tile the episode.
        coarse: Runs of fine segments with one goal; empty when the file has none.
    """

    index: int
    task: str
    segments: tuple[Span, ...]
    coarse: tuple[Span, ...]


def read_gold(path: Path) -> dict[int, GoldEpisode]:
    """The gold episodes of a file by episode index.

    The file is one JSON object with ``episodes``: a list of objects with ``episode_index`` and ``segments``
    (each with ``start`` and ``end`` in seconds and ``label``), and perhaps ``task`` and ``coarse_segments``.

    Raises:
        RoboscribeError: The file is missing, is not JSON, or lacks these keys.
    """
    data = _load(path)
    try:
        episodes = [_episode(item) for item in data["episodes"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RoboscribeError(
            f"The gold file {path} does not have the expected shape: {type(error).__name__} {error}.",
            "It needs episodes, each with episode_index and segments of start, end and label.",
        ) from error
    return {episode.index: episode for episode in episodes}


def read_gold_pictures(path: Path) -> dict[tuple[int, str, int], GoldPicture]:
    """What pictures truly show, by episode index, camera key and frame index.

    The file's episodes have ``frames``, each with ``frame``, ``held`` and, by camera key, the ``objects`` in view
    (``name``, ``colour``, ``shape``, ``bbox`` with its last pixels, ``center``). Episodes have ``objects``, each
    ``manipulated`` or not; the file has an ``image_size``. The gripper is no thing. A file without frames gives none.

    Raises:
        RoboscribeError: The file is missing, is not JSON, or its frames lack these keys.
    """
    data = _load(path)
    try:
        return {
            (int(episode["episode_index"]), camera, int(frame["frame"])): GoldPicture(
                tuple(_thing(item) for item in view["objects"] if item["shape"] != "gripper"),
                (float(data["image_size"][0]), float(data["image_size"][1])),
                frame["held"] or "",
                frozenset(str(item["name"]) for item in episode["objects"] if item["manipulated"]),
            )
            for episode in data["episodes"]
            for frame in episode.get("frames", ())
            for camera, view in frame["cameras"].items()
        }
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RoboscribeError(
            f"The gold file {path} does not tell what its pictures show: {type(error).__name__} {error}.",
            "Frames need frame, held and cameras with objects; episodes need objects, and the file image_size.",
        ) from error


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RoboscribeError(f"The gold file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise RoboscribeError(f"The gold file {path} is not JSON: {error}.") from error


def _thing(item: Any) -> GoldThing:
    left, top, right, bottom = item["bbox"]
    colour = str(item["colour"])
    return GoldThing(
        noun=str(item["name"]).removeprefix(colour).strip(),
        colour=colour,
        box=(float(left), float(top), float(right) + 1, float(bottom) + 1),
        middle=(float(item["center"][0]), float(item["center"][1])),
    )


def _episode(item: Any) -> GoldEpisode:
    return GoldEpisode(
        int(item["episode_index"]),
        str(item.get("task") or ""),
        tuple(_span(entry) for entry in item["segments"]),
        tuple(_span(entry) for entry in item.get("coarse_segments", ())),
    )


def _span(entry: Any) -> Span:
    return Span(float(entry["start"]), float(entry["end"]), str(entry["label"]))
