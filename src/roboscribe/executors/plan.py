"""The plan of a distributed run: episodes and settings go in, which task works on which episodes comes out.

Only episodes that no earlier launch has staged get a task, so that what is left is spread over all tasks of a relaunch.

A plan is known by a fingerprint of the split, the settings and the version of this code, and everything a
launch leaves behind, completion marks of its tasks above all, lies in a folder of that name. So a relaunch with
another split never mistakes the tasks of one plan for those of another; it starts tasks of its own, which find
what is staged already.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from roboscribe import __version__
from roboscribe.config import parse_episodes, ranges
from roboscribe.dataset.journal import STAGING
from roboscribe.errors import RoboscribeError
from roboscribe.language import canonical_json

JOBS = f"{STAGING}/jobs"
"""Folder, beside the staged results, with a folder for each plan."""
PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """Which task works on which episodes.

    Attributes:
        tasks: Episode indices of each task, ascending; together every episode once that is to be staged.
        settings: The settings, as plain data.
        code: Version of this code.
        before: Indices of the episodes that are staged already.
        files: For each task that makes data files after these, number of its first file and of the one after its last;
            none where the last job makes all of them. No part of the fingerprint, as nothing of it changes a result.
    """

    tasks: tuple[tuple[int, ...], ...]
    settings: dict[str, Any]
    code: str = __version__
    before: tuple[int, ...] = ()
    files: tuple[tuple[int, int], ...] = ()

    @property
    def episodes(self) -> frozenset[int]:
        """Indices of the episodes that are to be written."""
        return frozenset(self.before).union(*self.tasks)

    @property
    def work(self) -> str:
        """Digest of what is done, however it is shared out: settings and code."""
        return _digest({"settings": self.settings, "code": self.code})

    @property
    def fingerprint(self) -> str:
        """Digest of split, settings and code."""
        tasks = [ranges(task) for task in self.tasks]
        return _digest({"tasks": tasks, "settings": self.settings, "code": self.code})

    def folder(self, target: Path) -> Path:
        """Where what its launch leaves behind lies, in the dataset that is being annotated."""
        return target / JOBS / self.fingerprint

    def save(self, target: Path) -> Path:
        """Write the plan, or find it as it was written by an earlier launch; its folder.

        Raises:
            RoboscribeError: What lies there is another plan.
        """
        folder = self.folder(target)
        folder.mkdir(parents=True, exist_ok=True)
        data = asdict(self) | {"tasks": [ranges(task) for task in self.tasks], "before": ranges(self.before)}
        text = json.dumps(data, indent=2, default=str) + "\n"
        path = folder / PLAN
        if path.exists() and load_plan(path).fingerprint != self.fingerprint:
            raise RoboscribeError(f"{path} is not the plan it is named after.", f"Remove {folder}.")
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)
        return folder


def load_plan(path: Path) -> Plan:
    """A plan that was written.

    Raises:
        RoboscribeError: The file is no plan.
    """
    try:
        data = json.loads(path.read_text())
        tasks = tuple(parse_episodes([task]) or () for task in data["tasks"])
        before = parse_episodes([data["before"]]) or ()
        files = tuple((first, stop) for first, stop in data["files"])
        return Plan(tasks, data["settings"], data["code"], before, files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RoboscribeError(f"{path} is no plan of ours: {error}.", f"Remove {path.parent}.") from error


def plans(target: Path) -> list[Path]:
    """Folders of the plans that were launched for a dataset, the latest last."""
    found = (target / JOBS).glob(f"*/{PLAN}")
    return [path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime)]


def split(episodes: Sequence[int], tasks: int) -> tuple[tuple[int, ...], ...]:
    """The episodes in as many runs of neighbours, of equal length as far as may be, none of them empty.

    No episodes are no runs.

    Neighbours share data and video files, which a task so opens once.
    """
    if not episodes:
        return ()
    count = min(tasks, len(episodes))
    size, longer = divmod(len(episodes), count)
    starts = [at * size + min(at, longer) for at in range(count + 1)]
    return tuple(tuple(episodes[a:b]) for a, b in pairwise(starts))


def split_by_size(sizes: Sequence[int], tasks: int) -> tuple[tuple[int, int], ...]:
    """Neighbouring files in as many runs that are of equal size as far as may be, none of them empty.

    Args:
        sizes: Bytes of each file.
        tasks: Number of runs; there may be fewer.

    Returns:
        Number of the first file of each run, and of the one after its last.
    """
    ends = list(accumulate(sizes))
    cuts = {bisect(ends, ends[-1] * run / tasks) for run in range(1, tasks)} if ends else set[int]()
    return tuple(pairwise(sorted({0, *cuts, len(ends)})))


def _digest(parts: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]
