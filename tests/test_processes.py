"""A long run of the builtin model is shared by several processes: same bytes, one account, nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from make_dataset import make_dataset
from scripted import digests

from roboscribe import pipeline
from roboscribe.config import AnnotateSettings, DatasetSettings
from roboscribe.events import EpisodeStaged, Event, RunFinished
from roboscribe.pipeline import annotate
from roboscribe.staging import pool
from roboscribe.status import read_status

EPISODES = 24
LONG = 400
BEGIN_AT_ONCE = """
import sys
from roboscribe.cli.app import main
from roboscribe.staging import pool
pool.ALONE_SECONDS = 0
sys.exit(main(sys.argv[1:]))
"""


def run(root: Path, target: Path, processes: int) -> tuple[RunFinished, list[Event]]:
    events: list[Event] = []
    settings = AnnotateSettings(root=root, output_dir=target)
    return annotate(settings, events.append, processes=processes), events


def test_any_number_of_processes_gives_the_same_bytes_and_the_same_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(tmp_path / "data", episodes=EPISODES, frames=40, cameras=(), episodes_per_file=8)
    (root / "data/chunk-000/file-001.parquet").unlink()
    monkeypatch.setattr(pipeline, "VERIFIED", 0)
    alone, _ = run(root, tmp_path / "alone", 1)
    monkeypatch.setattr(pool, "ALONE_SECONDS", 0)
    shared, events = run(root, tmp_path / "shared", 3)
    for part in ("data", "meta"):
        assert digests(tmp_path / "shared" / part) == digests(tmp_path / "alone" / part)
    for told in ("annotated", "failed", "asks", "rows", "warnings", "files_written"):
        assert getattr(shared, told) == getattr(alone, told)
    told = sorted(event.episode for event in events if isinstance(event, EpisodeStaged))
    assert told == [*range(8), *range(16, EPISODES)]
    assert shared.failed == 8
    states = [read_status(DatasetSettings(root=tmp_path / name)) for name in ("alone", "shared")]
    assert states[0].failures == states[1].failures
    assert states[0].annotators == states[1].annotators


def test_a_short_run_begins_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a process for a few episodes")

    monkeypatch.setattr(pool, "ProcessPoolExecutor", refuse)
    root = make_dataset(tmp_path / "data", episodes=10, frames=40, cameras=())
    finished, _ = run(root, tmp_path / "out", 2)
    assert finished.annotated == 10


class Started:
    """A run of the command by two processes and the one that began them, which have a session of their own."""

    def __init__(self, root: Path, out: Path) -> None:
        flags = ["--root", str(root), "--output-dir", str(out), "--executor.workers", "2"]
        words = [sys.executable, "-c", BEGIN_AT_ONCE, "annotate", *flags, "--executor.force-local"]
        self.process: subprocess.Popen[str] = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self._staged = out / ".annotate_staging"

    def wait_for_episodes(self, count: int) -> None:
        while self.process.poll() is None and len(list(self._staged.glob("episode_*"))) < count:
            time.sleep(0.01)
        assert self.process.poll() is None, self.process.communicate()

    def children(self) -> list[int]:
        """The processes that stage episodes."""
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                words = (folder / "cmdline").read_bytes()
            except (OSError, ValueError):
                continue
            if parent == self.process.pid and b"spawn_main" in words:
                found.append(int(folder.name))
        return found

    def end(self) -> tuple[int, str]:
        """The exit code and what was said on standard error, once nobody of the session is there any more."""
        _, said = self.process.communicate(timeout=30)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return self.process.returncode, said.strip()
            time.sleep(0.02)
        raise AssertionError("somebody is left behind")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("long") / "data"
    return make_dataset(root, episodes=LONG, frames=40, cameras=(), episodes_per_file=100)


@pytest.fixture(scope="module")
def whole(long: Path) -> dict[str, str]:
    """Digests of what a run makes that nobody disturbs."""
    annotate(AnnotateSettings(root=long, output_dir=long.with_name("whole")))
    return digests(long.with_name("whole") / "data")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_run_that_is_ended_leaves_no_process_and_goes_on(
    long: Path, whole: dict[str, str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    started = Started(long, tmp_path / "out")
    started.wait_for_episodes(50)
    if number == signal.SIGKILL:
        os.kill(started.process.pid, number)
    else:
        # As a terminal and a cluster do it.
        os.killpg(started.process.pid, number)
    ended, said = started.end()
    assert ended == code
    if number != signal.SIGKILL:
        assert len(said.splitlines()) == 1, said
    assert not (tmp_path / "out/meta/info.json").exists()
    _, events = run(long, tmp_path / "out", 1)
    reused = [event for event in events if isinstance(event, EpisodeStaged) and not event.made]
    assert len(reused) >= 49, "what was staged is kept, but for what was in the making"
    assert digests(tmp_path / "out/data") == whole


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_run_with_a_sentence(
    long: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    started = Started(long, tmp_path / "out")
    started.wait_for_episodes(20)
    os.kill(started.children()[0], signal.SIGKILL)
    code, said = started.end()
    assert code == 2
    assert said.startswith("roboscribe: A process that annotates episodes was killed")
    assert len(said.splitlines()) == 1
    run(long, tmp_path / "out", 1)
    assert digests(tmp_path / "out/data") == whole
