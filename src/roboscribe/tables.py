"""Small tables of texts: columns and texts go in, a table that pandas indexes by the texts comes out, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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


def _pandas_type(kind: pa.DataType) -> tuple[str, str]:
    import pyarrow as pa

    return ("unicode", "object") if pa.types.is_string(kind) else (str(kind), str(kind))
