"""Watching a cluster: the folder of a plan goes in, how far its tasks are comes out; also when the jobs are gone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from roboscribe.events import Spent, TasksProgress
from roboscribe.executors.launches import is_launching
from roboscribe.executors.outcome import Outcome, read_outcome
from roboscribe.executors.plan import PLAN, Plan, load_plan, plans
from roboscribe.executors.queue import Jobs, Queue, ended_by_itself, ended_by_slurm, queue_of, read_jobs
from roboscribe.executors.report import (
    BEAT_SECONDS,
    FILES,
    NUMBER,
    TASKS,
    WRITE,
    TaskReport,
    log_path,
    read_reports,
)
from roboscribe.plain import counted, duration

_SILENT_SECONDS = 60.0
"""A task that has said nothing for so long does not run any more, where there is no queue to ask. Network file systems
may show a change that much later."""


@dataclass(frozen=True)
class TaskState:
    """How a task stands.

    Attributes:
        task: Its number.
        state: It waits for its turn, runs, has done its work, has failed in a way that it could tell of, or is lost:
            it was killed, or never began.
        why: Why it waits, failed or is lost; empty where that is not known or there is nothing to say.
    """

    task: int
    state: Literal["waiting", "running", "done", "failed", "lost"]
    why: str = ""


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
        now: Seconds since 1970.
        jobs: Of Slurm; None where it has none of this plan.
        queue: How these stand; None where Slurm cannot be asked.
        launching: Whether the command that launched it is still at it.
        outcome: What the last job told; None where it has told nothing yet.
        numbering: Report of the job that numbers what is staged, where there is one and it has begun.
        making: Reports of the tasks that make data files.
        ending: Report of the last job, once it has begun.
    """

    folder: Path
    plan: Plan
    reports: Sequence[TaskReport]
    now: float
    jobs: Jobs | None = None
    queue: Queue | None = None
    launching: bool = False
    outcome: Outcome | None = None
    numbering: Sequence[TaskReport] = ()
    making: Sequence[TaskReport] = ()
    ending: Sequence[TaskReport] = ()

    @property
    def is_over(self) -> bool:
        """Whether no task runs or will run any more."""
        if self.launching:
            return False
        if self.queue is not None:
            return self.queue.is_over
        # Where Slurm does not answer, the last job may still wait for its turn.
        may_come = self.jobs is not None and not self.ending
        is_at_it = any(map(self._is_heard, self.ending))
        return self.outcome is not None or (self._have_tasks_ended and not may_come and not is_at_it)

    @property
    def writing_failed(self) -> bool:
        """Whether the last job is known to have ended without writing."""
        if self.queue is None:
            return any(report.ended and not report.is_done for report in self.ending)
        last = self.queue.last
        return last is not None and last.is_over and last.state != "COMPLETED"

    @property
    def is_unknown(self) -> bool:
        """Whether nobody can tell how the last job stands, as Slurm cannot be asked and it has not told of its end."""
        settled = self.outcome is not None or any(report.ended for report in self.ending)
        return self.jobs is not None and self.queue is None and not settled

    @cached_property
    def states(self) -> tuple[TaskState, ...]:
        """How each task stands, by number."""
        reports = {report.task: report for report in self.reports}
        return tuple(self._state(task, reports.get(task)) for task in range(len(self.plan.tasks)))

    @property
    def writing(self) -> str:
        """How the last job stands, in a sentence."""
        last = self.queue.last if self.queue is not None else None
        if self.outcome is not None:
            finished = self.outcome.finished
            return f"The last job has written {counted(finished.annotated, 'episode')} to {finished.target}."
        if last is not None and last.waits:
            return "The last job, which writes the dataset, waits for the tasks."
        if (last is not None and not last.is_over) or any(map(self._is_heard, self.ending)):
            return "The last job is writing the dataset."
        if self.is_unknown and self._have_tasks_ended:
            return "Slurm cannot be asked how the last job stands; --task write shows its log."
        if self.is_over:
            why = last.ended_by_slurm if last is not None else ""
            return f"Nothing is written{f', as of the last job {why}' if why else ''}; --task write shows its log."
        unknown = (
            "Slurm does not answer, so this is what tasks say of themselves. " if self.is_unknown else ""
        )
        return f"{unknown}The dataset is written once the tasks have ended."

    @property
    def between_ended(self) -> list[str]:
        """Why jobs between the tasks and the last job have ended otherwise than they should, in sentences."""
        jobs = [(NUMBER, "the job that numbers what is staged", report) for report in self.numbering]
        jobs += [
            (FILES, f"task {report.task} of those that make data files", report) for report in self.making
        ]
        return [
            f"{who} {self._how_ended(report)}; its log is {log_path(self.folder / name, report.task)}"
            for name, who, report in jobs
            # The last job begins when all others have ended.
            if not report.is_done and (self.ending or not self._is_heard(report))
        ]

    def slurm_log(self, task: int | Literal["write"]) -> Path | None:
        """What Slurm and the shell said of a task or the last job; None where Slurm does not run them."""
        return self.jobs.log(self.folder, task) if self.jobs is not None else None

    @property
    def progress(self) -> TasksProgress:
        """All tasks together."""
        episodes = len(self.plan.episodes)
        staged = sum(report.done for report in self.reports)
        done = len(self.plan.before) + staged
        failed = sum(len(report.failed) for report in self.reports)
        counts = Counter(state.state for state in self.states)
        asking = (*self.reports, *self.numbering, *self.ending)
        return TasksProgress(
            tasks=len(self.plan.tasks),
            waiting=counts["waiting"],
            running=counts["running"],
            done_tasks=counts["done"],
            failed_tasks=counts["failed"],
            lost=counts["lost"],
            episodes=episodes,
            done=done,
            failed=failed,
            asks=sum(report.earlier_asks + report.asks for report in asking),
            spent=sum((report.earlier_spent + report.spent for report in asking), Spent()),
            seconds_left=self._seconds_left(episodes - done - failed, staged + failed),
            files=sum(stop - first for first, stop in self.plan.files),
            files_made=sum(report.files for report in self.making),
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

    @property
    def waits(self) -> list[tuple[str, int]]:
        """What tasks wait for, as Slurm calls it, and how many, the most frequent first."""
        return Counter(
            state.why for state in self.states if state.state == "waiting" and state.why
        ).most_common()

    def _state(self, task: int, report: TaskReport | None) -> TaskState:
        job = self.queue.tasks.get(task) if self.queue is not None else None
        if job is not None and job.waits:
            return TaskState(task, "waiting", job.reason)
        if report is not None and report.is_done:
            return TaskState(task, "done")
        if report is not None and report.ended:
            return TaskState(task, "failed", self._ended_by_slurm(task) or report.ended)
        if job is not None and not job.is_over:
            return TaskState(task, "running")
        if self.queue is None and report is None and self._may_begin:
            return TaskState(task, "waiting")
        end = self._end_of(task)
        # The last job begins when all tasks have ended.
        may_run = self.queue is None and not self.ending
        # One that Slurm has started again may have a log with an earlier end, but says that it runs.
        patience = 3 * BEAT_SECONDS if end else _SILENT_SECONDS
        if may_run and report is not None and self._is_heard(report, patience):
            return TaskState(task, "running")
        return TaskState(task, "lost", end or self._silence(report))

    @property
    def _have_tasks_ended(self) -> bool:
        return all(state.state not in ("waiting", "running") for state in self.states)

    def _is_heard(self, report: TaskReport, patience: float = _SILENT_SECONDS) -> bool:
        """Whether a task has said, so many seconds ago at most, that it runs."""
        return not report.ended and self.now - report.updated < patience

    def _silence(self, report: TaskReport | None) -> str:
        return f"no sign of life for {duration(self.now - report.updated)}" if report else "it never began"

    def _how_ended(self, report: TaskReport) -> str:
        return f"failed: {report.ended.rstrip('.')}" if report.ended else f"was lost: {self._silence(report)}"

    @property
    def _may_begin(self) -> bool:
        return self.launching or (self.jobs is not None and self.outcome is None)

    def _ended_by_slurm(self, task: int) -> str:
        """Why Slurm ended a task, whose queue forgets it, but not its log; empty where it did not."""
        job = self.queue.tasks.get(task) if self.queue is not None else None
        told = job.ended_by_slurm if job is not None else ""
        return told or (ended_by_slurm(self.jobs.log(self.folder, task)) if self.jobs is not None else "")

    def _end_of(self, task: int) -> str:
        """How a task ended that could not tell so itself, as the cluster told; empty where it did not."""
        of_ray = self.folder / TASKS / "logs" / f"task_{task:05d}.log"
        log = self.jobs.log(self.folder, task) if self.jobs is not None else of_ray
        return self._ended_by_slurm(task) or ended_by_itself(log)

    def _seconds_left(self, left: int, settled: int) -> float | None:
        if not left or not settled or all(state.state != "running" for state in self.states):
            return None if left else 0.0
        begun = min(report.started for report in self.reports)
        return (self.now - begun) / settled * left

    def _node(self, name: str, reports: Sequence[TaskReport]) -> Node:
        seconds = max(1e-9, _busy(reports))
        tokens = sum(report.spent.prompt_tokens + report.spent.completion_tokens for report in reports)
        return Node(
            name,
            running=sum(self.states[report.task].state == "running" for report in reports),
            done=sum(report.done for report in reports),
            failed=sum(len(report.failed) for report in reports),
            asks_per_second=sum(report.asks for report in reports) / seconds,
            tokens_per_second=tokens / seconds,
        )


def watch(folder: Path, clock: Callable[[], float] = time.time) -> Watch:
    """How far the plan in a folder is.

    Raises:
        RoboscribeError: There is no plan.
    """
    plan, jobs = load_plan(folder / PLAN), read_jobs(folder)
    return Watch(
        folder,
        plan,
        # Before the reports: what has left the queue has told its end by then.
        queue=queue_of(jobs) if jobs is not None else None,
        launching=is_launching(folder),
        reports=read_reports(folder),
        now=clock(),
        jobs=jobs,
        outcome=read_outcome(folder),
        numbering=read_reports(folder / NUMBER),
        making=read_reports(folder / FILES),
        ending=read_reports(folder / WRITE),
    )


def latest_plan(target: Path) -> Path | None:
    """Folder of the plan that was launched last for a dataset; None where none was."""
    return next(reversed(plans(target)), None)


def _busy(reports: Iterable[TaskReport]) -> float:
    """Seconds in which at least one task ran."""
    seconds = until = 0.0
    for report in sorted(reports, key=lambda report: report.started):
        seconds += max(0.0, report.updated - max(report.started, until))
        until = max(until, report.updated)
    return seconds
