"""The tasks of a dataset go in; those of the v3.0 dataset, numbered by their place in the table, come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from roboscribe.dataset.metadata import read_tasks
from roboscribe.tables import indexed_by_text


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of the new dataset.

    Attributes:
        texts: Each once; the place is the task index.
        of_old: Task index in the old dataset to that in the new one.
        of_text: Text to task index.
    """

    texts: tuple[str, ...]
    of_old: Mapping[int, int]
    of_text: Mapping[str, int]


def collect_tasks(root: Path, version: str, told: Iterable[Sequence[str]]) -> Tasks:
    """The tasks of the dataset at ``root``, in the order of their indices, then those only episodes tell of.

    There is at least one: LeRobot needs a task on every frame, if an empty one.

    Args:
        root: The old dataset.
        version: Its layout version.
        told: Task texts of every episode.

    Raises:
        DatasetError: The task table cannot be read.
    """
    old = dict(sorted(read_tasks(root, version).items()))
    texts = dict.fromkeys(old.values())
    for tasks in told:
        texts.update(dict.fromkeys(tasks or ("",)))
    of_text = {text: index for index, text in enumerate(texts)}
    return Tasks(tuple(texts), {index: of_text[text] for index, text in old.items()}, of_text)


def write_tasks(tasks: Tasks, path: Path) -> None:
    """Write ``tasks.parquet``: the texts as index, the column ``task_index``."""
    indices = pa.array(range(len(tasks.texts)), type=pa.int64())
    pq.write_table(indexed_by_text("task", tasks.texts, {"task_index": indices}), path)
