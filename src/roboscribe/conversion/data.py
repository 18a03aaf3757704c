"""Episodes of a dataset of any version go in; v3.0 data files come out, with a row group for each episode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from roboscribe.conversion.kept import Facts, Kept, Origin, origin
from roboscribe.conversion.layout import DATA, MEBIBYTE, path
from roboscribe.conversion.stats import StoredStats, column_stats
from roboscribe.conversion.tasks import Tasks
from roboscribe.dataset import Dataset, Shard
from roboscribe.dataset.declare import NewColumn, extend_schema
from roboscribe.dataset.info import NUMERIC
from roboscribe.dataset.reader import BOOKKEEPING
from roboscribe.dataset.shards import ShardFile, write_segments
from roboscribe.errors import DatasetError, EpisodeError
from roboscribe.frames.stored import encoded

COUNTED = {"dtype": "int64", "shape": [1], "names": None}
"""Declaration of the columns that LeRobot adds to every dataset."""


@dataclass(frozen=True, slots=True)
class Part:
    """An episode and its place in the new dataset.

    Attributes:
        source: Its index in the old dataset.
        index: Its index in the new one.
        first: Index over the new dataset of its first frame.
        length: Frames.
        tasks: Its task texts.
    """

    source: int
    index: int
    first: int
    length: int
    tasks: tuple[str, ...]


def parts(dataset: Dataset, episodes: Sequence[int]) -> list[Part]:
    """The episodes, numbered from 0 on in the given order.

    Raises:
        EpisodeError: The tasks of an episode cannot be read.
    """
    made: list[Part] = []
    first = 0
    for number, index in enumerate(episodes):
        length = dataset.episode_length(index)
        made.append(Part(index, number, first, length, dataset.episode_tasks(index)))
        first += length
    return made


class TableForm:
    """The form that the rows of every episode are brought into.

    Args:
        dataset: The old dataset.
        first: The data file whose columns, types and metadata are those of all.
        tasks: The tasks of the new dataset.

    Attributes:
        schema: Of the new data files.
        left_out: Columns that are not declared, which LeRobot does not load.

    Raises:
        DatasetError: The file cannot be read.
    """

    def __init__(self, dataset: Dataset, first: Shard, tasks: Tasks) -> None:
        features = dataset.info.features
        try:
            old = pq.read_schema(first.path)
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{first.relative} cannot be read: {error}.") from error
        keep = {name for name in old.names if name in features and features[name]["dtype"] != "video"}
        self.left_out = [name for name in old.names if name not in keep]
        self._stored = [name for name in old.names if name in keep]
        missing = [name for name in BOOKKEEPING if name not in keep]
        add = [NewColumn(name, pa.int64(), COUNTED) for name in missing]
        self.schema = extend_schema(old, add, self.left_out)
        self.features = {name: features.get(name, COUNTED) for name in self.schema.names}
        self._dataset = dataset
        self._tasks = tasks

    def numeric(self) -> list[str]:
        """Names of the columns of numbers."""
        return [name for name, feature in self.features.items() if NUMERIC.fullmatch(feature["dtype"])]

    def table(self, part: Part) -> tuple[pa.Table, frozenset[str]]:
        """The rows of an episode, and the columns that are others than before.

        Raises:
            EpisodeError: They cannot be read, or do not have the form of those before.
        """
        shard = self._dataset.shard_of(part.source)
        try:
            stored = self._dataset.table(part.source, self._stored)
        except KeyError as error:
            raise EpisodeError(
                part.source, f"{shard.relative} lacks the column {error.args[0]!r}, which other files have."
            ) from error
        counted = self._counted(part, stored, shard)
        columns: list[Any] = []
        for field in self.schema:
            column = counted.get(field.name)
            if column is None:
                column = self._embedded(stored[field.name], field.name, shard)
            columns.append(self._cast(column, field, part.source, shard))
        table = pa.table(columns, schema=self.schema)
        changed = [
            name
            for name in counted
            if name not in stored.column_names or not table[name].equals(stored[name])
        ]
        return table, frozenset(changed)

    def _counted(self, part: Part, stored: pa.Table, shard: Shard) -> dict[str, Any]:
        """Columns that number episodes, frames and tasks."""
        frames = np.arange(part.length)
        counted: dict[str, Any] = {
            "episode_index": np.full(part.length, part.index),
            "index": frames + part.first,
            "task_index": self._task_indices(part, stored, shard),
        }
        if "frame_index" not in stored.column_names:
            counted["frame_index"] = frames
        return {name: pa.chunked_array([pa.array(values)]) for name, values in counted.items()}

    def _task_indices(self, part: Part, stored: pa.Table, shard: Shard) -> NDArray[np.int64]:
        if "task_index" not in stored.column_names or not self._tasks.of_old:
            return np.full(part.length, self._tasks.of_text[part.tasks[0] if part.tasks else ""])
        old, places = np.unique(stored["task_index"].to_numpy(), return_inverse=True)
        new = [self._tasks.of_old.get(int(index)) for index in old]
        if None in new:
            raise EpisodeError(
                part.source,
                f"{shard.relative} has the task_index {old[new.index(None)]}, which the dataset has no task for.",
                "Add it to the dataset's table of tasks, or leave the episode out with --episodes.",
            )
        return np.array(new, dtype=np.int64)[places]

    def _embedded(self, column: pa.ChunkedArray, name: str, shard: Shard) -> pa.ChunkedArray:
        """The column, pictures that lie in files of their own put into it."""
        if self.features[name]["dtype"] != "image" or not pa.types.is_struct(column.type):
            return column
        pictures = column.combine_chunks()
        if not pictures.field("bytes").null_count:
            return column
        data = [encoded(value, shard.path) for value in pictures.to_pylist()]
        fields = {field.name: pictures.field(field.name) for field in column.type}
        fields["bytes"] = pa.array(data, type=fields["bytes"].type)
        return pa.chunked_array([pa.StructArray.from_arrays(list(fields.values()), fields=list(column.type))])

    @staticmethod
    def _cast(column: pa.ChunkedArray, field: pa.Field, episode: int, shard: Shard) -> pa.ChunkedArray:
        """The column in the type that all files share; a type that cannot hold the same values is refused."""
        if column.type == field.type:
            return column
        try:
            cast = column.cast(field.type)
            if cast.cast(column.type).equals(column):
                return cast
        except pa.ArrowException:
            pass
        raise EpisodeError(
            episode,
            f"{shard.relative} stores {field.name} as {column.type}, but other files store it as {field.type}.",
        )


def convert_data(
    dataset: Dataset,
    wanted: Sequence[Part],
    form: TableForm,
    stats: StoredStats,
    kept: Kept,
    megabytes: float,
    on_part: Callable[[Part], None],
) -> list[str]:
    """Put the rows of the episodes into files of about ``megabytes`` at most, and name these in order.

    The facts kept of a file are its episodes, each with the statistics that had to be computed: of numbers that
    have none, or that are others than before.

    Raises:
        DatasetError: A data file cannot be read, or has another form than the first.
        OSError: The file system refuses.
    """
    files: list[str] = []
    options = _options(dataset.shard_of(wanted[0].source), form.schema)
    origins = [_origin(dataset, part) for part in wanted]
    start = 0
    while start < len(wanted):
        relative = path(DATA, len(files))
        count = kept.find(relative, origins[start:])
        if not count:
            group = _group(dataset, wanted[start:], megabytes * MEBIBYTE)
            count = len(group)
            made_of = origins[start : start + count]
            kept.make(relative, made_of, lambda part, group=group: _write(part, group, form, stats, options))
        for part in wanted[start : start + count]:
            on_part(part)
        files.append(relative)
        start += count
    return files


def _origin(dataset: Dataset, part: Part) -> Origin:
    return origin(dataset.root, dataset.shard_of(part.source).relative, part.source, part.first)


def _group(dataset: Dataset, wanted: Sequence[Part], limit: float) -> list[Part]:
    """The first episodes that go into one file together, by their bytes in the old files."""
    group: list[Part] = []
    size = 0.0
    for part in wanted:
        shard = dataset.shard_of(part.source)
        rows = sum(dataset.episode_length(index) for index in shard.episodes)
        size += shard.path.stat().st_size * part.length / rows
        if group and size > limit:
            break
        group.append(part)
    return group


def _options(shard: Shard, schema: pa.Schema) -> dict[str, Any]:
    file = ShardFile(shard.path, {})
    try:
        return file.options(schema)
    finally:
        file.close()


def _write(
    path: Path, group: Sequence[Part], form: TableForm, stats: StoredStats, options: Mapping[str, Any]
) -> Facts:
    episodes: list[dict[str, Any]] = []

    def tables() -> Iterator[pa.Table]:
        for part in group:
            table, changed = form.table(part)
            known = stats.of(part.source).keys() - changed
            wanted = [name for name in form.numeric() if name not in known]
            computed = {name: column_stats(table[name], form.features[name]["shape"]) for name in wanted}
            episodes.append(
                {"index": part.index, "stats": {name: new for name, new in computed.items() if new}}
            )
            yield table

    write_segments(path, form.schema, options, tables())
    return {"episodes": episodes}
