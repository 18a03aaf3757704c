"""What is told of a cluster from the reports of its tasks, and from Slurm's queue and logs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from roboscribe.cli.app import main
from roboscribe.config import AnnotateSettings, ExecutorSettings
from roboscribe.errors import RoboscribeError
from roboscribe.events import (
    Answered,
    EpisodeStaged,
    RunFinished,
    ShardWritten,
    Spent,
    StagingStarted,
    ignore,
)
from roboscribe.executors import run
from roboscribe.executors.jobs import numbers_of
from roboscribe.executors.launches import alone, clear
from roboscribe.executors.outcome import Outcome
from roboscribe.executors.plan import PLAN, load_plan
from roboscribe.executors.queue import Jobs
from roboscribe.executors.report import FILES, NUMBER, WRITE, Reporter, TaskReport, read_reports
from roboscribe.executors.run import plan_of
from roboscribe.executors.watch import Watch, watch
from roboscribe.plain import tasks_line

Squeue = Callable[..., None]


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Squeue:
    """Sets the lines that a stand-in for squeue prints, what it complains of, and its exit code."""
    path = tmp_path / "bin" / "squeue"
    path.parent.mkdir()
    monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)

    def prints(*lines: str, error: str = "", code: int = 0) -> None:
        text = "\n".join(lines)
        path.write_text(f"#!/bin/sh\ncat <<'EOF'\n{text}\nEOF\necho '{error}' >&2\nexit {code}\n")
        path.chmod(0o755)

    return prints


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plan of eight tasks of an episode each, which became the arrays 7 (five tasks) and 8, and the job 9."""
    plan = plan_of(AnnotateSettings(root=tmp_path, executor=ExecutorSettings(tasks=8)), tuple(range(8)))
    folder = plan.save(tmp_path / "data")
    Jobs(("7", "8"), 5, "9").save(folder)
    return folder


def ended(folder: Path, task: int, error: Exception | None = None) -> None:
    """A task that works, and ends."""
    try:
        with Reporter(folder, task) as reporter:
            reporter.listen(StagingStarted(1, ("plan",), "fake"))
            reporter.listen(Answered(5, Spent(calls=5, prompt_tokens=50)))
            if error is not None:
                raise error
            reporter.listen(EpisodeStaged(task, 5, (), ()))
    except RoboscribeError:
        pass


def killed(folder: Path, task: int) -> None:
    """A task that begins, and is killed."""
    Reporter(folder, task).__enter__()._over.set()  # pyright: ignore[reportPrivateUsage]


def slurm_log(folder: Path, name: str, text: str) -> None:
    """What Slurm wrote into the log of a task."""
    path = folder / "tasks" / "slurm_logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def states(folder: Path) -> list[tuple[str, str]]:
    return [(state.state, state.why) for state in watch(folder).states]


def test_a_node_is_as_fast_as_its_tasks_are_together() -> None:
    spent = Spent(prompt_tokens=900, completion_tokens=100)
    reports = [
        TaskReport(0, "a", started=0, updated=10, asks=50, spent=spent),
        TaskReport(1, "a", started=0, updated=10, asks=50, spent=spent),
        # It was idle for a while.
        TaskReport(2, "a", started=90, updated=100, asks=100, spent=spent),
        TaskReport(3, "b", started=0, updated=10, asks=20, spent=spent),
    ]
    plan = plan_of(AnnotateSettings(root=Path("d"), executor=ExecutorSettings(tasks=4)), tuple(range(8)))
    a, b = Watch(Path("d"), plan, reports, now=100).nodes
    assert (a.asks_per_second, a.tokens_per_second) == (pytest.approx(10), pytest.approx(150))
    assert (b.asks_per_second, b.tokens_per_second) == (pytest.approx(2), pytest.approx(100))


def test_data_files_are_counted_while_they_are_made(folder: Path, squeue: Squeue) -> None:
    plan = replace(load_plan(folder / PLAN), files=((0, 3), (3, 5)))
    plan.save(folder.parents[2])
    assert "data file" not in tasks_line(watch(folder).progress)
    with Reporter(folder / FILES, 0) as reporter:
        for shard in "abc":
            reporter.listen(ShardWritten(shard))
    reporter = Reporter(folder / FILES, 1)
    reporter.listen(ShardWritten("d"))
    reporter.end(OSError("The disk is full."))
    seen = watch(folder)
    assert "4/5 data files made" in tasks_line(seen.progress)
    (failed,) = seen.between_ended
    assert "task 1 of those that make data files failed: The disk is full; its log is" in failed


