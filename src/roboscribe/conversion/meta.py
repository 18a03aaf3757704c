"""What became of every episode goes in; the metadata of a v3.0 dataset comes out.

Source of names, types and places: lerobot 0.6.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from roboscribe.conversion.data import COUNTED, Part
from roboscribe.conversion.layout import DATA, EPISODES, FILES_PER_CHUNK, MEBIBYTE, VIDEO, path, place
from roboscribe.conversion.stats import PREFIX, Stats, Total, stats_json
from roboscribe.conversion.videos import Placement
from roboscribe.dataset.info import Feature, Info
from roboscribe.dataset.metadata import EPISODES_FOLDER, EPISODES_JSONL, json_lines
from roboscribe.dataset.reader import BOOKKEEPING

BATCH = 256
"""Episodes whose rows are in memory at once."""

GONE = ("total_chunks", "total_videos")
"""Keys of info.json that v3.0 has no longer."""

ORDER = (
    "codebase_version",
    "fps",
    "features",
    "total_episodes",
    "total_frames",
    "total_tasks",
    "chunks_size",
    "data_files_size_in_mb",
    "video_files_size_in_mb",
    "data_path",
    "video_path",
    "robot_type",
    "splits",
)
"""Keys of a v3.0 info.json as LeRobot orders them; others follow."""


@dataclass(frozen=True, slots=True)
class Described:
    """What the metadata says of an episode.

    Attributes:
        part: The episode and its frames.
        file: Running number of its data file.
        videos: Where its frames are, by camera key.
        stats: Statistics of its features.
    """

    part: Part
    file: int
    videos: Mapping[str, Placement]
    stats: Stats


def new_features(info: Info, present: Iterable[str], keys: Iterable[str]) -> dict[str, Feature]:
    """Declarations of the new dataset: without cameras that have no files, with all that LeRobot adds.

    Args:
        info: Of the old dataset.
        present: Columns of the new data files.
        keys: Cameras with videos.
    """
    kept = {*present, *keys}
    declared = {
        key: feature
        for key, feature in info.features.items()
        if key in kept or feature["dtype"] not in ("video", "image")
    }
    declared.update({key: COUNTED for key in BOOKKEEPING if key not in declared})
    fps = whole(info.fps)
    return {
        key: feature if feature["dtype"] == "video" else {**feature, "fps": fps}
        for key, feature in declared.items()
    }


def new_info(
    info: Info,
    features: Mapping[str, Feature],
    parts: Sequence[Part],
    tasks: int,
    data_megabytes: float,
    video_megabytes: float,
) -> bytes:
    """``info.json`` of the new dataset; keys that LeRobot does not know come along."""
    has_video = any(feature["dtype"] == "video" for feature in features.values())
    new: dict[str, Any] = {
        **{key: value for key, value in info.raw.items() if key not in GONE},
        "codebase_version": "v3.0",
        "fps": whole(info.fps),
        "features": features,
        "total_episodes": len(parts),
        "total_frames": sum(part.length for part in parts),
        "total_tasks": tasks,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": whole(data_megabytes),
        "video_files_size_in_mb": whole(video_megabytes),
        "data_path": DATA,
        "video_path": VIDEO if has_video else None,
        "robot_type": info.raw.get("robot_type"),
        "splits": _splits(info.raw.get("splits"), len(parts)),
    }
    ordered = {key: new[key] for key in (*ORDER, *(key for key in new if key not in ORDER))}
    return json.dumps(ordered, indent=4, ensure_ascii=False).encode()


def whole(number: float) -> int | float:
    """A number as LeRobot writes it: a whole one without a point."""
    return int(number) if float(number).is_integer() else number


def _splits(splits: object, episodes: int) -> object:
    """The splits where they end with the last episode, else one split of all."""
    if isinstance(splits, dict) and splits:
        ends = [str(span).rpartition(":")[2] for span in splits.values()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if all(end.isdecimal() for end in ends) and max(map(int, ends)) == episodes:
            return splits  # pyright: ignore[reportUnknownVariableType]
    return {"train": f"0:{episodes}"}


def further_columns(root: Path, episodes: Sequence[int]) -> tuple[dict[str, pa.Array], list[str]]:
    """What the old episode table says besides what every one does, and the names of what no column can hold.

    Args:
        root: The old dataset.
        episodes: Indices, in the order of the rows.
    """
    lines = root / EPISODES_JSONL
    if lines.is_file():
        entries = {entry["episode_index"]: entry for _, entry in json_lines(lines)}
        names = dict.fromkeys(key for entry in entries.values() for key in entry if _is_further(key))
        columns: dict[str, pa.Array] = {}
        for name in names:
            try:
                columns[name] = pa.array([entries[index].get(name) for index in episodes])
            except pa.ArrowException:
                continue
        return columns, [name for name in names if name not in columns]
    tables = [pq.ParquetFile(file) for file in sorted((root / EPISODES_FOLDER).rglob("*.parquet"))]
    names = [name for name in (tables[0].schema_arrow.names if tables else ()) if _is_further(name)]
    if not names:
        return {}, []
    table = pa.concat_tables(file.read(columns=["episode_index", *names]) for file in tables)
    row_of = {index: row for row, index in enumerate(table["episode_index"].to_pylist())}
    table = table.take([row_of[index] for index in episodes])
    return {name: table[name].combine_chunks() for name in names}, []


def _is_further(name: str) -> bool:
    known = ("episode_index", "tasks", "length", "dataset_from_index", "dataset_to_index")
    return name not in known and not name.startswith((PREFIX, "data/", "videos/", "meta/"))


def write_episodes(
    described: Callable[[], Iterable[Described]],
    total: Total,
    keys: Sequence[str],
    further: Mapping[str, pa.Array],
    megabytes: float,
    stage: Callable[[str], Path],
) -> None:
    """Write the episode table, one row an episode, in files of about ``megabytes`` at most.

    Args:
        described: Gives what is said of each episode, in order.
        total: Statistics of all of them, for the columns there are.
        keys: Cameras with videos.
        further: Further columns.
        megabytes: Size of a file.
        stage: Where to write a file, by its path relative to the dataset.
    """
    schema = _schema(total, keys, further)
    waiting = iter(described())
    number = 0
    while batch := list(islice(waiting, BATCH)):
        file = stage(path(EPISODES, number))
        with pq.ParquetWriter(file, schema) as writer:
            while batch:
                rows = [_row(one, further, number) for one in batch]
                columns = {name: [row.get(name) for row in rows] for name in schema.names}
                writer.write_table(pa.table(columns, schema=schema))
                if file.stat().st_size > megabytes * MEBIBYTE:
                    break
                batch = list(islice(waiting, BATCH))
        number += 1


def _schema(total: Total, keys: Sequence[str], further: Mapping[str, pa.Array]) -> pa.Schema:
    fields: list[tuple[str, pa.DataType]] = [
        ("episode_index", pa.int64()),
        ("data/chunk_index", pa.int64()),
        ("data/file_index", pa.int64()),
        ("dataset_from_index", pa.int64()),
        ("dataset_to_index", pa.int64()),
    ]
    for key in keys:
        fields += [(f"videos/{key}/{name}", pa.int64()) for name in ("chunk_index", "file_index")]
        fields += [(f"videos/{key}/{name}", pa.float64()) for name in ("from_timestamp", "to_timestamp")]
    fields += [("tasks", pa.list_(pa.string())), ("length", pa.int64())]
    fields += [(name, column.type) for name, column in further.items()]
    for key, names in total.shapes.items():
        for name, dimensions in names.items():
            kind: pa.DataType = pa.int64() if name == "count" else pa.float64()
            for _ in range(dimensions):
                kind = pa.list_(kind)
            fields.append((f"{PREFIX}{key}/{name}", kind))
    fields += [("meta/episodes/chunk_index", pa.int64()), ("meta/episodes/file_index", pa.int64())]
    return pa.schema(fields)


def _row(one: Described, further: Mapping[str, pa.Array], number: int) -> dict[str, Any]:
    part = one.part
    chunk, file = place(one.file)
    row: dict[str, Any] = {
        "episode_index": part.index,
        "data/chunk_index": chunk,
        "data/file_index": file,
        "dataset_from_index": part.first,
        "dataset_to_index": part.first + part.length,
        "tasks": list(part.tasks) or [""],
        "length": part.length,
    }
    for key, video in one.videos.items():
        row |= {
            f"videos/{key}/chunk_index": video.chunk,
            f"videos/{key}/file_index": video.file,
            f"videos/{key}/from_timestamp": video.start,
            f"videos/{key}/to_timestamp": video.stop,
        }
    row |= {name: column[part.index].as_py() for name, column in further.items()}
    for key, named in stats_json(one.stats).items():
        row |= {f"{PREFIX}{key}/{name}": value for name, value in named.items()}
    chunk, file = place(number)
    return row | {"meta/episodes/chunk_index": chunk, "meta/episodes/file_index": file}
