"""Packs: the staged results of many episodes go into few files, and come out by episode and name.

A dataset of 40,000 episodes would leave 650,000 small files, more than many clusters allow, and ``status`` would read
half of them. So a process appends its results to logs, one for each hundred or so neighbouring episodes, and a log that
is finished is sealed: it becomes an SQLite file that is written once, under a temporary name, and never changed. A file
has one writer, so none needs locks, which cluster file systems lack. Of several files with a result, the one with the
highest number has the newest.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import quote

from roboscribe.language import canonical_json
from roboscribe.staging.writers import is_at_work, mark

FOLDER = "packs"
EPISODES = 128
"""Neighbouring episodes whose results lie together."""
LOGS = 3
"""Logs that a process writes at a time: episodes are done nearly in their order."""
_OPEN = 8
"""Files of others kept open."""
_NAME = re.compile(r"(\d+)\.episodes-(\d+)-(\d+)\.(.*)\.(\d+)\.(jsonl|sqlite)")
_TABLE = """
create table results (
    episode integer not null, name text not null, count integer not null, record text not null, rows blob not null
)
"""
_HAS_GAPS = "json_array_length(record, '$.left_out') > 0"
# They hold all that an overview needs, so that none of the rows are read for it.
_INDICES = (
    "create unique index overview on results (episode, name, count)",
    f"create index gaps on results (episode, name) where {_HAS_GAPS}",
)


@dataclass(frozen=True, slots=True)
class Packed:
    """A result as its two files would hold it.

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
class _File:
    """A log or a pack, by what its name tells: of which episodes, and who writes or wrote it."""

    number: int
    first: int
    last: int
    host: str
    process: str
    sealed: bool

    @property
    def name(self) -> str:
        writer = f"{self.host}.{self.process}"
        suffix = "sqlite" if self.sealed else "jsonl"
        return f"{self.number:06d}.episodes-{self.first:06d}-{self.last:06d}.{writer}.{suffix}"

    def holds(self, episode: int) -> bool:
        return self.first <= episode <= self.last


