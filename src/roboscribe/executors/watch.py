"""Watching a cluster: the folder of a plan goes in, how far its tasks are comes out; also when the jobs are gone."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from roboscribe.events import Spent, TasksProgress
from roboscribe.executors.plan import PLAN, Plan, load_plan, plans
from roboscribe.executors.report import TaskReport, read_reports

NUMBERS = "jobs.json"
"""File with the numbers of a plan's jobs."""
_SILENT_SECONDS = 120.0
"""A task that has told nothing for so long is taken not to run any more, where there is no queue to ask."""


@dataclass(frozen=True)
class Node:
    """What one machine of a cluster does.

    Attributes:
        name: Of the machine.
        running: Tasks at work on it.
        done: Episodes it has staged.
        failed: Episodes that failed on it.
        asks_per_second: Of its tasks together, over the time in which any of them ran.
        tokens_per_second: Likewise.
    """

    name: str
    running: int
    done: int
    failed: int
    asks_per_second: float
    tokens_per_second: float


@dataclass(frozen=True)
class Watch:
    """How far a plan is.

    Attributes:
        folder: Of the plan.
        plan: The plan.
        reports: Of the tasks that have begun.
        queued: Numbers of jobs that Slurm still has; None where there is no Slurm to ask.
        now: Seconds since 1970.
    """

    folder: Path
    plan: Plan
    reports: Sequence[TaskReport]
    queued: frozenset[str] | None
    now: float

    @property
    def is_over(self) -> bool:
        """Whether no task runs or will run any more."""
        if self.queued is not None:
            return not self.queued
        return len(self.reports) == len(self.plan.tasks) and not any(map(self._is_running, self.reports))

    @property
    def progress(self) -> TasksProgress:
        """All tasks together."""
        episodes = len(self.plan.episodes)
        staged = sum(report.done for report in self.reports)
        done = len(self.plan.before) + staged
        failed = sum(len(report.failed) for report in self.reports)
        return TasksProgress(
            tasks=len(self.plan.tasks),
            running=sum(map(self._is_running, self.reports)),
            ended=sum(not self._is_running(report) for report in self.reports),
            episodes=episodes,
            done=done,
            failed=failed,
            asks=sum(report.asks for report in self.reports),
            spent=sum_of([report.spent for report in self.reports]),
            seconds_left=self._seconds_left(episodes - done - failed, staged + failed),
        )

    @property
    def nodes(self) -> list[Node]:
        """Machine by machine."""
        names = sorted({report.node for report in self.reports})
        return [
            self._node(name, [report for report in self.reports if report.node == name]) for name in names
        ]

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why episodes failed, and how many for that reason, the most frequent first."""
        return Counter(reason for report in self.reports for reason in report.failed.values()).most_common()

    def _seconds_left(self, left: int, settled: int) -> float | None:
        running = [report for report in self.reports if self._is_running(report)]
        if not left or not settled or not running:
            return None if left else 0.0
        begun = min(report.started for report in self.reports)
        return (self.now - begun) / settled * left

    def _node(self, name: str, reports: Sequence[TaskReport]) -> Node:
        seconds = max(1e-9, _busy(reports))
        tokens = sum(report.spent.prompt_tokens + report.spent.completion_tokens for report in reports)
        return Node(
            name,
            running=sum(map(self._is_running, reports)),
            done=sum(report.done for report in reports),
            failed=sum(len(report.failed) for report in reports),
            asks_per_second=sum(report.asks for report in reports) / seconds,
            tokens_per_second=tokens / seconds,
        )

    def _is_running(self, report: TaskReport) -> bool:
        if report.ended:
            return False
        return bool(self.queued) if self.queued is not None else self.now - report.updated < _SILENT_SECONDS


def watch(folder: Path, clock: Callable[[], float] = time.time) -> Watch:
    """How far the plan in a folder is.

    Raises:
        RoboscribeError: There is no plan.
    """
    return Watch(folder, load_plan(folder / PLAN), read_reports(folder), queued(folder), clock())


def latest_plan(target: Path) -> Path | None:
    """Folder of the plan that was launched last for a dataset; None where none was."""
    return next(reversed(plans(target)), None)


def queued(folder: Path) -> frozenset[str] | None:
    """Numbers of a plan's jobs that Slurm still has; None where there are none, or no Slurm to ask."""
    try:
        numbers: list[str] = json.loads((folder / NUMBERS).read_text())
        told = subprocess.run(
            ["squeue", "--noheader", "--format=%A", f"--jobs={','.join(numbers)}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    # Slurm forgets jobs some minutes after their end, and then calls their numbers invalid.
    return frozenset(told.stdout.split()) if told.returncode == 0 else frozenset()


def _busy(reports: Iterable[TaskReport]) -> float:
    """Seconds in which at least one task ran."""
    seconds = until = 0.0
    for report in sorted(reports, key=lambda report: report.started):
        seconds += max(0.0, report.updated - max(report.started, until))
        until = max(until, report.updated)
    return seconds


def sum_of(spent: Sequence[Spent]) -> Spent:
    """What several have cost together."""
    return Spent(
        calls=sum(one.calls for one in spent),
        cached=sum(one.cached for one in spent),
        images=sum(one.images for one in spent),
        bytes_sent=sum(one.bytes_sent for one in spent),
        prompt_tokens=sum(one.prompt_tokens for one in spent),
        completion_tokens=sum(one.completion_tokens for one in spent),
        cached_tokens=sum(one.cached_tokens for one in spent),
        cost=sum(one.cost for one in spent),
    )
