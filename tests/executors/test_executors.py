"""How episodes are shared out to tasks, where a run is done, and what is said of settings that cannot be."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_dataset import make_dataset

from roboscribe.cli.app import main
from roboscribe.config import AnnotateSettings, ExecutorSettings, SkillsSettings, VqaSettings
from roboscribe.dataset import open_dataset
from roboscribe.errors import RoboscribeError, SettingsError
from roboscribe.executors import run as launching
from roboscribe.executors.plan import PLAN, Plan, load_plan, split, split_by_size
from roboscribe.executors.run import choose, files_of, plan_of, run
from roboscribe.origin import installing

SAMPLE = str(files("roboscribe") / "sample")


@given(st.sets(st.integers(0, 500), min_size=1, max_size=80), st.integers(1, 100))
def test_every_episode_is_in_one_task_and_tasks_are_of_equal_length(episodes: set[int], tasks: int) -> None:
    shares = split(sorted(episodes), tasks)
    assert [episode for share in shares for episode in share] == sorted(episodes)
    assert len(shares) == min(tasks, len(episodes))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.integers(1, 80))
def test_every_data_file_is_in_one_task_and_none_has_much_more_than_its_share(
    sizes: list[int], tasks: int
) -> None:
    shares = split_by_size(sizes, tasks)
    assert [file for share in shares for file in range(*share)] == list(range(len(sizes)))
    assert all(first < stop for first, stop in shares)
    assert len(shares) <= tasks
    assert max(sum(sizes[first:stop]) for first, stop in shares) <= sum(sizes) / tasks + 2 * max(sizes)


def test_data_files_are_shared_out_where_there_is_enough_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_dataset(tmp_path / "data", episodes=6, frames=10, cameras=(), episodes_per_file=2)

    def shared(write_tasks: int | None = None) -> int:
        executor = ExecutorSettings(name="slurm", write_tasks=write_tasks)
        return len(files_of(AnnotateSettings(root=source, executor=executor), open_dataset(source)))

    assert shared() == 0
    assert [shared(tasks) for tasks in (1, 2, 3, 9)] == [0, 2, 3, 3]
    monkeypatch.setattr(launching, "FRAMES_OF_WRITE_TASK", 30)
    assert shared() == 2


def test_a_plan_is_known_by_its_split_its_settings_and_the_code(tmp_path: Path) -> None:
    settings = AnnotateSettings(root=tmp_path, executor=ExecutorSettings(tasks=4))
    plan = plan_of(settings, tuple(range(10)))
    plan = replace(plan, files=((0, 4), (4, 5)))
    folder = plan.save(tmp_path)
    assert load_plan(folder / PLAN) == plan
    assert plan.save(tmp_path) == folder
    others = [
        plan_of(settings, tuple(range(9))),
        plan_of(AnnotateSettings(root=tmp_path, executor=ExecutorSettings(tasks=2)), tuple(range(10))),
        plan_of(
            AnnotateSettings(
                root=tmp_path, executor=ExecutorSettings(tasks=4), vqa=VqaSettings(consecutive=2)
            ),
            tuple(range(10)),
        ),
        Plan(plan.tasks, plan.settings, "another"),
    ]
    assert len({plan.fingerprint, *(other.fingerprint for other in others)}) == 5
    moved = ExecutorSettings(tasks=4, slurm_partition="other")
    again = plan_of(AnnotateSettings(root=tmp_path, executor=moved), tuple(range(10)))
    assert again.fingerprint == plan.fingerprint


def test_a_plan_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    plan = plan_of(AnnotateSettings(root=tmp_path), (0, 1))
    path = plan.save(tmp_path) / PLAN
    path.write_text(path.read_text().replace("0-1", "0-2"))
    with pytest.raises(RoboscribeError, match="not the plan it is named after"):
        plan.save(tmp_path)
    path.write_text("{}")
    with pytest.raises(RoboscribeError, match="no plan of ours"):
        plan.save(tmp_path)


def test_auto_takes_slurm_from_the_threshold_on() -> None:
    assert [choose(ExecutorSettings(), episodes) for episodes in (1, 31, 32, 40_000)] == ["local"] * 2 + [
        "slurm"
    ] * 2
    assert choose(ExecutorSettings(name="slurm"), 1) == "slurm"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--executor", "slurm"], "sbatch"),
        (["--executor", "moon"], "slurm"),
        (["--executor.slurm-time", "soon"], "--executor.slurm-time"),
        (["--executor.tasks", "0"], "--executor.tasks"),
        (["--executor", "slurm", "--executor.force_local=true"], "--executor.force-local"),
        (["--executor.slurm-venv", "a", "--executor.slurm-env-command", "b"], "--executor.slurm-venv"),
        (["--executor.slurm-venv", "no/such/env"], "no/such/env/bin/activate"),
        (["--executor.slurm-env-command", " "], "--executor.slurm-env-command is empty"),
        (["--executor.slurm-partition", ""], "--executor.slurm-partition is empty"),
        (["--executor.slurm-qos", ""], "--executor.slurm-qos is empty"),
        (["--executor.slurm-account", ""], "--executor.slurm-account is empty"),
        (["--executor.slurm-gpus", "-1"], "--executor.slurm-gpus"),
        (["--executor.slurm-gpus", "many"], "--executor.slurm-gpus"),
        (["--executor.slurm-mem", "0"], "--executor.slurm-mem"),
        (["--executor.slurm-mem", "8G"], "--executor.slurm-mem"),
        (["--executor.slurm-cpus", "0"], "--executor.slurm-cpus"),
        (["--executor.slurm-time", ""], "--executor.slurm-time"),
        (["--executor.max-array", "0"], "--executor.max-array"),
        (["--executor.auto-threshold", "0"], "--executor.auto-threshold"),
        (["--executor.episodes-per-task", "0"], "--executor.episodes-per-task"),
        (["--executor.workers", "0"], "--executor.workers"),
        (["--executor.force_local=perhaps"], "--executor.force-local"),
    ],
)
def test_an_executor_that_cannot_be_is_one_message(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    told: str,
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, *rest: None if name == "sbatch" else which(name, *rest))
    source = shutil.copytree(SAMPLE, tmp_path / "sample")
    code = main(["annotate", "--root", str(source), "--output-dir", str(tmp_path / "out"), *words])
    said = capsys.readouterr().err
    assert (code, told in said, "Traceback" in said) == (2, True, False), said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("work", ["annotate", "subtasks", "dialogue"])
def test_what_ray_needs_is_named_by_its_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    out = tmp_path / "out"
    assert main([work, "--root", SAMPLE, "--output-dir", str(out), "--executor", "ray"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "--executor ray needs packages that are not installed (ray)" in said
    assert installing("ray").strip("`") in said
    assert not out.exists()


def test_what_is_pushed_is_waited_for() -> None:
    settings = SkillsSettings(
        root=Path(SAMPLE), push_to_hub=True, executor=ExecutorSettings(name="ray", wait=False)
    )
    with pytest.raises(SettingsError, match=r"--executor\.wait=false"):
        run(settings)
