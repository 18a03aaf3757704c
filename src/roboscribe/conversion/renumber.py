"""Files that speak of episodes by number go in; they come out with the numbers these have in the new dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from roboscribe.dataset import Dataset
from roboscribe.dialogue import SAMPLES
from roboscribe.errors import DatasetError
from roboscribe.skills import SKILLS
from roboscribe.staging import Staging
from roboscribe.staging.runrecord import PATH as RUN_RECORD
from roboscribe.staging.runrecord import Entry, RunRecord

NUMBERED = (SKILLS, SAMPLES, RUN_RECORD)
"""Files in a dataset that speak of episodes by number."""


def renumbered(source: Dataset, target: Path, new: Mapping[int, int]) -> Iterator[tuple[str, bytes]]:
    """The files of ``NUMBERED`` that the dataset has, by path and new content; episodes left out are gone.

    Args:
        source: The old dataset.
        target: Folder of the new one.
        new: Old index to new index.

    Raises:
        DatasetError: A file is not what its name says.
    """
    edits: Mapping[str, Callable[[bytes, Mapping[int, int]], bytes]] = {SKILLS: _skills, SAMPLES: _samples}
    for relative, edit in edits.items():
        path = source.root / relative
        if path.is_file():
            try:
                yield relative, edit(path.read_bytes(), new)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DatasetError(
                    f"{path} cannot be read, so its episodes cannot be numbered anew.",
                    "Correct or remove it.",
                ) from error
    if (source.root / RUN_RECORD).is_file():
        yield RUN_RECORD, _record(source, new).to_bytes(Staging(target))


def _skills(data: bytes, new: Mapping[int, int]) -> bytes:
    book: dict[str, Any] = json.loads(data)
    episodes = {new[int(key)]: value for key, value in book["episodes"].items() if int(key) in new}
    for index, episode in episodes.items():
        episode["episode_index"] = index
    book["episodes"] = {str(index): episodes[index] for index in sorted(episodes)}
    return (json.dumps(book, indent=2, ensure_ascii=False) + "\n").encode()


def _samples(data: bytes, new: Mapping[int, int]) -> bytes:
    lines: list[str] = []
    for line in data.decode().splitlines():
        sample: dict[str, Any] = json.loads(line)
        if sample["episode_id"] in new:
            sample["episode_id"] = new[sample["episode_id"]]
            lines.append(json.dumps(sample, ensure_ascii=False) + "\n")
    return "".join(lines).encode()


def _record(source: Dataset, new: Mapping[int, int]) -> RunRecord:
    record = RunRecord.read(source.root)
    entries: list[Entry] = []
    for entry in record.entries:
        kept = sorted(entry.episodes & new.keys())
        rows = entry.rows
        if len(kept) < len(entry.episodes):
            rows = sum(row.style in entry.styles for index in kept for row in source.language_rows(index))
        if kept:
            per_episode = {
                new[index]: entry.per_episode[index] for index in kept if index in entry.per_episode
            }
            entries.append(Entry(entry.made_by, frozenset(new[index] for index in kept), rows, per_episode))
    unchecked = frozenset(new[index] for index in record.unchecked if index in new)
    return RunRecord(tuple(entries), unchecked)
