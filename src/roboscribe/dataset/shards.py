"""A data file goes in, episode by episode; it comes out with other columns, a row group for each episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from roboscribe.errors import DatasetError, cause
from roboscribe.language import EVENTS, PERSISTENT, Row, rows_from_frames

BATCH_BYTES = 16 * 2**20
"""Decoded bytes read at once; an episode that is larger is put together from several reads."""

READ_BYTES = 2**18
"""Bytes of a column read from the disk at once; without it, whole columns of a row group would be."""

BATCH_ROWS = 2**14

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive rows of a data file that make a row group.

    Attributes:
        start: First row.
        stop: Row after the last one.
        episode: The dataset's episode they are, or None for rows that the metadata does not know.
    """

    start: int
    stop: int
    episode: int | None


class ShardFile:
    """A data file, open for reading.

    Args:
        path: The file.
        spans: Rows ``(start, stop)`` of the dataset's episodes in it.

    Raises:
        DatasetError: It cannot be read.
    """

    def __init__(self, path: Path, spans: Mapping[int, Span]) -> None:
        self.path = path
        with self._readable():
            self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES)
            self.schema: pa.Schema = self._file.schema_arrow
            self.segments = _segments(spans, self._episode_runs(), self._file.metadata.num_rows)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def grouped(self) -> bool:
        """Whether each segment is a row group."""
        return self._group_starts() == [segment.start for segment in self.segments]

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The table of each segment; a few megabytes of the file are in memory at a time."""
        bounds = [segment.stop for segment in self.segments]
        parts: list[pa.RecordBatch] = []
        row = number = 0
        for batch in self._batches(columns):
            used = 0
            while used < len(batch):
                piece = batch.slice(used, bounds[number] - row)
                parts.append(piece)
                used += len(piece)
                row += len(piece)
                if row == bounds[number]:
                    yield pa.RecordBatchReader.from_batches(parts[0].schema, parts).read_all()
                    parts, number = [], number + 1

    def language_rows(self, times: Sequence[NDArray[np.float32]]) -> list[list[Row]]:
        """Rows stored in the language columns, for each segment; those of its first frame stand for all.

        Args:
            times: Timestamps of the frames of each segment.

        Raises:
            DatasetError: The columns hold something else.
        """
        try:
            return self._language_rows(times)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"The language columns of {self.path} cannot be read: {cause(error)}.",
                "Correct them, or take them out of the file and its declaration.",
            ) from error

    def _language_rows(self, times: Sequence[NDArray[np.float32]]) -> list[list[Row]]:
        present = [column for column in (PERSISTENT, EVENTS) if column in self.schema.names]
        nothing: list[Any] = [None] * len(self.segments)
        # One after the other: an iteration over a parquet file changes the batch size of the others.
        persistent = list(self._first_rows(PERSISTENT)) if PERSISTENT in present else nothing
        events = self.tables([EVENTS]) if EVENTS in present else iter(nothing)
        return [
            rows_from_frames(first or [], _filled(table, time))
            for first, table, time in zip(persistent, events, times, strict=True)
        ]

    def timestamps(self) -> list[NDArray[np.float32]]:
        """Timestamps of the frames of each segment, as float32."""
        return [as_float32(table["timestamp"]) for table in self.tables(["timestamp"])]

    def same(self, other: ShardFile, columns: Sequence[str]) -> bool:
        """Whether another file holds the same in some columns; one with NaN does not."""
        pairs = zip(self.tables(columns), other.tables(columns), strict=True)
        return self.segments == other.segments and all(mine.equals(theirs) for mine, theirs in pairs)

    def holds_only(self, column: str, value: object) -> bool:
        """Whether each segment's first row has this value in a column."""
        return all(stored == value for stored in self._first_rows(column))

    def options(self, schema: pa.Schema) -> dict[str, Any]:
        """How the file was written, as arguments to write ``schema`` alike; new columns are as most are."""
        footer = self._file.metadata
        if not footer.num_row_groups:
            return {}
        old = [footer.row_group(0).column(number) for number in range(footer.num_columns)]
        codecs = {column.path_in_schema: column.compression.lower() for column in old}
        usual = Counter(codecs.values()).most_common(1)[0][0]
        plain = {column.path_in_schema for column in old if not column.has_dictionary_page}
        leaves = [str(path) for path in _leaves(schema)]
        return {
            "compression": {path: codecs.get(path, usual).replace("uncompressed", "none") for path in leaves},
            "use_dictionary": [path for path in leaves if path not in plain],
            "version": footer.format_version,
            "write_page_index": old[0].has_offset_index,
        }

    def _episode_runs(self) -> list[int]:
        """First rows of the runs of equal ``episode_index``."""
        if "episode_index" not in self.schema.names:
            return []
        column = self._file.read(columns=["episode_index"])["episode_index"].to_numpy()
        return (np.flatnonzero(np.diff(column)) + 1).tolist()

    def _group_starts(self) -> list[int]:
        footer = self._file.metadata
        sizes = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
        return [0, *np.cumsum(sizes).tolist()][:-1] if sizes else []

    def _first_rows(self, column: str) -> Iterator[Any]:
        """Value of the column in the first row of each segment."""
        if not self.grouped:
            yield from (table[column][0].as_py() for table in self.tables([column]))
            return
        for group in range(len(self.segments)):
            with self._readable():
                batches = self._file.iter_batches(1, row_groups=[group], columns=[column], use_threads=False)
                yield next(batches)[column][0].as_py()

    def _batches(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        rows = BATCH_BYTES * self._file.metadata.num_rows // max(1, self._bytes(columns))
        with self._readable():
            yield from self._file.iter_batches(min(max(rows, 1), BATCH_ROWS), columns=columns)

    def _bytes(self, columns: Sequence[str] | None) -> int:
        """Uncompressed bytes of some columns."""
        footer = self._file.metadata
        names = [footer.schema.column(number).path for number in range(footer.num_columns)]
        chosen = [
            number
            for number, name in enumerate(names)
            if columns is None or any(name == column or name.startswith(f"{column}.") for column in columns)
        ]
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        return sum(group.column(number).total_uncompressed_size for group in groups for number in chosen)

    @contextmanager
    def _readable(self) -> Generator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(
                f"{self.path} cannot be read: {cause(error)}.", "Download the file again."
            ) from error


def write_segments(
    path: Path, schema: pa.Schema, options: Mapping[str, Any], tables: Iterator[pa.Table]
) -> None:
    """Write a data file, each of ``tables`` as one row group.

    Raises:
        OSError: The file system refuses.
    """
    with pq.ParquetWriter(path, schema, **options) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=max(1, table.num_rows))


