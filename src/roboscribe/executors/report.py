"""How far a task of a cluster is: events of its run go in, a small file that anybody may read comes out."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from roboscribe.errors import cause
from roboscribe.events import EpisodeFailed, EpisodeStaged, Event, RunFinished, Spent, StagingStarted

REPORTS = "reports"
"""Folder of the reports in that of a plan."""
_EVERY_SECONDS = 2.0


@dataclass(frozen=True)
class TaskReport:
    """How far one task is.

    Attributes:
        task: Its number.
        node: Machine it runs on.
        started: Seconds since 1970.
        updated: Seconds since 1970.
        episodes: Episodes it works on.
        staged: Of these, indices of those that are staged.
        failed: Reasons by episode.
        asks: Asks put to the model.
        spent: What the model has cost so far.
        ended: ``done``, or why it ended otherwise; empty while it runs, or when it was killed.
    """

    task: int
    node: str = ""
    started: float = 0.0
    updated: float = 0.0
    episodes: int = 0
    staged: tuple[int, ...] = ()
    failed: dict[int, str] = field(default_factory=dict[int, str])
    asks: int = 0
    spent: Spent = field(default_factory=Spent)
    ended: str = ""

    @property
    def done(self) -> int:
        """Number of episodes that are staged."""
        return len(self.staged)


_REPORT = TypeAdapter(TaskReport)


class Reporter:
    """Keeps the report of one task up to date, at most every few seconds.

    Args:
        folder: Of the plan.
        task: Number of the task.
        clock: Seconds since 1970.
    """

    def __init__(self, folder: Path, task: int, clock: Callable[[], float] = time.time) -> None:
        self._path: Path = folder / REPORTS / f"{task:05d}.json"
        self._clock = clock
        self._written = 0.0
        self.report: TaskReport = TaskReport(task, socket.gethostname(), clock(), clock())
        self._write()

    def listen(self, event: Event) -> None:
        """Take note of what happens."""
        report = self.report
        match event:
            case StagingStarted(episodes=episodes):
                self.report = replace(report, episodes=episodes)
            case EpisodeStaged():
                asks = report.asks + event.asks
                staged = (*report.staged, event.episode)
                self.report = replace(report, staged=staged, asks=asks, spent=event.spent)
            case EpisodeFailed(episode, stage, reason):
                self.report = replace(report, failed={**report.failed, episode: f"{stage}: {reason}"})
            case RunFinished():
                self.report = replace(report, spent=event.spent, asks=event.asks)
            case _:
                return
        if self._clock() - self._written >= _EVERY_SECONDS:
            self._write()

    def end(self, error: BaseException | None = None) -> None:
        """The task has ended: as it should, or because of an error."""
        why = "done"
        if error is not None:
            why = cause(error) if isinstance(error, Exception) else type(error).__name__
        self.report = replace(self.report, ended=why)
        self._write()

    def _write(self) -> None:
        self._written = self._clock()
        self.report = replace(self.report, updated=self._written)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
        new.write_text(json.dumps(asdict(self.report)))
        new.replace(self._path)


def read_reports(folder: Path) -> list[TaskReport]:
    """The reports of a plan's tasks, by number; those that are not whole are left out."""
    found: list[TaskReport] = []
    for path in sorted((folder / REPORTS).glob("*.json")):
        try:
            found.append(_REPORT.validate_json(path.read_bytes()))
        except (OSError, ValueError):
            continue
    return found
