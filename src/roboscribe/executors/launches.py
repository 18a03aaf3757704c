"""Launches for one dataset: only one is at work at a time, and what earlier ones have staged needs no task."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from roboscribe.dataset.filesystem import is_locked, lock
from roboscribe.errors import RoboscribeError
from roboscribe.executors.outcome import OUTCOME, read_outcome
from roboscribe.executors.plan import JOBS, PLAN, load_plan, plans
from roboscribe.executors.queue import NUMBERS, queue_of, read_jobs
from roboscribe.executors.report import FILES, LOGS, NUMBER, REPORTS, TASKS, WRITE, read_reports

_LOCK = "lock"


@contextmanager
def alone(target: Path) -> Generator[None]:
    """Around a launch, to the moment at which its jobs are in the queue.

    Raises:
        RoboscribeError: Another launch for the same dataset is at it, or its jobs are not over.
    """
    folder = target / JOBS
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if lock(handle) is False:
            raise RoboscribeError(
                f"Another launch for {target} is at work.", "Wait until it has ended, then launch again."
            )
        for plan in plans(target):
            jobs = read_jobs(plan)
            queued = queue_of(jobs) if jobs is not None else None
            if jobs is not None and queued is not None and not queued.is_over:
                raise RoboscribeError(
                    f"Jobs of an earlier launch for {target} are still in the queue.",
                    f"Wait for them, or stop them with `scancel {' '.join(jobs.numbers)}` and launch again: what they"
                    " have done is kept, and what is left is shared out anew.",
                )
        yield
    finally:
        os.close(handle)


def is_launching(folder: Path) -> bool:
    """Whether a launch is at work for the dataset of a plan, by the plan's folder."""
    return is_locked(folder.parent / _LOCK)


def staged_before(target: Path, work: str, *, redo: bool = False) -> frozenset[int]:
    """Episodes that earlier launches of the same work have staged, going by what their tasks and last jobs told.

    Nothing of theirs is opened, so this takes no longer with more episodes. Where something else became of them
    since, the last job finds out, leaves them as they are, and the next launch has them staged again.

    Args:
        target: The dataset that is being annotated.
        work: See ``Plan.work``.
        redo: Whether what is staged is to be made anew, which a launch that came to its end has done.
    """
    staged: frozenset[int] = frozenset()
    for folder in plans(target):
        plan = load_plan(folder / PLAN)
        if plan.work != work:
            # It may have put results of its own in the place of these.
            staged -= plan.episodes
            continue
        staged |= {episode for report in read_reports(folder) for episode in report.staged}
        outcome = read_outcome(folder)
        if outcome is not None:
            ended = redo and not outcome.finished.failed
            staged -= plan.episodes
            staged |= set[int]() if ended else set(outcome.staged)
    return staged


def clear(folder: Path) -> None:
    """Forget what an earlier launch of the very same plan has told."""
    for name in (REPORTS, LOGS, TASKS, NUMBER, FILES, WRITE):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (OUTCOME, NUMBERS):
        (folder / name).unlink(missing_ok=True)
