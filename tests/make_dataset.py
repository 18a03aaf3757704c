"""Settings go in; a small valid LeRobot dataset comes out, whose pictures say which frame they are."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
Signal = Callable[[int, Array], Array]
"""Episode index and timestamps in seconds (shape [frames]) to values of shape [frames, channels]."""

Codec = Literal["h264", "h264-b-frames", "hevc", "av1"]

ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"crf": "18", "g": "4", "preset": "ultrafast"}),
    "h264-b-frames": ("libx264", {"crf": "18", "g": "6", "bf": "3", "b-pyramid": "normal"}),
    "hevc": (
        "libx265",
        {"crf": "18", "g": "4", "preset": "ultrafast", "x265-params": "log-level=none:open-gop=0"},
    ),
    "av1": ("libsvtav1", {"crf": "25", "g": "4", "preset": "11"}),
}

V3_DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
V3_VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
V2_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
V2_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"

FIELDS = (("frame", 10), ("episode", 4), ("camera", 2))
"""What a picture says, and in how many bits."""


@dataclass(frozen=True)
class Stamp:
    """What a picture says of itself; the numbers wrap at 1024, 16 and 4."""

    frame: int
    episode: int
    camera: int


def draw(stamp: Stamp, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """RGB picture of shape [height, width, 3]: 8 by 2 blocks, dark or light, that spell the stamp."""
    width, height = size
    number = 0
    for name, bits in FIELDS:
        number = number << bits | getattr(stamp, name) % (1 << bits)
    blocks = np.array([number >> bit & 1 for bit in range(16)], dtype=np.uint8).reshape(2, 8)
    rows = np.arange(height) * 2 // height
    columns = np.arange(width) * 8 // width
    grey = 48 + 160 * blocks[np.ix_(rows, columns)]
    return np.repeat(grey[:, :, None], 3, axis=2)


def read_stamp(picture: Array) -> Stamp:
    """What a picture of shape [height, width, 3] (or [height, width]), of any size, says."""
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    height, width = grey.shape
    number = 0
    for bit in range(16):
        row, column = divmod(bit, 8)
        y, x = int((row + 0.5) * height / 2), int((column + 0.5) * width / 8)
        patch = grey[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        number |= int(patch.mean() > 128) << bit
    values: dict[str, int] = {}
    for name, bits in reversed(FIELDS):
        values[name] = number & ((1 << bits) - 1)
        number >>= bits
    return Stamp(**values)


def pick_up(episode: int, times: Array) -> Array:
    """A default signal of three channels: two joints that move, and a gripper that closes half way."""
    middle = times[-1] / 2
    gripper = np.clip((middle + 0.2 - times) / 0.4, 0, 1)
    return np.stack([np.sin(times + episode), np.cos(times), gripper], axis=1)


def make_dataset(
    root: Path,
    *,
    version: Literal["v2.0", "v2.1", "v3.0"] = "v3.0",
    episodes: int = 3,
    frames: int | Sequence[int] = 12,
    fps: float = 10,
    cameras: Sequence[str] = ("observation.images.top",),
    kind: Literal["video", "image"] | None = "video",
    size: tuple[int, int] = (64, 48),
    codec: Codec | Mapping[str, Codec] = "h264",
    state_names: Any = ("shoulder", "elbow", "gripper"),
    state: Signal | None = pick_up,
    action: Signal | None = pick_up,
    state_key: str = "observation.state",
    action_key: str = "action",
    tasks: Sequence[str | Sequence[str]] = ("Pick up the red cup.",),
    episodes_per_file: int | None = None,
    row_group: int | None = None,
    chunks_size: int = 1000,
    data_path: str | None = None,
    video_path: str | None = None,
    timestamp_dtype: Literal["float32", "float64"] = "float32",
    task_column: Literal["task", "__index_level_0__"] = "task",
    info: Mapping[str, Any] | None = None,
    robot_type: str = "test_arm",
) -> Path:
    """Write a dataset to ``root``, which must not hold one, and return it.

    Args:
        root: Where it goes; created when missing.
        version: Layout version.
        episodes: Number of episodes.
        frames: Frames of each episode, or of all of them.
        fps: Frames per second.
        cameras: Camera keys.
        kind: How pictures are kept; None leaves cameras out.
        size: Width and height in pixels.
        codec: Of the videos, or of those of each camera.
        state_names: ``names`` of state and action as they go into info.json.
        state: Values of the state; None leaves it out.
        action: Values of the action; None leaves it out.
        state_key: Feature key of the state.
        action_key: Feature key of the action.
        tasks: Tasks of episode 0, 1, …, from the start again when they run out; a sequence gives one
            episode several, which share its frames evenly.
        episodes_per_file: Episodes in each v3.0 data and video file; all in one when None.
        row_group: Rows in a row group; a row group per file when None.
        chunks_size: Episodes per chunk (v2.x), files per chunk (v3.0).
        data_path: Template for data files, also written to info.json.
        video_path: Template for video files, also written to info.json.
        timestamp_dtype: Of the timestamp column.
        task_column: Name of the text column of tasks.parquet (v3.0).
        info: Further keys of info.json.
        robot_type: As declared.
    """
    lengths = [frames] * episodes if isinstance(frames, int) else list(frames)
    per_file = 1 if version != "v3.0" else episodes_per_file or episodes
    spec = _Spec(
        root=root,
        version=version,
        lengths=lengths,
        fps=fps,
        cameras=tuple(cameras) if kind else (),
        kind=kind or "video",
        size=size,
        codecs={camera: codec if isinstance(codec, str) else codec[camera] for camera in cameras},
        signals={
            key: signal for key, signal in ((state_key, state), (action_key, action)) if signal is not None
        },
        names=list(state_names) if isinstance(state_names, tuple) else state_names,
        tasks=[_as_tuple(tasks[episode % len(tasks)]) for episode in range(episodes)],
        per_file=per_file,
        row_group=row_group,
        chunks_size=chunks_size,
        data_path=data_path or (V3_DATA if version == "v3.0" else V2_DATA),
        video_path=video_path or (V3_VIDEO if version == "v3.0" else V2_VIDEO),
        timestamp=pa.type_for_alias(timestamp_dtype),
    )
    spec.write_data()
    spec.write_videos()
    spec.write_info({"robot_type": robot_type, **(info or {})})
    if version == "v3.0":
        spec.write_v3_meta(task_column)
    else:
        spec.write_v2_meta()
    return root


@dataclass(frozen=True)
class _Spec:
    root: Path
    version: str
    lengths: list[int]
    fps: float
    cameras: tuple[str, ...]
    kind: str
    size: tuple[int, int]
    codecs: dict[str, str]
    signals: dict[str, Signal]
    names: Any
    tasks: list[tuple[str, ...]]
    per_file: int
    row_group: int | None
    chunks_size: int
    data_path: str
    video_path: str
    timestamp: pa.DataType

    @property
    def task_texts(self) -> list[str]:
        return list(dict.fromkeys(task for tasks in self.tasks for task in tasks))

    @property
    def starts(self) -> list[int]:
        """Index over the dataset of each episode's first frame."""
        return [0, *accumulate(self.lengths)][:-1]

    def files(self) -> Iterator[range]:
        """Episodes of each file."""
        for start in range(0, len(self.lengths), self.per_file):
            yield range(start, min(start + self.per_file, len(self.lengths)))

    def place(self, template: str, episode: int, camera: str = "") -> Path:
        chunk, file = divmod(episode // self.per_file, self.chunks_size)
        return self.root / template.format(
            episode_chunk=chunk,
            episode_index=episode,
            chunk_index=chunk,
            file_index=file if self.version == "v3.0" else episode,
            video_key=camera,
        )

    def times(self, episode: int) -> Array:
        return np.arange(self.lengths[episode]) / self.fps

    def picture(self, camera: str, episode: int, frame: int) -> NDArray[np.uint8]:
        return draw(Stamp(frame, episode, self.cameras.index(camera)), self.size)

    def rows(self, episode: int) -> pa.Table:
        frames = self.lengths[episode]
        columns: dict[str, Any] = {}
        for key, signal in self.signals.items():
            values = np.asarray(signal(episode, self.times(episode)), dtype=np.float32)
            columns[key] = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
        if self.kind == "image":
            for camera in self.cameras:
                columns[camera] = pa.array(
                    [
                        {
                            "bytes": _encoded(self.picture(camera, episode, frame)),
                            "path": f"{frame:06d}.png",
                        }
                        for frame in range(frames)
                    ],
                    type=pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
                )
        own = [self.task_texts.index(task) for task in self.tasks[episode]]
        columns |= {
            "timestamp": pa.array(self.times(episode)).cast(self.timestamp, safe=False),
            "frame_index": pa.array(np.arange(frames)),
            "episode_index": pa.array(np.full(frames, episode)),
            "index": pa.array(np.arange(frames) + self.starts[episode]),
            "task_index": pa.array(
                [own[frame * len(own) // frames] if own else 0 for frame in range(frames)]
            ),
        }
        return pa.table(columns)

    def write_data(self) -> None:
        for episodes in self.files():
            table = pa.concat_tables([self.rows(episode) for episode in episodes])
            features = {
                name: _hub_feature(kind)
                for name, kind in zip(table.column_names, table.schema.types, strict=True)
            }
            table = table.replace_schema_metadata(
                {"huggingface": json.dumps({"info": {"features": features}})}
            )
            path = self.place(self.data_path, episodes[0])
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path, row_group_size=self.row_group or len(table))

    def write_videos(self) -> None:
        if self.kind != "video":
            return
        for camera in self.cameras:
            for episodes in self.files():
                path = self.place(self.video_path, episodes[0], camera)
                path.parent.mkdir(parents=True, exist_ok=True)
                pictures = (
                    self.picture(camera, episode, frame)
                    for episode in episodes
                    for frame in range(self.lengths[episode])
                )
                write_video(path, pictures, self.fps, self.codecs[camera])

    def features(self) -> dict[str, Any]:
        width, height = self.size
        declared: dict[str, Any] = {}
        for key, signal in self.signals.items():
            channels = np.shape(signal(0, self.times(0)))[1]
            declared[key] = {"dtype": "float32", "shape": [channels], "names": self.names}
        for camera in self.cameras:
            declared[camera] = {
                "dtype": self.kind,
                "shape": [height, width, 3],
                "names": ["height", "width", "channels"],
            }
        seconds = "float64" if self.timestamp == pa.float64() else "float32"
        declared["timestamp"] = {"dtype": seconds, "shape": [1], "names": None}
        for key in ("frame_index", "episode_index", "index", "task_index"):
            declared[key] = {"dtype": "int64", "shape": [1], "names": None}
        return declared

    def write_info(self, more: Mapping[str, Any]) -> None:
        has_video = self.kind == "video" and bool(self.cameras)
        info = {
            "codebase_version": self.version,
            "total_episodes": len(self.lengths),
            "total_frames": sum(self.lengths),
            "total_tasks": len(self.task_texts),
            "chunks_size": self.chunks_size,
            "fps": self.fps,
            "splits": {"train": f"0:{len(self.lengths)}"},
            "data_path": self.data_path,
            "video_path": self.video_path if has_video else None,
            "features": self.features(),
            **more,
        }
        path = self.root / "meta/info.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(info, indent=4))

    def write_v2_meta(self) -> None:
        meta = self.root / "meta"
        write_lines(
            meta / "episodes.jsonl",
            [
                {"episode_index": episode, "tasks": list(tasks), "length": length}
                for episode, (tasks, length) in enumerate(zip(self.tasks, self.lengths, strict=True))
            ],
        )
        write_lines(
            meta / "tasks.jsonl",
            [{"task_index": number, "task": text} for number, text in enumerate(self.task_texts)],
        )

    def write_v3_meta(self, task_column: str) -> None:
        rows: list[dict[str, Any]] = []
        for number, episodes in enumerate(self.files()):
            chunk, file = divmod(number, self.chunks_size)
            for episode in episodes:
                start, length = self.starts[episode], self.lengths[episode]
                row: dict[str, Any] = {
                    "episode_index": episode,
                    "tasks": list(self.tasks[episode]),
                    "length": length,
                    "data/chunk_index": chunk,
                    "data/file_index": file,
                    "dataset_from_index": start,
                    "dataset_to_index": start + length,
                }
                for camera in self.cameras if self.kind == "video" else ():
                    seconds = (start - self.starts[episodes[0]]) / self.fps
                    row |= {
                        f"videos/{camera}/chunk_index": chunk,
                        f"videos/{camera}/file_index": file,
                        f"videos/{camera}/from_timestamp": seconds,
                        f"videos/{camera}/to_timestamp": seconds + length / self.fps,
                    }
                for key in self.signals:
                    row[f"stats/{key}/mean"] = [0.0]
                row |= {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
                rows.append(row)
        path = self.root / "meta/episodes/chunk-000/file-000.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
        write_tasks_parquet(self.root / "meta/tasks.parquet", self.task_texts, task_column)


def write_tasks_parquet(path: Path, texts: Sequence[str], column: str = "task") -> None:
    """Write a v3.0 task table whose pandas index is the text."""
    pandas = {
        "index_columns": [column],
        "column_indexes": [],
        "columns": [
            {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"},
            {
                "name": column if column == "task" else None,
                "field_name": column,
                "pandas_type": "unicode",
                "numpy_type": "object",
            },
        ],
    }
    table = pa.table({"task_index": np.arange(len(texts)), column: pa.array(texts, type=pa.string())})
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), path)


def write_lines(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def write_video(path: Path, pictures: Iterator[Array], fps: float, codec: str = "h264") -> None:
    """Encode RGB pictures, one every 1/fps seconds from 0 on."""
    encoder, options = ENCODERS[codec]
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream(
            encoder, rate=Fraction(fps).limit_denominator(1001), options=options
        )
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def edit_info(root: Path, **changes: Any) -> None:
    """Change keys of info.json; a value of None takes the key out."""
    path = root / "meta/info.json"
    info = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in info.items() if value is not None}))


def edit_table(path: Path, edit: Callable[[pa.Table], pa.Table]) -> None:
    """Rewrite a parquet file with ``edit`` applied to its table."""
    pq.write_table(edit(pq.read_table(path)), path)


def _encoded(picture: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def _as_tuple(tasks: str | Sequence[str]) -> tuple[str, ...]:
    return (tasks,) if isinstance(tasks, str) else tuple(tasks)


def _hub_feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {"_type": "Image"}
    if pa.types.is_fixed_size_list(kind):
        return {"feature": _hub_feature(kind.value_type), "length": kind.list_size, "_type": "List"}
    name = {"float": "float32", "double": "float64"}.get(str(kind), str(kind))
    return {"dtype": name, "_type": "Value"}
