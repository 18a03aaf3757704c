"""Parquet files go in; chosen rows and columns come out, a row group read once for its episodes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

FOOTERS = 2
"""Files of which anything is kept; the footer of one with 500 row groups, one per episode, takes some ten megabytes."""

GROUPS = 32
"""Decoded row groups kept, in the few sets of columns that are read. Small tables take many times the bytes they
hold."""

GROUP_BYTES = 64 * 2**20
"""Bytes of decoded row groups kept; the newest is kept whatever its size."""

STREAMED = 16_384
"""Rows decoded at a time where few are picked out of many."""

Stamp = tuple[Path, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Footer:
    """What a parquet file says of itself.

    Attributes:
        metadata: The footer as pyarrow holds it.
        columns: Names of the columns.
        bounds: Row at which each row group starts, and the number of rows at the end; shape [groups + 1].
    """

    metadata: pq.FileMetaData
    columns: tuple[str, ...]
    bounds: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """Number of rows of the file."""
        return int(self.bounds[-1])


class RowReader:
    """Reads rows of parquet files; safe to use from several threads.

    Footers and the row groups read last are kept, so that reading the episodes of a packed file one after
    the other decodes it once. A file that was replaced in the meantime is read anew.

    Args:
        sparse: Whether few rows of many will be read: they are picked out as their row groups stream by, and
            nothing is kept.

    Every method raises ``pa.ArrowException`` or ``OSError`` when the file cannot be read.
    """

    def __init__(self, *, sparse: bool = False) -> None:
        self._sparse = sparse
        self._lock = Lock()
        self._footers: OrderedDict[Stamp, Footer] = OrderedDict()
        self._groups: OrderedDict[tuple[Stamp, int, tuple[str, ...]], pa.Table] = OrderedDict()
        self._group_bytes = 0

    def footer(self, path: Path) -> Footer:
        """Footer of the file."""
        with self._lock:
            return self._footer(_stamp(path))

    def read(self, path: Path, columns: Sequence[str], start: int, stop: int) -> pa.Table:
        """Rows ``[start, stop)`` of some columns; only the row groups they lie in are touched."""
        stamp = _stamp(path)
        with self._lock:
            bounds = self._footer(stamp).bounds
            parts: list[pa.Table] = []
            for number in np.flatnonzero((bounds[:-1] < stop) & (bounds[1:] > start)).tolist():
                low, high = (
                    max(0, start - int(bounds[number])),
                    min(stop, int(bounds[number + 1])) - int(bounds[number]),
                )
                pick = self._picked if self._sparse else self._cut
                parts.append(pick(stamp, number, tuple(columns), low, high))
        return pa.concat_tables(parts)

    def column(self, path: Path, name: str) -> NDArray[np.int64]:
        """A whole column of whole numbers; nothing of it is kept."""
        with self._lock, pq.ParquetFile(path, metadata=self._footer(_stamp(path)).metadata) as file:
            return file.read(columns=[name])[name].to_numpy().astype(np.int64)

    def let_go(self) -> None:
        """Keep nothing of what was read so far."""
        with self._lock:
            self._footers.clear()
            self._groups.clear()
            self._group_bytes = 0
        pa.default_memory_pool().release_unused()

    def _footer(self, stamp: Stamp) -> Footer:
        footer = self._footers.pop(stamp, None)
        if footer is None:
            # First, as one in the reading takes as much as one that is kept.
            while len(self._footers) >= FOOTERS:
                oldest, _ = self._footers.popitem(last=False)
                for key in [key for key in self._groups if key[0] == oldest]:
                    self._drop(key)
            with pq.ParquetFile(stamp[0]) as file:
                # The schema is asked of the file: asked of the metadata, the two refer to each other, and
                # footers of some megabytes stay until the garbage collector finds them.
                columns = tuple(file.schema_arrow.names)
                metadata = file.metadata
            groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
            footer = Footer(metadata, columns, np.cumsum([0, *groups], dtype=np.int64))
        self._footers[stamp] = footer
        return footer

    def _cut(self, stamp: Stamp, number: int, columns: tuple[str, ...], low: int, high: int) -> pa.Table:
        """Rows ``[low, high)`` of a row group, all of which is decoded and kept."""
        return self._group(stamp, number, columns).slice(low, high - low)

    def _picked(self, stamp: Stamp, number: int, columns: tuple[str, ...], low: int, high: int) -> pa.Table:
        """Rows ``[low, high)`` of a row group, which is decoded only as far as that."""
        found: list[pa.Table] = []
        with pq.ParquetFile(stamp[0], metadata=self._footers[stamp].metadata) as file:
            at = 0
            for batch in file.iter_batches(
                STREAMED, row_groups=[number], columns=list(columns), use_threads=False
            ):
                if at + len(batch) > low:
                    found.append(pa.table(batch.slice(max(0, low - at), high - max(at, low))))
                at += len(batch)
                if at >= high:
                    break
        return pa.concat_tables(found).select(list(columns))

    def _group(self, stamp: Stamp, number: int, columns: tuple[str, ...]) -> pa.Table:
        key = (stamp, number, columns)
        group = self._groups.pop(key, None)
        if group is None:
            with pq.ParquetFile(stamp[0], metadata=self._footers[stamp].metadata) as file:
                group = file.read_row_group(number, columns=list(columns)).select(list(columns))
            # Decoding takes several times what is kept, and Arrow would hold on to it for a next time.
            pa.default_memory_pool().release_unused()
            self._group_bytes += group.nbytes
        self._groups[key] = group
        while len(self._groups) > GROUPS or (len(self._groups) > 1 and self._group_bytes > GROUP_BYTES):
            self._drop(next(iter(self._groups)))
        return group

    def _drop(self, key: tuple[Stamp, int, tuple[str, ...]]) -> None:
        self._group_bytes -= self._groups.pop(key).nbytes


def _stamp(path: Path) -> Stamp:
    """Tells a file from its replacement at the same path."""
    status = path.stat()
    return path, status.st_ino, status.st_mtime_ns, status.st_size
