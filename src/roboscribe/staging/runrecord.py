"""The run record: staged results go in, the account of who made which rows that travels with a dataset comes out.

It is a function of what is staged and written and nothing else, so equal results give equal bytes; how long a run
took is told on the screen and in the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    """

    made_by: Mapping[str, Any]
    episodes: frozenset[int]
    rows: int

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
        groups = {canonical_json(e.made_by): (e.made_by, set(e.episodes), [e.rows]) for e in self.entries}
        episodes: set[int] = set()
        for written in writes:
            episodes.add(written.episode)
            for made_by, members, rows in groups.values():
                if made_by["annotator"] == written.made_by["annotator"] and written.episode in members:
                    members.remove(written.episode)
                    rows[0] = max(0, rows[0] - written.replaced)
            new: tuple[Mapping[str, Any], set[int], list[int]] = (written.made_by, set(), [0])
            _, members, rows = groups.setdefault(canonical_json(written.made_by), new)
            members.add(written.episode)
            rows[0] += written.rows
        entries = (
            Entry(made_by, frozenset(members), rows[0])
            for _, (made_by, members, rows) in sorted(groups.items())
            if members
        )
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
            "annotators": [
                {**entry.made_by, "episodes": ranges(entry.episodes), "rows": entry.rows}
                for entry in self.entries
            ],
            "failed": failed,
        }
        if self.unchecked:
            record["not_validated"] = ranges(self.unchecked)
        return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def _entry(made: dict[str, Any]) -> Entry:
    """An entry from its JSON data.

    Raises:
        KeyError, TypeError, SettingsError: It is not one.
    """
    made_by = {key: value for key, value in made.items() if key not in ("episodes", "rows")}
    entry = Entry(made_by, _indices(made["episodes"]), int(made["rows"]))
    if not all(isinstance(name, str) for name in (made["annotator"], *made["styles"])):
        raise TypeError(made)
    return entry


def _indices(ranges: str) -> frozenset[int]:
    return frozenset(parse_episodes([ranges]) or ())
