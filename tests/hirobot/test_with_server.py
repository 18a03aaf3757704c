"""Dialogue from a model behind a server, on good days and bad: pictures are sent, and nothing is lost or made up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import FakeServer, Faults, answer_schema, image_urls, is_probe, texts
from imagining import lines, said, sample, sample_digest, spoken, with_skills, write
from make_dataset import make_dataset
from PIL import Image
from written import digests

from roboscribe.config import DialogueSettings, VlmSettings
from roboscribe.events import RunFinished
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.hirobot.lines import imagine_lines

FAULTS = Faults(status_500=0.05, status_429=0.05, drop=0.05, malformed=0.05, truncated=0.05)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request cache of its own, and no proxy or key of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return with_skills(tmp_path / "data", kind="video", cameras=("front", "side"), episodes=4)


def imagine(root: Path, server: FakeServer, out: Path, retries: int = 20, **settings: Any) -> RunFinished:
    vlm = VlmSettings(api_base=(server.url,), model_id="fake-vlm", cache=False, retries=retries)
    return make_dialogue(DialogueSettings(root=root, output_dir=out, vlm=vlm, **settings))


@pytest.mark.parametrize("video_mode", [False, True])
def test_with_faults_the_result_is_that_of_a_good_day(
    dataset: Path, video_mode: bool, tmp_path: Path
) -> None:
    with FakeServer(answer=spoken) as good:
        finished = imagine(dataset, good, tmp_path / "good", video_mode=video_mode)
    assert (finished.annotated, finished.failed, finished.rows) == (4, 0, 16)
    assert finished.asks == len(good.asked) == (4 if video_mode else 16)
    assert min(len(image_urls(request.body)) for request in good.asked) >= 1
    with FakeServer(answer=spoken, faults=FAULTS, retry_after=0) as bad:
        again = imagine(dataset, bad, tmp_path / "bad", video_mode=video_mode)
    assert sum(bad.stats.faults.values()) > 0
    assert (again.annotated, again.failed, again.rows) == (4, 0, 16)
    assert digests(tmp_path / "bad") == digests(tmp_path / "good")


def test_what_fits_of_an_answer_is_kept_and_only_the_rest_asked_for_again(
    dataset: Path, tmp_path: Path
) -> None:
    asked: Counter[int] = Counter()

    def forgetful(body: dict[str, Any]) -> str:
        if is_probe(body):
            return spoken(body)
        answer = json.loads(spoken(body))
        asked[len(answer["exchanges"])] += 1
        if len(answer["exchanges"]) == 4:
            answer["exchanges"][1]["user_prompt"] = "Do something."
            answer["exchanges"][2]["robot_utterance"] = "Sorry, I can't do that."
        return json.dumps(answer)

    with FakeServer(answer=forgetful) as server:
        finished = imagine(dataset, server, tmp_path / "out", video_mode=True)
    assert (finished.annotated, finished.failed, finished.rows) == (4, 0, 16)
    assert asked[2] == 4
    assert asked[4] % 4 == 0
    assert not {"Do something."} & {line["user_prompt"] for line in said(tmp_path / "out")}


def test_skills_are_made_on_the_way(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=2, frames=40, tasks=("Lift the cup.",))

    def both(body: dict[str, Any]) -> str:
        told = texts(body)
        if "has just said" in told:
            return spoken(body)
        if "can be seen to do" in told:
            return answer_schema(body)
        parts = [{"start": 0.0, "end": 2.0, "label": "reach for the cup"}]
        return json.dumps({"segments": [*parts, {"start": 2.0, "end": 4.0, "label": "lift the cup"}]})

    with FakeServer(answer=both) as server:
        finished = imagine(root, server, tmp_path / "out", skills="auto")
    assert (finished.annotated, finished.failed, finished.rows) == (2, 0, 8)
    assert {line["skill_current"] for line in said(tmp_path / "out")} == {"reach for the cup", "lift the cup"}
    assert all(image_urls(request.body) for request in server.asked)


def test_an_answer_that_never_fits_is_an_error_of_its_episode(dataset: Path, tmp_path: Path) -> None:
    def stubborn(body: dict[str, Any]) -> str:
        wrong = {"user_prompt": "Take the spoon.", "robot_utterance": "Sure."}
        return json.dumps(wrong) if "at 3.0 s" in texts(body) else spoken(body)

    with FakeServer(answer=stubborn) as server:
        finished = imagine(dataset, server, tmp_path / "out", episodes=("0",))
    assert (finished.annotated, finished.failed) == (0, 1)
    assert not (tmp_path / "out/meta").exists()


def picture(folder: Path) -> Path:
    """A picture in a file."""
    path = folder / "red.png"
    Image.new("RGB", (32, 24), "red").save(path)
    return path


def killed_and_run_again(command: list[str], server: FakeServer, kills: int) -> Iterator[int]:
    """Run a command that is killed at some moment, a few times, then to its end; how many requests each run made."""
    chance = random.Random(3)
    for attempt in range(kills + 1):
        before = len(server.asked)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ) as process:
            if attempt < kills:
                while len(server.asked) == before and process.poll() is None:
                    time.sleep(0.01)
                time.sleep(chance.uniform(0, 0.3))
                process.send_signal(signal.SIGKILL)
            code = process.wait()
        assert code == (-signal.SIGKILL if attempt < kills else 0)
        yield len(server.asked) - before


@pytest.mark.slow
@pytest.mark.parametrize("source", ["dataset", "lines"])
def test_killed_at_some_moment_and_run_again_nothing_answered_is_asked_twice(
    source: str, tmp_path: Path
) -> None:
    """Only what was under way when a run was killed, four requests at most, may be asked again."""
    if source == "dataset":
        root = with_skills(tmp_path / "data", episodes=4, kind="video", frames=60)
        words = ["--root", str(root), "--output-dir", str(tmp_path / "out")]
    else:
        path = write(
            tmp_path / "samples.jsonl", (sample(n, images=[str(picture(tmp_path))]) for n in range(24))
        )
        words = ["--jsonl", str(path), "--output-dir", str(tmp_path / "out")]
    limits = ["--vlm.client-concurrency", "4", "--vlm.cache", "false", "--vlm.model-id", "fake-vlm"]
    with FakeServer(answer=spoken, latency=0.05) as server:
        command = [
            sys.executable,
            "-m",
            "roboscribe",
            "dialogue",
            *words,
            *limits,
            "--vlm.api-base",
            server.url,
        ]
        runs = list(killed_and_run_again(command, server, kills=3))
        asked = Counter(sample_digest(request.body) for request in server.asked)
    result = (
        tmp_path / "out/meta/syn_annotations.jsonl" if source == "dataset" else tmp_path / "out/samples.jsonl"
    )
    assert len(lines(result)) == len(asked) == 24
    assert all(runs)
    assert sum(asked.values()) - len(asked) <= 3 * 4
    assert max(asked.values()) <= 2


def test_lines_are_answered_with_their_pictures(tmp_path: Path) -> None:
    shown = [picture(tmp_path).name] * 2
    path = write(tmp_path / "samples.jsonl", (sample(n, images=shown[: 1 + n % 2]) for n in range(6)))
    with FakeServer(answer=spoken, faults=FAULTS, retry_after=0) as server:
        vlm = VlmSettings(api_base=(server.url,), model_id="fake-vlm", cache=False, retries=20)
        finished = imagine_lines(DialogueSettings(jsonl=path, output_dir=tmp_path / "out", vlm=vlm))
    assert (finished.done, finished.failed) == (6, 0)
    assert {len(image_urls(request.body)) for request in server.asked} == {1, 2}
