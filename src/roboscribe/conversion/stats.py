"""Statistics of features: those a dataset has of its episodes, those computed from numbers, those over all of it.

What a statistic is and is named follows lerobot 0.6.1: min, max, mean, std, count, and the quantiles q01, q10,
q50, q90, q99; shapes are those of the feature, (channels, 1, 1) for pictures, and (1,) for count.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from roboscribe.dataset.columns import numbers
from roboscribe.dataset.metadata import EPISODES_FOLDER
from roboscribe.dataset.rows import RowReader
from roboscribe.errors import DatasetError, cause

EPISODES_STATS = "meta/episodes_stats.jsonl"
STATS = "meta/stats.json"
PREFIX = "stats/"

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
NEEDED = ("min", "max", "mean", "std", "count")

FeatureStats = dict[str, NDArray[np.float64]]
Stats = dict[str, FeatureStats]
"""Statistics by feature and name."""


class StoredStats(Protocol):
    """Statistics that a dataset keeps of its episodes."""

    def of(self, episode: int) -> Stats:
        """Those of one episode, by its index; empty where there are none."""
        ...


def stored_stats(root: Path) -> StoredStats:
    """The statistics of episodes in a dataset of any version.

    Raises:
        DatasetError: They cannot be read.
    """
    lines = root / EPISODES_STATS
    try:
        if lines.is_file():
            return _Lines(lines)
        return _Columns(sorted((root / EPISODES_FOLDER).rglob("*.parquet")))
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DatasetError(
            f"The statistics of {root} cannot be read: {cause(error)}.",
            f"Fetch them again, or remove {EPISODES_STATS}: what is missing is computed.",
        ) from error


def dataset_stats(root: Path) -> Stats:
    """What ``meta/stats.json`` says of the whole dataset; empty where there is none that can be read."""
    try:
        return parse_stats(json.loads((root / STATS).read_bytes()))
    except (OSError, ValueError):
        return {}


def parse_stats(data: object) -> Stats:
    """Statistics from JSON data, without what is no number and features that lack one of the five needed."""
    stats: Stats = {}
    if isinstance(data, dict):
        for key, values in cast("dict[str, Any]", data).items():
            named = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
            arrays = {name: array for name, value in named.items() if (array := _array(value)) is not None}
            if set(NEEDED) <= arrays.keys():
                stats[key] = arrays
    return stats


def column_stats(column: pa.ChunkedArray, shape: Sequence[int]) -> dict[str, Any]:
    """Statistics of a column of numbers as JSON data; empty where numbers are missing.

    Args:
        column: One row a frame.
        shape: Of the feature.
    """
    stored = numbers(column)
    if stored is None or not len(stored):
        return {}
    values = stored.astype(np.float64)
    if values.shape[1] == math.prod(shape):
        values = values.reshape(len(values), *shape)
    stats: FeatureStats = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "count": np.array([len(values)], dtype=np.float64),
    }
    for name, fraction in QUANTILES.items():
        stats[name] = np.quantile(values, fraction, axis=0)
    return stats_json({"": stats})[""]


def stats_json(stats: Stats) -> dict[str, dict[str, Any]]:
    """Statistics as JSON data; counts are whole numbers."""
    return {
        key: {
            name: (array.astype(np.int64) if name == "count" else array).tolist()
            for name, array in named.items()
        }
        for key, named in stats.items()
    }


@dataclass
class Total:
    """Statistics of all episodes together, added one after the other.

    Attributes:
        shapes: Number of dimensions of every statistic met, by feature and name.
    """

    shapes: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    _sums: Stats = field(default_factory=Stats)

    def add(self, stats: Stats) -> None:
        """Take the statistics of one more episode into account."""
        for key, new in stats.items():
            self.shapes.setdefault(key, {}).update({name: array.ndim for name, array in new.items()})
            old = self._sums.get(key)
            if old is not None and old["mean"].shape != new["mean"].shape:
                raise DatasetError(
                    f"The statistics of {key!r} have another shape in some episodes than in others.",
                    f"Remove {EPISODES_STATS}: what is missing is computed.",
                )
            self._sums[key] = dict(new) if old is None else _merge(old, new)

    def result(self) -> Stats:
        """The statistics over all episodes added so far."""
        return self._sums


def _merge(old: FeatureStats, new: FeatureStats) -> FeatureStats:
    """Statistics of two sets of frames; a quantile is the mean of theirs, weighted, as LeRobot has it."""
    count = old["count"] + new["count"]
    share = new["count"] / count
    apart = new["mean"] - old["mean"]
    variance = old["std"] ** 2 * (1 - share) + new["std"] ** 2 * share + apart**2 * share * (1 - share)
    merged: FeatureStats = {
        "min": np.minimum(old["min"], new["min"]),
        "max": np.maximum(old["max"], new["max"]),
        "mean": old["mean"] + apart * share,
        "std": np.sqrt(variance),
        "count": count,
    }
    for name in old.keys() & new.keys() - merged.keys():
        merged[name] = old[name] + (new[name] - old[name]) * share
    return merged


def _array(value: object) -> NDArray[np.float64] | None:
    """Nested lists of numbers as an array; None for anything else."""
    try:
        array = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        return None
    return array if value is not None and array.size else None


class _Lines:
    """Statistics in ``episodes_stats.jsonl``: where each line starts is kept, its content is not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts: dict[int, int] = {}
        start = 0
        with path.open("rb") as lines:
            for line in lines:
                if line.strip():
                    self._starts[int(json.loads(line)["episode_index"])] = start
                start += len(line)

    def of(self, episode: int) -> Stats:
        start = self._starts.get(episode)
        if start is None:
            return {}
        with self._path.open("rb") as lines:
            lines.seek(start)
            return parse_stats(json.loads(lines.readline()).get("stats"))


class _Columns:
    """Statistics in the columns ``stats/…`` of the v3.0 episode table."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._reader = RowReader()
        self._columns: dict[Path, list[str]] = {}
        self._rows: dict[int, tuple[Path, int]] = {}
        for path in files:
            names: list[str] = pq.read_schema(path).names
            self._columns[path] = [name for name in names if name.startswith(PREFIX)]
            indices: list[int] = self._reader.column(path, "episode_index").tolist()
            self._rows.update({index: (path, row) for row, index in enumerate(indices)})

    def of(self, episode: int) -> Stats:
        path, row = self._rows.get(episode, (None, 0))
        if path is None or not self._columns[path]:
            return {}
        values: Mapping[str, Any] = self._reader.read(path, self._columns[path], row, row + 1).to_pylist()[0]
        nested: dict[str, dict[str, Any]] = {}
        for column, value in values.items():
            key, _, name = column.removeprefix(PREFIX).rpartition("/")
            nested.setdefault(key, {})[name] = value
        return parse_stats(nested)
