"""A number goes in; a LeRobot dataset of so many short episodes comes out, its metadata as large as that of long ones.

Every file is real. Episodes share a recording, and video files are hard links to one, so that 40,543 episodes with four
cameras take little room and a minute.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from make_dataset import (
    V2_DATA,
    V2_VIDEO,
    V3_DATA,
    V3_VIDEO,
    Stamp,
    draw,
    pick_up,
    write_lines,
    write_tasks_parquet,
    write_video,
)

Version = Literal["v2.1", "v3.0"]

CAMERAS = tuple(f"observation.images.{name}" for name in ("head", "chest", "left_wrist", "right_wrist"))
TASKS = ("Pick up the red cup.", "Put the blue brick in the tray.", "Open the drawer.")
FPS = 10
FRAMES = 45
PER_FILE = 184
"""Episodes in a v3.0 data file: as many as 100 MB hold of episodes of 4,575 frames."""
META_FILES = 4
META_ROW_GROUP = 10
"""Episodes in a row group of the v3.0 episode table: LeRobot writes that many at a time while it records."""
STATISTICS = ("min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99")


def build(root: Path, version: Version, episodes: int) -> Path:
    """Write the dataset to ``root``, which must not exist, and return it."""
    partial = root.with_name(f"{root.name}.part")
    (_write_v3 if version == "v3.0" else _write_v2)(partial, episodes)
    _write_info(partial, version, episodes)
    partial.rename(root)
    return root


def _write_v3(root: Path, episodes: int) -> None:
    recording = _recording()
    film = _film(root / "film.mp4", PER_FILE)
    for file, first in enumerate(range(0, episodes, PER_FILE)):
        indices = range(first, min(first + PER_FILE, episodes))
        path = root / V3_DATA.format(chunk_index=0, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.concat_tables([_numbered(recording, index) for index in indices])
        pq.write_table(table, path, row_group_size=FRAMES)
        for camera in CAMERAS:
            _link(film, root / V3_VIDEO.format(video_key=camera, chunk_index=0, file_index=file))
    film.unlink()
    index = np.arange(episodes)
    places = {"chunk_index": np.zeros(episodes, np.int64), "file_index": index // PER_FILE}
    start = index % PER_FILE * FRAMES / FPS
    columns: dict[str, Any] = {
        "episode_index": index,
        "tasks": [[TASKS[number % len(TASKS)]] for number in index],
        "length": np.full(episodes, FRAMES),
        **{f"data/{name}": values for name, values in places.items()},
        "dataset_from_index": index * FRAMES,
        "dataset_to_index": (index + 1) * FRAMES,
    }
    for camera in CAMERAS:
        columns |= {f"videos/{camera}/{name}": values for name, values in places.items()}
        columns[f"videos/{camera}/from_timestamp"] = start
        columns[f"videos/{camera}/to_timestamp"] = start + FRAMES / FPS
    for feature in _features():
        channels = 3 if feature in CAMERAS else _features()[feature]["shape"][0]
        values = pa.array(np.random.default_rng(0).normal(size=episodes * channels))
        lists = pa.FixedSizeListArray.from_arrays(values, channels).cast(pa.list_(pa.float64()))
        columns |= {f"stats/{feature}/{name}": lists for name in STATISTICS}
    table = pa.table(columns)
    each = -(-episodes // META_FILES)
    for file in range(META_FILES):
        path = root / f"meta/episodes/chunk-000/file-{file:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(file * each, each), path, row_group_size=META_ROW_GROUP)
    write_tasks_parquet(root / "meta/tasks.parquet", TASKS)


def _write_v2(root: Path, episodes: int) -> None:
    recording = _recording()
    films = {camera: _film(root / f"{camera}.mp4", 1) for camera in CAMERAS}
    for index in range(episodes):
        place = {"episode_chunk": index // 1000, "episode_index": index}
        path = root / V2_DATA.format(**place)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_numbered(recording, index), path)
        for camera, film in films.items():
            _link(film, root / V2_VIDEO.format(video_key=camera, **place))
    for film in films.values():
        film.unlink()
    meta = root / "meta"
    meta.mkdir()
    write_lines(
        meta / "episodes.jsonl",
        [
            {"episode_index": index, "tasks": [TASKS[index % len(TASKS)]], "length": FRAMES}
            for index in range(episodes)
        ],
    )
    write_lines(meta / "tasks.jsonl", [{"task_index": at, "task": text} for at, text in enumerate(TASKS)])


def _recording() -> pa.Table:
    times = np.arange(FRAMES) / FPS
    signal = pa.array(pick_up(0, times).astype(np.float32).reshape(-1))
    return pa.table(
        {
            "observation.state": pa.FixedSizeListArray.from_arrays(signal, 3),
            "action": pa.FixedSizeListArray.from_arrays(signal, 3),
            "timestamp": pa.array(times.astype(np.float32)),
            "frame_index": pa.array(np.arange(FRAMES)),
        }
    )


def _numbered(recording: pa.Table, index: int) -> pa.Table:
    columns = {
        "episode_index": np.full(FRAMES, index),
        "index": np.arange(FRAMES) + index * FRAMES,
        "task_index": np.full(FRAMES, index % len(TASKS)),
    }
    for name, values in columns.items():
        recording = recording.append_column(name, pa.array(values))
    return recording


def _film(path: Path, episodes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, (draw(Stamp(frame % FRAMES, 0, 0)) for frame in range(episodes * FRAMES)), FPS)
    return path


def _link(film: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(film, path)


def _features() -> dict[str, Any]:
    names = ["shoulder", "elbow", "gripper"]
    signals = {
        key: {"dtype": "float32", "shape": [3], "names": names} for key in ("observation.state", "action")
    }
    cameras = {
        camera: {"dtype": "video", "shape": [48, 64, 3], "names": ["height", "width", "channels"]}
        for camera in CAMERAS
    }
    numbers = ("frame_index", "episode_index", "index", "task_index")
    return {
        **signals,
        **cameras,
        "timestamp": {"dtype": "float32", "shape": [1], "names": None},
        **{key: {"dtype": "int64", "shape": [1], "names": None} for key in numbers},
    }


def _write_info(root: Path, version: Version, episodes: int) -> None:
    info = {
        "codebase_version": version,
        "robot_type": "test_arm",
        "total_episodes": episodes,
        "total_frames": episodes * FRAMES,
        "total_tasks": len(TASKS),
        "chunks_size": 1000,
        "fps": FPS,
        "splits": {"train": f"0:{episodes}"},
        "data_path": V3_DATA if version == "v3.0" else V2_DATA,
        "video_path": V3_VIDEO if version == "v3.0" else V2_VIDEO,
        "features": _features(),
    }
    (root / "meta/info.json").write_text(json.dumps(info, indent=4))
