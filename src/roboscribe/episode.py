"""Episode: what annotators see of one demonstration, whatever layout the dataset has on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of the dataset.

    Attributes:
        key: Feature key, for example ``observation.images.top``.
        height: Pixels; 0 when the dataset does not say.
        width: Pixels; 0 when the dataset does not say.
        kind: ``video`` (frames in an mp4) or ``image`` (encoded pictures in the parquet).
    """

    key: str
    height: int
    width: int
    kind: Literal["video", "image"]


class RemoteFile(Protocol):
    """A file that can be fetched."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    def fetch(self) -> None:
        """Bring it to this disk.

        Raises:
            DatasetError: It cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class VideoClip:
    """Handle on an episode's part of a video file; nothing is fetched or opened until frames are read.

    Attributes:
        path: The video file; it may hold several episodes.
        start: Seconds into the file at which the episode's timestamp 0 lies.
        remote: Where the file can be had while it is not at its path; None where it should be there.
    """

    path: Path
    start: float
    remote: RemoteFile | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """Bytes of the file, wherever it is; -1 where it is missing."""
        if self.path.exists():
            return self.path.stat().st_size
        return -1 if self.remote is None else self.remote.size


@dataclass(frozen=True, slots=True)
class StoredImages:
    """Handle on an episode's pictures kept as encoded bytes in a parquet column.

    Attributes:
        path: The parquet file.
        column: Column of struct<bytes, path>.
        first_row: Row of the file that holds the episode's frame 0.
    """

    path: Path
    column: str
    first_row: int


FrameHandle = VideoClip | StoredImages


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Robot signals over an episode.

    Attributes:
        values: float32, shape [frames, channels], in the dataset's own units.
        names: One name per channel; ``""`` for each where the dataset gives none.
    """

    values: Floats
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise ValueError(f"{len(self.names)} names for values of shape {self.values.shape}")


@dataclass(frozen=True, eq=False)
class Episode:
    """One demonstration.

    Attributes:
        index: The dataset's episode index.
        tasks: Task texts in the order they occur; empty when the dataset has none.
        fps: Frames per second as declared.
        timestamps: float32 seconds as stored, shape [frames], strictly increasing, starting at 0.
        state: Measured robot state, or None (video only).
        action: Commanded action, or None (video only).
        cameras: Colour cameras; depth is left out.
        handles: Where each camera's frames are, by camera key; a camera without a file has none.
        robot_type: As declared, or "".
    """

    index: int
    tasks: tuple[str, ...]
    fps: float
    timestamps: Floats
    state: Channels | None
    action: Channels | None
    cameras: tuple[Camera, ...]
    handles: dict[str, FrameHandle]
    robot_type: str = ""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.timestamps)

    @property
    def task(self) -> str:
        """The episode's task; several are joined with "; "."""
        return "; ".join(self.tasks)

    @property
    def end(self) -> float:
        """Seconds at which the last frame ends: its timestamp and one frame period."""
        return float(self.timestamps[-1]) + 1.0 / self.fps

    def frame_at(self, seconds: float) -> int:
        """Index of the frame nearest to ``seconds``."""
        right = int(np.searchsorted(self.timestamps, seconds))
        if right == 0:
            return 0
        if right == self.frames:
            return self.frames - 1
        before, after = float(self.timestamps[right - 1]), float(self.timestamps[right])
        return right - 1 if seconds - before <= after - seconds else right

    def time_of(self, frame: int) -> float:
        """Exact stored timestamp of a frame, as a Python float."""
        return float(self.timestamps[frame])

    @cached_property
    def digest(self) -> str:
        """Hex digest of what answers depend on: tasks, time, signals, and what each camera's frames lie in.

        Video content is represented by the file's size and the episode's offset in it, so that 40,000 videos
        need not be read; pictures stored in the parquet by nothing but their camera. Paths stay out, so that a
        dataset keeps its staged results when it moves.
        """
        digest = hashlib.sha256()

        def add(*parts: object) -> None:
            for part in parts:
                data = part if isinstance(part, bytes) else repr(part).encode()
                digest.update(len(data).to_bytes(8, "little") + data)

        add(self.index, self.tasks, self.fps, self.robot_type, self.timestamps.tobytes())
        for channels in (self.state, self.action):
            if channels is None:
                add(None)
            else:
                add(channels.names, channels.values.tobytes())
        for camera in self.cameras:
            handle = self.handles.get(camera.key)
            add(camera.key, camera.height, camera.width)
            if isinstance(handle, VideoClip):
                add(handle.size, handle.start)
        return digest.hexdigest()[:32]
