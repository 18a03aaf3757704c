"""Ctrl-C or SIGTERM amid a run: the dataset stays as it was, what is finished is kept, the same command goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_openai_server import FakeServer
from make_dataset import make_dataset
from scripted import digests

EPISODES = 12
STOPPED = "roboscribe: stopped. What is finished is kept; the same command goes on."


def command(root: Path, out: Path, server: FakeServer, cache: Path | None = None) -> list[str]:
    asked = ["--vlm.api-base", server.url, "--vlm.model-id", "fake-vlm", "--vlm.client-concurrency", "4"]
    kept = ["--vlm.cache", "false"] if cache is None else ["--vlm.cache-dir", str(cache)]
    paths = ["--root", str(root), "--output-dir", str(out), *kept]
    chosen = ["--only", "task_aug", "vqa", "motion", "--executor.force-local"]
    return [sys.executable, "-m", "roboscribe", "annotate", *paths, *asked, *chosen]


def interrupted(
    words: list[str], server: FakeServer, after: int, number: signal.Signals = signal.SIGINT
) -> subprocess.CompletedProcess[str]:
    """The end of a run that is interrupted as soon as the server has answered so many asks."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while len(server.asked) < after and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 20])
def test_an_interrupted_run_goes_on_where_it_was(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    root = make_dataset(tmp_path / "data", episodes=EPISODES, frames=60, size=(320, 240))
    with FakeServer(latency=0.05) as server:
        whole = subprocess.run(command(root, tmp_path / "whole", server), capture_output=True, check=False)
        assert whole.returncode == 0, whole.stderr
        needed = len(server.asked)
    before = digests(root)

    out = tmp_path / "out"
    with FakeServer(latency=0.05) as server:
        run = interrupted(command(root, out, server), server, after)
        assert run.returncode == 1
        assert run.stderr.strip().splitlines() == [STOPPED]
        assert digests(root) == before
        assert not (out / "meta/info.json").exists()
        first = len(server.asked)
        assert first < needed
    kept = [path for path in out.rglob("task_aug.json") if json.loads(path.read_text())["error"] is None]
    # Another server, as a request of the first run may reach its own after that run has ended.
    with FakeServer(latency=0.05) as server:
        again = subprocess.run(command(root, out, server), capture_output=True, check=False)
        assert again.returncode == 0, again.stderr
        assert len(server.asked) <= needed - len(kept)
    assert after == 1 or len(kept) > 1
    assert digests(out) == digests(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_that_is_told_to_end_keeps_what_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    root = make_dataset(tmp_path / "data", episodes=3 * EPISODES, frames=30)
    words = (root, tmp_path / "out")
    with FakeServer(latency=0.1) as server:
        run = interrupted(command(*words, server, tmp_path / "cache"), server, 5, signal.SIGTERM)
        assert (run.returncode, run.stderr.strip()) == (1, STOPPED)
        assert not (tmp_path / "out/meta/info.json").exists()
        before = len(server.asked)
        server.latency = 0
        again = subprocess.run(
            command(*words, server, tmp_path / "cache"), capture_output=True, check=False, text=True
        )
        assert again.returncode == 0, again.stderr
        resumed = len(server.asked) - before
    with FakeServer() as server:
        subprocess.run(command(root, tmp_path / "whole", server), capture_output=True, check=True)
        assert before + resumed == len(server.asked), "nothing is asked twice"
        assert resumed > before, "it ended soon"
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")
