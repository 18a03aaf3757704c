"""Staging that leaves nothing behind: results are kept in memory, and those on disk are only looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from roboscribe.language import Row, sort_rows
from roboscribe.staging.store import Record, Staging, digest_of


class UnsavedStaging(Staging):
    """Staged results of one dataset, with new ones on top that no file ever holds.

    Args:
        root: Folder of the dataset that is being annotated.
        reuse: Whether results on disk count; otherwise everything is made anew.
    """

    def __init__(self, root: Path, *, reuse: bool = True) -> None:
        super().__init__(root)
        self._reuse = reuse
        self._records: dict[tuple[int, str], Record] = {}
        self._rows: dict[tuple[int, str], list[Row]] = {}

    def save(
        self,
        episode: int,
        fingerprint: str,
        made_by: Mapping[str, Any],
        rows: Iterable[Row],
        left_out: Iterable[str] = (),
    ) -> Record:
        """Keep the rows of a finished annotator in memory."""
        key = (episode, made_by["annotator"])
        self._rows[key] = sort_rows(rows)
        digest = digest_of(self._rows[key])
        self._records[key] = Record(
            fingerprint, made_by, len(self._rows[key]), digest, left_out=tuple(left_out)
        )
        return self._records[key]

    def fail(self, episode: int, fingerprint: str, made_by: Mapping[str, Any], error: str) -> Record:
        """Keep the reason why an annotator failed in memory."""
        self._records[episode, made_by["annotator"]] = record = Record(fingerprint, made_by, error=error)
        return record

    def record(self, episode: int, annotator: str) -> Record | None:
        """The record of a result in memory, else on disk."""
        found = self._records.get((episode, annotator))
        return super().record(episode, annotator) if found is None and self._reuse else found

    def valid(self, episode: int, annotator: str, fingerprint: str) -> Record | None:
        """The record of a finished result on disk that still holds."""
        return super().valid(episode, annotator, fingerprint) if self._reuse else None

    def rows(self, episode: int, annotator: str) -> list[Row]:
        """Rows of a finished result."""
        found = self._rows.get((episode, annotator))
        return super().rows(episode, annotator) if found is None else found

    def forget(self, episode: int, name: str) -> None:
        """Drop what memory has of an episode's result."""
        self._records.pop((episode, name), None)
        self._rows.pop((episode, name), None)
