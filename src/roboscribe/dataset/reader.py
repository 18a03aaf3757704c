"""The folder of a LeRobot dataset goes in; its episodes come out, whatever the layout."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from roboscribe.dataset.columns import LEFT_OUT, channels, language_rows, timestamps
from roboscribe.dataset.features import Kind, cameras, joined_names, misnamed, signal_keys
from roboscribe.dataset.info import INFO, Info, load_info
from roboscribe.dataset.journal import recover
from roboscribe.dataset.layout import NOWHERE, DataFiles, Shard, VideoFiles, find_data
from roboscribe.dataset.metadata import EpisodeTable, read_episodes, read_tasks
from roboscribe.dataset.remote import read_remote
from roboscribe.dataset.rows import RowReader
from roboscribe.episode import Camera, Episode, FrameHandle, StoredImages, VideoClip
from roboscribe.errors import DatasetError, EpisodeError, cause
from roboscribe.language import COLUMNS, Row

TIMESTAMP = "timestamp"
BOOKKEEPING = ("frame_index", "episode_index", "index", "task_index")
"""Columns that LeRobot adds to every dataset; what they say can be had elsewhere."""


def open_dataset(root: str | os.PathLike[str], *, sparse: bool = False) -> Dataset:
    """Open the LeRobot dataset (v2.0, v2.1 or v3.0) in the folder ``root``.

    Reads the metadata and the footers of packed data files, or that of the first where each episode has its
    own; episodes are read when they are asked for.

    Args:
        root: The folder.
        sparse: Whether few of its episodes will be read, so that nothing beside them is worth keeping.

    Raises:
        DatasetError: The folder holds no dataset, or one that contradicts itself.
    """
    folder = Path(root).expanduser()
    if not folder.exists():
        raise DatasetError(
            f"There is no folder {folder}.",
            "Check the path given with --root; --repo-id names a dataset of the Hub instead.",
        )
    if not folder.is_dir():
        raise DatasetError(f"{folder} is a file, not the folder of a dataset.")
    recover(folder)
    return Dataset(folder, sparse=sparse)


def check_episodes(
    dataset: Dataset, selection: Iterable[int] | None, flag: str = "--episodes"
) -> tuple[int, ...]:
    """The selected episode indices, ascending and each once; all of them when ``selection`` is None.

    Args:
        dataset: The dataset they should be in.
        selection: Requested indices.
        flag: The flag they came from, for the message.

    Raises:
        DatasetError: The dataset has no such episode.
    """
    if selection is None:
        return dataset.episode_indices
    wanted = sorted(set(selection))
    unknown = [index for index in wanted if index not in dataset]
    if unknown:
        raise DatasetError(
            f"{flag} {unknown[0]}: the dataset has no such episode; {dataset.range_text}.",
        )
    return tuple(wanted)


class Dataset:
    """A LeRobot dataset on disk; use ``open_dataset``. Safe to read from several threads.

    Attributes:
        root: Its folder.
        info: What ``meta/info.json`` says.
        cameras: Colour cameras in the order declared, also those without files.
        remote: Where it was downloaded from; None where it is not known to be from the Hub.
        notes: Sentences about what was found otherwise than declared.
        episode_indices: Indices of all episodes, ascending.
    """

    def __init__(self, root: Path, *, sparse: bool = False) -> None:
        self.root = root
        self.info: Info = load_info(root)
        self.cameras: tuple[Camera, ...] = cameras(self.info.features)
        self._table: EpisodeTable = read_episodes(root, self.info.version)
        self._task_texts = read_tasks(root, self.info.version)
        self.episode_indices: tuple[int, ...] = tuple(self._table.indices.tolist())
        self._row_by_index = {index: row for row, index in enumerate(self.episode_indices)}
        self._reader = RowReader(sparse=sparse)
        self._files: DataFiles = find_data(root, self.info, self._table, self._holdings)
        self.remote = read_remote(root)
        filmed = [camera for camera in self.cameras if camera.kind == "video"]
        self._videos = VideoFiles(root, self.info, self._table, filmed, self.remote)
        kinds: tuple[Kind, ...] = ("state", "action")
        self._signals = {
            kind: (signal_keys(self.info.features, kind), joined_names(self.info.features, kind))
            for kind in kinds
        }
        self._spans: dict[str, Mapping[int, tuple[int, int]]] = {}
        self.notes: tuple[str, ...] = (
            *self._remote_notes(),
            *self._files.notes,
            *self._videos.notes,
            *self._count_notes(),
            *self._check_shards(),
            *misnamed(self.info.features, (key for keys, _ in self._signals.values() for key in keys)),
        )

    def __contains__(self, index: object) -> bool:
        return index in self._row_by_index

    @property
    def range_text(self) -> str:
        """Which episodes there are, for messages."""
        first, last, count = self.episode_indices[0], self.episode_indices[-1], len(self.episode_indices)
        gaps = "" if last - first + 1 == count else f", {count} in all"
        return f"it has episode {first}" if count == 1 else f"it has episodes {first} to {last}{gaps}"

    def camera(self, key: str) -> Camera:
        """The camera of this key.

        Raises:
            DatasetError: There is none.
        """
        for camera in self.cameras:
            if camera.key == key:
                return camera
        known = ", ".join(camera.key for camera in self.cameras) or "none"
        raise DatasetError(f"The dataset has no colour camera {key!r}; its cameras: {known}.")

    def let_go(self) -> None:
        """Give back the memory of what was read last, which is read anew if it is needed again."""
        self._reader.let_go()

    def shards(self) -> Sequence[Shard]:
        """The data files that are there, in the order of their first episodes."""
        return self._files.shards

    def shard_of(self, index: int) -> Shard:
        """The data file that holds an episode.

        Raises:
            DatasetError: There is no such episode.
            EpisodeError: Its file is missing.
        """
        row = self._row(index)
        number = int(self._files.shard_of[row])
        if number == NOWHERE:
            raise EpisodeError(
                index, f"The data file {self._files.expected[row]} of episode {index} is missing.", LEFT_OUT
            )
        return self._files.shards[number]

    def rows_of(self, index: int) -> tuple[int, int]:
        """Rows ``(start, stop)`` of an episode in its data file, ``stop`` exclusive.

        Raises:
            DatasetError: There is no such episode.
            EpisodeError: The file is missing, cannot be read, or holds another number of its rows than the
                metadata says.
        """
        shard = self.shard_of(index)
        try:
            spans = self._shard_spans(shard)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(index, shard, error) from error
        length = self.episode_length(index)
        start, stop = spans.get(index, (0, 0))
        if stop - start != length:
            raise EpisodeError(
                index,
                f"{shard.relative} holds {stop - start} rows of episode {index},"
                f" but {self._table.source} says {length}.",
                "Download the file again, or correct the metadata.",
            )
        return start, stop

    def episode_length(self, index: int) -> int:
        """Frames of an episode, as the metadata says.

        Raises:
            DatasetError: There is no such episode.
        """
        return int(self._table.lengths[self._row(index)])

    def episode_tasks(self, index: int) -> tuple[str, ...]:
        """Task texts of an episode in the order they occur; empty when the dataset has none.

        They come from the episode table, else from the ``task_index`` column, which also has the last word
        on their order: LeRobot lists several tasks in no order.

        Raises:
            DatasetError: There is no such episode.
            EpisodeError: The column is needed and cannot be read.
        """
        row = self._row(index)
        listed = self._texts(self._table.tasks[row] if self._table.tasks is not None else ())
        if len(listed) == 1 or not self._task_texts or "task_index" not in self._columns_of(index):
            return listed
        stored = self._texts(self.table(index, ["task_index"])["task_index"].to_pylist())
        if not listed:
            return stored
        return tuple(sorted(listed, key=lambda text: stored.index(text) if text in stored else len(stored)))

    def episode(self, index: int) -> Episode:
        """One episode with its signals; frames stay on disk.

        Raises:
            DatasetError: There is no such episode.
            EpisodeError: Its rows are missing, cannot be read or contradict the declaration.
        """
        shard = self.shard_of(index)
        start, _ = self.rows_of(index)
        present = self._columns_of(index)
        signals = [key for keys, _ in self._signals.values() for key in keys]
        for key in (TIMESTAMP, *signals):
            if key not in present:
                raise EpisodeError(
                    index, f"Feature {key!r} is declared in {INFO}, but {shard.relative} has no such column."
                )
        table = self.table(index, [TIMESTAMP, *signals])
        return Episode(
            index=index,
            tasks=self.episode_tasks(index),
            fps=self.info.fps,
            timestamps=timestamps(table[TIMESTAMP], self.info.fps, index, shard.relative),
            state=channels(table, *self._signals["state"], index, shard.relative),
            action=channels(table, *self._signals["action"], index, shard.relative),
            cameras=self.cameras,
            handles=self._handles(index, shard, start, present),
            robot_type=self.info.robot_type,
        )

    def video_sizes(self, index: int) -> list[int]:
        """Bytes of the video that each camera has of an episode; -1 where the file is missing.

        Raises:
            DatasetError: There is no such episode.
        """
        row = self._row(index)
        clips = (self._videos.clip(camera.key, row) for camera in self.cameras if camera.kind == "video")
        return [clip.size for clip in clips if clip is not None]

    def clips(self, indices: Iterable[int]) -> dict[str, list[VideoClip]]:
        """The videos that episodes lie in, by camera key, depth included; none where a camera has no files.

        Raises:
            DatasetError: There is no such episode.
        """
        features = self.info.features.items()
        filmed = [Camera(key, 0, 0, "video") for key, feature in features if feature["dtype"] == "video"]
        files = VideoFiles(self.root, self.info, self._table, filmed, self.remote)
        rows = [self._row(index) for index in indices]
        found = {camera.key: [files.clip(camera.key, row) for row in rows] for camera in filmed}
        return {key: [clip for clip in clips if clip is not None] for key, clips in found.items()}

    def table(self, index: int, columns: Sequence[str]) -> pa.Table:
        """Columns of an episode as they are stored, one row a frame.

        Raises:
            DatasetError: There is no such episode.
            EpisodeError: Its rows are missing or cannot be read.
            KeyError: Its file has no such column.
        """
        shard = self.shard_of(index)
        start, stop = self.rows_of(index)
        for column in columns:
            if column not in self._columns_of(index):
                raise KeyError(column)
        try:
            return self._reader.read(shard.path, columns, start, stop)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(index, shard, error) from error

    def verify(self, indices: Iterable[int]) -> None:
        """Check columns, rows and timestamps of episodes before anything is spent on them; no signal is read.

        Raises:
            DatasetError: There is no such episode, or its file lacks a column that is declared.
            EpisodeError: The first episode whose rows are missing or whose timestamps cannot be.
        """
        for index in indices:
            shard = self.shard_of(index)
            self.rows_of(index)
            self._check_columns(shard, sorted(self._columns_of(index)))
            timestamps(self.table(index, [TIMESTAMP])[TIMESTAMP], self.info.fps, index, shard.relative)

    def language_rows(self, index: int) -> list[Row]:
        """Rows already in the episode's language columns; empty when there are none.

        Raises:
            DatasetError: There is no such episode.
            EpisodeError: Its rows cannot be read.
        """
        start, stop = self.rows_of(index)
        shard = self.shard_of(index)
        present = self._columns_of(index)
        columns = [column for column in COLUMNS if column in present]
        if not columns:
            return []
        try:
            return language_rows(self._reader.read(shard.path, [TIMESTAMP, *columns], start, stop))
        except (pa.ArrowException, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise EpisodeError(
                index, f"The language columns of {shard.relative} cannot be read: {error!r}."
            ) from error

    def _texts(self, tasks: Iterable[str | int]) -> tuple[str, ...]:
        """Texts of tasks that are given by text or index, each once; empty and unknown ones left out."""
        texts = (self._task_texts.get(task, "") if isinstance(task, int) else task for task in tasks)
        return tuple(dict.fromkeys(text for text in texts if text))

    def _row(self, index: int) -> int:
        row = self._row_by_index.get(index)
        if row is None:
            raise DatasetError(f"The dataset has no episode {index}; {self.range_text}.")
        return row

    def _columns_of(self, index: int) -> frozenset[str]:
        shard = self.shard_of(index)
        try:
            return frozenset(self._reader.footer(shard.path).columns)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(index, shard, error) from error

    def _holdings(self, relative: str) -> tuple[int, ...]:
        """Episodes in a data file, by its ``episode_index`` column."""
        path = self.root / relative
        try:
            if "episode_index" not in self._reader.footer(path).columns:
                return ()
            return tuple(np.unique(self._reader.column(path, "episode_index")).tolist())
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(
                f"{relative} cannot be read: {cause(error)}.", "Download the file again."
            ) from error

    def _shard_spans(self, shard: Shard) -> Mapping[int, tuple[int, int]]:
        """Rows of each episode in a data file: what its ``episode_index`` column says, else the metadata."""
        known = self._spans.get(shard.relative)
        if known is not None:
            return known
        footer = self._reader.footer(shard.path)
        alone = shard.episodes[0] if len(shard.episodes) == 1 else None
        if alone is not None and footer.rows == self.episode_length(alone):
            return {alone: (0, footer.rows)}
        if "episode_index" in footer.columns:
            spans = _runs(self._reader.column(shard.path, "episode_index"))
        else:
            ends = np.cumsum([self.episode_length(index) for index in shard.episodes])
            stops = np.minimum(ends, footer.rows).tolist()
            spans = dict(zip(shard.episodes, zip([0, *stops], stops, strict=False), strict=True))
        if alone is not None:
            return {alone: spans.get(alone, (0, footer.rows))}
        self._spans[shard.relative] = spans
        return spans

    def _check_shards(self) -> list[str]:
        """Notes on the columns of the data files and their number of rows.

        Raises:
            DatasetError: A declared feature has no column, or rows are missing.
        """
        shards = self._files.shards
        packed = any(len(shard.episodes) > 1 for shard in shards)
        notes: dict[str, None] = {}
        for shard in shards if packed else shards[:1]:
            try:
                footer = self._reader.footer(shard.path)
            except (pa.ArrowException, OSError) as error:
                raise DatasetError(
                    f"{shard.relative} cannot be read: {cause(error)}.", "Download the file again."
                ) from error
            lengths = sum(self.episode_length(index) for index in shard.episodes)
            if footer.rows < lengths:
                raise DatasetError(
                    f"{shard.relative} has {footer.rows} rows, fewer than the {lengths} that"
                    f" {self._table.source} says.",
                    "Download the file again, or correct the metadata.",
                )
            if footer.rows > lengths:
                notes[
                    f"{shard.relative} has {footer.rows - lengths} rows more than {self._table.source} says;"
                    " they are left alone."
                ] = None
            notes.update(dict.fromkeys(self._check_columns(shard, footer.columns)))
        return list(notes)

    def _check_columns(self, shard: Shard, names: Sequence[str]) -> list[str]:
        if TIMESTAMP not in names:
            raise DatasetError(f"{shard.relative} has no column {TIMESTAMP!r}, which every dataset needs.")
        stored = {
            key
            for key, feature in self.info.features.items()
            if feature["dtype"] not in ("video", "language")
        }
        absent = [key for key in self.info.features if key in stored and key not in names]
        for key in absent:
            if key not in BOOKKEEPING:
                raise DatasetError(
                    f"Feature {key!r} is declared in {INFO}, but {shard.relative} has no such column.",
                    f"Remove the feature from {INFO}, or restore the column.",
                )
        notes = [f"Feature {key!r} is declared, but the data files have no such column." for key in absent]
        undeclared = [name for name in names if name not in self.info.features]
        if undeclared:
            notes.append(
                f"The data files have columns that {INFO} does not declare: {', '.join(undeclared)}."
            )
        return notes

    def _remote_notes(self) -> list[str]:
        missing = self.remote.missing(self.root) if self.remote is not None else []
        if self.remote is None or not missing:
            return []
        return [
            f"{len(missing)} of {len(self.remote.videos)} videos are still on the Hub ({self.remote.repo_id}); those"
            f" that are looked at will be fetched. `roboscribe download --root {self.root}` fetches all."
        ]

    def _count_notes(self) -> list[str]:
        totals = {
            "total_episodes": len(self.episode_indices),
            "total_frames": int(self._table.lengths.sum()),
        }
        return [
            f"{INFO} says {key} {said}, but {self._table.source} makes it {counted}."
            for key, counted in totals.items()
            if (said := self.info.raw.get(key)) is not None and said != counted
        ]

    def _handles(
        self, index: int, shard: Shard, start: int, present: frozenset[str]
    ) -> dict[str, FrameHandle]:
        handles: dict[str, FrameHandle] = {}
        for camera in self.cameras:
            if camera.kind == "image":
                if camera.key in present:
                    handles[camera.key] = StoredImages(shard.path, camera.key, start)
            elif clip := self._videos.clip(camera.key, self._row(index)):
                handles[camera.key] = clip
        return handles


def _runs(column: Any) -> dict[int, tuple[int, int]]:
    """First run of each value: where it starts and ends, exclusive."""
    edges: list[int] = (np.flatnonzero(np.diff(column)) + 1).tolist()
    runs: dict[int, tuple[int, int]] = {}
    for start, stop in pairwise([0, *edges, len(column)] if len(column) else []):
        runs.setdefault(int(column[start]), (start, stop))
    return runs


def _unreadable(index: int, shard: Shard, error: Exception) -> EpisodeError:
    return EpisodeError(
        index, f"{shard.relative} cannot be read: {cause(error)}.", "Download the file again."
    )
