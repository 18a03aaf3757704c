"""A dataset and a number for every frame go in; the dataset comes out with these as index features."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from roboscribe import __version__
from roboscribe.dataset.columns import indices
from roboscribe.dataset.declare import NewColumn, declare, extend_schema, with_total_tasks
from roboscribe.dataset.layout import Shard
from roboscribe.dataset.output import WRITTEN, check_target
from roboscribe.dataset.prepared import PreparedFiles, stamp, stamps_of_metadata
from roboscribe.dataset.reader import Dataset
from roboscribe.dataset.rewrite import Rewrite, WriteReport, episode_spans
from roboscribe.dataset.shards import ShardFile, write_segments
from roboscribe.dialogue import TASK_INDEX_HIGH_LEVEL
from roboscribe.errors import DatasetError, EpisodeError, cause
from roboscribe.language import canonical_json
from roboscribe.skills import SUBTASK_INDEX, UNLABELLED

Indices = NDArray[np.int64]

Values = Callable[[int], Indices | None]
"""Number of each frame of an episode, shape [frames], by its index; None leaves what is stored."""

INDEX: Mapping[str, Any] = MappingProxyType({"dtype": "int64", "shape": [1], "names": None})
"""How an index feature is declared in ``info.json``."""


def check_index_target(source: Dataset, target: Path) -> Dataset:
    """The dataset that a write of index features to ``target`` changes or copies.

    Returns:
        The dataset in ``target`` where an earlier write of the same source made one, else ``source``.

    Raises:
        DatasetError: ``target`` cannot be written to, holds something else, or one folder holds the other.
    """
    return check_target(source, target, {*WRITTEN, SUBTASK_INDEX, TASK_INDEX_HIGH_LEVEL})


class IndexWriter(Protocol):
    """Takes what ``write_index_features`` takes, to write it or to keep it for others."""

    def __call__(
        self,
        source: Dataset,
        target: Path,
        features: Mapping[str, Values],
        *,
        meta_files: Mapping[str, bytes],
        total_tasks: int | None = None,
        on_shard: Callable[[Shard], None] | None = None,
    ) -> WriteReport:
        """Write, or keep."""
        ...


def write_index_features(
    source: Dataset,
    target: Path,
    features: Mapping[str, Values],
    *,
    drop: Sequence[str] = (),
    meta_files: Mapping[str, bytes] = MappingProxyType({}),
    total_tasks: int | None = None,
    on_shard: Callable[[Shard], None] | None = None,
) -> WriteReport:
    """Write int64 columns of one number a frame into every data file, and declare them.

    The target is the old dataset or the new one at any instant, and loads. Frames that nobody numbers keep the
    number they have, or get -1. An output folder that holds a copy already is changed in place. Data files that
    would stay the same are not touched; those that ``prepare_index_features`` made for these numbers are taken.

    Args:
        source: The dataset.
        target: Its own root, to change it in place, or another folder (see ``check_index_target``).
        features: The numbers by the name of the feature.
        drop: Columns that are taken out.
        meta_files: Further files to write in the same step, by path relative to the target.
        total_tasks: How many tasks the dataset has then; as many as before when None.
        on_shard: Called when a data file is done.

    Raises:
        DatasetError: The target cannot be written, or a data file cannot be read; nothing was changed.
        ValueError: There are more or fewer numbers than frames.
    """
    rewrite = _rewrite(source, target, features, drop, total_tasks)
    prepared, made_from = PreparedFiles(target), _MadeFrom(rewrite.source, features, drop)
    found = (prepared.find(shard.relative, partial(made_from, shard)) for shard in rewrite.source.shards())
    report = rewrite.commit(meta_files, on_shard, {file.shard: file for file in found if file is not None})
    prepared.clear()
    return report


def prepare_index_features(
    source: Dataset,
    target: Path,
    features: Mapping[str, Values],
    files: range,
    on_shard: Callable[[Shard], None],
) -> None:
    """Make some data files with these numbers, for ``write_index_features`` to put in place.

    Those that are made already are left as they are.

    Args:
        source: The dataset.
        target: As for ``write_index_features``.
        features: The numbers by the name of the feature.
        files: Numbers of the data files.
        on_shard: Called when a data file is done.

    Raises:
        DatasetError: The target cannot be written, or a data file cannot be read; those that were made are kept.
        ValueError: There are more or fewer numbers than frames.
    """
    rewrite = _rewrite(source, target, features)
    prepared, made_from = PreparedFiles(target), _MadeFrom(rewrite.source, features)
    for shard in rewrite.source.shards()[files.start : files.stop]:
        if prepared.find(shard.relative, partial(made_from, shard)) is None:
            rewrite.prepare(shard, prepared, made_from(shard), {})
        on_shard(shard)


def _rewrite(
    source: Dataset,
    target: Path,
    features: Mapping[str, Values],
    drop: Sequence[str] = (),
    total_tasks: int | None = None,
) -> Rewrite:
    base = check_index_target(source, target)
    columns = tuple(NewColumn(name, pa.int64(), dict(INDEX)) for name in features)

    def info(old: bytes) -> bytes:
        new = declare(old, columns, drop)
        return new if total_tasks is None else with_total_tasks(new, total_tasks)

    return Rewrite(base, base, target, lambda shard: _ShardEdit(base, shard, features, columns, drop), info)


@dataclass(frozen=True)
class _MadeFrom:
    """Digest of all that a data file with index features is made from."""

    base: Dataset
    features: Mapping[str, Values]
    drop: Sequence[str] = ()

    def __call__(self, shard: Shard) -> str:
        digest = hashlib.sha256(canonical_json([self._common, shard.relative, stamp(shard.path)]).encode())
        for name, values in self.features.items():
            for index in shard.episodes:
                given = values(index)
                digest.update(f"{name} {index} {given is None} ".encode())
                digest.update(b"" if given is None else given.astype(np.int64).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _common(self) -> list[Any]:
        return [__version__, sorted(self.drop), stamps_of_metadata(self.base)]


def read_index(dataset: Dataset, episode: int, feature: str) -> Indices | None:
    """The stored number of each frame of an episode, shape [frames]; None where the dataset has no such feature.

    Raises:
        DatasetError: There is no such episode.
        EpisodeError: Its rows cannot be read, or the column holds no whole numbers.
    """
    if feature not in dataset.info.features:
        return None
    values = indices(dataset.table(episode, [feature])[feature])
    if values is None:
        raise EpisodeError(
            episode, f"{feature} of episode {episode} is not one whole number for every frame."
        )
    return values


def largest_index(dataset: Dataset, feature: str) -> int:
    """The largest number that any frame has; -1 where the dataset has no such feature, or none is in use.

    Raises:
        DatasetError: A data file cannot be read.
    """
    largest = UNLABELLED
    for shard in dataset.shards() if feature in dataset.info.features else ():
        try:
            values = indices(pq.read_table(shard.path, columns=[feature])[feature])
        except (pa.ArrowException, OSError, KeyError) as error:
            raise DatasetError(f"{shard.path} cannot be read: {cause(error)}.") from error
        if values is not None and len(values):
            largest = max(largest, int(values.max()))
    return largest


def nameless(root: Path, feature: str, file: str) -> DatasetError:
    """The error of a dataset whose ``feature`` has numbers, but not the ``file`` that names them."""
    return DatasetError(
        f"{root} has the feature {feature}, but {file}, which names its numbers, is missing.",
        "Restore it from the dataset's origin.",
    )


def runs(values: Indices) -> list[tuple[int, int]]:
    """First frame and number of each run of frames that have the same one."""
    starts: list[int] = np.flatnonzero(np.diff(values, prepend=values[:1] - 1)).tolist()
    return [(start, int(values[start])) for start in starts]


class _ShardEdit:
    """A data file, and the numbers that its frames shall have.

    Attributes:
        changed: Episodes whose numbers are to be others than they are.
    """

    def __init__(
        self,
        source: Dataset,
        shard: Shard,
        features: Mapping[str, Values],
        columns: Sequence[NewColumn],
        drop: Sequence[str],
    ) -> None:
        self._file = ShardFile(shard.path, episode_spans(source, shard))
        self._schema = extend_schema(self._file.schema, columns, drop)
        self._new: list[dict[str, Indices]] = []
        changed: set[int] = set()
        for segment, stored in zip(self._file.segments, self._stored(list(features)), strict=True):
            new: dict[str, Indices] = {}
            for name, values in features.items():
                given = None if segment.episode is None else values(segment.episode)
                new[name] = stored[name] if given is None else given.astype(np.int64)
                if len(new[name]) != segment.stop - segment.start:
                    raise ValueError(f"{name}: {len(new[name])} numbers for episode {segment.episode}")
                if segment.episode is not None and not np.array_equal(new[name], stored[name]):
                    changed.add(segment.episode)
            self._new.append(new)
        self.changed = sorted(changed)

    def close(self) -> None:
        """Close the file that is read."""
        self._file.close()

    @property
    def holds_already(self) -> bool:
        """Whether the stored file is what would be written."""
        return (
            not self.changed
            and self._file.grouped
            and self._file.schema.equals(self._schema)
            and self._file.schema.metadata == self._schema.metadata
        )

    def write(self, path: Path) -> None:
        """Write the file as it shall be to ``path``."""
        write_segments(path, self._schema, self._file.options(self._schema), self._tables())

    def _stored(self, names: Sequence[str]) -> Iterator[dict[str, Indices]]:
        """The numbers that the frames of each segment have; -1 where there are none."""
        present = [name for name in names if name in self._file.schema.names]
        tables: Iterator[pa.Table | None] = self._file.tables(present) if present else repeat(None)
        for segment, table in zip(self._file.segments, tables, strict=False):
            none = np.full(segment.stop - segment.start, UNLABELLED, dtype=np.int64)
            found: dict[str, Indices] = dict.fromkeys(names, none)
            if table is not None:
                found.update({name: _whole(table[name], none) for name in present})
            yield found

    def _tables(self) -> Iterator[pa.Table]:
        """One table for each segment."""
        added = {name for new in self._new for name in new}
        kept = [name for name in self._schema.names if name not in added]
        for table, new in zip(self._file.tables(kept), self._new, strict=True):
            columns = [pa.array(new[name]) if name in added else table[name] for name in self._schema.names]
            yield pa.table(columns, schema=self._schema)


def _whole(column: pa.ChunkedArray, default: Indices) -> Indices:
    """Whole numbers of a column; the default where it holds something else."""
    values = indices(column)
    return default if values is None or len(values) != len(default) else values
