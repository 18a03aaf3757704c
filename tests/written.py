"""Datasets go in; rows to write into them, what they hold, and whether LeRobot would load them come out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from roboscribe.dataset import Dataset, open_dataset
from roboscribe.dataset.writer import EpisodeUpdate, WriteReport, write_language
from roboscribe.language import COLUMNS, Row, arrow_type, say

STYLES: frozenset[str | None] = frozenset(
    {"subtask", "plan", "memory", "task_aug", "interjection", "vqa", None}
)
CAMERA = "observation.images.top"


def make_rows(dataset: Dataset, index: int, words: str = "cup") -> list[Row]:
    """Rows of every kind for an episode, two subtasks long; ``words`` tells one run's rows from another's."""
    times = [float(time) for time in dataset.episode(index).timestamps]
    middle = times[len(times) // 2]
    return [
        Row("assistant", f"reach for the {words} {index}", "subtask", 0.0),
        Row("assistant", f"grasp the {words} {index}", "subtask", middle),
        Row("assistant", f"1. reach for the {words}\n2. grasp the {words}", "plan", 0.0),
        Row("assistant", f"1. grasp the {words}", "plan", middle),
        Row("assistant", f"I reached the {words}.", "memory", middle),
        Row("user", f"Pick up the {words}.", "task_aug", 0.0),
        Row("user", f"Grab that {words}.", "task_aug", 0.0),
        say("On it!", 0.0),
        Row("user", "Be careful.", "interjection", middle),
        say("I will.", middle),
        Row("user", f"Where is the {words}?", "vqa", times[1], CAMERA),
        Row("assistant", '{"label": "cup", "count": 1}', "vqa", times[1], CAMERA),
    ]


def update_all(dataset: Dataset, words: str = "cup") -> Callable[[int], EpisodeUpdate]:
    """An update that gives every episode its ``make_rows``."""
    return lambda index: EpisodeUpdate(make_rows(dataset, index, words), STYLES)


def annotate(root: Path, target: Path | None = None, words: str = "cup", **options: Any) -> WriteReport:
    """Write ``make_rows`` of every episode, in place or to ``target``."""
    dataset = open_dataset(root)
    return write_language(dataset, target or root, update_all(dataset, words), **options)


def stored_rows(root: Path) -> dict[int, list[Row]]:
    """Language rows of every episode."""
    dataset = open_dataset(root)
    return {index: dataset.language_rows(index) for index in dataset.episode_indices}


def data_files(root: Path) -> list[Path]:
    """The data files, as LeRobot finds them."""
    return sorted(root.glob("data/*/*.parquet"))


def digests(root: Path) -> dict[str, str]:
    """Digest of every file, by relative path."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def why_not_loadable(root: Path) -> str:
    """The rules by which LeRobot 0.6.1 refuses a dataset, as measured; "" where it would load."""
    features = json.loads((root / "meta/info.json").read_text())["features"]
    kinds: dict[str, pa.DataType] = {}
    for path in data_files(root):
        table = pq.read_table(path)
        missing = [name for name in COLUMNS if name in features and name not in table.column_names]
        if missing:
            return f"{path.name} lacks the declared column {missing[0]}"
        for field in table.schema:
            if field.name not in features:
                return f"{path.name} has the undeclared column {field.name}"
            if field.name in COLUMNS and field.type != arrow_type(field.name):
                return f"{path.name}: {field.name} is {field.type}"
            if kinds.setdefault(field.name, field.type) != field.type:
                return f"{path.name}: {field.name} is of another type than in other files"
    return "" if kinds else "no data files"
