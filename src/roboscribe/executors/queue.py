"""Slurm's queue: the jobs of a plan go in, how each stands and how it ended comes out."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from roboscribe.executors.report import TASKS, WRITE

NUMBERS = "jobs.json"
"""File with the jobs of a plan, in its folder."""

_FORMAT = "%F|%K|%T|%r"
_OVER = {
    "COMPLETED": "it ended",
    "FAILED": "it failed",
    "CANCELLED": "it was cancelled",
    "TIMEOUT": "its time limit was reached; give more with --executor.slurm-time",
    "OUT_OF_MEMORY": "it ran out of memory; give more with --executor.slurm-mem",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not come up",
    "PREEMPTED": "other work took its node",
    "DEADLINE": "its deadline passed",
    "REVOKED": "it was revoked",
}
"""States of jobs that will not run any more, in words."""
_ENDED_BY_SLURM = (
    (re.compile(r"\*\*\* .+ DUE TO TIME LIMIT"), _OVER["TIMEOUT"]),
    (re.compile(r"Detected \d+ oom.kill event|task \d+: Out Of Memory"), _OVER["OUT_OF_MEMORY"]),
    (re.compile(r"\*\*\* .+ DUE TO PREEMPTION"), _OVER["PREEMPTED"]),
    (re.compile(r"\*\*\* .+ DUE TO NODE FAILURE"), _OVER["NODE_FAIL"]),
    (re.compile(r"\*\*\* JOB \S+ ON \S+ CANCELLED"), _OVER["CANCELLED"]),
)
"""What Slurm writes into the log of a job that it ends, and what that says of it."""
_ENDED = re.compile(
    r"task \d+: (Killed|Terminated|Segmentation fault|Bus error|Aborted|Exited with exit code \d+)"
)
_TAIL_BYTES = 65_536


@dataclass(frozen=True)
class Jobs:
    """The jobs of Slurm that a plan became.

    Attributes:
        arrays: Number of each array of tasks, in the order of the tasks.
        size: Tasks of every array but the last one.
        last: Number of the job that writes.
        between: Numbers of the jobs between these, which make data files.
    """

    arrays: tuple[str, ...]
    size: int
    last: str
    between: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """All of them, as `scancel` takes them."""
        return (*self.arrays, *self.between, self.last)

    def save(self, folder: Path) -> None:
        """Leave them in the folder of the plan."""
        (folder / NUMBERS).write_bytes(_JOBS.dump_json(self))

    def log(self, folder: Path, task: int | Literal["write"]) -> Path:
        """What Slurm and the shell said of a task, or of the last job."""
        if task == WRITE:
            return folder / WRITE / "slurm_logs" / f"{self.last}_0.out"
        array, index = divmod(task, self.size)
        return folder / TASKS / "slurm_logs" / f"{self.arrays[array]}_{index}.out"


_JOBS = TypeAdapter(Jobs)


@dataclass(frozen=True, slots=True)
class Queued:
    """How a job of Slurm stands.

    Attributes:
        state: As Slurm calls it, such as ``PENDING``.
        reason: Why it waits, or ended so, as Slurm calls it.
    """

    state: str
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it will not run any more."""
        return self.state in _OVER

    @property
    def waits(self) -> bool:
        """Whether it does not run yet, or not again yet."""
        return self.state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "CONFIGURING")

    @property
    def ended_by_slurm(self) -> str:
        """Why Slurm ended it; empty where it ended by itself, or has not."""
        return "" if self.state in ("COMPLETED", "FAILED") else _OVER.get(self.state, "")


@dataclass(frozen=True)
class Queue:
    """How the jobs of a plan stand, as far as Slurm still knows them; it forgets them some minutes after their end.

    Attributes:
        tasks: By the number of the task.
        last: The job that writes.
        between: Those between these.
    """

    tasks: dict[int, Queued]
    last: Queued | None = None
    between: tuple[Queued, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether none of them runs or will run any more."""
        jobs = (*self.tasks.values(), *self.between, *([self.last] if self.last is not None else ()))
        return all(job.is_over for job in jobs)


def read_jobs(folder: Path) -> Jobs | None:
    """The jobs that a plan became; None where it became none, or is still on the way there."""
    try:
        return _JOBS.validate_json((folder / NUMBERS).read_bytes())
    except (OSError, ValueError):
        return None


def queue_of(jobs: Jobs) -> Queue | None:
    """How they stand; None where Slurm cannot be asked."""
    words = ["--noheader", "--array", "--states=all", f"--format={_FORMAT}"]
    try:
        told = subprocess.run(
            ["squeue", *words, f"--jobs={','.join(jobs.numbers)}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if told.returncode != 0:
        return Queue({}) if "Invalid job id" in told.stderr else None
    return _queue(jobs, told.stdout.split("\n"))


def _queue(jobs: Jobs, lines: Sequence[str]) -> Queue:
    tasks: dict[int, Queued] = {}
    last = None
    between: list[Queued] = []
    for line in filter(None, lines):
        number, index, state, reason = line.split("|", 3)
        job = Queued(state, "" if reason == "None" else reason)
        if number == jobs.last:
            last = job
        elif number in jobs.between:
            between.append(job)
        elif number in jobs.arrays and index.isdecimal():
            tasks[jobs.arrays.index(number) * jobs.size + int(index)] = job
    return Queue(tasks, last, tuple(between))


def ended_by_slurm(log: Path) -> str:
    """Why Slurm ended a job, by what it wrote into its log; empty where it did not, or says nothing of it."""
    text = tail_of(log)
    return next((words for pattern, words in _ENDED_BY_SLURM if pattern.search(text)), "")


def ended_by_itself(log: Path) -> str:
    """How the program in a job ended, by the signal or exit code that Slurm, or ``RayTask``, wrote into its log."""
    found = _ENDED.search(tail_of(log))
    return found[1].lower() if found else ""


def tail_of(log: Path) -> str:
    """The end of a log; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
