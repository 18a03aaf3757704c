"""A run on a real Slurm cluster of one node: what it writes, and what becomes of it when it is torn apart."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster.conftest import Command
from cluster.seen import SMALL, asked, content, once, said
from fake_openai_server import FakeServer
from plausible import Annotator

from roboscribe.dataset.prepared import FOLDER as PREPARED
from roboscribe.executors.plan import PLAN, load_plan
from roboscribe.executors.queue import read_jobs
from roboscribe.executors.report import FILES, log_path, read_reports
from roboscribe.executors.watch import latest_plan

pytestmark = pytest.mark.slow


@pytest.fixture
def command(slurm: dict[str, str], started: Callable[[dict[str, str]], Command]) -> Command:
    """Starts roboscribe with the cluster at hand."""
    return started(slurm)


@pytest.mark.parametrize(
    ("name", "work", "tasks", "making"),
    [
        ("so101_sim_bricks", ["annotate"], 4, 0),
        ("g1_bottle_v21", ["subtasks"], 2, 2),
        ("so101_sim_bricks", ["dialogue", "--skills", "auto"], 2, 0),
    ],
)
def test_an_array_of_jobs_writes_what_one_process_writes(
    command: Command, shared_data: Path, tmp_path: Path, name: str, work: list[str], tasks: int, making: int
) -> None:
    source = shared_data / name
    near = command(*work, "--root", source, "--output-dir", tmp_path / "near", "--executor", "local")
    told = said(
        command(*work, "--root", source, "--output-dir", tmp_path / "far", "--executor", "slurm",
                "--executor.tasks", tasks, "--executor.write-tasks", max(1, making), *SMALL)
    )  # fmt: skip
    said(near)
    assert content(tmp_path / "far") == content(tmp_path / "near")
    assert f"; {tasks} tasks: {tasks} done" in told
    folder = latest_plan(tmp_path / "far")
    assert folder is not None
    ended = [(report.task, report.ended) for report in read_reports(folder)]
    assert ended == [(task, "done") for task in range(tasks)]
    made = read_reports(folder / FILES)
    assert [report.files for report in made] == [2] * making
    if making:
        assert "4/4 data files made" in told
        last = max(file.stat().st_mtime for file in (tmp_path / "far").glob("data/*/*"))
        assert last <= max(report.updated for report in made), "the last job makes none"


def test_killed_while_data_files_are_made_it_takes_those_that_are_there(
    command: Command, slurm: dict[str, str], shared_data: Path, tmp_path: Path
) -> None:
    words = ("annotate", "--root", shared_data / "g1_bottle_v21", "--output-dir")
    near = command(*words, tmp_path / "near", "--executor", "local")
    far = (*words, tmp_path / "far", "--executor", "slurm", *SMALL, "--executor.tasks", 2)
    launching = command(*far, "--executor.write-tasks", 2)
    folder = once(lambda: latest_plan(tmp_path / "far"))
    jobs = once(lambda: read_jobs(folder))
    once(lambda: _made(tmp_path / "far"))
    environ = os.environ | slurm
    subprocess.run(["scancel", "--signal=KILL", *jobs.between], env=environ, check=True)
    subprocess.run(["scancel", *jobs.numbers], env=environ, check=True)
    once(lambda: not _queue(environ))
    assert "without writing the dataset" in said(launching, code=2)
    assert not (tmp_path / "far/meta").exists()
    made = _made(tmp_path / "far")
    said(command(*far, "--executor.write-tasks", 3))
    said(near)
    assert content(tmp_path / "far") == content(tmp_path / "near")
    again = {file.stat().st_ino for file in (tmp_path / "far").glob("data/*/*")}
    # Either of two tasks may have been killed after it had made a file, and before it told of it.
    assert len(made - again) <= 2
    assert made & again
    assert not (tmp_path / "far" / PREPARED).exists()


def test_torn_apart_and_launched_anew_with_other_tasks_it_ends_the_same_and_asks_nothing_twice(
    command: Command, slurm: dict[str, str], shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "so101_sim_bricks"

    def words(server: FakeServer, target: str) -> tuple[object, ...]:
        return ("annotate", "--root", source, "--output-dir", tmp_path / target, "--vlm.api-base", server.url,
                "--vlm.model-id", "fake-vlm", "--vlm.client-concurrency", 2,
                "--interjections.enabled=false")  # fmt: skip

    plausible = Annotator.of(shared_data / "so101_sim_bricks_ground_truth.json")
    # So slow that no task is done before a second launch has been refused.
    with FakeServer(latency=2.0, answer=plausible) as server:
        # The launching command is killed too: jobs go on without it.
        launching = command(*words(server, "far"), "--executor", "slurm", "--executor.tasks", 4, *SMALL)
        folder = once(lambda: latest_plan(tmp_path / "far"))
        jobs = once(lambda: read_jobs(folder)).numbers
        launching.kill()
        told = said(command(*words(server, "far"), "--executor", "slurm", *SMALL), code=2)
        assert f"scancel {' '.join(jobs)}" in " ".join(told.split()), "one launch at a time"
        server.latency = 0.25
        once(lambda: len(asked(server)) >= 25)
        # Slow again, so that enough is left however long it takes to look at what was killed.
        server.latency = 2.0
        environ = os.environ | slurm
        killed = once(lambda: [report.task for report in read_reports(folder) if not report.ended])[0]
        os.kill(_process_of(folder, killed), signal.SIGKILL)
        status = ("status", "--root", tmp_path / "far", "--task", killed)
        once(lambda: "was lost: killed" in said(command(*status)))
        once(lambda: [r for r in read_reports(folder) if r.task != killed and r.asks and not r.ended])
        subprocess.run(["scancel", *jobs], env=environ, check=True)
        once(lambda: not _queue(environ))
        server.latency = 0.1
        assert any("SIGTERM" in report.ended for report in read_reports(folder)), "others ended in order"
        staged = _staged(tmp_path / "far")
        assert not (tmp_path / "far/meta").exists()
        told = said(command(*words(server, "far"), "--executor", "slurm", "--executor.tasks", 2, *SMALL))
        assert "; 2 tasks: 2 done" in told
        assert staged, "something was finished before it was torn apart"
        assert _before(tmp_path / "far") <= {int(path.parent.name[8:]) for path in staged}
        total = asked(server)
    with FakeServer(answer=plausible) as server:
        said(command(*words(server, "near"), "--executor", "local", "--vlm.cache=false"))
        once_each = asked(server)
    assert content(tmp_path / "far") == content(tmp_path / "near")
    assert set(total) == set(once_each)
    # Two jobs at a time, two requests each; killed twice.
    assert sum((total - once_each).values()) <= 2 * 2 * 2, "only what was under way is asked again"


def test_an_episode_that_fails_fails_its_task_and_no_other(
    command: Command, shared_data: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(shared_data / "g1_bottle_v21", tmp_path / "source")
    video = next(iter(sorted(source.glob("videos/**/*000001.mp4"))))
    video.write_bytes(video.read_bytes()[:1000])
    told = said(
        command("annotate", "--root", source, "--output-dir", tmp_path / "out", "--executor", "slurm",
                "--executor.tasks", 2, *SMALL),
        code=3,
    )  # fmt: skip
    assert "3 episodes annotated" in told
    folder = latest_plan(tmp_path / "out")
    assert folder is not None
    one, other = read_reports(folder)
    assert list(one.failed) == [1]
    assert other.ended == "done"
    status = said(command("status", "--root", tmp_path / "out", "--watch"))
    assert "3/4 episodes, 1 failed" in status
    assert "2 tasks: 1 done, 1 failed" in status
    assert "1 episode failed: vqa: Episode 1" in " ".join(status.split())
    assert "--task 0 shows its log" in status
    assert "1 of 2 episodes failed." in said(command("status", "--root", tmp_path / "out", "--task", 0))


def _made(root: Path) -> set[int]:
    """Data files that are made and not yet put in place, by their number on the disk."""
    return {file.stat().st_ino for file in (root / PREPARED).glob("data/*/episode_*")}


def _process_of(folder: Path, task: int) -> int:
    """The process that does the work of a task, which its log begins with."""
    found = re.search(r"process (\d+)", log_path(folder, task).read_text())
    assert found is not None
    return int(found[1])


def _queue(environ: dict[str, str]) -> list[str]:
    told = subprocess.run(["squeue", "--noheader"], env=environ, capture_output=True, text=True, check=True)
    return told.stdout.split()


def _before(root: Path) -> set[int]:
    """Episodes that had no task in the last launch, as an earlier one had staged them."""
    folder = latest_plan(root)
    assert folder is not None
    return set(load_plan(folder / PLAN).before)


def _staged(root: Path) -> list[Path]:
    return sorted((root / ".annotate_staging").glob("episode_*/*.jsonl"))
