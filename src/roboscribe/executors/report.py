"""How far a task of a cluster is: events of its run go in; a small file that anybody may read, and a log, come out."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Literal

from pydantic import TypeAdapter

from roboscribe.errors import RoboscribeError
from roboscribe.events import (
    Answered,
    EpisodeFailed,
    EpisodeStaged,
    Event,
    RunFinished,
    ShardWritten,
    Spent,
    StagingStarted,
)
from roboscribe.plain import PlainLines, counted

REPORTS = "reports"
"""Folder of the reports in that of a plan."""
TASKS = "tasks"
"""Folder, in that of a plan, for what datatrove and Slurm keep of its tasks."""
WRITE: Literal["write"] = "write"
"""Name of the last job, and folder, in that of a plan, for its report and log."""
NUMBER = "number"
"""Likewise of the job that numbers what is staged."""
FILES = "files"
"""Folder, in that of a plan, for reports and logs of the tasks that make data files."""
LOGS = "logs"
"""Folder of the logs in that of a plan."""
BEAT_SECONDS = 5.0
"""How often a task that runs says so."""


@dataclass(frozen=True)
class TaskReport:
    """How far one task is.

    Attributes:
        task: Its number.
        node: Machine it runs on.
        started: Seconds since 1970.
        updated: Seconds since 1970, no more than ``BEAT_SECONDS`` ago while it runs.
        episodes: Episodes it works on.
        staged: Of these, indices of those that are staged.
        failed: Reasons by episode.
        files: Data files that it has made or found made.
        asks: Asks that the model has answered.
        spent: What the model has cost so far.
        ended: ``done``, or why it ended otherwise; empty while it runs, or when it was killed.
        starts: How often it was started; a cluster that needs its node for other work starts it again later.
        earlier_asks: Asks answered before it was started again.
        earlier_spent: What these cost.
    """

    task: int
    node: str = ""
    started: float = 0.0
    updated: float = 0.0
    episodes: int = 0
    staged: tuple[int, ...] = ()
    failed: dict[int, str] = field(default_factory=dict[int, str])
    files: int = 0
    asks: int = 0
    spent: Spent = field(default_factory=Spent)
    ended: str = ""
    starts: int = 1
    earlier_asks: int = 0
    earlier_spent: Spent = field(default_factory=Spent)

    @property
    def done(self) -> int:
        """Number of episodes that are staged."""
        return len(self.staged)

    @property
    def is_done(self) -> bool:
        """Whether it ended as it should."""
        return self.ended == _DONE


_REPORT = TypeAdapter(TaskReport)
_DONE = "done"


TIME_WIDTH = len("2026-01-01 00:00:00 ")
"""Characters before what a line of a log says."""


class Log:
    """The log of a job, to which each start of it adds: what happens, line by line with the time.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = PlainLines(say=self.say)
        path.parent.mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> None:
        """Add a line, or several."""
        begun = time.strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError), self._path.open("a") as file:
            file.writelines(f"{begun} {line}\n" for line in text.splitlines())

    def listen(self, event: Event) -> None:
        """Add what an event tells."""
        self._lines.show(event)

    def fail(self, error: BaseException) -> None:
        """Add why the job ends: a sentence, or the whole traceback where that is nothing a user can mend."""
        known = isinstance(error, RoboscribeError)
        self.say(str(error) if known else "".join(traceback.format_exception(error)))


class Reporter:
    """Keeps report and log of one task while it runs, as a context manager around its work.

    A thread says every few seconds that the task runs, so that one that was killed is known by its silence.

    Args:
        folder: Of the plan.
        task: Number of the task.
        clock: Seconds since 1970.
    """

    def __init__(self, folder: Path, task: int, clock: Callable[[], float] = time.time) -> None:
        self._path = report_path(folder, task)
        self._clock = clock
        self._log = Log(log_path(folder, task))
        self._over = threading.Event()
        self._writing = threading.Lock()
        self._beat = threading.Thread(target=self._write_often, daemon=True)
        self.report: TaskReport = TaskReport(task, socket.gethostname(), clock(), clock())
        if (earlier := _read(self._path)) is not None:
            self.report = replace(
                self.report,
                starts=earlier.starts + 1,
                earlier_asks=earlier.earlier_asks + earlier.asks,
                earlier_spent=earlier.earlier_spent + earlier.spent,
            )

    def __enter__(self) -> Reporter:
        again = f", start {self.report.starts}" if self.report.starts > 1 else ""
        self._log.say(f"Task {self.report.task} on {self.report.node}, process {os.getpid()}{again}.")
        self._write()
        self._beat.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._beat.join()
        if error is None:
            done, asks = counted(self.report.done, "episode"), counted(self.report.asks, "ask")
            files = f", {counted(self.report.files, 'data file')} made" if self.report.files else ""
            self._log.say(f"Done: {done} staged, {asks}{files}.")
        else:
            self._log.fail(error)
        self.end(error)

    def listen(self, event: Event) -> None:
        """Take note of what happens."""
        if not isinstance(event, RunFinished):
            self._log.listen(event)
        report = self.report
        match event:
            case StagingStarted(episodes=episodes):
                self.report = replace(report, episodes=episodes)
            case Answered(asks, spent):
                self.report = replace(report, asks=asks, spent=spent)
            case EpisodeStaged():
                self.report = replace(report, staged=(*report.staged, event.episode))
            case EpisodeFailed(episode, stage, reason):
                self.report = replace(report, failed={**report.failed, episode: f"{stage}: {reason}"})
            case ShardWritten():
                self.report = replace(report, files=report.files + 1)
            case RunFinished():
                self.report = replace(report, spent=event.spent, asks=event.asks)
            case _:
                return

    def end(self, error: BaseException | None = None) -> None:
        """The task has ended: as it should, or because of an error."""
        why = _DONE if error is None else " ".join(str(error).split()) or type(error).__name__
        self.report = replace(self.report, ended=why)
        self._write()

    def _write_often(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            # A disk that is full, or away for a moment, is told of by what writes results.
            with suppress(OSError):
                self._write()

    def _write(self) -> None:
        with self._writing:
            report = replace(self.report, updated=self._clock())
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
            new.write_text(json.dumps(asdict(report)))
            new.replace(self._path)


def report_path(folder: Path, task: int) -> Path:
    """The report of a task."""
    return folder / REPORTS / f"{task:05d}.json"


def log_path(folder: Path, task: int) -> Path:
    """The log of a task."""
    return folder / LOGS / f"{task:05d}.log"


def read_reports(folder: Path) -> list[TaskReport]:
    """The reports of a plan's tasks, by number; those that are not whole are left out."""
    found = map(_read, sorted((folder / REPORTS).glob("*.json")))
    return [report for report in found if report is not None]


def _read(path: Path) -> TaskReport | None:
    try:
        return _REPORT.validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
