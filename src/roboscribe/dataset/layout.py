"""Path templates and what lies on disk go in; which file holds which episode comes out.

Files are where the templates of ``info.json`` say. Where they are not, they are searched for, and accepted
when only one file can be meant; the notes say so.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from string import Formatter

import numpy as np
from numpy.typing import NDArray

from roboscribe.dataset.info import INFO, Info
from roboscribe.dataset.metadata import EpisodeTable, Ints
from roboscribe.dataset.remote import VIDEO_SUFFIXES, Remote, RemoteVideo
from roboscribe.episode import Camera, VideoClip
from roboscribe.errors import DatasetError

FIELDS = ("episode_chunk", "episode_index", "chunk_index", "file_index", "video_key")

NOWHERE = -1
"""Shard number of an episode whose data file is missing."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A data file.

    Attributes:
        root: The dataset's root.
        relative: Path relative to it, with forward slashes.
        episodes: Episodes it holds, in the order of the file.
    """

    root: Path
    relative: str
    episodes: tuple[int, ...]

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.root / self.relative


@dataclass(frozen=True, slots=True, eq=False)
class DataFiles:
    """The data files of a dataset.

    Attributes:
        shards: In the order of their first episodes.
        shard_of: Number of the shard of each row of the episode table, ``NOWHERE`` where it is missing.
        expected: Where the template puts the file of each row of the episode table.
        notes: What was found elsewhere than declared.
    """

    shards: tuple[Shard, ...]
    shard_of: Ints
    expected: Sequence[str]
    notes: tuple[str, ...]


def find_data(
    root: Path, info: Info, table: EpisodeTable, holdings: Callable[[str], Iterable[int]]
) -> DataFiles:
    """Which data file holds each episode.

    Args:
        root: The dataset's root.
        info: Declares the template.
        table: Says which file each episode is in.
        holdings: Episode indices a data file holds; asked only of files that are not where they should be.

    Raises:
        DatasetError: There are no data files, or several that could be meant.
    """
    template = Template(info.data_path, "data_path")
    expected = Places(info, table, "data", template).paths()
    present = set(list_files(root, template.folder, (".parquet",)))
    # Links to folders are not walked into, so a path that is not listed may be there all the same.
    actual = [path if path in present or (root / path).is_file() else None for path in expected]
    notes: list[str] = []
    if None in actual:
        everywhere = [path for path in list_files(root, "", (".parquet",)) if not path.startswith("meta/")]
        actual, notes = _search_data(table, template, expected, actual, everywhere, holdings)
    return _as_shards(root, table, expected, actual, notes)


class Places:
    """Where a template puts the file of each row of the episode table.

    v2.x tables have no file positions: there, the chunk follows from the episode and each has its own file.

    Args:
        info: Declares version and chunk size.
        table: Says which file each episode is in.
        group: Prefix of its columns, ``data`` or ``videos/<camera key>``.
        template: The template to fill.
        video_key: Camera key, "" for data files.

    Raises:
        DatasetError: The table lacks a column that the template needs.
    """

    def __init__(
        self, info: Info, table: EpisodeTable, group: str, template: Template, video_key: str = ""
    ) -> None:
        chunks = table.indices // info.chunks_size
        self._template = template
        self._fields = template.fields - {"video_key"}
        self._video_key = video_key
        self._columns = {
            "episode_chunk": chunks,
            "episode_index": table.indices,
            "chunk_index": chunks,
            "file_index": table.indices,
        }
        for name in ("chunk_index", "file_index"):
            values = table.places.get(f"{group}/{name}")
            if values is not None:
                self._columns[name] = np.nan_to_num(values).astype(np.int64)
            elif name in template.fields and info.version == "v3.0":
                raise DatasetError(
                    f"{table.source} lacks the column '{group}/{name}', which {template.key} needs."
                )

    def path(self, row: int) -> str:
        """Expected path of one row, relative to the root."""
        values = {name: int(self._columns[name][row]) for name in self._fields}
        return self._template.fill({**values, "video_key": self._video_key})

    def paths(self) -> list[str]:
        """Expected path of every row."""
        return [self.path(row) for row in range(len(self._columns["episode_index"]))]


def _search_data(
    table: EpisodeTable,
    template: Template,
    expected: Sequence[str],
    actual: Sequence[str | None],
    everywhere: Sequence[str],
    holdings: Callable[[str], Iterable[int]],
) -> tuple[list[str | None], list[str]]:
    """Files of the rows that have none: by file name where each episode has its own, else by content."""
    result = list(actual)
    missing = [row for row, path in enumerate(actual) if path is None]
    own_file = "episode_index" in template.fields
    if own_file:
        taken = {path for path in actual if path is not None}
        places = match([expected[row] for row in missing], [path for path in everywhere if path not in taken])
        for row in missing:
            result[row] = places.get(expected[row])
    if not own_file or all(path is None for path in result):
        holders = _holders(everywhere, holdings, {int(table.indices[row]) for row in missing})
        for row in missing:
            result[row] = holders.get(int(table.indices[row]))
    if all(path is None for path in result):
        raise DatasetError(
            f"{INFO}: data_path is {template.text!r}, but there is no such file as {expected[0]},"
            f" and no other data file holds the episodes of {table.source}.",
            "Download the data folder, or correct data_path.",
        )
    notes: list[str] = []
    moved = [row for row in missing if result[row] is not None]
    if moved:
        row = moved[0]
        notes.append(
            f"{_files(len({result[row] for row in moved}))} not where data_path says:"
            f" {expected[row]} was found as {result[row]}."
        )
    lost = [row for row in missing if result[row] is None]
    if lost:
        notes.append(
            f"{_files(len({expected[row] for row in lost}))} missing, for example {expected[lost[0]]};"
            f" {_episodes(len(lost))} cannot be read."
        )
    return result, notes


def _files(count: int) -> str:
    return "1 data file is" if count == 1 else f"{count} data files are"


def _episodes(count: int) -> str:
    return "1 episode" if count == 1 else f"{count} episodes"


def _holders(
    files: Iterable[str], holdings: Callable[[str], Iterable[int]], wanted: set[int]
) -> dict[int, str]:
    holders: dict[int, str] = {}
    for path in files:
        for episode in holdings(path):
            if episode not in wanted:
                continue
            if episode in holders:
                raise DatasetError(
                    f"Both {holders[episode]} and {path} hold episode {episode},"
                    " and neither is where data_path of info.json says.",
                    "Move one of them out of the dataset.",
                )
            holders[episode] = path
    return holders


def _as_shards(
    root: Path,
    table: EpisodeTable,
    expected: Sequence[str],
    actual: Sequence[str | None],
    notes: Sequence[str],
) -> DataFiles:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(actual):
        if path is not None:
            rows_of[path].append(row)
    shard_of = np.full(len(actual), NOWHERE, dtype=np.int64)
    shards: list[Shard] = []
    starts = table.places.get("dataset_from_index")
    for number, (path, rows) in enumerate(rows_of.items()):
        if starts is not None:
            rows.sort(key=lambda row: float(starts[row]))
        shard_of[rows] = number
        shards.append(Shard(root, path, tuple(table.indices[rows].tolist())))
    return DataFiles(tuple(shards), shard_of, expected, tuple(notes))


class VideoFiles:
    """Where the video of each episode and camera is.

    Args:
        root: The dataset's root.
        info: Declares the template.
        table: Says which file each episode is in, and from which second on.
        cameras: Cameras whose frames are in videos.
        remote: Where videos that are not in the folder may be; they count as being there.

    Attributes:
        notes: What was found elsewhere than declared.

    Raises:
        DatasetError: Several files could be meant.
    """

    def __init__(
        self,
        root: Path,
        info: Info,
        table: EpisodeTable,
        cameras: Sequence[Camera],
        remote: Remote | None = None,
    ) -> None:
        self._root = root
        self._remote = remote
        self._table = table
        self._places: dict[str, Places] = {}
        self._moved: dict[str, Mapping[str, str]] = {}
        notes: list[str] = []
        keys = [camera.key for camera in cameras]
        for key in keys:
            notes += self._find(info, key, keys)
        self.notes = tuple(notes)

    def clip(self, key: str, row: int) -> VideoClip | None:
        """Handle on the video of an episode; None where the camera has no files.

        A file that is missing while the camera has others is named all the same, so that whoever needs its
        frames can say which one it is.
        """
        start = float(self._starts(key)[row])
        if key not in self._places or np.isnan(start):
            return None
        expected = self._places[key].path(row)
        path = self._moved.get(key, {}).get(expected, expected)
        return VideoClip(self._root / path, start, self._remotely(path))

    def _remotely(self, path: str) -> RemoteVideo | None:
        if self._remote is None or path not in self._remote.videos:
            return None
        return RemoteVideo(self._remote, self._root, path)

    def _starts(self, key: str) -> NDArray[np.float64]:
        """Second of the file at which each episode starts; NaN where it has no video."""
        starts = self._table.places.get(f"videos/{key}/from_timestamp")
        return np.zeros(len(self._table.indices)) if starts is None else starts

    @cached_property
    def _present(self) -> list[str]:
        here = list_files(self._root, "", VIDEO_SUFFIXES)
        return here if self._remote is None else sorted({*here, *self._remote.videos})

    def _find(self, info: Info, key: str, keys: Sequence[str]) -> list[str]:
        template = Template(info.video_path or "", "video_path")
        group = f"videos/{key}"
        rows = np.flatnonzero(~np.isnan(self._starts(key))).tolist()
        packed = info.version == "v3.0" and "episode_index" not in template.fields
        if not rows or (packed and f"{group}/from_timestamp" not in self._table.places):
            return [f"Camera {key} is declared, but {self._table.source} knows no videos of it."]
        places = Places(info, self._table, group, template, key)
        first = places.path(rows[0])
        if self._remotely(first) or (self._root / first).is_file():
            self._places[key] = places
            return []
        present = set(self._present)
        # Where there is no video at all, the paths of 40,000 episodes need not be made to find none of them.
        expected = list(dict.fromkeys(places.path(row) for row in (rows if present else rows[:1])))
        lost = [path for path in expected if path not in present]
        if len(lost) < len(expected):
            self._places[key] = places
            return [
                f"Camera {key}: {len(lost)} of {len(expected)} videos are missing, for example {lost[0]}."
            ]
        moved = match(expected, [path for path in self._present if is_of_camera(path, key, keys)])
        if not moved:
            return [f"Camera {key} is declared, but has no video files: there is no {expected[0]}."]
        self._places[key] = places
        self._moved[key] = moved
        path, place = next(iter(moved.items()))
        return [f"Camera {key}: videos are not where video_path says: {path} was found as {place}."]


def is_of_camera(path: str, key: str, keys: Sequence[str]) -> bool:
    """Whether a video lies in a folder named like the camera, or like the last part of its key."""
    parts = PurePosixPath(path).parts
    short = key.rpartition(".")[2]
    if key in parts:
        return True
    own_short = sum(other.rpartition(".")[2] == short for other in keys) == 1
    return own_short and short in parts and not any(other in parts for other in keys)


@dataclass(frozen=True)
class Template:
    """A path template of ``info.json``.

    Attributes:
        text: For example ``data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet``.
        key: The key of ``info.json`` it stands under.
    """

    text: str
    key: str

    def __post_init__(self) -> None:
        path = PurePosixPath(self.text)
        if path.is_absolute() or ".." in path.parts or "\\" in self.text:
            raise DatasetError(f"{INFO}: {self.key} {self.text!r} leads out of the dataset.")
        try:
            unknown = [field for field in self.fields if field not in FIELDS]
            if not unknown:
                self.fill(dict.fromkeys(FIELDS[:4], 0) | {"video_key": ""})
        except (ValueError, IndexError, KeyError, AttributeError) as error:
            raise DatasetError(
                f"{INFO}: {self.key} {self.text!r} is not a path template: {error}."
            ) from error
        if unknown:
            raise DatasetError(
                f"{INFO}: {self.key} {self.text!r} has the unknown field {{{unknown[0]}}}.",
                f"Fields are {', '.join(FIELDS)}.",
            )

    @cached_property
    def fields(self) -> frozenset[str]:
        """Names of the fields it has."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.text) if name is not None)

    @property
    def folder(self) -> str:
        """The folder that all of its paths lie in, "" for the root."""
        fixed = self.text.partition("{")[0]
        return fixed.rpartition("/")[0]

    def fill(self, values: Mapping[str, int | str]) -> str:
        """The path for the given fields; others may be among them."""
        return self.text.format_map(values)


