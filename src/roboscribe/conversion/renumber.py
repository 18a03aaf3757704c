"""Files that speak of episodes by number go in; they come out with the numbers these have in the new dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from roboscribe.config import parse_episodes
from roboscribe.errors import RoboscribeError
from roboscribe.staging.runrecord import PATH as RUN_RECORD
from roboscribe.staging.runrecord import ranges

SKILLS = "meta/skills.json"
SAMPLES = "meta/syn_annotations.jsonl"


def renumbered(relative: str, data: bytes, new: Mapping[int, int]) -> bytes:
    """The content of a file, with episodes numbered anew and without those that are left out.

    Args:
        relative: One of ``NUMBERED``.
        data: Its content.
        new: Old index to new index.

    Raises:
        ValueError, KeyError, TypeError, RoboscribeError: The file is not what its name says.
    """
    return NUMBERED[relative](data, new)


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
            lines.append(
                json.dumps({**sample, "episode_id": new[sample["episode_id"]]}, ensure_ascii=False) + "\n"
            )
    return "".join(lines).encode()


def _record(data: bytes, new: Mapping[int, int]) -> bytes:
    record: dict[str, Any] = json.loads(data)
    written = parse_episodes([record["episodes"]]) or ()
    record["episodes"] = ranges([new[index] for index in written if index in new])
    record["failed"] = [
        {**failure, "episode": new[failure["episode"]]}
        for failure in record["failed"]
        if failure["episode"] in new
    ]
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


NUMBERED: Mapping[str, Callable[[bytes, Mapping[int, int]], bytes]] = {
    SKILLS: _skills,
    SAMPLES: _samples,
    RUN_RECORD: _record,
}
"""Files in a dataset that speak of episodes by number, and how each is numbered anew."""

NOT_THEM = (ValueError, KeyError, TypeError, AttributeError, RoboscribeError)
"""What ``renumbered`` raises of a file that is not what its name says."""
