"""A run on a real Ray cluster of one node: what it writes, and what becomes of it when it is torn apart."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cluster.conftest import Command
from cluster.seen import SMALL, asked, content, once, said
from fake_openai_server import FakeServer
from plausible import Annotator

from roboscribe.cli.app import main
from roboscribe.executors.jobs import Write
from roboscribe.executors.plan import PLAN, load_plan
from roboscribe.executors.report import FILES, read_reports
from roboscribe.executors.watch import latest_plan

pytestmark = pytest.mark.slow

RAY = ("--executor", "ray", *SMALL)


@pytest.fixture
def command(ray: dict[str, str], started: Callable[[dict[str, str]], Command]) -> Command:
    """Starts roboscribe with the cluster at hand."""
    return started(ray)


def test_what_fails_on_ray_fails_alone_and_the_rest_is_as_one_process_writes_it(
    command: Command, shared_data: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(shared_data / "g1_bottle_v21", tmp_path / "source")
    video = min(source.glob("videos/**/*000001.mp4"))
    whole = video.read_bytes()
    video.write_bytes(whole[:1000])
    words = ("annotate", "--root", source, "--output-dir", tmp_path / "far", *RAY, "--executor.tasks", 2,
             "--executor.write-tasks", 2)  # fmt: skip
    assert "3 episodes annotated" in said(command(*words), code=3)
    folder = latest_plan(tmp_path / "far")
    assert folder is not None
    one, other = read_reports(folder)
    assert (list(one.failed), other.ended) == ([1], "done")
    assert "1 of 2 episodes failed." in said(command("status", "--root", tmp_path / "far", "--task", 0))
    video.write_bytes(whole)
    near = command("annotate", "--root", source, "--output-dir", tmp_path / "near", "--executor", "local")
    said(command(*words))
    folder = latest_plan(tmp_path / "far")
    assert folder is not None
    assert [report.files for report in read_reports(folder / FILES)] == [2, 2]
    said(near)
    assert content(tmp_path / "far") == content(tmp_path / "near")


@pytest.mark.parametrize(
    ("address", "told"),
    [("127.0.0.1:1", "nothing answers at 127.0.0.1:1"), ("nonsense", "RAY_ADDRESS=nonsense")],
)
def test_a_cluster_that_is_not_there_is_told_soon_and_nothing_is_written(
    ray_installed: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    told: str,
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    sample, out = str(files("roboscribe") / "sample"), tmp_path / "out"
    begun = time.monotonic()
    assert main(["annotate", "--root", sample, "--output-dir", str(out), "--executor", "ray"]) == 2
    assert time.monotonic() - begun < 30
    said = capsys.readouterr().err
    assert told in said
    assert "ray start --head" in said
    assert not out.exists()


@pytest.mark.parametrize(("work", "gpus"), [("annotate", 0), ("dialogue", 8)])
def test_the_last_job_has_gpus_where_it_asks(
    ray_installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, gpus: int
) -> None:
    from roboscribe.executors import cluster

    launched: list[dict[str, Any]] = []

    class Launched:
        def __init__(self, pipeline: list[Any], **settings: Any) -> None:
            launched.append(settings | {"work": pipeline[0].work})

        def run(self) -> None:
            launched[-1]["work"](0)

    monkeypatch.setattr(cluster, "RayPipelineExecutor", Launched)
    monkeypatch.setattr(cluster, "ray_joined", nullcontext)
    sample = shutil.copytree(str(files("roboscribe") / "sample"), tmp_path / "sample")
    words = ["--root", str(sample), "--output-dir", str(tmp_path / "out"), "--executor", "ray",
             "--executor.slurm-gpus", "8", "--executor.tasks", "1"]  # fmt: skip
    assert main([work, *words, *(["--skills", "auto"] if work == "dialogue" else [])]) == 0
    assert [(one["tasks"], one["gpus_per_task"]) for one in launched] == [(1, 8), (1, gpus)]
    assert isinstance(launched[-1]["work"], Write)


def test_tasks_get_the_keys_of_the_command_but_gpus_of_their_own(datatrove: None) -> None:
    from roboscribe.executors.cluster import for_workers

    keys = {"OPENAI_API_KEY": "sk-1234", "HF_HOME": "/cache"}
    of_ray = {"RAY_ADDRESS": "head:6379", "CUDA_VISIBLE_DEVICES": "7", "HIP_VISIBLE_DEVICES": "7"}
    assert for_workers(keys | of_ray) == keys


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (lambda _: os.kill(os.getpid(), signal.SIGKILL), "task 3: Killed"),
        (sys.exit, "task 3: Exited with exit code 1"),
    ],
)
def test_the_end_of_a_task_is_told_as_slurm_tells_it(
    datatrove: None, monkeypatch: pytest.MonkeyPatch, end: Callable[[int], None], told: str
) -> None:
    from roboscribe.executors import cluster

    # This process is to outlive its parent.
    monkeypatch.setattr(cluster, "_end_with", lambda parent: None)
    with pytest.raises(ChildProcessError, match=told):
        cluster.RayTask(end).run(rank=3)


def test_torn_apart_on_ray_it_goes_on_with_what_is_left_and_asks_nothing_twice(
    command: Command, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "so101_sim_bricks"
    plausible = Annotator.of(shared_data / "so101_sim_bricks_ground_truth.json")
    with FakeServer(latency=0.2, answer=plausible) as server:
        words = ("annotate", "--root", source, "--vlm.api-base", server.url, "--vlm.model-id", "fake-vlm",
                 "--vlm.client-concurrency", 2, "--interjections.enabled=false")  # fmt: skip
        far = (*words, "--output-dir", tmp_path / "far", *RAY, "--executor.tasks")
        launching = command(*far, 2)
        once(lambda: len(asked(server)) >= 25)
        told = said(command(*far, 2), code=2)
        assert "Another launch" in told
        launching.kill()
        said(command(*far, 3))
        total = asked(server)
        near = (*words, "--output-dir", tmp_path / "near", "--executor", "local", "--vlm.cache=false")
        said(command(*near))
        once_each = asked(server) - total
    assert content(tmp_path / "far") == content(tmp_path / "near")
    folder = latest_plan(tmp_path / "far")
    assert folder is not None
    plan = load_plan(folder / PLAN)
    assert plan.before, "what was staged needs no task"
    assert len(plan.tasks) == min(3, len(plan.episodes) - len(plan.before))
    assert set(once_each) == set(total)
    # Two tasks at a time, two requests each, killed once.
    assert sum((total - once_each).values()) <= 2 * 2, "only what was under way is asked again"