def test_each_task_stands_as_its_report_and_the_queue_say(folder: Path, squeue: Squeue) -> None:
    ended(folder, 0)
    ended(folder, 1, RoboscribeError("1 of 1 episodes failed."))
    for task in (2, 3, 4, 5):
        killed(folder, task)
    slurm_log(folder, "7_3.out", "srun: error: n1: task 0: Killed\n")
    squeue("7|3|FAILED|NonZeroExitCode", "7|2|RUNNING|None", "7|4|PENDING|BeginTime", "8|0|TIMEOUT|TimeLimit",
           "8|1|PENDING|Resources", "8|2|PENDING|Resources", "9|0|PENDING|Dependency")  # fmt: skip
    assert states(folder) == [
        ("done", ""),
        ("failed", "1 of 1 episodes failed."),
        ("running", ""),
        ("lost", "killed"),
        ("waiting", "BeginTime"),
        ("lost", "its time limit was reached; give more with --executor.slurm-time"),
        ("waiting", "Resources"),
        ("waiting", "Resources"),
    ]
    seen = watch(folder)
    assert not seen.is_over
    assert seen.waits == [("Resources", 2), ("BeginTime", 1)]
    told = "8 tasks: 1 running, 3 waiting, 1 done, 1 failed, 2 lost"
    assert told in tasks_line(seen.progress)
    assert "waits for the tasks" in seen.writing


def test_when_jobs_are_gone_their_logs_tell_how_they_ended(
    folder: Path, squeue: Squeue, capsys: pytest.CaptureFixture[str]
) -> None:
    for task in range(4):
        killed(folder, task)
    ended(folder, 4, RoboscribeError("It was told to end (SIGTERM)."))
    for task, text in enumerate(("*** STEP 3.0 ON n1 CANCELLED AT now DUE TO TIME LIMIT ***",
                                 "slurmstepd: error: Detected 1 oom_kill event in StepId=4.0.",
                                 "slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT now ***")):  # fmt: skip
        slurm_log(folder, f"7_{task}.out", f"0: hello\n{text}\n")
    slurm_log(folder, "7_4.out", "*** JOB 5 ON n1 CANCELLED AT now DUE TO PREEMPTION ***")
    squeue(error="slurm_load_jobs error: Invalid job id specified", code=1)
    seen = watch(folder)
    assert seen.is_over
    assert [state for state, _ in states(folder)] == ["lost"] * 4 + ["failed"] + ["lost"] * 3
    whys = [why for _, why in states(folder)]
    assert "--executor.slurm-time" in whys[0]
    assert "--executor.slurm-mem" in whys[1]
    assert (
        whys[2:]
        == ["it was cancelled", "no sign of life for 0 s", "other work took its node"]
        + ["it never began"] * 3
    )
    root = str(folder.parents[2])
    assert main(["status", "--root", root, "--task", "0"]) == 0
    told = capsys.readouterr().out
    assert "task 0, 1 episode, 0 to 0: was lost: its time limit was reached" in told
    assert "Task 0 on " in told, "its own log"
    assert "DUE TO TIME LIMIT" in told, "and Slurm's"
    assert main(["status", "--root", root, "--task", "4"]) == 0
    assert "It was told to end (SIGTERM)." in capsys.readouterr().out
    assert main(["status", "--root", root, "--task", "8"]) == 2
    assert "Its tasks are 0 to 7." in capsys.readouterr().err


def test_a_queue_that_cannot_be_asked_is_no_queue_that_is_empty(folder: Path, squeue: Squeue) -> None:
    killed(folder, 0)
    squeue(error="slurm_load_jobs error: Unable to contact slurm controller", code=1)
    assert not watch(folder).is_over
    assert "Slurm does not answer" in watch(folder).writing
    assert states(folder)[0] == ("running", "")
    later = watch(folder, lambda: read_reports(folder)[0].updated + 600)
    assert (later.states[0].state, later.states[0].why) == ("lost", "no sign of life for 10 min")
    assert later.states[1].state == "waiting"
    ended(folder / WRITE, 0)
    Outcome(RunFinished(0, 8, 0, 0, 0, 0, 0.0, "data"), ()).save(folder)
    assert watch(folder).is_over
    assert states(folder)[0] == ("lost", "no sign of life for 0 s"), "as the last job begins after all others"


