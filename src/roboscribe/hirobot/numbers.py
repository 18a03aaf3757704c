"""Numbers of index features: given once for a whole dataset they go in, and come out where its data files are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from roboscribe.dataset import Dataset, Shard
from roboscribe.dataset.index_features import Indices, Values, prepare_index_features, runs
from roboscribe.dataset.rewrite import WriteReport
from roboscribe.errors import DatasetError
from roboscribe.events import Listener, ShardWritten, WritingStarted
from roboscribe.hirobot.opened import Opened

_FEATURES = b"features"
_SCHEMA = pa.schema(
    [("feature", pa.string()), ("episode", pa.int64()), ("start", pa.int64()), ("number", pa.int64())]
)
_ROWS = 100_000
"""Rows of a row group, of which only those are read that hold what is looked for."""


@dataclass(frozen=True)
class Numbers:
    """The numbers of a dataset's frames, in a file.

    Attributes:
        path: The file: a row for each run of frames of an episode that have the same number.
    """

    path: Path

    def keep(
        self,
        source: Dataset,
        target: Path,
        features: Mapping[str, Values],
        *,
        meta_files: Mapping[str, bytes],
        total_tasks: int | None = None,
        on_shard: Callable[[Shard], None] | None = None,
    ) -> WriteReport:
        """Keep what ``write_index_features`` would write into data files, and write none of them."""
        rows = (
            (name, index, start, number)
            for name in features
            for index in source.episode_indices
            if (values := features[name](index)) is not None
            for start, number in runs(values)
        )
        schema = _SCHEMA.with_metadata({_FEATURES: ",".join(features).encode()})
        new = self.path.with_suffix(".new")
        with pq.ParquetWriter(new, schema) as file:
            while some := list(islice(rows, _ROWS)):
                columns = dict(zip(schema.names, zip(*some, strict=True), strict=True))
                file.write_table(pa.table(columns, schema=schema))
        os.replace(new, self.path)
        return WriteReport()

    def read(self, dataset: Dataset, first: int, last: int) -> dict[str, Values]:
        """The numbers of the frames of episodes ``first`` to ``last``, by the name of the feature.

        Raises:
            DatasetError: They are not there.
        """
        try:
            names = pq.read_schema(self.path).metadata[_FEATURES].decode().split(",")
            wanted = [("episode", ">=", first), ("episode", "<=", last)]
            table = pq.read_table(self.path, filters=wanted)
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(
                f"{self.path}, which was to have the numbers of all frames, cannot be read.",
                "The last job numbers them itself.",
            ) from error
        found: dict[str, dict[int, list[tuple[int, int]]]] = {name: {} for name in names}
        for row in table.to_pylist():
            found[row["feature"]].setdefault(row["episode"], []).append((row["start"], row["number"]))
        return {name: partial(_of_frames, dataset, by_episode) for name, by_episode in found.items()}


def prepare_numbered(opened: Opened, numbers: Numbers, files: range, listen: Listener) -> None:
    """Make some data files with numbers that are kept, for the run that writes the dataset to put in place.

    Raises:
        DatasetError: The numbers are not there, or a data file cannot be read or made.
    """
    shards = opened.source.shards()[files.start : files.stop]
    listen(WritingStarted(len(shards)))
    episodes = [index for shard in shards for index in shard.episodes]
    features = numbers.read(opened.source, min(episodes, default=0), max(episodes, default=0))
    prepare_index_features(
        opened.source,
        opened.target,
        features,
        files,
        lambda shard: listen(ShardWritten(shard.relative)),
    )


def _of_frames(
    dataset: Dataset, by_episode: Mapping[int, list[tuple[int, int]]], index: int
) -> Indices | None:
    """Number of each frame of an episode; None where it has none."""
    if index not in by_episode:
        return None
    starts, numbers = zip(*by_episode[index], strict=True)
    lengths = np.diff([*starts, dataset.episode_length(index)])
    return np.repeat(np.array(numbers, dtype=np.int64), lengths)
