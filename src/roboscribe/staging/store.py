"""The staging store: rows of one annotator and episode go in as JSON lines and come out while still valid.

Layout: ``<root>/.annotate_staging/episode_000012/subtasks.jsonl`` holds the rows, one JSON object per line
with sorted keys; ``subtasks.json`` beside it records how they were made, or why they could not be. Both
are written to a temporary name and renamed, rows first, so a record never vouches for rows that are not
there: it holds their digest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from socket import gethostname
from typing import Any

from roboscribe.dataset.journal import STAGING
from roboscribe.errors import RunStopped
from roboscribe.language import Row, canonical_json, sort_rows

STAGES = ("read", "validate")
"""What an episode can fail in besides an annotator; kept like an annotator's failure, gone once it succeeds."""

HOST = gethostname().replace(".", "-")
"""This machine, in the names of temporary files: process numbers mean nothing elsewhere."""


@dataclass(frozen=True, slots=True)
class Record:
    """How one staged result came to be.

    Attributes:
        fingerprint: Digest of all it depends on; see ``staging.fingerprint``.
        made_by: Provenance: annotator, version, model, seed, settings.
        rows: Number of rows.
        sha256: Digest of the rows file.
        error: Why it failed; None when it is done.
    """

    fingerprint: str
    made_by: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rows: int = 0
    sha256: str = ""
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether the rows are there."""
        return self.error is None


class Staging:
    """Staged results of one dataset.

    Args:
        root: Folder of the dataset that is being annotated (the output folder, when there is one).
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / STAGING
        self._swept: set[int] = set()

    def save(self, episode: int, fingerprint: str, made_by: Mapping[str, Any], rows: Iterable[Row]) -> Record:
        """Keep the rows of a finished annotator, in the order in which a dataset stores them."""
        kept = sort_rows(rows)
        data = _lines(kept)
        record = Record(fingerprint, made_by, len(kept), hashlib.sha256(data).hexdigest())
        name = made_by["annotator"]
        self._write(episode, f"{name}.jsonl", data)
        self._save_record(episode, name, record)
        return record

    def vouch(self, episode: int, record: Record) -> None:
        """Keep a record of what lies in a file of the record's annotator already; see ``path``."""
        self._save_record(episode, record.made_by["annotator"], record)

    def path(self, episode: int, name: str) -> Path:
        """The file of one annotator's results, or of what else is kept of an episode under a name."""
        return self._path(episode, name, "jsonl")

    def fail(self, episode: int, fingerprint: str, made_by: Mapping[str, Any], error: str) -> Record:
        """Keep the reason why an annotator failed; rows of an earlier success stay where they are, unused."""
        record = Record(fingerprint, made_by, error=error)
        self._save_record(episode, made_by["annotator"], record)
        return record

    def forget(self, episode: int, name: str) -> None:
        """Drop the record of an annotator or stage, if there is one."""
        path = self._path(episode, name, "json")
        with writable(path):
            path.unlink(missing_ok=True)

    def record(self, episode: int, annotator: str) -> Record | None:
        """The record of a result, or None when there is none or it cannot be read."""
        try:
            return Record(**json.loads(self._path(episode, annotator, "json").read_bytes()))
        except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
            # A record that is not ours or not whole vouches for nothing; the result is made again.
            return None

    def valid(self, episode: int, annotator: str, fingerprint: str) -> Record | None:
        """The record of a finished result that still holds: same fingerprint, rows untouched."""
        record = self.record(episode, annotator)
        if record is None or not record.done or record.fingerprint != fingerprint:
            return None
        return record if self.is_intact(episode, annotator, record) else None

    def is_intact(self, episode: int, annotator: str, record: Record) -> bool:
        """Whether the rows of a finished result are those of which its record tells."""
        try:
            data = self._path(episode, annotator, "jsonl").read_bytes()
        except FileNotFoundError:
            return False
        return hashlib.sha256(data).hexdigest() == record.sha256

    def rows(self, episode: int, annotator: str) -> list[Row]:
        """Staged rows of a finished result."""
        text = self._path(episode, annotator, "jsonl").read_text(encoding="utf-8")
        return [Row.from_json(json.loads(line)) for line in text.split("\n") if line]

    def episodes(self) -> list[int]:
        """Episodes with anything staged, ascending."""
        if not self.folder.is_dir():
            return []
        names = (entry.name for entry in os.scandir(self.folder) if entry.name.startswith("episode_"))
        return sorted(int(name[8:]) for name in names if name[8:].isdecimal())

    def recorded(self, episode: int) -> tuple[str, ...]:
        """Names under which anything is recorded of an episode, done or failed; no file is opened."""
        folder = self._episode_folder(episode)
        return tuple(sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else ())

    def unrecorded(self, episode: int) -> tuple[str, ...]:
        """Names of files of rows that lie in an episode's folder without a record, as other tools leave them."""
        folder = self._episode_folder(episode)
        names = (path.stem for path in folder.glob("*.jsonl")) if folder.is_dir() else ()
        return tuple(sorted(name for name in names if not self._path(episode, name, "json").exists()))

    def records(self, episode: int) -> Iterator[tuple[str, Record]]:
        """Annotator and record of everything staged for an episode, by name."""
        folder = self._episode_folder(episode)
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            record = self.record(episode, path.stem)
            if record is not None:
                yield path.stem, record

    def _save_record(self, episode: int, annotator: str, record: Record) -> None:
        data = canonical_json(asdict(record)) + "\n"
        self._write(episode, f"{annotator}.json", data.encode())

    def _write(self, episode: int, name: str, data: bytes) -> None:
        """Replace a file in one step; a crash, or another run at the same time, leaves one of the two whole.

        What a run that was killed left of the episode's files is cleared away.

        Raises:
            RunStopped: The file system refuses.
        """
        folder = self._episode_folder(episode)
        path = folder / name
        with writable(path):
            if episode not in self._swept:
                folder.mkdir(parents=True, exist_ok=True)
                for left in folder.glob(".*.new"):
                    if not _is_being_written(left):
                        left.unlink(missing_ok=True)
                self._swept.add(episode)
            temporary = folder / f".{name}.{HOST}.{os.getpid()}.new"
            temporary.write_bytes(data)
            os.replace(temporary, path)

    def _episode_folder(self, episode: int) -> Path:
        return self.folder / f"episode_{episode:06d}"

    def _path(self, episode: int, annotator: str, suffix: str) -> Path:
        return self._episode_folder(episode) / f"{annotator}.{suffix}"


def usual_annotators(tried: Mapping[str, int], episodes: int) -> set[str]:
    """Annotators that most episodes have a result of; one that few have was tried on these alone.

    Args:
        tried: Number of episodes that each was tried on.
        episodes: Number of episodes that anything was tried on.
    """
    return {name for name, count in tried.items() if 2 * count > episodes}


def digest_of(rows: Iterable[Row]) -> str:
    """Digest of rows, wherever they come from: that of the file in which staging would keep them."""
    return hashlib.sha256(_lines(sort_rows(rows))).hexdigest()


def _lines(rows: Iterable[Row]) -> bytes:
    return "".join(canonical_json(row.to_json()) + "\n" for row in rows).encode()


def _is_being_written(temporary: Path) -> bool:
    """Whether the process that made a temporary file may still be at it; those of other machines always may."""
    *_, host, process, _ = temporary.name.rsplit(".", 3)
    if host != HOST or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def writable(path: Path) -> Generator[None]:
    """Around writing a file.

    Raises:
        RunStopped: The file system refuses.
    """
    try:
        yield
    except OSError as error:
        raise RunStopped(
            f"{path} cannot be written: {error.strerror or error}.",
            "Make room, or make the folder writable; the same command goes on.",
        ) from error