def test_without_a_queue_jobs_after_the_tasks_are_known_by_what_they_say(
    folder: Path, squeue: Squeue
) -> None:
    for task in range(8):
        ended(folder, task)
    squeue(error="slurm_load_jobs error: Unable to contact slurm controller", code=1)
    unknown = "Slurm cannot be asked how the last job stands"
    assert not watch(folder).is_over, "the last job may wait for its turn"
    assert unknown in watch(folder).writing
    for work in (folder / NUMBER, folder / FILES):
        killed(work, 0)
    later = watch(folder, lambda: time.time() + 600)
    (numbering, making) = later.between_ended
    assert "the job that numbers what is staged was lost: no sign of life for 10 min; its log is" in numbering
    assert "task 0 of those that make data files was lost: no sign of life for 10 min; its log is" in making
    assert watch(folder).between_ended == []
    killed(folder / WRITE, 0)
    seen = watch(folder)
    assert len(seen.between_ended) == 2, "as the last job begins after all others"
    assert not seen.is_over
    assert seen.writing == "The last job is writing the dataset."
    later = watch(folder, lambda: time.time() + 600)
    assert later.is_over
    assert unknown in later.writing
    with pytest.raises(RoboscribeError, match=unknown):
        run._told(later, ignore)  # pyright: ignore[reportPrivateUsage]
    ended(folder / WRITE, 0, RoboscribeError("The disk is full."))
    seen = watch(folder)
    assert seen.is_over
    assert seen.writing_failed
    assert "Nothing is written" in seen.writing
    with pytest.raises(RoboscribeError, match=r"ended without writing the dataset: The disk is full\."):
        run._told(seen, ignore)  # pyright: ignore[reportPrivateUsage]


def test_a_launch_is_waited_for_while_its_last_job_works(folder: Path, squeue: Squeue) -> None:
    for task in range(8):
        ended(folder, task)
    squeue(error="slurm_load_jobs error: Unable to contact slurm controller", code=1)
    polls = 0

    def wait(_: float) -> None:
        nonlocal polls
        polls += 1
        if polls == 40:
            Outcome(RunFinished(0, 8, 0, 0, 0, 0, 0.0, "data"), ()).save(folder)

    with Reporter(folder / WRITE, 0):
        assert run._await(folder, ignore, wait).outcome is not None  # pyright: ignore[reportPrivateUsage]
    assert polls == 40


def test_what_later_jobs_ask_is_counted_until_the_plan_is_launched_anew(folder: Path) -> None:
    for work in (folder, folder / NUMBER, folder / WRITE):
        ended(work, 0)
    progress = watch(folder).progress
    assert (progress.asks, progress.spent.calls, progress.episodes, progress.done) == (15, 15, 8, 1)
    numbers_of(folder).path.write_bytes(b"")
    clear(folder)
    assert watch(folder).progress.asks == 0
    assert not numbers_of(folder).path.exists()


def test_without_a_queue_the_launching_command_tells_whether_tasks_are_to_come(folder: Path) -> None:
    (folder / "jobs.json").unlink()
    ended(folder, 0)
    with alone(folder.parents[2]):
        assert not watch(folder).is_over
        assert watch(folder).progress.waiting == 7
    assert watch(folder).is_over
    assert watch(folder).progress.lost == 7


def test_on_ray_a_killed_task_is_known_by_the_signal(folder: Path) -> None:
    (folder / "jobs.json").unlink()
    killed(folder, 0)
    log = folder / "tasks/logs/task_00000.log"
    log.parent.mkdir(parents=True)
    log.write_text("ChildProcessError: task 0: Killed\n")
    assert states(folder)[0] == ("running", ""), "it may have been started again"
    later = watch(folder, lambda: time.time() + 20)
    assert (later.states[0].state, later.states[0].why) == ("lost", "killed")
    clear(folder)
    assert not log.exists(), "a later launch knows nothing of it"


def test_a_task_that_is_started_again_adds_to_what_it_has_spent(folder: Path) -> None:
    killed(folder, 0)
    ended(folder, 1)
    ended(folder, 1)
    progress = watch(folder).progress
    assert (progress.asks, progress.spent.calls, progress.spent.prompt_tokens) == (10, 10, 100)
    assert [report.starts for report in read_reports(folder)] == [1, 2]
