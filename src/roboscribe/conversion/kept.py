"""Finished files of a conversion go in; those that still hold come out of the next run, were this one cut short."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from roboscribe.dataset.journal import STAGING
from roboscribe.language import canonical_json

Origin = tuple[str | int, ...]
"""What tells a file that was read from a changed one: path relative to the source, size, time of change, …"""

Facts = Mapping[str, Any]


def origin(root: Path, relative: str, *more: int) -> Origin:
    """The origin of a file, or of a part of it that ``more`` tells from the others."""
    status = (root / relative).stat()
    return (relative, status.st_size, status.st_mtime_ns, *more)


class Kept:
    """Finished files of a conversion, in the staging folder of its target until they are all there.

    A file is whole from the moment it has its name. The record beside it names what it was made of, and what
    was found out in making it.

    Args:
        target: Folder of the dataset to be.
        purpose: What the files are for; those of another purpose do not hold.
    """

    def __init__(self, target: Path, purpose: str) -> None:
        self.folder = target / STAGING / "convert"
        self._purpose = purpose
        self._files: list[str] = []

    @property
    def files(self) -> Sequence[str]:
        """Files made or found in this run, relative to the target."""
        return self._files

    @property
    def size(self) -> int:
        """Bytes of all that is kept."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def path(self, relative: str) -> Path:
        """Where a file is until it is put in its place."""
        return self.folder / relative

    def facts(self, relative: str) -> Facts:
        """What was found out in making a file of this run."""
        return json.loads(self._record(relative).read_bytes())["facts"]

    def find(self, relative: str, upcoming: Iterable[Origin]) -> int:
        """How many of the upcoming origins an earlier run has made this file of; 0 where it must be made."""
        try:
            record: Any = json.loads(self._record(relative).read_bytes())
            made_of = [cast("Origin", tuple(one)) for one in record["origins"]]
        except (OSError, ValueError, KeyError, TypeError):
            # No record, or none of ours: the file is made again.
            return 0
        holds = record.get("purpose") == self._purpose and self.path(relative).is_file()
        same = all(one == next_ for one, next_ in zip(made_of, _or_none(upcoming), strict=False))
        if not (holds and same):
            return 0
        self._files.append(relative)
        return len(made_of)

    def make(self, relative: str, origins: Sequence[Origin], write: Callable[[Path], Facts]) -> None:
        """Make a file with ``write``, which is given a path and returns what it has found out."""
        path, record = self.path(relative), self._record(relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{path.name}")
        # What is there may be a link to a file of the source: it is removed, never written to.
        for old in (record, part, path):
            old.unlink(missing_ok=True)
        facts = write(part)
        os.replace(part, path)
        made = {"purpose": self._purpose, "origins": origins, "facts": facts}
        part.write_text(canonical_json(made), encoding="utf-8")
        os.replace(part, record)
        self._files.append(relative)

    def clear(self) -> None:
        """Remove all that is kept."""
        if self.folder.is_dir():
            shutil.rmtree(self.folder)
            with suppress(OSError):
                self.folder.parent.rmdir()

    def _record(self, relative: str) -> Path:
        path = self.path(relative)
        return path.with_name(f"{path.name}.json")


def _or_none(origins: Iterable[Origin]) -> Iterable[Origin | None]:
    """The origins, and then None without end."""
    yield from origins
    while True:
        yield None
