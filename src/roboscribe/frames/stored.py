"""Read frames kept as encoded pictures in parquet: ascending frame indices go in, decoded frames come out."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from roboscribe.episode import Episode, StoredImages
from roboscribe.errors import FrameError
from roboscribe.frames.picture import Frame

BATCH = 16
"""Rows in memory at once; a row group may hold thousands of pictures."""


def read_images(
    episode: Episode, camera: str, images: StoredImages, frames: Sequence[int]
) -> Iterator[Frame]:
    """Read ``frames`` (ascending) from the row groups that hold them, and decode them.

    Raises:
        FrameError: The parquet file is missing or damaged, or a picture is missing or damaged.
    """

    def fail(problem: str, hint: str = "Fetch or record it again, or leave this episode out.") -> FrameError:
        message = f"Episode {episode.index}, camera {camera}: {images.path} {problem}."
        return FrameError(episode.index, camera, images.path, message, hint)

    if not images.path.is_file():
        raise fail("does not exist", "Restore it, or leave this camera or episode out.")
    read = 0
    try:
        with pq.ParquetFile(images.path) as file:
            if images.column not in file.schema_arrow.names:
                raise fail(f"has no column {images.column}")
            for frame, value in zip(frames, _values(file, images, frames), strict=False):
                read += 1
                where = f"in column {images.column}, at {episode.time_of(frame):.2f} s (frame {frame})"
                data = encoded(value, images.path)
                if data is None:
                    raise fail(f"has no picture {where}")
                try:
                    yield _decode(frame, data)
                except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
                    raise fail(f"has a damaged picture {where}: {error}") from error
    except (pa.ArrowException, OSError) as error:
        raise fail(f"cannot be read ({error})") from error
    if read < len(frames):
        raise fail(f"ends before frame {frames[read]} of the episode")


def _values(file: pq.ParquetFile, images: StoredImages, frames: Sequence[int]) -> Iterator[Any]:
    """The column's values for ``frames``, in order; stops early where the file ends."""
    rows = [images.first_row + frame for frame in frames]
    start = 0
    position = 0
    for group in range(file.metadata.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        if position < len(rows) and rows[position] < end:
            row = start
            for batch in file.iter_batches(BATCH, row_groups=[group], columns=[images.column]):
                while position < len(rows) and rows[position] < row + batch.num_rows:
                    yield batch.column(0)[rows[position] - row].as_py()
                    position += 1
                row += batch.num_rows
        start = end


def encoded(value: Any, parquet: Path) -> bytes | None:
    """Encoded bytes of a picture: inline, or of a file named relative to a folder above the parquet file."""
    if isinstance(value, bytes):
        return value
    if value is None:
        return None
    data: bytes | None = value.get("bytes")
    name: str | None = value.get("path")
    if data:
        return data
    if name and not Path(name).is_absolute() and ".." not in Path(name).parts:
        for folder in parquet.parents:
            if (folder / name).is_file():
                return (folder / name).read_bytes()
    return None


def _decode(frame: int, data: bytes) -> Frame:
    with Image.open(io.BytesIO(data)) as image:
        plain = image.format == "JPEG" and image.mode == "RGB"
        rgb = np.asarray(image.convert("RGB"))
    return Frame(frame, av.VideoFrame.from_ndarray(rgb, format="rgb24"), stored_jpeg=data if plain else None)
