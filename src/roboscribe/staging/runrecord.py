"""The run record: staged results go in, the account of who made which rows that travels with a dataset comes out.

It is a function of what is staged and written and nothing else, so equal results give equal bytes; how long a run
took is told on the screen and in the log.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from roboscribe import __version__
from roboscribe.config import parse_episodes
from roboscribe.errors import SettingsError
from roboscribe.language import canonical_json
from roboscribe.staging.store import Staging

PATH = "meta/roboscribe.json"


def run_record(staging: Staging, written: Collection[int]) -> bytes:
    """The record as JSON text.

    Args:
        staging: The dataset's staged results.
        written: Episodes whose rows are in the dataset; what is staged of others is not counted, but that it
            failed is told.
    """
    groups: dict[str, dict[str, Any]] = {}
    failed: list[dict[str, Any]] = []
    for episode in staging.episodes():
        records = dict(staging.records(episode))
        failures = [
            {"episode": episode, "stage": name, "reason": record.error}
            for name, record in records.items()
            if not record.done
        ]
        failed += failures
        if failures or episode not in written:
            continue
        for record in records.values():
            if record.made_by["styles"]:
                key = canonical_json(record.made_by)
                group = groups.setdefault(key, {**record.made_by, "episodes": 0, "rows": 0})
                group["episodes"] += 1
                group["rows"] += record.rows
    record = {
        "roboscribe": __version__,
        "episodes": _ranges(written),
        "annotators": [groups[key] for key in sorted(groups)],
        "failed": failed,
    }
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def written_before(root: Path) -> set[int]:
    """Episodes whose rows earlier runs wrote, by the record that lies in the dataset; empty without one."""
    try:
        text = json.loads((root / PATH).read_bytes())["episodes"]
        return set(parse_episodes([text]) or ())
    except (OSError, ValueError, KeyError, TypeError, SettingsError):
        # Not a record of ours, or none: then nothing is known to be written.
        return set()


def _ranges(episodes: Collection[int]) -> str:
    """Episode indices as a person writes them: ``0-3 7``."""
    spans: list[list[int]] = []
    for episode in sorted(episodes):
        if spans and spans[-1][1] == episode - 1:
            spans[-1][1] = episode
        else:
            spans.append([episode, episode])
    return " ".join(f"{a}-{b}" if b > a else str(a) for a, b in spans)
