"""An annotated dataset goes in; its episodes, with what is said of each of their moments, come out.

It needs neither torch nor LeRobot, and reads language columns and index features alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from roboscribe.dataset import Dataset, check_episodes
from roboscribe.dataset import open_dataset as open_stored
from roboscribe.dataset.index_features import read_index
from roboscribe.dataset.shards import as_float32
from roboscribe.episode import Episode, Floats
from roboscribe.errors import DatasetError, RoboscribeError
from roboscribe.language import Row
from roboscribe.reading.texts import INDEX_FEATURES, TEXTS, Span, Stored, Texts


@dataclass(frozen=True, eq=False)
class AnnotatedEpisode:
    """What is said of one episode.

    Attributes:
        index: The dataset's episode index.
        task: Its task; several are joined with "; ".
        timestamps: Seconds of its frames, float32, shape [frames].
        rows: Its language rows; empty where the dataset has index features.
        spans: The spans of each of ``TEXTS`` that the dataset can say, in order of time.
    """

    index: int
    task: str
    timestamps: Floats
    rows: tuple[Row, ...]
    spans: Mapping[str, tuple[Span, ...]]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.timestamps)

    @property
    def subtasks(self) -> tuple[Span, ...]:
        """Its subtasks."""
        return self.spans.get("subtask", ())

    def texts(self, name: str) -> list[str | None]:
        """The text in force at each frame, None where there is none.

        Args:
            name: One of ``TEXTS``.
        """
        told: list[str | None] = [None] * self.frames
        for span in self.spans.get(name, ()):
            told[span.first : span.stop] = [span.text] * (span.stop - span.first)
        return told


class AnnotatedDataset:
    """A dataset with its annotations; use ``open_dataset``. Safe to read from several threads.

    Attributes:
        root: Its folder.
        source: The dataset as it is stored: features, tasks, data files.
        texts: Those of ``TEXTS`` that it can say, by the columns it has.
    """

    def __init__(self, source: Dataset) -> None:
        self.root = source.root
        self.source = source
        self._texts = Texts.of(source.root, source.info.features, source.info.fps)
        self.texts = self._texts.names

    @property
    def episode_indices(self) -> tuple[int, ...]:
        """Indices of all episodes, ascending."""
        return self.source.episode_indices

    def __len__(self) -> int:
        return len(self.episode_indices)

    def __iter__(self) -> Iterator[AnnotatedEpisode]:
        """The episodes, one after the other; none is kept."""
        return map(self.episode, self.episode_indices)

    def __getitem__(self, index: int) -> AnnotatedEpisode:
        """The episode of this index; see ``episode``."""
        return self.episode(index)

    def episode(self, index: int) -> AnnotatedEpisode:
        """What is said of an episode.

        Raises:
            DatasetError: There is no such episode.
            EpisodeError: Its rows cannot be read.
        """
        times = as_float32(self.source.table(index, ["timestamp"])["timestamp"])
        task = "; ".join(self.source.episode_tasks(index))
        rows = tuple(self.source.language_rows(index))
        stored = {name: read_index(self.source, index, name) for name in INDEX_FEATURES}
        numbers = {name: values for name, values in stored.items() if values is not None}
        spans = self._texts.spans(Stored(task, times, rows, numbers))
        return AnnotatedEpisode(index, task, times, rows, spans)

    def recording(self, index: int) -> Episode:
        """The recorded side of an episode: state, action, cameras; frames stay on disk.

        Raises:
            DatasetError: There is no such episode.
            EpisodeError: Its rows are missing, cannot be read or contradict the declaration.
        """
        return self.source.episode(index)

    def to_table(
        self, columns: Sequence[str] | None = None, episodes: Iterable[int] | None = None
    ) -> pa.Table:
        """One row for each frame: stored columns, the task, and the texts in force as strings, null where none.

        Args:
            columns: Names of stored columns, ``task`` and ``TEXTS``; all but pictures and language rows when None.
            episodes: Indices; all when None.

        Raises:
            DatasetError: There is no such episode or column.
            EpisodeError: The rows of an episode cannot be read.
        """
        wanted = self._columns() if columns is None else list(columns)
        chosen = check_episodes(self.source, episodes, "to_table(episodes=…):")
        parts = [self._table(index, wanted) for index in chosen]
        return pa.concat_tables(parts, promote_options="permissive")

    def to_pandas(self, columns: Sequence[str] | None = None, episodes: Iterable[int] | None = None) -> Any:
        """``to_table`` as a ``pandas.DataFrame``.

        Raises:
            RoboscribeError: pandas is not installed.
        """
        if find_spec("pandas") is None:
            raise RoboscribeError(
                "to_pandas needs pandas, which is not installed.",
                "Install it: pip install pandas. to_table() needs nothing more and gives an Arrow table.",
            )
        return self.to_table(columns, episodes).to_pandas()

    def _columns(self) -> list[str]:
        stored = [
            name
            for name, feature in self.source.info.features.items()
            if feature["dtype"] not in ("video", "image", "language")
        ]
        return [*stored, "task", *self.texts]

    def _table(self, index: int, columns: Sequence[str]) -> pa.Table:
        made = ("task", *TEXTS)
        stored = [name for name in columns if name not in made]
        try:
            table = self.source.table(index, stored or ["timestamp"])
        except KeyError as error:
            raise DatasetError(
                f"The dataset has no column {error.args[0]!r}; it has: {', '.join(self._columns())}."
            ) from error
        new: dict[str, pa.Array] = {}
        if len(stored) < len(columns):
            episode = self.episode(index)
            told: dict[str, list[str | None]] = {
                name: episode.texts(name) for name in TEXTS if name in columns
            }
            told["task"] = [episode.task] * episode.frames
            new = {name: pa.array(texts, type=pa.string()) for name, texts in told.items()}
        return pa.table({name: new[name] if name in made else table[name] for name in columns})


def open_dataset(root: str | os.PathLike[str]) -> AnnotatedDataset:
    """Open the annotated LeRobot dataset (v2.0, v2.1 or v3.0) in the folder ``root``.

    Raises:
        DatasetError: The folder holds no dataset, or one that contradicts itself.
    """
    return AnnotatedDataset(open_stored(Path(root)))
