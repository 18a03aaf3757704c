"""Parquet files go in; chosen rows and columns come out, a row group read once for its episodes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from roboscribe.episode import Floats

FOOTERS = 16
"""Footers kept; that of a shard with a row group per episode takes some hundred kilobytes."""

GROUP_BYTES = 64 * 2**20
"""Bytes of decoded row groups kept; the newest is kept whatever its size."""

Stamp = tuple[Path, int, int, int]


class RowReader:
    """Reads rows of parquet files; safe to use from several threads.

    Footers and the row groups read last are kept, so that reading the episodes of a packed file one after
    the other decodes it once. A file that was replaced in the meantime is read anew.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._footers: OrderedDict[Stamp, pq.FileMetaData] = OrderedDict()
        self._groups: OrderedDict[tuple[Stamp, int, tuple[str, ...]], pa.Table] = OrderedDict()

    def count(self, path: Path) -> int:
        """Number of rows of the file."""
        with self._lock:
            return self._footer(_stamp(path)).num_rows

    def schema(self, path: Path) -> pa.Schema:
        """Arrow schema of the file."""
        with self._lock:
            return self._footer(_stamp(path)).schema.to_arrow_schema()

    def read(self, path: Path, columns: Sequence[str], start: int, stop: int) -> pa.Table:
        """Rows ``[start, stop)`` of some columns; only the row groups they lie in are touched.

        Raises:
            pa.ArrowException, OSError: The file cannot be read.
        """
        stamp = _stamp(path)
        with self._lock:
            footer = self._footer(stamp)
            parts: list[pa.Table] = []
            first = 0
            for number in range(footer.num_row_groups):
                rows: int = footer.row_group(number).num_rows
                low, high = max(start, first), min(stop, first + rows)
                if low < high:
                    group = self._group(stamp, number, tuple(columns))
                    parts.append(group.slice(low - first, high - low))
                first += rows
        return pa.concat_tables(parts)

    def column(self, path: Path, name: str) -> NDArray[np.int64]:
        """A whole column of whole numbers; nothing of it is kept."""
        with self._lock:
            footer = self._footer(_stamp(path))
            with pq.ParquetFile(path, metadata=footer) as file:
                return file.read(columns=[name])[name].to_numpy().astype(np.int64)

    def _footer(self, stamp: Stamp) -> pq.FileMetaData:
        footer = self._footers.pop(stamp, None)
        if footer is None:
            footer = pq.read_metadata(stamp[0])
        self._footers[stamp] = footer
        while len(self._footers) > FOOTERS:
            self._footers.popitem(last=False)
        return footer

    def _group(self, stamp: Stamp, number: int, columns: tuple[str, ...]) -> pa.Table:
        key = (stamp, number, columns)
        group = self._groups.pop(key, None)
        if group is None:
            with pq.ParquetFile(stamp[0], metadata=self._footers[stamp]) as file:
                group = file.read_row_group(number, columns=list(columns)).select(list(columns))
        self._groups[key] = group
        while len(self._groups) > 1 and sum(table.nbytes for table in self._groups.values()) > GROUP_BYTES:
            self._groups.popitem(last=False)
        return group


def _stamp(path: Path) -> Stamp:
    """Tells a file from its replacement at the same path."""
    status = path.stat()
    return path, status.st_ino, status.st_mtime_ns, status.st_size


def to_matrix(column: pa.ChunkedArray) -> Floats | None:
    """Numbers of a column as float32, shape [rows, channels]; None where rows are null or differ in length.

    Scalars, lists of fixed or varying length, nested lists and LeRobot's array types are all understood.
    """
    rows = len(column)
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    while True:
        if array.null_count:
            return None
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pa.types.is_fixed_size_list(array.type):
            array = array.flatten()
        elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
            if len(array.value_lengths().unique()) > 1:
                return None
            array = array.flatten()
        else:
            break
    values = array.to_numpy(zero_copy_only=False).astype(np.float32)
    return values.reshape(rows, -1)
