"""Small tables of texts: columns and texts go in, a table that pandas indexes by the texts comes out, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roboscribe.errors import DatasetError, cause

if TYPE_CHECKING:
    import pyarrow as pa


def indexed_by_text(index: str, texts: Sequence[str], columns: Mapping[str, pa.Array]) -> pa.Table:
    """A table as pandas stores a frame whose index are texts: these are its last column.

    Args:
        index: Name of the index.
        texts: Its values.
        columns: The columns by name, whole numbers or texts, as long as the index.
    """
    import pyarrow as pa

    described = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy, "metadata": None}
        for name, kind, numpy in (
            *((name, *_pandas_type(column.type)) for name, column in columns.items()),
            (index, "unicode", "object"),
        )
    ]
    pandas = {
        "index_columns": [index],
        "column_indexes": [],
        "columns": described,
        "creator": {"library": "pyarrow", "version": pa.__version__},
    }
    table = pa.table({**columns, index: pa.array(texts, type=pa.string())})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def to_bytes(table: pa.Table) -> bytes:
    """The table as a parquet file; equal tables give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def read_texts(path: Path, index: str, numbers: str) -> tuple[str, ...]:
    """The texts of a table written by ``indexed_by_text``, each at the place that is its number.

    Args:
        path: The parquet file.
        index: Name of the column of texts; where pandas gave it no name, its own is found.
        numbers: Name of the column of whole numbers; where there is none, the row is the number.

    Returns:
        The texts, "" for numbers that have none.

    Raises:
        DatasetError: The file cannot be read, or has no such column.
    """
    columns = read_columns(path)
    name = next((name for name in (index, "__index_level_0__", "index") if name in columns), None)
    if name is None:
        raise DatasetError(f"{path} has no column {index!r}.", "Correct it, or remove it.")
    found: list[Any] = columns[name]
    places: list[int] = columns.get(numbers, list(range(len(found))))
    texts = [""] * (max(places, default=-1) + 1)
    for place, text in zip(places, found, strict=True):
        texts[place] = str(text)
    return tuple(texts)


def read_columns(path: Path) -> dict[str, list[Any]]:
    """The columns of a small parquet file by name.

    Raises:
        DatasetError: It cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path).to_pydict()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read: {cause(error)}.", "Correct it, or remove it.") from error


def _pandas_type(kind: pa.DataType) -> tuple[str, str]:
    import pyarrow as pa

    return ("unicode", "object") if pa.types.is_string(kind) else (str(kind), str(kind))
