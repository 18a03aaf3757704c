"""Columns to add and to drop go in; ``info.json`` and the schema of a data file come out declaring them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from roboscribe.dataset.info import INFO
from roboscribe.errors import DatasetError
from roboscribe.language import COLUMNS, FEATURE, SAY_TOOL, arrow_type

HF = b"huggingface"
PANDAS = b"pandas"


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A column that every data file gets.

    Attributes:
        name: Of the column and of its feature.
        type: Arrow type.
        feature: Declaration in ``info.json``.
    """

    name: str
    type: pa.DataType
    feature: dict[str, Any]


LANGUAGE = tuple(NewColumn(name, arrow_type(name), FEATURE) for name in COLUMNS)

TOOLS = NewColumn("tools", pa.string(), {"dtype": "string", "shape": [1], "names": None})
"""The tool schemas as one JSON text per frame: LeRobot loads no lists of texts."""


def declare(info: bytes, add: Sequence[NewColumn], drop: Iterable[str], say: bool = False) -> bytes:
    """``info.json`` that declares the columns; order, unknown keys and indentation stay.

    Args:
        info: The file as it is.
        add: Columns to declare.
        drop: Features to remove.
        say: Whether the ``say`` tool is to be among ``tools``; another tool of that name stays.

    Raises:
        DatasetError: ``tools`` is no list of tools.
    """
    data: dict[str, Any] = json.loads(info)
    features: dict[str, Any] = {**data["features"]}
    for name in drop:
        features.pop(name, None)
    features.update({column.name: column.feature for column in add})
    new = {**data, "features": features}
    if say:
        new["tools"] = with_say(data.get("tools"))
    return info if new == data else _dump_like(new, info.decode("utf-8"))


def with_total_tasks(info: bytes, total: int) -> bytes:
    """``info.json`` that tells how many tasks there are; order, unknown keys and indentation stay."""
    data: dict[str, Any] = json.loads(info)
    return (
        info
        if data.get("total_tasks") == total
        else _dump_like({**data, "total_tasks": total}, info.decode("utf-8"))
    )


def with_say(tools: object) -> list[Any]:
    """The dataset's tools, ``say`` among them.

    Raises:
        DatasetError: ``tools`` is no list.
    """
    if tools is None:
        return [SAY_TOOL]
    if not isinstance(tools, list):
        raise DatasetError(f"{INFO}: tools is not a list of tools.", "Correct it, or remove the key.")
    listed = cast("list[Any]", tools)
    return listed if SAY_TOOL["function"]["name"] in tool_names(listed) else [*listed, SAY_TOOL]


def tool_names(tools: object) -> frozenset[str]:
    """Names of the tools that a list of them describes; what is no such list describes none."""
    listed = cast("list[Any]", tools) if isinstance(tools, list) else []
    names = (tool["function"].get("name") for tool in listed if _is_function(tool))
    return frozenset(name for name in names if isinstance(name, str))


def _is_function(tool: Any) -> bool:
    return isinstance(tool, dict) and isinstance(cast("dict[str, Any]", tool).get("function"), dict)


def _dump_like(data: dict[str, Any], text: str) -> bytes:
    """JSON of ``data`` in the style of ``text``: indentation, escapes and the end of the file."""
    indent = re.match(r"\s*\{\r?\n([ \t]+)", text)
    comma = "," if indent or '", "' not in text else ", "
    dumped = json.dumps(
        data,
        indent=indent[1] if indent else None,
        separators=(comma, ": " if '": ' in text else ":"),
        ensure_ascii=text.isascii(),
    )
    return (dumped + text[len(text.rstrip()) :]).encode()


def extend_schema(schema: pa.Schema, add: Sequence[NewColumn], drop: Iterable[str]) -> pa.Schema:
    """Schema of a data file with the new columns last; what it keeps for datasets and pandas follows suit.

    A column that is there already, of the right type, keeps its place. Extending once more changes nothing.
    """
    missing = [column for column in add if pa.field(column.name, column.type) not in list(schema)]
    gone = {*drop, *(column.name for column in missing)}
    fields = [field for field in schema if field.name not in gone]
    fields += [pa.field(column.name, column.type) for column in missing]
    metadata: dict[bytes, bytes] = dict(schema.metadata or {})
    for key, extend in ((HF, _extend_hf), (PANDAS, _extend_pandas)):
        if key in metadata:
            metadata[key] = json.dumps(extend(json.loads(metadata[key]), add, gone)).encode()
    return pa.schema(fields, metadata=metadata or None)


def _extend_hf(data: dict[str, Any], add: Sequence[NewColumn], gone: set[str]) -> dict[str, Any]:
    """Metadata of the datasets library; its fingerprint goes, as it named the file without the columns."""
    info: dict[str, Any] = data.get("info") or {}
    if not isinstance(info.get("features"), dict):
        return data
    features = {name: feature for name, feature in info["features"].items() if name not in gone}
    features.update({column.name: _hf_feature(column.type) for column in add})
    kept = {key: value for key, value in data.items() if key != "fingerprint"}
    return {**kept, "info": {**info, "features": features}}


def _hf_feature(kind: pa.DataType) -> dict[str, Any]:
    """An Arrow type as the datasets library (4.8) writes it."""
    if pa.types.is_list(kind):
        return {"feature": _hf_feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _hf_feature(field.type) for field in kind}
    if kind == pa.json_():
        return {"_type": "Json"}
    return {"dtype": "float32" if kind == pa.float32() else str(kind), "_type": "Value"}


def _extend_pandas(data: dict[str, Any], add: Sequence[NewColumn], gone: set[str]) -> dict[str, Any]:
    columns = [column for column in data.get("columns", []) if column.get("name") not in gone]
    known = {column.get("name") for column in columns}
    columns += [_pandas_column(column) for column in add if column.name not in known]
    return {**data, "columns": columns}


def _pandas_column(column: NewColumn) -> dict[str, Any]:
    names = {pa.string(): ("unicode", "object")}
    listed = pa.types.is_list(column.type)
    kind, numpy = ("list[object]", "object") if listed else names.get(column.type, (str(column.type),) * 2)
    return {
        "name": column.name,
        "field_name": column.name,
        "pandas_type": kind,
        "numpy_type": numpy,
        "metadata": None,
    }
