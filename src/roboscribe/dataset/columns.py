"""Columns of one episode go in; its checked timestamps, channels and language rows come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from roboscribe.dataset.info import INFO
from roboscribe.episode import Channels, Floats
from roboscribe.errors import EpisodeError
from roboscribe.language import EVENTS, PERSISTENT, Row, rows_from_frames

LEFT_OUT = "Put it right, or name the other episodes with --episodes."
"""What to do about an episode that cannot be read."""


def timestamps(column: pa.ChunkedArray, fps: float, episode: int, file: str) -> Floats:
    """Timestamps of an episode in seconds, float32, shape [frames].

    Args:
        column: The stored column, float32 or float64.
        fps: Frames per second.
        episode: Index of the episode, for messages.
        file: The data file, for messages.

    Raises:
        EpisodeError: Some are missing, they do not increase, are in another unit, or do not start at 0 (a frame or so
            late is let pass).
    """
    values = to_matrix(column)
    if values is None or values.shape[1] != 1 or not np.isfinite(values).all():
        raise EpisodeError(episode, f"{file}: episode {episode} has frames without a timestamp.")
    times = values[:, 0]
    stuck = np.flatnonzero(np.diff(times) <= 0)
    if len(stuck):
        frame = int(stuck[0]) + 1
        raise EpisodeError(
            episode,
            f"{file}: the timestamps of episode {episode} do not increase at frame {frame}"
            f" ({times[frame - 1]:.4f} s, then {times[frame]:.4f} s).",
            LEFT_OUT,
        )
    apart = float(np.median(np.diff(times))) if len(times) > 1 else 1 / fps
    # A slow recorder may miss its rate by far, but not tenfold: these are milliseconds, or numbers of frames.
    if not 0.1 < apart * fps < 10:
        raise EpisodeError(
            episode,
            f"{file}: the timestamps of episode {episode} are {apart:g} apart, where {fps:g} frames a second make it"
            f" {1 / fps:.3g} seconds.",
            LEFT_OUT,
        )
    if not abs(times[0]) < 1.5 / fps:
        raise EpisodeError(
            episode,
            f"{file}: the timestamps of episode {episode} start at {times[0]:.4f} s, not 0.",
            LEFT_OUT,
        )
    return times


def channels(
    table: pa.Table, keys: Sequence[str], names: tuple[str, ...], episode: int, file: str
) -> Channels | None:
    """State or action of an episode: the columns ``keys`` side by side; None where there are none.

    Args:
        table: The rows of the episode.
        keys: Columns, of numbers or of lists of numbers.
        names: One name per channel, over all columns.
        episode: Index of the episode, for messages.
        file: The data file, for messages.

    Raises:
        EpisodeError: Numbers are missing, or more or fewer than declared.
    """
    if not keys:
        return None
    parts: list[Floats] = []
    for key in keys:
        values = to_matrix(table[key])
        if values is None:
            raise EpisodeError(
                episode,
                f"{file}: column {key!r} of episode {episode} lacks numbers in some frames,"
                " or not all frames have as many.",
            )
        parts.append(values)
    joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    if joined.shape[1] != len(names):
        raise EpisodeError(
            episode,
            f"{file}: {' and '.join(keys)} has {joined.shape[1]} channels, but {INFO} declares {len(names)}.",
        )
    return Channels(joined, names)


def to_matrix(column: pa.ChunkedArray) -> Floats | None:
    """Numbers of a column as float32, shape [rows, channels]; None where ``numbers`` are."""
    values = numbers(column)
    return None if values is None else values.astype(np.float32)


def language_rows(table: pa.Table) -> list[Row]:
    """Rows in the language columns of an episode; which of the two there are does not matter.

    Args:
        table: The columns and ``timestamp``, one row a frame, at least one.
    """
    persistent = table[PERSISTENT][0].as_py() if PERSISTENT in table.column_names else None
    events: list[Any] = table[EVENTS].to_pylist() if EVENTS in table.column_names else []
    times: list[float] = table["timestamp"].to_numpy().astype(np.float32).tolist()
    return rows_from_frames(
        persistent or [], [(time, rows) for time, rows in zip(times, events, strict=False) if rows]
    )


def indices(column: pa.ChunkedArray) -> NDArray[np.int64] | None:
    """Numbers of an index feature, shape [frames]; None where it is not one number for every frame."""
    values = numbers(column)
    return None if values is None or values.shape[1] != 1 else values[:, 0].astype(np.int64)


def numbers(column: pa.ChunkedArray) -> NDArray[Any] | None:
    """Numbers of a column as they are stored, shape [rows, channels].

    Scalars, lists of fixed or varying length, nested lists and LeRobot's array types are understood. None
    where rows are null or differ in length, or hold no numbers.
    """
    array = column.combine_chunks()
    while True:
        kind = array.type
        if array.null_count:
            return None
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pa.types.is_fixed_size_list(kind):
            array = array.flatten()
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            if len(array.value_lengths().unique()) > 1:
                return None
            array = array.flatten()
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
            return array.to_numpy(zero_copy_only=False).reshape(len(column), -1)
        else:
            return None
