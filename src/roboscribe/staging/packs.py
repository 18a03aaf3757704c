"""Packs: the staged results of many finished episodes go into one file, and come out by episode and name.

A dataset of 40,000 episodes would leave 650,000 small files, more than many clusters allow, and ``status`` would read
half of them. A pack is an SQLite file that is written once, under a temporary name, and never changed: it needs no
locks, which cluster file systems lack. Of several packs with a result, the one with the highest number has the newest.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

FOLDER = "packs"
_NAME = re.compile(r"(\d+)\.episodes-(\d+)-(\d+)\..*\.sqlite")
_OPEN = 8
"""Packs kept open; episodes are looked up nearly in their order."""
_TABLE = """
create table results (
    episode integer not null, name text not null, count integer not null, record text not null, rows blob not null
)
"""
# Holds all that an overview needs, so that none of the rows are read for it.
_INDEX = "create unique index overview on results (episode, name, count)"
_HAS_GAPS = "json_array_length(record, '$.left_out') > 0"


@dataclass(frozen=True, slots=True)
class Packed:
    """A result as its two files held it.

    Attributes:
        episode: Index of the episode.
        name: Name of the annotator.
        count: Number of rows.
        record: The record, as JSON text.
        rows: The rows, as JSON lines.
    """

    episode: int
    name: str
    count: int
    record: str
    rows: bytes


@dataclass(frozen=True, slots=True)
class _Pack:
    number: int
    first: int
    last: int
    path: Path


class Packs:
    """The packs in a folder; safe to read from several threads.

    A pack that cannot be read holds nothing: what it held is made again.

    Args:
        folder: Where they lie; made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._listed: list[_Pack] | None = None
        self._open: OrderedDict[Path, sqlite3.Connection] = OrderedDict()

    def __del__(self) -> None:
        for file in self._open.values():
            file.close()

    def find(self, episode: int, name: str) -> Packed | None:
        """The newest result of an annotator for an episode."""
        query = "select count, record, rows from results where episode = ? and name = ?"
        with suppress(zlib.error):
            for count, record, rows in self._newest(episode, query, (episode, name)):
                return Packed(episode, name, count, record, zlib.decompress(rows))
        return None

    def names(self, episode: int) -> set[str]:
        """Names of the annotators with a result for an episode."""
        return {
            name
            for (name,) in self._newest(episode, "select name from results where episode = ?", (episode,))
        }

    def counts(self) -> dict[int, dict[str, int]]:
        """Number of rows of every result, by episode and name of the annotator."""
        found: dict[int, dict[str, int]] = {}
        for episode, name, count in self._everywhere("select episode, name, count from results"):
            found.setdefault(episode, {})[sys.intern(name)] = count
        return found

    def with_gaps(self) -> dict[int, set[str]]:
        """Names of the annotators of whose results at least one, new or old, has left something out, by episode."""
        found: dict[int, set[str]] = {}
        for episode, name in self._everywhere(f"select episode, name from results where {_HAS_GAPS}"):
            found.setdefault(episode, set()).add(sys.intern(name))
        return found

    def add(self, results: Iterable[Packed], suffix: str) -> None:
        """Write a pack.

        Args:
            results: What goes into it, at least one.
            suffix: Tells its file from those that others write at the same time.

        Raises:
            OSError: The file system refuses.
        """
        with closing(sqlite3.connect(":memory:")) as file:
            file.execute(_TABLE)
            file.executemany(
                "insert into results values (?, ?, ?, ?, ?)",
                ((r.episode, r.name, r.count, r.record, zlib.compress(r.rows, 1)) for r in results),
            )
            file.execute(_INDEX)
            file.execute(f"create index gaps on results (episode, name) where {_HAS_GAPS}")
            file.commit()
            first, last = file.execute("select min(episode), max(episode) from results").fetchone()
            data = file.serialize()
        number = max((pack.number for pack in self._packs(afresh=True)), default=0) + 1
        path = self._folder / f"{number:06d}.episodes-{first:06d}-{last:06d}.{suffix}.sqlite"
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        with temporary.open("wb") as target:
            target.write(data)
            target.flush()
            # The small files go once this is there, also where the power is cut.
            os.fsync(target.fileno())
        os.replace(temporary, path)
        self._packs(afresh=True)

    def _packs(self, *, afresh: bool = False) -> list[_Pack]:
        """The packs, oldest first."""
        with self._lock:
            if self._listed is None or afresh:
                names = os.listdir(self._folder) if self._folder.is_dir() else ()
                matches = sorted(filter(None, map(_NAME.fullmatch, names)), key=lambda match: match[0])
                self._listed = [
                    _Pack(int(match[1]), int(match[2]), int(match[3]), self._folder / match[0])
                    for match in matches
                ]
            return self._listed

    def _everywhere(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a query about every pack, those of the newest pack last."""
        for pack in self._packs():
            with suppress(sqlite3.Error), closing(_connect(pack.path)) as file:
                yield from file.execute(query)

    def _newest(
        self, episode: int, query: str, arguments: tuple[int | str, ...]
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a query about an episode, those of the newest pack first."""
        for pack in reversed(self._packs()):
            if pack.first <= episode <= pack.last:
                yield from self._ask(pack.path, query, arguments)

    def _ask(self, path: Path, query: str, arguments: tuple[int | str, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                file = self._open.pop(path, None) or _connect(path)
                self._open[path] = file
                found = file.execute(query, arguments).fetchall()
            except sqlite3.Error:
                found = []
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)[1].close()
            return found


def _connect(path: Path) -> sqlite3.Connection:
    # Nobody changes the file, so none of the locks are needed that some file systems of clusters lack.
    uri = f"file:{quote(str(path.absolute()))}?immutable=1"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)
