"""What another run asks again after a change of settings: all that depends on it, and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import FakeServer, instance, schema_in, texts
from imagining import sample_digest, spoken, with_skills
from make_dataset import make_dataset
from served import KINDS, kind_of, settings

import roboscribe.prompts
from roboscribe.config import DialogueSettings, SkillsSettings, VlmSettings
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.hirobot.skills import make_skills
from roboscribe.pipeline import annotate

PROMPTS = Path(roboscribe.prompts.__file__).parent
MODELS = ("fake-vlm", "other-vlm")
NOTHING = set[str]()
SUBTASKS = {"describe", "segment"}
OF_ALL: list[tuple[dict[str, Any] | str, bool]] = [
    ({"model_id": "other-vlm"}, True),
    ({"temperature": 0.9}, True),
    ({"client_concurrency": 3, "retries": 2}, False),
    ("seed", True),
]
"""Changes of settings that all commands have, and whether answers change."""
SPEECH = {"talk"}


@pytest.fixture(autouse=True)
def _no_servers_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def by_its_words(body: dict[str, Any]) -> str:
    """An answer that is another for other words, as a model's is; with so many subtasks that others build on them."""
    schema = schema_in(body)
    dice = random.Random(f"{body['model']}/{body['seed']}/{texts(body)}")
    if schema and "segments" in schema["properties"]:
        return json.dumps({"segments": [second(at, dice) for at in (0, 1, 2, 3)]})
    return "Hello." if schema is None else json.dumps(instance(schema, dice))


def second(at: int, dice: random.Random) -> dict[str, Any]:
    """A subtask of one second."""
    return {"start": float(at), "end": at + 1.0, "label": f"push button {dice.randrange(10**6)}"}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(models=MODELS, answer=by_its_words) as running:
        yield running


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", episodes=1, frames=40, size=(320, 240))


def reworded(folder: Path, name: str) -> Path:
    """A folder of prompts in which one is worded otherwise."""
    folder.mkdir()
    (folder / f"{name}.md.j2").write_text((PROMPTS / f"{name}.md.j2").read_text() + "\nBe brief.\n")
    return folder


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"model_id": "other-vlm"}, KINDS),
        ({"temperature": 0.9}, KINDS),
        ({"top_p": 0.5}, KINDS),
        ({"max_new_tokens": 2000}, KINDS),
        ({"extra_body": '{"top_k": 5}'}, KINDS),
        ({"client_concurrency": 3, "retries": 2, "timeout_s": 9.0, "serve_port": 9000}, NOTHING),
        ({"image_format": "png", "price_prompt": 1.0, "cache": True, "batch_size": 2}, NOTHING),
    ],
)
def test_a_setting_of_the_model_asks_all_again_if_it_changes_answers(
    dataset: Path, server: FakeServer, tmp_path: Path, change: dict[str, Any], asked: set[str]
) -> None:
    annotate(settings(dataset, server, cache_dir=tmp_path))
    before = len(server.asked)
    annotate(settings(dataset, server, **({"cache_dir": tmp_path} | change)))
    assert {kind_of(request.body) for request in server.asked[before:]} == asked


def test_another_seed_asks_all_again_and_another_port_nothing(dataset: Path, server: FakeServer) -> None:
    annotate(settings(dataset, server))
    with FakeServer(models=MODELS, answer=by_its_words) as elsewhere:
        assert annotate(settings(dataset, elsewhere)).asks == 0
        annotate(replace(settings(dataset, elsewhere), seed=1))
        assert {kind_of(request.body) for request in elsewhere.asked} == KINDS


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("system", KINDS),
        ("describe_episode", SUBTASKS | SPEECH | {"memory"}),
        ("segment_episode", SUBTASKS | SPEECH | {"memory"}),
        ("update_memory", {"memory"}),
        ("interject", SPEECH),
        ("rephrase_task", {"rephrase"}),
        ("ask_about_frames", {"vqa"}),
        ("relabel_segment", NOTHING),
        ("locate_gripper", NOTHING),
    ],
)
def test_another_prompt_asks_again_what_is_put_in_it_and_what_builds_on_that(
    dataset: Path, server: FakeServer, tmp_path: Path, prompt: str, asked: set[str]
) -> None:
    annotate(settings(dataset, server))
    before = len(server.asked)
    annotate(replace(settings(dataset, server), prompts=reworded(tmp_path / "prompts", prompt)))
    assert {kind_of(request.body) for request in server.asked[before:]} == asked


@pytest.mark.parametrize(
    ("change", "again"),
    [
        *OF_ALL,
        ("segment_episode", True),
        ("imagine_dialogue", False),
    ],
)
def test_skills_are_asked_for_again_where_answers_change(
    dataset: Path, server: FakeServer, tmp_path: Path, change: dict[str, Any] | str, again: bool
) -> None:
    vlm = settings(dataset, server).vlm
    first = SkillsSettings(root=dataset, vlm=vlm)
    make_skills(first)
    before = len(server.asked)
    make_skills(changed(first, change, tmp_path))
    assert {kind_of(request.body) for request in server.asked[before:]} == (SUBTASKS if again else NOTHING)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        *OF_ALL,
        ("imagine_dialogue", True),
        ("segment_episode", False),
    ],
)
def test_dialogue_is_asked_for_again_where_answers_change(
    tmp_path: Path, change: dict[str, Any] | str, again: bool
) -> None:
    root = with_skills(tmp_path / "data", kind="video", episodes=1)
    with FakeServer(models=MODELS, answer=spoken) as server:
        vlm = VlmSettings(api_base=(server.url,), model_id="fake-vlm", cache=False)
        first = DialogueSettings(root=root, output_dir=tmp_path / "out", vlm=vlm)
        made = make_dialogue(first)
        before = len(server.asked)
        make_dialogue(changed(first, change, tmp_path))
        put = {sample_digest(request.body) for request in server.asked[before:]}
    assert made.asks > 0
    assert len(put) == (made.asks if again else 0)


def changed(first: Any, change: dict[str, Any] | str, folder: Path) -> Any:
    """Settings with other ones of the model, another seed, or a prompt that is worded otherwise."""
    if isinstance(change, dict):
        return replace(first, vlm=replace(first.vlm, **change))
    if change == "seed":
        return replace(first, seed=1)
    return replace(first, prompts=reworded(folder / "prompts", change))
