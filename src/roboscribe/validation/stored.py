"""The language columns of a data file: rows of an open file go in, what is stored for an episode comes out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from roboscribe.dataset.shards import as_float32
from roboscribe.language import COLUMNS, EVENTS, PERSISTENT, Row, events_array, persistent_array


class EpisodeReader:
    """Reads ``timestamp`` and the language columns, as far as there are any, of rows of one open data file."""

    def __init__(self, file: pq.ParquetFile) -> None:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        self._file = file
        self._groups = {span: n for n, span in enumerate(pairwise([0, *accumulate(sizes)]))}
        self._names = [name for name in ("timestamp", *COLUMNS) if name in file.schema_arrow.names]
        self._whole: pa.Table | None = None

    def __call__(self, start: int, stop: int) -> tuple[pa.Table, bool]:
        """Rows ``[start, stop)``, and whether they are one row group."""
        group = self._groups.get((start, stop))
        if group is not None:
            return self._file.read_row_group(group, columns=self._names), True
        whole = self._whole if self._whole is not None else self._file.read(columns=self._names)
        self._whole = whole
        return whole.slice(start, stop - start), False


@dataclass(frozen=True, eq=False)
class Stored:
    """The language columns of an episode as they are stored.

    Attributes:
        index: The dataset's episode index.
        column: The persistent column, one list for each frame.
        persistent: The list on the first frame.
        events: Timestamp in seconds and list of each frame that has events.
        nulls: Number of frames that have null in place of a list of events.
    """

    index: int
    column: pa.Array
    persistent: tuple[Row, ...]
    events: tuple[tuple[float, tuple[Row, ...]], ...]
    nulls: int = 0

    @classmethod
    def of(cls, index: int, table: pa.Table) -> Stored:
        """From the columns ``timestamp`` and those of language; one that is missing has no rows.

        Raises:
            KeyError, TypeError, ValueError: A row lacks a field, or holds what it cannot.
        """
        persistent = _column(table, PERSISTENT, persistent_array([], len(table)))
        events = _column(table, EVENTS, events_array({}, len(table)))
        times: list[float] = as_float32(table["timestamp"]).tolist()
        sizes: Any = events.value_lengths().fill_null(0).to_numpy()
        return cls(
            index=index,
            column=persistent,
            persistent=tuple(Row.from_json(data) for data in persistent[0].as_py() or ()),
            events=tuple(
                (
                    float(times[frame]),
                    tuple(Row.from_json(data, times[frame]) for data in events[frame].as_py()),
                )
                for frame in np.flatnonzero(sizes).tolist()
            ),
            nulls=events.null_count,
        )

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows of the episode."""
        return (*self.persistent, *(row for _, rows in self.events for row in rows))


def _column(table: pa.Table, name: str, empty: pa.Array) -> pa.Array:
    return pa.concat_arrays(table[name].chunks) if name in table.column_names else empty


def repeats(column: pa.Array) -> bool:
    """Whether a list column holds the same list in every row."""
    sizes: Any = column.value_lengths()
    if column.null_count or len(sizes.unique()) != 1:
        return len(column) == column.null_count
    # Lists of equal length are all the same where the flat values repeat after one list's length.
    values, size = column.flatten(), sizes[0].as_py()
    return bool(values.slice(0, len(values) - size).equals(values.slice(size)))
