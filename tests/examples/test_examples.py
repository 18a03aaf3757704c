"""The examples run as they stand, on the bundled sample."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import FakeServer, answer_schema, image_urls, is_probe, texts
from imagining import exchange, lines, said, sample, with_skills, write
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*words: str | Path, **environ: str) -> str:
    """What a program says; it must succeed."""
    return subprocess.run(
        list(map(str, words)), env=os.environ | environ, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def test_annotate_and_read_back(tmp_path: Path) -> None:
    assert "3 episodes" in run(sys.executable, EXAMPLES / "00_annotate.py", tmp_path / "out")
    assert "grasp the pink brick" in run(sys.executable, EXAMPLES / "01_read_back.py", tmp_path / "out")


def test_a_model_of_your_own(tmp_path: Path) -> None:
    assert "get a firm grip on" in run(sys.executable, EXAMPLES / "03_your_own_model.py", tmp_path / "out")


@pytest.mark.slow
def test_two_stages(tmp_path: Path) -> None:
    program = {"ROBOSCRIBE": str(Path(sys.executable).parent / "roboscribe"), "PYTHON": sys.executable}
    told = run("bash", EXAMPLES / "two_stage.sh", "", tmp_path / "out", **program)
    assert "Put the pink brick in the transparent box." in told
    assert len(re.findall(r"person: \S", told)) == len(re.findall(r"robot:  \S", told)) >= 3
    assert (tmp_path / "out/language/meta/info.json").is_file()


def answer_to_prompt(body: dict[str, Any]) -> str:
    """What fits the prompt of ``annotate_pgen.py``."""
    if is_probe(body):
        return answer_schema(body)
    told = texts(body)
    (skill,) = re.findall(r"Skill the robot does next: (.+)", told)
    response = "clarification" if "one short question" in told else "any"
    return json.dumps(exchange("", skill, response, len(told)))


@pytest.mark.slow
def test_a_prompt_of_your_own(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "view.png")
    given = write(tmp_path / "samples.jsonl", [sample(number, images=["view.png"]) for number in range(4)])
    script = EXAMPLES / "annotate_pgen.py"
    with FakeServer(answer=answer_to_prompt) as server:
        model = ("--vlm.api-base", server.url, "--model", "fake-vlm", "--vlm.cache=false")
        told = run(
            sys.executable, script, "--jsonl", given, "--output-dir", tmp_path / "out", *model, "--preview"
        )
        assert "Skill the robot does next: " in told
        run(sys.executable, script, "--jsonl", given, "--output-dir", tmp_path / "out", *model)
        root = with_skills(tmp_path / "data", kind="video", cameras=("front", "side"), episodes=2)
        run(sys.executable, script, "--data-dir", root, "--output-dir", tmp_path / "said", *model,
            "--num-image-views-per-sample", "2", "--sample-interval", "1.0")  # fmt: skip
        seen = [request.body for request in server.asked]
    assert all("You see what the cameras of a robot show" in texts(body) for body in seen)
    assert {len(image_urls(body)) for body in seen} == {1, 2}
    assert [
        bool(one["user_prompt"] and one["robot_utterance"]) for one in lines(tmp_path / "out/samples.jsonl")
    ] == [True] * 4
    assert {one["episode_id"] for one in said(tmp_path / "said")} == {0, 1}
