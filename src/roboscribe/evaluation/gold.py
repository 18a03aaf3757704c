"""Gold labels: from a ground-truth JSON file to segments per episode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roboscribe.errors import RoboscribeError
from roboscribe.evaluation.metrics import Span


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
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RoboscribeError(f"The gold file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise RoboscribeError(f"The gold file {path} is not JSON: {error}.") from error
    try:
        episodes = [_episode(item) for item in data["episodes"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RoboscribeError(
            f"The gold file {path} does not have the expected shape: {type(error).__name__} {error}.",
            "It needs episodes, each with episode_index and segments of start, end and label.",
        ) from error
    return {episode.index: episode for episode in episodes}


def _episode(item: Any) -> GoldEpisode:
    return GoldEpisode(
        int(item["episode_index"]),
        str(item.get("task") or ""),
        tuple(_span(entry) for entry in item["segments"]),
        tuple(_span(entry) for entry in item.get("coarse_segments", ())),
    )


def _span(entry: Any) -> Span:
    return Span(float(entry["start"]), float(entry["end"]), str(entry["label"]))
