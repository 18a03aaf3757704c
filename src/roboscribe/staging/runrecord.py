"""The run record: staged results go in, the account of who made which rows that travels with a dataset comes out.

It is a function of what is staged and nothing else, so equal results give equal bytes; how long a run took
is told on the screen and in the log.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from roboscribe import __version__
from roboscribe.language import canonical_json
from roboscribe.staging.store import Staging

PATH = "meta/roboscribe.json"


def run_record(staging: Staging, known: Collection[int]) -> bytes:
    """The record as JSON text.

    Args:
        staging: The dataset's staged results.
        known: Episodes the dataset has; anything else that is staged is not counted.
    """
    groups: dict[str, dict[str, Any]] = {}
    failed: list[dict[str, Any]] = []
    for episode in staging.episodes():
        if episode not in known:
            continue
        records = dict(staging.records(episode))
        failures = [
            {"episode": episode, "stage": name, "reason": record.error}
            for name, record in records.items()
            if not record.done
        ]
        failed += failures
        for record in () if failures else records.values():
            key = canonical_json(record.made_by)
            group = groups.setdefault(key, {**record.made_by, "episodes": 0, "rows": 0})
            group["episodes"] += 1
            group["rows"] += record.rows
    record = {
        "roboscribe": __version__,
        "annotators": [groups[key] for key in sorted(groups)],
        "failed": failed,
    }
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()
