"""The run record: staged results go in, the account of who made which rows that travels with a dataset comes out.

It is a function of what is staged and written and nothing else, so equal results give equal bytes; how long a run
took is told on the screen and in the log.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roboscribe import __version__
from roboscribe.config import parse_episodes, ranges
from roboscribe.errors import SettingsError
from roboscribe.language import canonical_json
from roboscribe.staging.store import Staging

PATH = "meta/roboscribe.json"


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of one annotator that a run writes into one episode.

    Attributes:
        episode: Index of the episode.
        made_by: Provenance of the rows; see ``staging.fingerprint``.
        rows: Number of rows.
        replaced: Number of rows of the same styles that they take the place of.
    """

    episode: int
    made_by: Mapping[str, Any]
    rows: int
    replaced: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """Rows in the dataset that were made in one way.

    Attributes:
        made_by: Their provenance.
        episodes: Indices of the episodes that they are in.
        rows: Number of rows.
        per_episode: Number of rows of each episode of which it is known; older records tell the sum only.
    """

    made_by: Mapping[str, Any]
    episodes: frozenset[int]
    rows: int
    per_episode: Mapping[int, int] = field(default_factory=dict[int, int])

    @property
    def annotator(self) -> str:
        """Name of the annotator that made them."""
        return self.made_by["annotator"]

    @property
    def styles(self) -> frozenset[str | None]:
        """Styles of the rows."""
        return frozenset(None if style == "speech" else style for style in self.made_by["styles"])


@dataclass(frozen=True)
class RunRecord:
    """Who made which of a dataset's rows.

    Attributes:
        entries: By provenance.
        unchecked: Episodes whose rows were written without validation.
    """

    entries: tuple[Entry, ...] = ()
    unchecked: frozenset[int] = frozenset()

    @classmethod
    def read(cls, root: Path) -> RunRecord:
        """The record that lies in a dataset; an empty one where there is none of ours."""
        try:
            data: dict[str, Any] = json.loads((root / PATH).read_bytes())
            return cls(
                tuple(_entry(made) for made in data["annotators"]), _indices(data.get("not_validated", ""))
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingsError):
            return cls()

    @property
    def episodes(self) -> frozenset[int]:
        """Episodes with rows of ours."""
        return frozenset[int]().union(*(entry.episodes for entry in self.entries))

    def after(self, writes: Iterable[Written], checked: bool = True) -> RunRecord:
        """The record once a run has written; ``checked`` tells whether it validated the rows."""
        groups = {canonical_json(entry.made_by): _Tally.of(entry) for entry in self.entries}
        episodes: set[int] = set()
        for written in writes:
            episodes.add(written.episode)
            for tally in groups.values():
                if tally.made_by["annotator"] == written.made_by["annotator"]:
                    tally.drop(written)
            groups.setdefault(canonical_json(written.made_by), _Tally(written.made_by)).add(written)
        entries = (tally.entry for _, tally in sorted(groups.items()) if tally.episodes)
        return RunRecord(tuple(entries), self.unchecked - episodes if checked else self.unchecked | episodes)

    def to_bytes(self, staging: Staging) -> bytes:
        """The record as JSON text, with the failures that ``staging`` tells of."""
        failed = [
            {"episode": episode, "stage": name, "reason": reason}
            for episode, name, reason in staging.failures()
        ]
        record: dict[str, Any] = {
            "roboscribe": __version__,
            "episodes": ranges(self.episodes),
            "annotators": [{**entry.made_by, **_extent(entry)} for entry in self.entries],
            "failed": failed,
        }
        if self.unchecked:
            record["not_validated"] = ranges(self.unchecked)
        return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


@dataclass
class _Tally:
    """Rows that were made in one way, while they are counted; see ``Entry``."""

    made_by: Mapping[str, Any]
    episodes: set[int] = field(default_factory=set[int])
    rows: int = 0
    per_episode: dict[int, int] = field(default_factory=dict[int, int])

    @classmethod
    def of(cls, entry: Entry) -> _Tally:
        return cls(entry.made_by, set(entry.episodes), entry.rows, dict(entry.per_episode))

    def drop(self, written: Written) -> None:
        """Take out what other rows take the place of."""
        if written.episode in self.episodes:
            self.episodes.remove(written.episode)
            self.rows = max(0, self.rows - self.per_episode.pop(written.episode, written.replaced))

    def add(self, written: Written) -> None:
        self.episodes.add(written.episode)
        self.rows += written.rows
        self.per_episode[written.episode] = written.rows

    @property
    def entry(self) -> Entry:
        return Entry(self.made_by, frozenset(self.episodes), self.rows, self.per_episode)


_EXTENT = ("episodes", "rows", "rows_per_episode")
"""Keys of an entry that do not tell how its rows were made."""


def _extent(entry: Entry) -> dict[str, Any]:
    """The rows of an entry as JSON data: ``"rows_per_episode": {"2": "0-6 9", "3": "7-8"}`` by number of rows."""
    told: dict[str, Any] = {"episodes": ranges(entry.episodes), "rows": entry.rows}
    if entry.per_episode:
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for episode, rows in entry.per_episode.items():
            alike[rows].append(episode)
        told["rows_per_episode"] = {str(rows): ranges(alike[rows]) for rows in sorted(alike)}
    return told


def _entry(made: dict[str, Any]) -> Entry:
    """An entry from its JSON data.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, SettingsError: It is not one.
    """
    made_by = {key: value for key, value in made.items() if key not in _EXTENT}
    alike: Mapping[str, str] = made.get("rows_per_episode", {})
    per_episode = {episode: int(rows) for rows, episodes in alike.items() for episode in _indices(episodes)}
    entry = Entry(made_by, _indices(made["episodes"]), int(made["rows"]), per_episode)
    if not all(isinstance(name, str) for name in (made["annotator"], *made["styles"])):
        raise TypeError(made)
    return entry


def _indices(ranges: str) -> frozenset[int]:
    return frozenset(parse_episodes([ranges]) or ())