def as_float32(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Numbers of a column of scalars, or of lists of one, as float32."""
    values = column.combine_chunks()
    while pa.types.is_nested(values.type):
        values = values.flatten()
    return values.to_numpy(zero_copy_only=False).astype(np.float32)


def _segments(spans: Mapping[int, Span], runs: Sequence[int], count: int) -> tuple[Segment, ...]:
    """Episodes in the order of the file, and the rows between them, cut where ``runs`` say."""
    segments: list[Segment] = []
    row = 0

    def unknown(stop: int) -> None:
        cuts = [row, *(run for run in runs if row < run < stop), stop] if row < stop else []
        segments.extend(Segment(first, last, None) for first, last in pairwise(cuts))

    for episode, (start, stop) in sorted(spans.items(), key=lambda item: item[1]):
        unknown(start)
        if start < stop:
            segments.append(Segment(start, stop, episode))
            row = stop
    unknown(count)
    return tuple(segments)


def _filled(
    table: pa.Table | None, times: NDArray[np.float32]
) -> Iterator[tuple[float, Sequence[Mapping[str, Any]]]]:
    """Timestamp and rows of the frames that have event rows."""
    if table is None:
        return
    column = table[EVENTS].combine_chunks()
    for frame in np.flatnonzero(column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)):
        yield float(times[frame]), column[int(frame)].as_py()


def _leaves(schema: pa.Schema) -> list[str]:
    """Paths of a schema's columns as parquet names them."""
    sink = pa.BufferOutputStream()
    pq.ParquetWriter(sink, schema).close()
    parquet = pq.ParquetFile(sink.getvalue()).schema
    return [parquet.column(number).path for number in range(len(parquet))]
