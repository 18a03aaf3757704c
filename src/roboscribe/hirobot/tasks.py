"""Exchanges as tasks: a dataset and texts go in; its table of tasks with these at its end comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from roboscribe.dataset import Dataset
from roboscribe.dataset.metadata import TASKS_JSONL, TASKS_PARQUET, read_tasks
from roboscribe.tables import indexed_by_text, to_bytes


@dataclass(frozen=True)
class TaskTable:
    """A table of tasks.

    Attributes:
        files: Its file, by path relative to the dataset's root.
        total: How many tasks there are.
    """

    files: Mapping[str, bytes]
    total: int


def appended_tasks(dataset: Dataset, texts: Sequence[str]) -> TaskTable:
    """The dataset's table of tasks with those texts added, under new indices, that are no task of it yet.

    The tasks that it has keep their indices.

    Raises:
        DatasetError: The table cannot be read.
    """
    known = read_tasks(dataset.root, dataset.info.version)
    new = [text for text in dict.fromkeys(texts) if text not in set(known.values())]
    first = max(known, default=-1) + 1
    indices = range(first, first + len(new))
    lines = dataset.root / TASKS_JSONL
    if dataset.info.version != "v3.0" and (lines.is_file() or not (dataset.root / TASKS_PARQUET).is_file()):
        old = lines.read_bytes() if lines.is_file() else b""
        added = [
            json.dumps({"task_index": index, "task": text}, ensure_ascii=False)
            for index, text in zip(indices, new, strict=True)
        ]
        gap = b"" if not old or old.endswith(b"\n") else b"\n"
        data = old + gap + "".join(line + "\n" for line in added).encode()
        return TaskTable({TASKS_JSONL: data}, len(known) + len(new))
    path = dataset.root / TASKS_PARQUET
    if not new and path.is_file():
        return TaskTable({}, len(known))
    numbers = pa.array(indices, type=pa.int64())
    if not path.is_file():
        return TaskTable(
            {TASKS_PARQUET: to_bytes(indexed_by_text("task", new, {"task_index": numbers}))}, len(new)
        )
    old_table = pq.read_table(path)
    added_rows = pa.table(
        [
            numbers.cast(field.type)
            if field.name == "task_index"
            else pa.array(new, field.type)
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
            else pa.nulls(len(new), field.type)
            for field in old_table.schema
        ],
        schema=old_table.schema,
    )
    return TaskTable(
        {TASKS_PARQUET: to_bytes(pa.concat_tables([old_table, added_rows]))}, len(known) + len(new)
    )
