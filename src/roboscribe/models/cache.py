"""The request cache: the canonical digest of a request goes in, the reply it once got comes out.

One SQLite file, shared by all runs and processes. A cache may be lost at any time, so faults of the file are
told once and cost no more than the calls it would have saved. Only replies that held a valid answer are kept.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from roboscribe.models.request import Reply, Usage

NAME = "requests.sqlite"
_VERSION = 1
"""Of the tables; a file of another version is left alone."""
_DAY = 86_400.0
_ROW_OVERHEAD = 150
_BUSY_SECONDS = 10.0
_TABLE = """
create table if not exists replies (
    key text primary key, name text not null, text text not null, finish text not null,
    prompt integer not null, completion integer not null, cached integer not null, used real not null
) without rowid
"""
_OUTLINES = """
create table if not exists outlines (
    outline text primary key, key text not null, seconds real not null
) without rowid
"""

_TABLES = 2

T = TypeVar("T")


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's cache folder for Roboscribe."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "roboscribe"


class RequestCache:
    """Replies by the key of their request.

    Args:
        folder: Where the file is, or is to be; made when missing.
        say: Told, in a sentence, of a file that had to be moved aside or cannot be used.
        clock: Seconds since 1970.

    Attributes:
        path: The SQLite file.
        usable: Whether nothing has kept it from being used so far.
    """

    def __init__(
        self, folder: Path, say: Callable[[str], None], clock: Callable[[], float] = time.time
    ) -> None:
        self.path = folder / NAME
        self._say = say
        self.usable = True
        self._clock = clock
        self._file: sqlite3.Connection | None = None

    def get(self, key: str) -> Reply | None:
        """The reply kept under a key, or None."""
        return self._attempt(lambda file: self._get(file, key), None)

    def put(self, key: str, name: str, reply: Reply, *, outline: str = "") -> None:
        """Keep a reply.

        Args:
            key: Digest of the request and of who was asked.
            name: Name of the ask, for people who look into the file.
            reply: The reply; one already kept under the key is replaced.
            outline: The key that is known before pictures are made, by which ``KeptReplies`` finds it.
        """
        usage = reply.usage
        row = (
            key,
            name,
            reply.text,
            reply.finish,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cached_tokens,
            self._clock(),
        )
        self._attempt(lambda file: _insert(file, row, (outline, key, reply.seconds)), None)

    @property
    def count(self) -> int:
        """Number of replies kept."""
        return self._attempt(lambda file: int(file.execute("select count(*) from replies").fetchone()[0]), 0)

    @property
    def nbytes(self) -> int:
        """Size of the file in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def prune(self, *, older_than_days: float | None = None, max_mb: float | None = None) -> int:
        """Forget replies, and give the space back.

        Args:
            older_than_days: Forget those not used for so long.
            max_mb: Then forget the least recently used until about so many megabytes are left.

        Returns:
            How many were forgotten.
        """
        return self._attempt(lambda file: self._prune(file, older_than_days, max_mb), 0)

    def close(self) -> None:
        """Close the file; it opens again when needed."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _get(self, file: sqlite3.Connection, key: str) -> Reply | None:
        row = file.execute(
            "select text, finish, prompt, completion, cached, used from replies where key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        text, finish, prompt, completion, cached, used = row
        now = self._clock()
        if now - used > _DAY:
            # Once a day is often enough to tell what is still in use, and spares a write with every hit.
            file.execute("update replies set used = ? where key = ?", (now, key))
        return Reply(text, Usage(prompt, completion, cached), finish)

    def _prune(self, file: sqlite3.Connection, older_than_days: float | None, max_mb: float | None) -> int:
        before = file.total_changes
        if older_than_days is not None:
            file.execute("delete from replies where used < ?", (self._clock() - older_than_days * _DAY,))
        if max_mb is not None:
            file.execute(
                """
                delete from replies where key in (
                    select key from (
                        select key, sum(length(text) + ?) over (order by used desc, key) as total from replies
                    ) where total > ?
                )
                """,
                (_ROW_OVERHEAD, max_mb * 1e6),
            )
        removed = file.total_changes - before
        file.execute("delete from outlines where key not in (select key from replies)")
        file.execute("vacuum")
        return removed

    def _attempt(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if not self.usable:
            return otherwise
        for last in (False, True):
            try:
                return work(self._open())
            except (sqlite3.OperationalError, OSError) as error:
                # Locked, read-only, full or of another version: it may be fine for others, so it stays where it is.
                self._give_up(str(error))
                return otherwise
            except sqlite3.DatabaseError as error:
                self.close()
                if last:
                    self._give_up(str(error))
                else:
                    self._move_aside(str(error))
        return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Written by the thread of the event loop, read by whoever asks for its size.
            file = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            # A rollback journal and no waiting for the disk: 63 µs a reply. A write-ahead log takes half of
            # that, but needs all processes on one machine, and home folders of clusters are on the network.
            file.execute("pragma journal_mode = truncate")
            file.execute("pragma synchronous = off")
            if _is_new(file):
                file.execute(f"pragma user_version = {_VERSION}")
                file.execute(_TABLE)
                file.execute(_OUTLINES)
            self._file = file
        return self._file

    def _move_aside(self, why: str) -> None:
        aside = self.path.with_name(f"{NAME}.damaged-{int(self._clock())}")
        self.path.replace(aside)
        self._say(
            f"The request cache {self.path} is damaged ({why}); moved to {aside.name}, a new one begins."
        )

    def _give_up(self, why: str) -> None:
        self.usable = False
        self._say(
            f"The request cache {self.path} cannot be used ({why}); nothing is taken from it or kept in it."
        )


class KeptReplies:
    """The replies in a cache for those who only look: nothing is written, not even a file that is missing.

    Args:
        folder: Where the file of a ``RequestCache`` is.
        say: Told, in a sentence, of a file that cannot be read.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._path = folder / NAME
        self._say = say
        self._file: sqlite3.Connection | None = None
        self._usable = self._path.exists()

    def find(self, outline: str) -> Reply | None:
        """The reply kept under an outline, with the seconds it took; or None."""
        if not self._usable:
            return None
        try:
            if self._file is None:
                self._file = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
                if _is_new(self._file):
                    return None
            row = self._file.execute(
                "select text, prompt, completion, cached, finish, seconds"
                " from outlines join replies using (key) where outline = ?",
                (outline,),
            ).fetchone()
        except sqlite3.Error as error:
            self._usable = False
            self._say(f"The request cache {self._path} cannot be read ({error}); it is taken to be empty.")
            return None
        if row is None:
            return None
        text, prompt, completion, cached, finish, seconds = row
        return Reply(text, Usage(prompt, completion, cached), finish, seconds)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _is_new(file: sqlite3.Connection) -> bool:
    """Whether a file has yet to be given our tables.

    Raises:
        sqlite3.OperationalError: It holds others.
    """
    (version,) = file.execute("pragma user_version").fetchone()
    (tables,) = file.execute("select count(*) from sqlite_master").fetchone()
    if tables and version != _VERSION:
        raise sqlite3.OperationalError(
            "it is of another version of Roboscribe: remove it, or choose another folder with --vlm.cache-dir"
        )
    return tables < _TABLES


def _insert(file: sqlite3.Connection, reply: tuple[Any, ...], outline: tuple[str, str, float]) -> None:
    """Both rows in one step, which takes as long as one of them alone."""
    file.execute("begin immediate")
    try:
        file.execute("insert or replace into replies values (?,?,?,?,?,?,?,?)", reply)
        if outline[0]:
            file.execute("insert or replace into outlines values (?,?,?)", outline)
    except sqlite3.Error:
        file.execute("rollback")
        raise
    file.execute("commit")
