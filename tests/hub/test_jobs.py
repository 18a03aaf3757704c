"""A command goes to Hugging Face Jobs through their own client library, and comes back as it does from this machine."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import huggingface_hub
import pytest
from hub.fake_hub import TOKEN, Commit, Repository
from hub.fake_jobs import FakeJobs, SentJob

from roboscribe import origin
from roboscribe.cli import annotate
from roboscribe.cli.app import main
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.sending import words_elsewhere
from roboscribe.config import ExecutorSettings
from roboscribe.dataset.output import dataset_files
from roboscribe.errors import SettingsError
from roboscribe.executors.hf_jobs import Job, Machine, job_of

KEY = "sk-a-key-of-a-server"
Start = Callable[..., subprocess.Popen[str]]

knows_jobs = pytest.mark.skipif(
    tuple(map(int, version("huggingface_hub").split(".")[:2])) < (1, 20),
    reason="huggingface_hub before 1.20, which the command refuses",
)


@pytest.fixture
def hub() -> Generator[FakeJobs]:
    """A Hub with the bundled sample."""
    sample = {
        path: file.read_bytes() for path, file in dataset_files(Path(str(files("roboscribe") / "sample")))
    }
    with FakeJobs() as hub:
        hub.repositories["us/bricks"] = Repository(False, {"main": [Commit("1" * 40, "begin", sample)]})
        yield hub


@pytest.fixture
def start(hub: FakeJobs, tmp_path: Path) -> Start:
    """Starts a command for a user who is logged in."""
    user = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": TOKEN,
        "OPENAI_API_KEY": KEY,
    }

    def command(*words: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "roboscribe", *words],
            env=os.environ | user | environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return command


SEND = (
    "annotate",
    "--repo-id",
    "us/bricks",
    "--push-to-hub",
    "--hub.repo-id",
    "us/said",
    "--executor",
    "hf-jobs",
)
OURS = ("--executor.hf-image", "us/ours")

MORE = ("--episodes", "0-4", "7", "--log-format", "json", "--vlm.temperature", "None", "--plan.enabled=false")


def said(process: subprocess.Popen[str], code: int) -> str:
    """What a command that ends with a code has said."""
    told, _ = process.communicate(timeout=120)
    assert process.returncode == code, told
    assert "Traceback" not in told
    return told


def sent(*words: str, gpu: bool = False, **environ: str) -> tuple[Job, list[str]]:
    """The job that a command becomes, and the words of the command in it."""
    arguments = parse_flags(annotate.Arguments, [*SEND[1:], *words], "roboscribe annotate")
    machine = Machine("some-machine", gpu, "1 USD a minute")
    job = job_of(
        words_elsewhere("annotate", arguments),
        arguments.vlm,
        arguments.executor,
        machine,
        token=TOKEN,
        environ=environ,
    )
    script = job.command[-1].split("; code=")[0].split(" -m roboscribe ")[1]
    return job, shlex.split(script)


@pytest.mark.slow
@knows_jobs
def test_a_job_does_what_this_machine_would_and_pushes_it(
    hub: FakeJobs, start: Start, tmp_path: Path
) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    hub.play = hub.execute(home)
    told = said(start(*SEND, *OURS, "--motion.enabled=false"), 0)
    assert "3 episodes annotated" in told
    assert "pushed: http" in told
    assert "0.025 USD a minute" in told
    assert KEY not in told
    assert TOKEN not in told
    (job,) = hub.jobs.values()
    assert job.spec["secrets"] == {"HF_TOKEN": TOKEN, "OPENAI_API_KEY": KEY}
    assert TOKEN not in str(job.spec["command"])
    assert (job.spec["dockerImage"], job.spec["flavor"], job.spec["timeoutSeconds"]) == (
        "us/ours",
        "cpu-basic",
        24 * 3600,
    )
    here = tmp_path / "here"
    assert (
        main(["annotate", "--root", str(files("roboscribe") / "sample"), "--output-dir", str(here),
              "--motion.enabled=false", "--log-format", "plain"])
        == 0
    )  # fmt: skip
    pushed = {path: data for path, data in hub.repositories["us/said"].files.items() if path != "README.md"}
    assert pushed == {path: file.read_bytes() for path, file in dataset_files(here)}


@pytest.mark.slow
@knows_jobs
def test_skills_and_dialogue_go_there_too(hub: FakeJobs, start: Start, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    hub.play = hub.execute(home)
    away = ("--push-to-hub", "--executor", "hf-jobs", *OURS)
    said(start("subtasks", "--repo-id", "us/bricks", "--hub.repo-id", "us/skilled", *away), 0)
    assert "meta/skills.json" in hub.repositories["us/skilled"].files
    said(
        start(
            "dialogue", "--repo-id", "us/skilled", "--hub.repo-id", "us/said", "--sample-interval=2", *away
        ),
        0,
    )
    assert "meta/syn_annotations.jsonl" in hub.repositories["us/said"].files
    assert "--sample-interval=2.0" in next(reversed(hub.jobs.values())).spec["command"][-1]


@knows_jobs
def test_a_job_that_fails_gives_its_exit_code_and_the_end_of_its_log(hub: FakeJobs, start: Start) -> None:
    def fail(job: SentJob) -> None:
        job.log += ["episode 1 failed in vqa: no such frame", "roboscribe: ended with code 3"]
        job.stage, job.message = "ERROR", "exit code 3"

    hub.play = fail
    told = said(start(*SEND, *OURS), 3)
    assert "episode 1 failed in vqa: no such frame" in told
    assert "The job failed (exit code 3)" in told

    def die(job: SentJob) -> None:
        job.stage, job.message = "ERROR", "Job timeout"

    hub.play = die
    assert "Job timeout" in said(start(*SEND, *OURS), 1)


@knows_jobs
def test_a_job_that_is_not_waited_for_is_told_of_later(hub: FakeJobs, start: Start) -> None:
    told = said(start(*SEND, *OURS, "--executor.wait=false"), 0)
    assert "hello from far away" not in told
    (number,) = hub.jobs
    assert f"roboscribe status --job us/{number} --watch" in told
    told = said(start("status", "--job", f"us/{number}"), 0)
    assert "hello from far away" in told
    assert "completed on cpu-basic" in told
    assert "HTTP 404" in said(start("status", "--job", "us/none"), 2)


@knows_jobs
def test_a_job_goes_on_when_nobody_looks_any_more(hub: FakeJobs, start: Start) -> None:
    def linger(job: SentJob) -> None:
        job.log.append("at work")
        time.sleep(60)

    hub.play = linger
    sending = start(*SEND, *OURS)
    assert sending.stdout is not None
    assert any("at work" in line for line in sending.stdout)
    sending.send_signal(signal.SIGINT)
    told = said(sending, 1)
    (number,) = hub.jobs
    assert "the job goes on" in told
    assert f"`hf jobs cancel us/{number}` stops it" in told
    assert hub.jobs[number].stage == "RUNNING"


@knows_jobs
@pytest.mark.parametrize(
    ("words", "environ", "told"),
    [
        ((), {}, "--executor.hf-install"),
        ((), {"HF_TOKEN": "hf_of_somebody_else"}, "HTTP 401"),
        ((), {"HF_TOKEN": ""}, "hf auth login"),
        (("--executor.hf-flavor", "a10g-larg"), {}, "Did you mean a10g-large?"),
        (("--executor.hf-secrets", "NOT_SET"), {}, "NOT_SET"),
        (("--repo-id", "us/blocks"), {}, "--repo-id us/blocks"),
        (("--vlm.serve", "--vlm.model-id", "some/model"), {}, "needs a GPU"),
    ],
)
def test_what_cannot_be_a_job_is_refused_before_it_is_sent(
    hub: FakeJobs, start: Start, words: tuple[str, ...], environ: dict[str, str], told: str
) -> None:
    assert told in said(start(*SEND, *words, **environ), 2)
    assert hub.jobs == {}


@knows_jobs
def test_a_job_that_nobody_pays_for_is_told_with_what_the_hub_says(hub: FakeJobs, start: Start) -> None:
    hub.has_credit = False
    told = said(start(*SEND, *OURS), 2)
    assert "HTTP 402: Pre-paid credit balance is insufficient." in told
    assert "settings/billing" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--root", "data", "--push-to-hub"), "--root is a path of this machine"),
        (("--repo-id", "us/bricks"), "needs --push-to-hub"),
        (("--repo-id", "us/bricks", "--push-to-hub", "--output-dir", "out"), "--output-dir is a path"),
        (("--repo-id", "us/bricks", "--push-to-hub", "--prompts", "mine"), "--prompts is a path"),
        (("--repo-id", "us/bricks", "--executor.hf-timeout", "soon"), "--executor.hf-timeout"),
        (("--repo-id", "us/bricks", "--push-to-hub", "--vlm.model-id", "."), "--vlm.model-id . is a folder"),
    ],
)
def test_what_is_on_this_machine_only_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert main(["annotate", "--executor", "hf-jobs", *words]) == 2
    assert told in capsys.readouterr().err


def test_an_old_library_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "__version__", "0.34.0")
    assert main(["status", "--job", "us/1"]) == 2
    assert "huggingface_hub 1.20" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "gpu", "installed"),
    [
        ((), False, "roboscribe=="),
        (
            ("--vlm.api-base", "https://models.example/v1", "--vlm.model-id", "m"),
            False,
            "'roboscribe[openai]==",
        ),
        (("--vlm.serve", "--vlm.model-id", "m"), True, "'roboscribe[openai,vllm]=="),
        (("--vlm.backend", "transformers", "--vlm.model-id", "m"), True, "'roboscribe[transformers]=="),
        (("--executor.hf-image", "us/ours", "--executor.hf-install", "roboscribe @ git+x"), False, "git+x"),
    ],
)
def test_a_job_installs_what_its_model_needs_and_runs_the_same_command_there(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], gpu: bool, installed: str
) -> None:
    monkeypatch.setattr(origin, "_origin", dict)
    job, there = sent(*words, *MORE, gpu=gpu)
    assert installed in job.command[-1].split(" && ")[0]
    assert ("vllm" in job.image) == ("vllm" in installed)
    parsed = parse_flags(annotate.Arguments, there[1:], "roboscribe annotate")
    meant = parse_flags(annotate.Arguments, [*SEND[1:], *words, *MORE], "roboscribe annotate")
    assert there[0] == "annotate"
    assert parsed == replace(meant, executor=ExecutorSettings(name="local"))


def test_an_image_with_roboscribe_in_it_is_taken_as_it_is() -> None:
    job, _ = sent(*OURS)
    assert (job.image, "pip" in job.command[-1]) == ("us/ours", False)


def test_secrets_are_those_that_the_model_needs_and_those_named() -> None:
    job, _ = sent(
        *OURS,
        "--vlm.api-key-env",
        "OUR_KEY",
        "--executor.hf-secrets",
        "WANDB",
        OUR_KEY=KEY,
        WANDB="w",
        OTHER="o",
    )
    assert job.secrets == {"HF_TOKEN": TOKEN, "OUR_KEY": KEY, "WANDB": "w"}
    assert KEY not in str(job.command)
    assert job.environment == {}


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (("--vlm.api-base", "http://localhost:8000/v1"), {}),
        (("--vlm.model-id", "m"), {"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}),
    ],
)
def test_a_server_of_this_machine_is_refused(words: tuple[str, ...], environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="is this machine"):
        sent(*words, **environ)
