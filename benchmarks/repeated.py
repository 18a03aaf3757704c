"""A LeRobot v3.0 dataset goes in; one of as many episodes as wanted comes out, its own again and again.

    python benchmarks/repeated.py SOURCE TARGET EPISODES [CAMERA]

Each repetition has its own index and its own rows of data; the video files are those of the source, so that
320 episodes take no more room than its own. With a camera named, the others are left out.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

INFO = "meta/info.json"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
DATA = "data/chunk-000/file-000.parquet"


def repeat(source: Path, target: Path, count: int, camera: str = "") -> Path:
    """Write ``count`` episodes to ``target``, those of ``source`` in turn; one camera's only, if it is named."""
    info = json.loads((source / INFO).read_text())
    left_out = [
        key
        for key, feature in info["features"].items()
        if feature["dtype"] == "video" and camera not in ("", key)
    ]
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("data", "episodes", *left_out))
    table = pa.concat_tables(pq.read_table(path) for path in sorted(source.glob("meta/episodes/*/*.parquet")))
    names = [name for name in table.column_names if not any(key in name for key in left_out)]
    originals = table.select(names).to_pylist()
    data = {path: pq.read_table(path) for path in sorted(source.glob("data/*/*.parquet"))}
    rows: list[dict[str, Any]] = []
    tables: list[pa.Table] = []
    first = 0
    for index in range(count):
        row = dict(originals[index % len(originals)])
        file = "data/chunk-{:03d}/file-{:03d}.parquet".format(row["data/chunk_index"], row["data/file_index"])
        whole = data[source / file]
        own = whole.filter(pc.equal(whole["episode_index"], row["episode_index"]))
        tables.append(_renumbered(own, index, first))
        row |= {"episode_index": index, "data/chunk_index": 0, "data/file_index": 0}
        row |= {"dataset_from_index": first, "dataset_to_index": first + len(own)}
        rows.append(row)
        first += len(own)
    _write(target / EPISODES, pa.Table.from_pylist(rows, schema=table.select(names).schema))
    _write(target / DATA, pa.concat_tables(tables))
    info |= {"total_episodes": count, "total_frames": first, "splits": {"train": f"0:{count}"}}
    for key in left_out:
        del info["features"][key]
    (target / INFO).write_text(json.dumps(info, indent=4))
    return target


def _renumbered(episode: pa.Table, index: int, first: int) -> pa.Table:
    for name, values in (
        ("episode_index", np.full(len(episode), index)),
        ("index", np.arange(first, first + len(episode))),
    ):
        episode = episode.set_column(episode.schema.get_field_index(name), name, pa.array(values))
    return episode


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)


if __name__ == "__main__":
    repeat(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:5])
