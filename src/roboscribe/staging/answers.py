"""Answers kept one by one: each goes into a file of JSON lines the moment it is there, and comes out of it by its key.

A run that is killed loses none that it has got. The key is a digest of all that the answer depends on, so that one is
found only where it would be given again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from roboscribe.language import canonical_json
from roboscribe.staging.store import writable
from roboscribe.staging.writers import mark

Kept = Mapping[str, str]
"""An answer as plain texts."""


class AnswerLog:
    """The answers in one file; of each only the place in it is held in memory.

    Args:
        path: The file; made with the first answer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, int] = {}
        self._end = 0
        if path.is_file():
            self._read()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __getitem__(self, key: str) -> Kept:
        """The answer of this key.

        Raises:
            KeyError: There is none.
        """
        place = self._places[key]
        with self._path.open("rb") as lines:
            lines.seek(place)
            return json.loads(lines.readline())["answer"]

    def add(self, answers: Mapping[str, Kept]) -> None:
        """Keep answers, by their keys; when this returns they outlast the process.

        Raises:
            RunStopped: The file system refuses.
        """
        with writable(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                if file.tell() != self._end:
                    # The end of a line that a killed run began.
                    file.truncate(self._end)
                for key, answer in answers.items():
                    self._places[key] = self._end
                    self._end += file.write(_line(key, answer))

    def settle(self, keys: Iterable[str]) -> str:
        """Keep just these, in this order, so that the file says nothing of the order in which they came.

        Returns:
            The hex digest of the file.

        Raises:
            KeyError: There is no answer of a key.
            RunStopped: The file system refuses.
        """
        wanted = {key: self._places[key] for key in keys}
        digest = hashlib.sha256()
        places: dict[str, int] = {}
        end = 0
        temporary = self._path.with_name(f".{self._path.name}.{mark()}.new")
        with writable(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
            with self._path.open("rb") as lines, temporary.open("wb") as file:
                for key, place in wanted.items():
                    lines.seek(place)
                    line = lines.readline()
                    digest.update(line)
                    places[key] = end
                    end += file.write(line)
            if list(places.items()) == list(self._places.items()) and end == self._end:
                temporary.unlink()
            else:
                os.replace(temporary, self._path)
        self._places, self._end = places, end
        return digest.hexdigest()

    def _read(self) -> None:
        with self._path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                key = _key_of(line)
                if key is not None:
                    self._places[key] = self._end
                self._end += len(line)


def key_of(**depends_on: Any) -> str:
    """The key of an answer, from plain data about all that it depends on."""
    return hashlib.sha256(canonical_json(depends_on).encode()).hexdigest()[:32]


def _line(key: str, answer: Kept) -> bytes:
    return (canonical_json({"key": key, "answer": dict(answer)}) + "\n").encode()


def _key_of(line: bytes) -> str | None:
    """The key in a line; None where the line is not ours."""
    try:
        found: Any = json.loads(line)
        return found["key"] if isinstance(found["answer"], dict) else None
    except (ValueError, KeyError, TypeError):
        return None
