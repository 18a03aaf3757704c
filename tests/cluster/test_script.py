"""What Slurm is asked for: settings go in, the scripts that sbatch gets come out."""

from __future__ import annotations

import json
import os
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from roboscribe.cli.app import main
from roboscribe.config import ExecutorSettings

SAMPLE = str(files("roboscribe") / "sample")


@pytest.fixture
def scripts(datatrove: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what a stand-in for sbatch was given: its words and the script, by number of the job."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(
        f"#!/bin/sh\nnumber=$(($(ls {folder} | wc -l) + 1))\n"
        f'{{ echo "$@"; for last; do :; done; cat "$last"; }} > {folder}/$number\n'
        "echo Submitted batch job $number\n"
    )
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", str(sbatch.parent), prepend=os.pathsep)
    return folder


def submitted(
    scripts: Path, tmp_path: Path, tasks: int = 3, files: int = 0, gpus: int = 0, **settings: object
) -> list[str]:
    """What sbatch got for tasks with these settings, job by job."""
    from roboscribe.executors.cluster import Batch, on_slurm

    wanted = ExecutorSettings(name="slurm", **settings)  # type: ignore[arg-type]
    batches = [
        Batch("tasks", tasks, print, wanted.slurm_gpus),
        Batch("files", files, print),
        Batch("write", 1, print, gpus),
    ]
    jobs = on_slurm(wanted, "demo", tmp_path / "plan", batches)
    given = [(scripts / job).read_text() for job in jobs.numbers]
    assert len(given) == len(list(scripts.iterdir())), "every job is known by its number"
    return given


@pytest.mark.parametrize("work", ["annotate", "subtasks", "dialogue"])
def test_what_a_task_is_to_have_gets_to_slurm_whatever_the_work(
    scripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], work: str
) -> None:
    venv = tmp_path / "our env"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/activate").touch()
    sample = shutil.copytree(SAMPLE, tmp_path / "sample")
    words = [
        work, "--root", str(sample), "--output-dir", str(tmp_path / "out"), "--executor", "slurm",
        "--executor.wait=false", "--executor.tasks=3", "--executor.workers=2", "--executor.max_array=2",
        "--executor.slurm_gpus=8", "--executor.slurm_cpus=64", "--executor.slurm_mem=512",
        "--executor.slurm_partition=gpu", "--executor.slurm_qos=high", "--executor.slurm_account=robots",
        "--executor.slurm_time=12:00:00", f"--executor.slurm_venv={venv}",
    ]  # fmt: skip
    assert main([*words, *(["--skills", "auto"] if work == "dialogue" else [])]) == 0
    first, second, last = (path.read_text() for path in sorted(scripts.iterdir()))
    for script in (first, second, last):
        for flag in ("cpus-per-task=64", "mem-per-cpu=8G", "partition=gpu", "qos=high", "account=robots",
                     "time=12:00:00", "requeue"):  # fmt: skip
            assert f"#SBATCH --{flag}\n" in script
        assert f"source '{venv}/bin/activate'\n" in script
    assert "#SBATCH --gpus=8\n" in first
    assert "#SBATCH --array=0-1%2\n" in first
    # What is said twice is asked for again by the last job.
    assert ("#SBATCH --gpus=8\n" in last) == (work == "dialogue")
    assert "--dependency=afterany:2" in last.splitlines()[0]
    assert "`scancel 1 2 3` stops them" in " ".join(capsys.readouterr().out.split())


def test_a_last_job_that_asks_gets_gpus_and_an_environment_is_made_by_command(
    scripts: Path, tmp_path: Path
) -> None:
    made = "module load cuda; source env.sh"
    stage, last = submitted(scripts, tmp_path, gpus=8, slurm_env_command=made)
    assert "#SBATCH --gpus=8\n" in last
    assert f"\n{made}\n" in stage


def test_more_tasks_than_an_array_holds_go_into_several_one_after_the_other(
    scripts: Path, tmp_path: Path
) -> None:
    first, second, last = submitted(scripts, tmp_path, tasks=3, max_array=2)
    assert "#SBATCH --array=0-1\n" in first
    assert "RUN_OFFSET=1" in second.splitlines()[0]
    assert "--dependency=afterany:1" in second.splitlines()[0]
    assert "--dependency=afterany:2" in last.splitlines()[0]


def test_tasks_that_make_data_files_come_between_and_have_no_gpu(scripts: Path, tmp_path: Path) -> None:
    stage, files, last = submitted(scripts, tmp_path, files=2, slurm_gpus=8)
    assert "#SBATCH --gpus=8\n" in stage
    assert "--job-name=demo-files\n" in files
    assert "#SBATCH --array=0-1\n" in files
    assert "--gpus" not in files
    assert "--dependency=afterany:1" in files.splitlines()[0]
    assert "--dependency=afterany:2" in last.splitlines()[0]


def test_where_everything_is_staged_there_is_only_the_last_job(scripts: Path, tmp_path: Path) -> None:
    (last,) = submitted(scripts, tmp_path, tasks=0)
    assert "--job-name=demo-write\n" in last
    assert "--dependency" not in last


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["dialogue"], "has no skills"),
        (["dialogue", "--image-key", "front"], "front"),
        (["dialogue", "--vlm.model-id", "m", "--vlm.api-base", "http://localhost:1/v1", "--skills", "auto",
          "--num-image-views-per-sample", "9"], "9 cameras"),
        (["subtasks", "--vlm.backend", "openai"], "--vlm.model-id"),
        (["annotate", "--vlm.serve"], "--vlm.model-id"),
    ],
)  # fmt: skip
def test_what_every_job_would_refuse_is_refused_before_any_is_submitted(
    scripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    out = tmp_path / "out"
    code = main([*words, "--root", SAMPLE, "--output-dir", str(out), "--executor", "slurm"])
    assert (code, told in capsys.readouterr().err) == (2, True)
    assert not list(scripts.iterdir())
    assert not out.exists()


def test_a_home_folder_is_the_one_of_the_user_who_launches(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(SAMPLE, tmp_path / "sample")
    words = ("--root", "~/sample", "--executor", "slurm", "--executor.wait=false")
    assert main(["subtasks", *words]) == 0
    (plan,) = (tmp_path / "sample").rglob("plan.json")
    assert json.loads(plan.read_text())["settings"]["root"] == str(tmp_path / "sample")