def list_files(root: Path, folder: str, suffixes: tuple[str, ...]) -> list[str]:
    """Files under ``folder`` with one of the suffixes, relative to the root, sorted; hidden ones left out."""
    found: list[str] = []
    for path, folders, names in os.walk(root / folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(path).relative_to(root).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        found += [prefix + name for name in names if name.endswith(suffixes) and not name.startswith(".")]
    return sorted(found)


def match(expected: Iterable[str], present: Iterable[str]) -> dict[str, str]:
    """Expected paths and the present ones that can be meant: the same file name, in whatever folder.

    Numbers in names are compared by value. Of several files with the name, those count that are in the
    same chunk.

    Raises:
        DatasetError: Several files are left for one expected path.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in present:
        by_name[_plain(PurePosixPath(path).name)].append(path)
    found: dict[str, str] = {}
    for path in expected:
        candidates = by_name.get(_plain(PurePosixPath(path).name), [])
        if len(candidates) > 1:
            candidates = [other for other in candidates if _chunks(other) == _chunks(path)]
        if len(candidates) > 1:
            raise DatasetError(
                f"{path} is not there, and could be either of {candidates[0]} and {candidates[1]}.",
                "Correct the path templates in meta/info.json, or move the wrong one out of the dataset.",
            )
        if candidates:
            found[path] = candidates[0]
    return found


def _plain(name: str) -> str:
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), name)


def _chunks(path: str) -> list[str]:
    return re.findall(r"chunk\D*0*(\d+)", path)