class Packs:
    """The packs and logs in a folder; safe to use from several threads.

    What cannot be read holds nothing: what it held is made again.

    Args:
        folder: Where they lie; made with the first result.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = RLock()
        self._listed: list[_File] | None = None
        # What is in the logs that we write, and in files that were looked at; the one last used last.
        self._own: OrderedDict[_File, sqlite3.Connection] = OrderedDict()
        self._open: OrderedDict[_File, sqlite3.Connection] = OrderedDict()

    def __del__(self) -> None:
        for results in (*self._own.values(), *self._open.values()):
            results.close()

    @property
    def is_full(self) -> bool:
        """Whether so many logs are being written that one of them is finished, most likely."""
        return len(self._own) > LOGS

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

    def add(self, result: Packed) -> None:
        """Keep a result in a log of ours; when this returns it outlasts the process.

        Raises:
            OSError: The file system refuses.
        """
        with self._lock:
            log = self._log_of(result.episode)
            with (self._folder / log.name).open("ab") as file:
                # On a line of its own, also after one that broke off where the disk was full.
                file.write(b"\n" + _line(result) + b"\n")
            _insert(self._own[log], result)

    def seal(self, keep: int = 0) -> None:
        """Make packs of our logs, and of those whose writers on this machine have gone.

        Killed meanwhile, it leaves each result in a log or a pack at least.

        Args:
            keep: How many of our logs, those last written to, are left as they are.

        Raises:
            OSError: The file system refuses.
        """
        with self._lock:
            finished = [self._own.popitem(last=False) for _ in range(len(self._own) - keep)]
            logs = [file for file in self._files(afresh=True) if not file.sealed]
        for log, results in finished:
            with closing(results):
                self._seal(log, results)
        for log in logs:
            # Another process may be sealing the same one that was left behind.
            if not is_at_work(log.host, log.process):
                with suppress(FileNotFoundError), closing(_loaded(self._folder / log.name)) as results:
                    self._seal(log, results)
        with self._lock:
            self._files(afresh=True)

    def _seal(self, log: _File, results: sqlite3.Connection) -> None:
        """Write the pack of a log, which goes."""
        pack = replace(log, sealed=True)
        path = self._folder / pack.name
        # Where its writer was taken for gone and went on after it was sealed, there is a pack of it already.
        with suppress(sqlite3.Error, OSError), closing(_connect(self._folder, pack)) as earlier:
            known = set(results.execute("select episode, name from results"))
            rows = [row for row in earlier.execute("select * from results") if row[:2] not in known]
            results.executemany("insert into results values (?, ?, ?, ?, ?)", rows)
        temporary = path.with_name(f".{path.name}.{mark()}.new")
        with temporary.open("wb") as target:
            target.write(results.serialize())
            target.flush()
            # The log goes once this is there, also where the power is cut.
            os.fsync(target.fileno())
        os.replace(temporary, path)
        path.with_name(log.name).unlink(missing_ok=True)
        with self._lock:
            if (earlier := self._open.pop(pack, None)) is not None:
                earlier.close()

    def _log_of(self, episode: int) -> _File:
        """The log of ours that an episode's results go to, begun where there is none."""
        for log in self._own:
            if log.holds(episode):
                self._own.move_to_end(log)
                return log
        number = max((file.number for file in self._files(afresh=True)), default=0) + 1
        first = episode - episode % EPISODES
        log = _File(number, first, first + EPISODES - 1, *mark().rsplit(".", 1), sealed=False)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own[log] = _empty()
        self._files().append(log)
        return log

    def _files(self, *, afresh: bool = False) -> list[_File]:
        """What lies in the folder, the oldest first."""
        if self._listed is None or afresh:
            names = sorted(os.listdir(self._folder)) if self._folder.is_dir() else ()
            matches = filter(None, map(_NAME.fullmatch, names))
            files = (_File(int(m[1]), int(m[2]), int(m[3]), m[4], m[5], m[6] == "sqlite") for m in matches)
            # A log that came back after it was sealed has the newer results.
            self._listed = sorted(files, key=lambda file: (file.number, not file.sealed))
        return self._listed

    def _everywhere(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a query about every file, those of the newest last."""
        with self._lock:
            files = tuple(self._files())
        for file in files:
            with suppress(sqlite3.Error, OSError), closing(_connect(self._folder, file)) as results:
                yield from results.execute(query)

    def _newest(
        self, episode: int, query: str, arguments: tuple[int | str, ...]
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a query about an episode, those of the newest file first."""
        with self._lock:
            files = [file for file in self._files() if file.holds(episode)]
        for file in reversed(files):
            yield from self._ask(file, query, arguments)

    def _ask(self, file: _File, query: str, arguments: tuple[int | str, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                results = self._own.get(file)
                if results is None:
                    results = self._open.pop(file, None) or _connect(self._folder, file)
                    self._open[file] = results
                found = results.execute(query, arguments).fetchall()
            except (sqlite3.Error, OSError):
                found = []
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)[1].close()
            return found


def _connect(folder: Path, file: _File) -> sqlite3.Connection:
    """What is in a file.

    Raises:
        OSError, sqlite3.Error: It cannot be read.
    """
    if not file.sealed:
        try:
            return _loaded(folder / file.name)
        except FileNotFoundError:
            # It was sealed since the folder was listed.
            file = replace(file, sealed=True)
    # Nobody changes the file, so none of the locks are needed that some file systems of clusters lack.
    uri = f"file:{quote(str((folder / file.name).absolute()))}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)


def _loaded(log: Path) -> sqlite3.Connection:
    """What is in a log, without a line that its writer was killed at.

    Raises:
        OSError: It cannot be read.
    """
    results = _empty()
    with log.open("rb") as lines:
        for line in lines:
            with suppress(ValueError, KeyError, TypeError, AttributeError, sqlite3.Error):
                kept = json.loads(line)
                rows = kept["rows"].encode()
                _insert(results, Packed(kept["episode"], kept["name"], kept["count"], kept["record"], rows))
    return results


def _empty() -> sqlite3.Connection:
    """A pack in the making, without any result."""
    results = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for statement in (_TABLE, *_INDICES):
        results.execute(statement)
    return results


def _insert(results: sqlite3.Connection, result: Packed) -> None:
    """Put a result in the place of an older one."""
    results.execute("delete from results where (episode, name) = (?, ?)", (result.episode, result.name))
    packed = zlib.compress(result.rows, 1)
    row = (result.episode, result.name, result.count, result.record, packed)
    results.execute("insert into results values (?, ?, ?, ?, ?)", row)


def _line(result: Packed) -> bytes:
    """A result as it is kept in a log."""
    kept = {
        "episode": result.episode,
        "name": result.name,
        "count": result.count,
        "record": result.record,
        "rows": result.rows.decode(),
    }
    return canonical_json(kept).encode()
