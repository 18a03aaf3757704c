"""An episode's stored rows and new ones go in; the values of its two language columns come out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from roboscribe.errors import EpisodeError
from roboscribe.language import EVENTS, Row, events_array, persistent_array, sort_events, sort_persistent


@dataclass(frozen=True, slots=True)
class EpisodeUpdate:
    """What a run has to say about an episode.

    Attributes:
        rows: Its new rows, in any order.
        styles: Styles the run produced: stored rows of these are replaced, also by none; others survive, and so do
            calls of other tools than ``say``.
    """

    rows: Sequence[Row]
    styles: frozenset[str | None]

    def __post_init__(self) -> None:
        stray = {row.style for row in self.rows} - self.styles
        if stray:
            raise ValueError(f"rows of styles that the update does not replace: {sorted(map(str, stray))}")


def merge(
    stored: Iterable[Row], update: EpisodeUpdate | None, times: NDArray[np.float32], episode: int | None
) -> list[Row]:
    """Rows of an episode after an update: persistent ones in stored order, then event rows by time.

    Args:
        stored: Rows it has.
        update: What is new, or None.
        times: Timestamps of its frames; new rows get the exact one.
        episode: Its index, for the message.

    Raises:
        EpisodeError: The timestamp of a new row is no frame's.
    """
    rows = list(stored)
    if update is not None:
        rows = [row for row in rows if not row.is_of(update.styles)]
        rows += _on_frames(update.rows, times, episode)
    events = [row for row in rows if row.column == EVENTS]
    return sort_persistent(row for row in rows if row.column != EVENTS) + sorted(
        sort_events(events), key=lambda row: row.timestamp
    )


def language_arrays(rows: Sequence[Row], times: NDArray[np.float32]) -> tuple[pa.Array, pa.Array]:
    """The two language columns of an episode, from rows in the order of ``merge``.

    Args:
        rows: Its rows; event rows have the timestamp of a frame.
        times: Timestamps of its frames.
    """
    persistent = [row for row in rows if row.column != EVENTS]
    events = [row for row in rows if row.column == EVENTS]
    frames: dict[int, list[Row]] = defaultdict(list)
    for row, frame in zip(events, _frames(events, times).tolist(), strict=True):
        frames[frame].append(row)
    return persistent_array(persistent, len(times)), events_array(frames, len(times))


def _on_frames(rows: Sequence[Row], times: NDArray[np.float32], episode: int | None) -> list[Row]:
    """The rows, each with the timestamp of its frame as stored."""
    exact = times[_frames(rows, times)].tolist()
    for row, time in zip(rows, exact, strict=True):
        if np.float32(row.timestamp) != np.float32(time):
            raise EpisodeError(
                -1 if episode is None else episode,
                f"Episode {episode} has no frame at {row.timestamp!r} s, where a row of style"
                f" {row.style or 'null (speech)'} is to be written.",
            )
    return [
        row if row.timestamp == time else replace(row, timestamp=time)
        for row, time in zip(rows, exact, strict=True)
    ]


def _frames(rows: Sequence[Row], times: NDArray[np.float32]) -> NDArray[np.intp]:
    """Frame of each row; of several with its timestamp, the first."""
    order = np.argsort(times, kind="stable")
    wanted = np.array([row.timestamp for row in rows], dtype=np.float32)
    return order[np.minimum(np.searchsorted(times, wanted, sorter=order), len(times) - 1)]
