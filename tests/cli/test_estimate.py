"""`roboscribe estimate`: what it shows, to people and to machines, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_openai_server import FakeServer
from make_dataset import make_dataset
from written import digests

from roboscribe.cli.app import main

MODEL = "Qwen3-VL-8B"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request cache of its own, and no proxy or key of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", episodes=3, frames=40, size=(320, 240))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(models=(MODEL,)) as running:
        yield running


def test_people_get_a_table_and_what_it_rests_on(
    dataset: Path, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(dataset)
    priced = ["--vlm.price-prompt", "1", "--vlm.price-completion", "4", "--max-calls", "2"]
    words = ["estimate", "--root", str(dataset), "--vlm.api-base", server.url, *priced]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert f"3 episodes, model {MODEL}" in shown
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    assert {"task_aug", "subtasks", "memory", "vqa", "total"} <= set(lines)
    assert lines["subtasks"][1:4] == ["3", "·", "6"], "3 episodes, none staged, described and segmented"
    assert float(lines["total"][-1]) > 0
    assert "--max-calls 2 would stop the run" in shown
    for what in ("Tokens are counted", "typical length", "mended", "A call lasts 5 s"):
        assert what in shown
    assert server.seen == []
    assert digests(dataset) == before


def test_machines_get_one_json_object(
    dataset: Path, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["estimate", "--root", str(dataset), "--vlm.api-base", server.url, "--log-format", "json"]
    assert main([*words, "--seconds-per-call", "7.2", "--vlm.client-concurrency", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"]["calls"] == sum(part["calls"] for part in found["parts"]) > 0
    assert found["hours"] == pytest.approx(found["total"]["calls"] * 0.002)
    assert found["stopped"] == ""


def test_hours_and_cost_of_gpus_follow_from_their_speed(
    dataset: Path, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["estimate", "--root", str(dataset), "--vlm.api-base", server.url, "--gpu.count", "4"]
    words += ["--gpu.reads", "1000", "--gpu.writes", "50", "--gpu.price", "3"]
    assert main([*words, "--log-format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    seconds = found["total"]["prompt_tokens"] / 1000 + found["total"]["completion_tokens"] / 50
    assert found["gpu_hours"] == pytest.approx(seconds / 3600)
    assert found["hours"] == pytest.approx(seconds / 3600 / 4)
    assert found["gpu_cost"] == pytest.approx(seconds / 3600 * 3)
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "GPU hours for " in shown
    assert "A GPU reads 1,000 tokens a second or writes 50, as --gpu.reads and --gpu.writes say" in shown
    assert "A call lasts" not in shown


def test_the_builtin_model_has_nothing_to_pay(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "--root", str(dataset)]) == 0
    assert "nothing to pay" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--sample", "0"), "--sample"),
        (("--seconds-per-call", "0"), "--seconds-per-call"),
        (("--gpu.reads", "0", "--gpu.writes", "5"), "--gpu.reads"),
        (("--gpu.reads", "9"), "--gpu.writes"),
        (("--gpu.price", "2"), "--gpu.reads"),
        (("--gpu.reads", "9", "--gpu.writes", "9", "--seconds-per-call", "2"), "--seconds-per-call"),
        (("--frames.cameras", "side"), "side"),
        (("--episodes", "7"), "--episodes 7"),
        (("--prompts", "nowhere"), "--prompts nowhere"),
        (("--max-cost", "1"), "--vlm.price-prompt"),
        (("--vlm.serve",), "--vlm.serve"),
        (("--vlm.backend", "vllm"), "--vlm.model-id"),
        (("--vlm.backend", "vllm", "--vlm.model-id", "m", "--vlm.extra-body", "{}"), "--vlm.extra-body"),
        (
            ("--vlm.backend", "vllm", "--vlm.model-id", "who-knows", "--vlm.max-pixels", "9"),
            "--vlm.max-pixels",
        ),
        (("--output-dir", "{dataset}/inside"), "--output-dir"),
    ],
)
def test_what_a_run_would_refuse_is_refused(
    words: tuple[str, ...],
    named: str,
    dataset: Path,
    server: FakeServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [word.format(dataset=dataset) if "{dataset}" in word else word for word in words]
    base = () if "vllm" in words else ("--vlm.api-base", server.url)
    assert main(["estimate", "--root", str(dataset), *base, *given]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert named in said
    assert server.seen == []


def test_a_server_that_cannot_be_asked_for_its_model_is_told(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["estimate", "--root", str(dataset), "--vlm.api-base", "http://127.0.0.1:9/v1"]) == 2
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_a_server_need_not_be_up_when_its_model_is_named(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ["--vlm.api-base", "http://127.0.0.1:9/v1", "--vlm.model-id", MODEL]
    assert main(["estimate", "--root", str(dataset), *server]) == 0
    assert "total" in capsys.readouterr().out
