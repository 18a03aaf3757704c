"""Ctrl-C or SIGTERM amid a run: the dataset stays as it was, what is finished is kept, the same command goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from fake_openai_server import Body, FakeServer, is_probe
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


def hanging_after(asks: int) -> Callable[[Body], float]:
    """Latency of a server that answers so many asks and no more, so that a run is interrupted amid it for certain."""
    number = count()
    return lambda body: 0.0 if is_probe(body) or next(number) < asks else 60.0


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
@pytest.mark.parametrize("after", [1, 16])
def test_an_interrupted_run_goes_on_where_it_was(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    root = make_dataset(tmp_path / "data", episodes=EPISODES, frames=60, size=(320, 240))
    with FakeServer() as server:
        whole = subprocess.run(command(root, tmp_path / "whole", server), capture_output=True, check=False)
        assert whole.returncode == 0, whole.stderr
        needed = len(server.asked)
    before = digests(root)

    out = tmp_path / "out"
    with FakeServer(latency=hanging_after(after)) as server:
        run = interrupted(command(root, out, server), server, after)
        assert run.returncode == 1
        assert run.stderr.strip().splitlines() == [STOPPED]
        assert digests(root) == before
        assert not (out / "meta/info.json").exists()
        assert len(server.asked) == after < needed
    kept = [path for path in out.rglob("task_aug.json") if json.loads(path.read_text())["error"] is None]
    assert after == 1 or len(kept) > 1
    with FakeServer() as server:
        again = subprocess.run(command(root, out, server), capture_output=True, check=False)
        assert again.returncode == 0, again.stderr
        assert len(server.asked) <= needed - len(kept)
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


@pytest.mark.slow
@pytest.mark.parametrize(("times", "codes"), [(1, {1}), (2, {1, -signal.SIGINT})])
def test_ctrl_c_while_a_server_hangs_ends_at_once(
    tmp_path: Path, times: int, codes: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    root = make_dataset(tmp_path / "data", episodes=EPISODES, frames=60, size=(320, 240))
    with FakeServer(latency=60) as server:
        words = command(root, tmp_path / "out", server)
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not server.stats.peak_in_flight and process.poll() is None:
            time.sleep(0.01)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.001)
        try:
            _, stderr = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode in codes
    assert stderr.strip() == STOPPED or (times == 2 and not stderr.strip())
