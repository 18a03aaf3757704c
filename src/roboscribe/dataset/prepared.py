"""Data files made ahead of a write: each goes in with a digest of what it is made from, and comes out while that holds.

Several processes make files of one dataset at the same time, each different ones. A file has its digest in its name and
is renamed once it is whole; then a line in a log of the process that made it tells of it. So a killed process loses
the file it was at and no other, and a file is never taken for one that was made from something else.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from roboscribe.dataset.journal import META, STAGING
from roboscribe.dataset.reader import Dataset
from roboscribe.errors import DatasetError
from roboscribe.language import canonical_json

FOLDER = f"{STAGING}/prepared"

Stamp = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A data file that was made ahead.

    Attributes:
        shard: Its path relative to the dataset's root.
        made_from: Digest of all that it was made from.
        path: Where it is; None where the dataset's own file is right as it is.
        size: Its bytes; 0 where there is none.
        changed: Episodes that say something else in it than before.
        account: What is to be told of its episodes, as JSON has it.
    """

    shard: str
    made_from: str
    path: Path | None
    size: int
    changed: tuple[int, ...]
    account: Mapping[str, Any]

    @property
    def is_there(self) -> bool:
        """Whether it is whole."""
        try:
            return self.path is None or self.path.stat().st_size == self.size
        except FileNotFoundError:
            return False


class PreparedFiles:
    """The data files that were made ahead for a dataset.

    Args:
        root: Folder of the dataset that is going to be written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / FOLDER
        self._log = self._folder / f"{uuid4().hex}.jsonl"

    def find(self, shard: str, made_from: Callable[[], str]) -> PreparedFile | None:
        """The file that takes the place of a data file, where one was made from just this.

        Args:
            shard: Path of the data file relative to the dataset's root.
            made_from: Tells the digest; asked only where there is a file.
        """
        known = self._known.get(shard)
        if known is None or known.made_from != made_from() or not known.is_there:
            return None
        return known

    def add(
        self,
        shard: str,
        made_from: str,
        make: Callable[[Callable[[], Path]], Sequence[int]],
        account: Mapping[str, Any],
    ) -> None:
        """Make a file ahead, in the place of one that was made from something else.

        Args:
            shard: Path of the data file relative to the dataset's root.
            made_from: Digest of all that it is made from.
            make: Writes the file to the place that it is told when it asks, unless the dataset's own is right as it
                is; returns the episodes that say something else then.
            account: What is to be told of its episodes, as JSON has it.

        Raises:
            DatasetError: The file system refuses.
        """
        path = self._root / f"{FOLDER}/{shard}.{made_from}"
        part = path.with_name(f".{path.name}.{uuid4().hex}")
        asked: list[Path] = []

        def place() -> Path:
            asked.append(part)
            return part

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                changed = tuple(make(place))
                kept, size = (path, _settled(part, path)) if asked else (None, 0)
            finally:
                part.unlink(missing_ok=True)
            with self._log.open("a", encoding="utf-8") as log:
                line = {"shard": shard, "made_from": made_from, "file": kept is not None, "size": size}
                log.write(canonical_json({**line, "changed": changed, "account": account}) + "\n")
        except OSError as error:
            raise DatasetError(
                f"{path} cannot be written: {error.strerror or error}.",
                "Make room, or make the folder writable; the same command goes on.",
            ) from error
        before = self._known.get(shard)
        if before is not None and before.path not in (None, path):
            before.path.unlink(missing_ok=True)
        self._known[shard] = PreparedFile(shard, made_from, kept, size, changed, account)

    def clear(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @cached_property
    def _known(self) -> dict[str, PreparedFile]:
        """The newest file of each data file."""
        logs = sorted(self._folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        return {one.shard: one for log in logs for one in self._read(log)}

    def _read(self, log: Path) -> Iterator[PreparedFile]:
        """What a log tells of; a line that a killed process had begun tells of nothing."""
        for line in log.read_bytes().splitlines():
            with suppress(ValueError, KeyError, TypeError):
                data = json.loads(line)
                path = self._root / f"{FOLDER}/{data['shard']}.{data['made_from']}" if data["file"] else None
                yield PreparedFile(
                    data["shard"],
                    data["made_from"],
                    path,
                    data["size"],
                    tuple(data["changed"]),
                    data["account"],
                )


def stamp(path: Path) -> Stamp:
    """Size and time of a file, by which it is known from one that took its place; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def stamps_of_metadata(dataset: Dataset) -> dict[str, Stamp]:
    """Stamps of the files that say what a dataset holds."""
    files = sorted(path for path in (dataset.root / META).rglob("*") if path.is_file())
    return {path.relative_to(dataset.root).as_posix(): stamp(path) for path in files}


def _settled(part: Path, path: Path) -> int:
    """Give a file its name once all of it is on the disk; its bytes."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    os.replace(part, path)
    return size
