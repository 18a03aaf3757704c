"""The staging store: rows of one annotator and episode go in as JSON lines and come out while still valid.

Layout: ``<root>/.annotate_staging/episode_000012/subtasks.jsonl`` holds the rows, one JSON object per line
with sorted keys; ``subtasks.json`` beside it records how they were made, or why they could not be. Both
are written to a temporary name and renamed, rows first, so a record never vouches for rows that are not
there: it holds their digest. Of a dataset of many episodes, only failures and what other tools make are such files;
results go into packs. Files are looked for first.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from roboscribe.dataset.journal import STAGING
from roboscribe.errors import RunStopped
from roboscribe.language import Row, canonical_json, sort_rows
from roboscribe.staging.packs import FOLDER as PACKS
from roboscribe.staging.packs import LOGS, Packed, Packs
from roboscribe.staging.writers import is_at_work, mark

STAGES = ("read", "validate")
"""What an episode can fail in besides an annotator; kept like an annotator's failure, gone once it succeeds."""

MANY = 1000
"""Episodes of a dataset, above which results go into packs."""


@dataclass(frozen=True, slots=True)
class Record:
    """How one staged result came to be.

    Attributes:
        fingerprint: Digest of all it depends on; see ``staging.fingerprint``.
        made_by: Provenance: annotator, version, model, seed, settings.
        rows: Number of rows.
        sha256: Digest of the rows file.
        error: Why it failed; None when it is done.
        left_out: Each answer that is missing in it, as all that the model said was impossible, with the reason.
    """

    fingerprint: str
    made_by: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rows: int = 0
    sha256: str = ""
    error: str | None = None
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # JSON knows no tuples.
        object.__setattr__(self, "left_out", tuple(self.left_out))

    @property
    def done(self) -> bool:
        """Whether the rows are there."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is of one annotator and episode: a number of rows, or the reason why there are none.

    Attributes:
        rows: Number of rows.
        error: Why there are none; None when there are.
        left_out: What is missing among them, with the reasons.
    """

    rows: int
    error: str | None = None
    left_out: tuple[str, ...] = ()


