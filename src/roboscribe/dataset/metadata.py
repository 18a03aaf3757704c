"""Episode and task tables of any layout version go in; columns over all episodes come out.

The v3.0 table also carries statistics of every feature of every episode, many times the size of the rest;
those columns are never read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from roboscribe.errors import DatasetError, cause

EPISODES_JSONL = "meta/episodes.jsonl"
EPISODES_FOLDER = "meta/episodes"
TASKS_JSONL = "meta/tasks.jsonl"
TASKS_PARQUET = "meta/tasks.parquet"

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeTable:
    """What the metadata says of every episode, one entry each, in ascending order of the index.

    Attributes:
        source: The file or folder it was read from, relative to the root.
        indices: Episode indices, int64, shape [episodes].
        lengths: Frames per episode, int64, shape [episodes].
        tasks: Task texts (or task indices, in some datasets) per episode; None where the metadata has none.
        places: The columns that tell where files are, float64, shape [episodes], NaN where null; by column
            name, for example ``data/file_index`` or ``videos/observation.images.top/from_timestamp``.
    """

    source: str
    indices: Ints
    lengths: Ints
    tasks: tuple[tuple[str | int, ...], ...] | None
    places: Mapping[str, NDArray[np.float64]]


def read_episodes(root: Path, version: str) -> EpisodeTable:
    """The episode table, in the form the version prescribes, else in the form that is there.

    Raises:
        DatasetError: There is none, or it cannot be read, or lists an episode twice.
    """
    files = sorted((root / EPISODES_FOLDER).rglob("*.parquet"))
    lines = root / EPISODES_JSONL
    prefer_parquet = version == "v3.0"
    if files and (prefer_parquet or not lines.is_file()):
        table = _from_parquet(root, [path for path in files if not path.name.startswith(".")])
    elif lines.is_file():
        table = _from_lines(lines)
    else:
        expected = f"{EPISODES_FOLDER}/*/*.parquet" if prefer_parquet else EPISODES_JSONL
        raise DatasetError(
            f"{root} lists no episodes: {expected} is missing.", "Download the meta folder in full."
        )
    if len(table.indices) == 0:
        raise DatasetError(f"{table.source} lists no episode.")
    return _sorted(table)


def read_tasks(root: Path, version: str) -> Mapping[int, str]:
    """Task texts by task index; empty where the dataset has no task table.

    In the parquet form the index is the row's position, as LeRobot resolves it.

    Raises:
        DatasetError: The table cannot be read.
    """
    lines, table = root / TASKS_JSONL, root / TASKS_PARQUET
    if table.is_file() and (version == "v3.0" or not lines.is_file()):
        return dict(enumerate(_task_texts(table)))
    if not lines.is_file():
        return {}
    tasks: dict[int, str] = {}
    for number, entry in json_lines(lines):
        if "task_index" not in entry or "task" not in entry:
            raise DatasetError(f"{TASKS_JSONL}, line {number}: task_index or task is missing.")
        tasks[int(entry["task_index"])] = str(entry["task"])
    return tasks


def _from_lines(path: Path) -> EpisodeTable:
    indices: list[int] = []
    lengths: list[int] = []
    tasks: list[tuple[str | int, ...]] = []
    has_tasks = True
    for number, entry in json_lines(path):
        for key in ("episode_index", "length"):
            if not isinstance(entry.get(key), int):
                raise DatasetError(
                    f"{EPISODES_JSONL}, line {number}: {key} is missing or not a whole number."
                )
        indices.append(entry["episode_index"])
        lengths.append(entry["length"])
        has_tasks = has_tasks and entry.get("tasks") is not None
        tasks.append(_as_tasks(entry.get("tasks")))
    return EpisodeTable(
        EPISODES_JSONL,
        np.array(indices, dtype=np.int64),
        np.array(lengths, dtype=np.int64),
        tuple(tasks) if has_tasks else None,
        {},
    )


def _from_parquet(root: Path, files: Sequence[Path]) -> EpisodeTable:
    parts = [_read_part(path, path.relative_to(root).as_posix()) for path in files]
    table = pa.concat_tables(parts, promote_options="permissive")
    places = {
        name: table[name].to_numpy().astype(np.float64)
        for name in table.column_names
        if name not in ("episode_index", "length", "tasks")
    }
    return EpisodeTable(
        EPISODES_FOLDER,
        table["episode_index"].to_numpy().astype(np.int64),
        table["length"].to_numpy().astype(np.int64),
        _tasks_column(table["tasks"]) if "tasks" in table.column_names else None,
        places,
    )


def _read_part(path: Path, relative: str) -> pa.Table:
    """The wanted columns of one file of the episode table.

    Its footer, which can take some hundred megabytes where LeRobot wrote a row group every ten episodes, goes
    before the next one is read.
    """
    try:
        with pq.ParquetFile(path) as file:
            names: list[str] = file.schema_arrow.names
            for key in ("episode_index", "length"):
                if key not in names:
                    raise DatasetError(f"{relative} lacks the column {key!r}.")
            wanted = [name for name in names if _is_wanted(name)]
            return file.read(columns=wanted).select(wanted)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(
            f"{relative} cannot be read: {cause(error)}.", "Download the file again."
        ) from error


def _is_wanted(column: str) -> bool:
    return column in ("episode_index", "length", "tasks", "dataset_from_index") or (
        column.startswith(("data/", "videos/")) and not column.endswith("/to_timestamp")
    )


def _tasks_column(column: pa.ChunkedArray) -> tuple[tuple[str | int, ...], ...] | None:
    if column.null_count == len(column):
        return None
    shared: dict[tuple[str | int, ...], tuple[str | int, ...]] = {}
    values: list[Any] = column.to_pylist()
    rows = (_as_tasks(value) for value in values)
    return tuple(shared.setdefault(row, row) for row in rows)


def _as_tasks(value: Any) -> tuple[str | int, ...]:
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str | int) and item != "")


def _task_texts(path: Path) -> list[str]:
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(
            f"{TASKS_PARQUET} cannot be read: {cause(error)}.", "Download the file again."
        ) from error
    texts = [
        name
        for name, kind in zip(table.column_names, table.schema.types, strict=True)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ]
    for name in ("task", "__index_level_0__", *(texts if len(texts) == 1 else ())):
        if name in texts:
            return [text or "" for text in table[name].to_pylist()]
    raise DatasetError(f"{TASKS_PARQUET} has no column of task texts; its columns: {table.column_names}.")


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and objects of a JSON-lines file in ``meta``.

    Raises:
        DatasetError: It cannot be read, or a line is no object.
    """
    name = f"meta/{path.name}"
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                entry: object = json.loads(line)
                if not isinstance(entry, dict):
                    raise DatasetError(f"{name}, line {number} is not a JSON object.")
                yield number, cast("dict[str, Any]", entry)
    except (ValueError, OSError) as error:
        raise DatasetError(
            f"{name} cannot be read: {cause(error)}.", "Each line must be a JSON object."
        ) from error


def _sorted(table: EpisodeTable) -> EpisodeTable:
    order = np.argsort(table.indices, kind="stable")
    rows: list[int] = order.tolist()
    tasks = table.tasks
    indices = table.indices[order]
    twice = indices[1:][indices[1:] == indices[:-1]]
    if len(twice):
        raise DatasetError(f"{table.source} lists episode {twice[0]} twice.")
    if indices[0] < 0:
        raise DatasetError(f"{table.source} lists the episode {indices[0]}; indices start at 0.")
    empty = np.flatnonzero(table.lengths[order] <= 0)
    if len(empty):
        raise DatasetError(f"{table.source} gives episode {indices[empty[0]]} no frames.")
    return EpisodeTable(
        table.source,
        indices,
        table.lengths[order],
        None if tasks is None else tuple(tasks[row] for row in rows),
        {name: values[order] for name, values in table.places.items()},
    )