class Staging:
    """Staged results of one dataset.

    Args:
        root: Folder of the dataset that is being annotated (the output folder, when there is one).
        episodes: How many it has; results of many are packed.
    """

    def __init__(self, root: Path, episodes: int = 0) -> None:
        self.folder = root / STAGING
        self._is_packed = episodes > MANY
        self._swept: set[int] = set()
        self._packs = Packs(self.folder / PACKS)

    def save(
        self,
        episode: int,
        fingerprint: str,
        made_by: Mapping[str, Any],
        rows: Iterable[Row],
        left_out: Iterable[str] = (),
    ) -> Record:
        """Keep the rows of a finished annotator, in the order in which a dataset stores them."""
        kept = sort_rows(rows)
        data = _lines(kept)
        digest = hashlib.sha256(data).hexdigest()
        record = Record(fingerprint, made_by, len(kept), digest, left_out=tuple(left_out))
        name = made_by["annotator"]
        if self._is_packed:
            self._pack(Packed(episode, name, record.rows, _text(record), data))
        else:
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

    def forget_failure(self, episode: int, name: str) -> None:
        """Drop the record of an annotator or stage that failed; one that did not is kept."""
        record = self.record(episode, name)
        if record is not None and record.error is not None:
            path = self._path(episode, name, "json")
            with writable(path):
                path.unlink(missing_ok=True)

    def record(self, episode: int, annotator: str) -> Record | None:
        """The record of a result, or None when there is none or it cannot be read."""
        try:
            return Record(**json.loads(self._record_text(episode, annotator)))
        except (NotADirectoryError, ValueError, TypeError):
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
            data = self._row_lines(episode, annotator)
        except FileNotFoundError:
            return False
        return hashlib.sha256(data).hexdigest() == record.sha256

    def rows(self, episode: int, annotator: str) -> list[Row]:
        """Staged rows of a finished result."""
        text = self._row_lines(episode, annotator).decode()
        return [Row.from_json(json.loads(line)) for line in text.split("\n") if line]

    def digest(self, episode: int, names: Iterable[str]) -> str:
        """Digest of what is recorded of an episode under some names: results with their rows, and failures."""
        records = {name: self._record_text(episode, name) for name in names}
        return hashlib.sha256(canonical_json(records).encode()).hexdigest()[:16]

    def episodes(self) -> list[int]:
        """Episodes with anything staged, ascending."""
        return sorted({*self._loose(), *self._packs.counts()})

    def outcomes(self) -> Iterator[tuple[int, dict[str, Outcome]]]:
        """Episodes with anything staged, ascending, with what became of each annotator; quick for packed ones."""
        packed = self._packs.counts()
        gaps = self._packs.with_gaps()
        loose = set(self._loose())
        for episode in sorted(loose | packed.keys()):
            outcomes = {name: Outcome(count) for name, count in packed.get(episode, {}).items()}
            for name in gaps.get(episode, ()):
                if record := self.record(episode, name):
                    outcomes[name] = Outcome(record.rows, record.error, record.left_out)
            if episode in loose:
                for name in self._loose_names(episode, "json"):
                    if record := self.record(episode, name):
                        outcomes[name] = Outcome(record.rows, record.error, record.left_out)
            yield episode, dict(sorted(outcomes.items()))

    def recorded(self) -> dict[int, tuple[str, ...]]:
        """Names under which anything is recorded of each episode, done or failed; no record is read."""
        packed = self._packs.counts()
        loose = {episode: self._loose_names(episode, "json") for episode in self._loose()}
        return {
            episode: tuple(sorted({*packed.get(episode, ()), *loose.get(episode, ())}))
            for episode in sorted(packed.keys() | loose.keys())
        }

    def failures(self) -> Iterator[tuple[int, str, str]]:
        """Episode, name and reason of everything that failed, in their order; what is packed did not."""
        for episode in self._loose():
            for name in self._loose_names(episode, "json"):
                record = self.record(episode, name)
                if record is not None and record.error is not None:
                    yield episode, name, record.error

    def unrecorded(self, episode: int) -> tuple[str, ...]:
        """Names of files of rows that lie in an episode's folder without a record, as other tools leave them."""
        recorded = {*self._loose_names(episode, "json"), *self._packs.names(episode)}
        return tuple(name for name in self._loose_names(episode, "jsonl") if name not in recorded)

    def records(self, episode: int) -> Iterator[tuple[str, Record]]:
        """Annotator and record of everything staged for an episode, by name."""
        for name in sorted({*self._loose_names(episode, "json"), *self._packs.names(episode)}):
            record = self.record(episode, name)
            if record is not None:
                yield name, record

    @property
    def is_full(self) -> bool:
        """Whether some of what this process has packed is finished, most likely, and can be sealed."""
        return self._packs.is_full

    def seal_finished(self) -> None:
        """Bring what is finished, most likely, into the form in which packs are kept.

        Raises:
            RunStopped: The file system refuses.
        """
        with writable(self.folder / PACKS):
            self._packs.seal(keep=LOGS)

    def seal(self) -> None:
        """Bring all that this process, and those that were killed, have packed into the form in which packs are kept.

        Raises:
            RunStopped: The file system refuses.
        """
        with writable(self.folder / PACKS):
            self._packs.seal()

    def _pack(self, result: Packed) -> None:
        """Keep a result in a pack, and drop the files of an earlier one.

        Raises:
            RunStopped: The file system refuses.
        """
        with writable(self.folder / PACKS):
            self._packs.add(result)
            # The record first: rows without one vouch for nothing, and the pack is found.
            for suffix in ("json", "jsonl"):
                self._path(result.episode, result.name, suffix).unlink(missing_ok=True)

    def _record_text(self, episode: int, name: str) -> str:
        """A record as it is kept; empty where there is none."""
        try:
            return self._path(episode, name, "json").read_text(encoding="utf-8")
        except FileNotFoundError:
            packed = self._packs.find(episode, name)
            return "" if packed is None else packed.record

    def _row_lines(self, episode: int, name: str) -> bytes:
        """Rows as they are kept.

        Raises:
            FileNotFoundError: There are none.
        """
        try:
            return self._path(episode, name, "jsonl").read_bytes()
        except FileNotFoundError:
            packed = self._packs.find(episode, name)
            if packed is None:
                raise
            return packed.rows

    def _loose(self) -> list[int]:
        """Episodes with a folder, ascending."""
        if not self.folder.is_dir():
            return []
        names = (entry.name for entry in os.scandir(self.folder) if entry.name.startswith("episode_"))
        return sorted(int(name[8:]) for name in names if name[8:].isdecimal())

    def _loose_names(self, episode: int, suffix: str) -> tuple[str, ...]:
        """Names of an episode's files with a suffix, in order."""
        try:
            names = os.listdir(self._episode_folder(episode))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        # As a glob would have it: what is hidden is in the making.
        found = (name.removesuffix(f".{suffix}") for name in names if name.endswith(f".{suffix}"))
        return tuple(sorted(name for name in found if not name.startswith(".")))

    def _save_record(self, episode: int, annotator: str, record: Record) -> None:
        self._write(episode, f"{annotator}.json", _text(record).encode())

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
            temporary = folder / f".{name}.{mark()}.new"
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


def _text(record: Record) -> str:
    return canonical_json(asdict(record)) + "\n"


def _is_being_written(temporary: Path) -> bool:
    """Whether the process that made a temporary file may still be at it."""
    *_, host, process, _ = temporary.name.rsplit(".", 3)
    return is_at_work(host, process)


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
