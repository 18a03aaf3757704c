"""Tiny models annotate the shared datasets for real, in this process and through servers started for the run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from real_models import fits, question, require, texts
from talking import jpeg
from tiny_models import make_tiny_model

from roboscribe.config import AnnotateSettings, QuestionKind, VlmSettings, VqaSettings, parse_episodes
from roboscribe.dataset import open_dataset
from roboscribe.events import EpisodeFailed, Note
from roboscribe.language import STYLES, Row
from roboscribe.models.answers import objects_in
from roboscribe.models.batching import InProcess
from roboscribe.models.families import family_of
from roboscribe.models.ledger import Ledger
from roboscribe.models.openai import OpenAIBackend
from roboscribe.models.request import Reply, Request
from roboscribe.models.server import serving
from roboscribe.pipeline import annotate
from roboscribe.validation import check_dataset
from roboscribe.validation.vqa import kind_of

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]
PYTHON = shlex.quote(sys.executable)
VLLM_SERVER = (
    f"{PYTHON} -m vllm.entrypoints.openai.api_server --model {{model}} --port {{port}} --enforce-eager "
    "--no-enable-chunked-prefill --dtype float32 --max-model-len 8192 "
    """--structured-outputs-config '{"backend": "xgrammar", "disable_any_whitespace": true}'"""
)
TRANSFORMERS_SERVER = f"{PYTHON} {TESTS / 'transformers_serve.py'} serve --port {{port}} --device cpu"
"""Not bound to a model: it loads whichever is asked."""
SAYINGS = (
    '{"text": "The arm picks up the thing and puts it down."}',
    '{"segments": [{"start": 0.0, "end": 3.0, "label": "pick up the thing"}, '
    '{"start": 3.0, "end": 5.0, "label": "put the thing down"}]}',
    '{"memories": ["I picked up the thing."]}',
    '{"opening": "Okay, I pick up the thing.", "interjections": [{"request": '
    '"I would rather have it so, not otherwise, until we are done.", "speech": "Okay, I put the thing down."}]}',
    '{"pictures": {"1": {'
    '"bbox": {"question": "Where is it?", "detections": [{"label": "thing", "bbox": [9, 9, 90, 90]}]}, '
    '"keypoint": {"question": "Point to it.", "label": "thing", "point": [20, 20]}, '
    '"count": {"question": "How many?", "label": "thing", "count": 1, "note": null}, '
    '"attribute": {"question": "What color?", "label": "thing", "attribute": "color", "value": "red"}, '
    '"spatial": {"question": "Where is it?", "subject": "thing", "relation": "on", "object": "table"}}}}',
    '{"texts": ["Please pick up the thing.", "Get me that thing."]}',
)
"""Said one after the other; the answer to a question is the one that is valid for it."""

ENVIRONMENT = {
    "PYTHONPATH": f"{TESTS / 'site'}{os.pathsep}{TESTS}",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
}
EPISODES = {"g1_bottle_v21": "0-3", "so101_sim_bricks": "0-2"}
ARCHITECTURES = ["qwen2_5_vl", "qwen3_vl"]


@pytest.fixture(params=sorted(EPISODES))
def dataset(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    return shared_data / request.param


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What servers and engines find: a small machine, a home of their own, the shim for torchvision."""
    home = tmp_path_factory.mktemp("home")
    (home / "hub").mkdir()
    return ENVIRONMENT | {"HF_HOME": str(home)}


@pytest.fixture(autouse=True)
def machine(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for what runs in this process."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Request, Reply]]:
    """Every reply of a model, with what it was asked."""
    told: list[tuple[Request, Reply]] = []

    def watch(backend: Any) -> None:
        complete = backend.complete

        async def watched(self: Any, request: Request) -> Reply:
            reply = await complete(self, request)
            told.append((request, reply))
            return reply

        monkeypatch.setattr(backend, "complete", watched)

    watch(InProcess)
    watch(OpenAIBackend)
    return told


def annotate_for_real(
    dataset: Path,
    folder: Path,
    model: Path,
    replies: list[tuple[Request, Reply]],
    held: bool = True,
    pictures: int = 3,
    **vlm: Any,
) -> list[Row]:
    """Annotate episodes of a dataset; all of it is there, valid, and by this model, which saw pictures.

    Every reply that the model brought to an end holds an answer that fits its schema, where it is held to one.

    Args:
        dataset: The dataset.
        folder: For what comes out.
        model: Folder of the model.
        replies: Of the model.
        held: Whether they are held to their schemas.
        pictures: Pictures in one request for visual questions.
        **vlm: Settings of the model.

    Returns:
        All rows; a model that speaks at random may abstain from every visual question.
    """
    notes: list[str] = []
    target = folder / "annotated"
    settings = AnnotateSettings(
        root=dataset,
        output_dir=target,
        episodes=(EPISODES[dataset.name],),
        vqa=VqaSettings(emission_hz=0.5, pictures_per_ask=pictures),
        vlm=VlmSettings(model_id=str(model), temperature=1.0, cache=False, **vlm),
    )

    def listen(event: object) -> None:
        if isinstance(event, Note | EpisodeFailed):
            notes.append(str(event))

    finished = annotate(settings, listen)
    assert (finished.failed, finished.stopped) == (0, ""), notes
    assert finished.spent.images > 0
    assert finished.spent.completion_tokens > 0
    for request, reply in replies if held else ():
        answers = list(objects_in(reply.text))
        assert reply.finish == "length" or any(fits(answer, request.schema) for answer in answers), answers
    annotated = open_dataset(target)
    for index in parse_episodes(settings.episodes) or ():
        assert {"subtask", "plan", "motion", "task_aug"} <= {
            row.style for row in annotated.language_rows(index)
        }
    findings = check_dataset(annotated, parse_episodes(settings.episodes))
    assert [finding for finding in findings if finding.severity == "error"] == []
    subtasks = next(
        made
        for made in json.loads((target / "meta/roboscribe.json").read_text())["annotators"]
        if made["annotator"] == "subtasks"
    )
    assert subtasks["model"].startswith(f"{model.name}@")
    return [
        row for index in parse_episodes(settings.episodes) or () for row in annotated.language_rows(index)
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_transformers_in_this_process(
    architecture: str,
    tiny_model: Callable[[str], Path],
    dataset: Path,
    tmp_path: Path,
    replies: list[tuple[Request, Reply]],
) -> None:
    require("transformers", "xgrammar", "accelerate")
    annotate_for_real(
        dataset, tmp_path, tiny_model(architecture), replies, backend="transformers", device="cpu"
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_vllm_in_this_process(
    architecture: str,
    tiny_model: Callable[[str], Path],
    dataset: Path,
    tmp_path: Path,
    replies: list[tuple[Request, Reply]],
) -> None:
    require("vllm", "vllm")
    annotate_for_real(
        dataset, tmp_path, tiny_model(architecture), replies, backend="vllm", max_model_len=8192
    )
    # An episode is described first. What the question for its segments has in common with that, the system text and the
    # sheets, is known by then.
    described = {request.pictures for request, _ in replies if request.name == "DescribeEpisode"}
    segmented = [
        reply
        for r, reply in replies
        if r.name == "SegmentEpisode" and not r.turns and r.pictures in described
    ]
    assert segmented
    assert all(reply.usage.cached_tokens > 0 for reply in segmented), [r.usage for r in segmented]


Urls = tuple[str, ...]


@contextmanager
def served(model: Path, command: str, port: int, environment: dict[str, str]) -> Generator[Urls]:
    """Addresses of a server of a model, for all tests that ask it."""
    vlm = VlmSettings(serve_command=command, serve_port=port)
    with serving(vlm, str(model), lambda note: None, gpus=(), environ=os.environ | environment) as urls:
        yield urls


@pytest.fixture(scope="module")
def transformers_server(environment: dict[str, str]) -> Generator[Urls]:
    require("transformers", "transformers", "fastapi", "uvicorn")
    with served(Path(), TRANSFORMERS_SERVER, 18_800, environment) as urls:
        yield urls


@pytest.fixture(scope="module", params=ARCHITECTURES)
def parrot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows what to say, whatever it is shown: this server holds none to a schema."""
    require("transformers", "transformers", "fastapi", "uvicorn")
    return make_tiny_model(request.param, tmp_path_factory.mktemp("parrot"), says=SAYINGS)


def test_transformers_serve(
    parrot: Path,
    transformers_server: Urls,
    dataset: Path,
    tmp_path: Path,
    replies: list[tuple[Request, Reply]],
) -> None:
    rows = annotate_for_real(
        dataset, tmp_path, parrot, replies, held=False, pictures=1, api_base=transformers_server
    )
    assert {row.style for row in rows} == {*STYLES, None} - {"trace"}
    answers = [row.content or "" for row in rows if (row.style, row.role) == ("vqa", "assistant")]
    assert {kind_of(json.loads(answer)) for answer in answers} == set(get_args(QuestionKind))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_transformers_serve_is_shown_what_there_is_to_see(
    architecture: str, tiny_model: Callable[[str], Path], transformers_server: Urls
) -> None:
    """A model that answers at random, but by what it sees, says what it says without a server between."""
    model, light, dark = tiny_model(architecture), jpeg(255, side=200), jpeg(0, side=90)
    requests = [
        replace(question(0, None, room=24), parts=(*shown, "What is it?"))
        for shown in ([light, dark], [dark, light], [light], [])
    ]
    vlm = VlmSettings(model_id=str(model), temperature=0.0)

    async def ask() -> list[str]:
        backend = OpenAIBackend(
            vlm,
            identity="tiny",
            model=str(model),
            urls=transformers_server,
            ledger=Ledger(),
            say=lambda note: None,
        )
        replies = await asyncio.gather(*map(backend.complete, requests))
        await backend.close()
        return texts(replies)

    # The server says marks of the template, too.
    said = [re.sub(r"<\|\w+\|>", "", text) for text in asyncio.run(ask())]
    assert said == [without_server(vlm, model, request) for request in requests]
    assert len(set(said)) == len(requests)


def without_server(vlm: VlmSettings, model: Path, request: Request) -> str:
    """The likeliest words of a model of transformers, and nothing of ours but how it is prompted."""
    from transformers import AutoModelForImageTextToText

    from roboscribe.models.processor import load_processor

    processor = load_processor(vlm, str(model), family_of(str(model)))
    inputs = processor.inputs([request])
    loaded = AutoModelForImageTextToText.from_pretrained(model)
    tokens = loaded.generate(**inputs, max_new_tokens=request.max_tokens, do_sample=False)
    return processor.tokenizer.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def vllm_server(
    request: pytest.FixtureRequest, tiny_model: Callable[[str], Path], environment: dict[str, str]
) -> Generator[tuple[Path, Urls]]:
    require("vllm", "vllm")
    model = tiny_model(request.param)
    with served(model, VLLM_SERVER, 18_900, environment) as urls:
        yield model, urls


def test_vllm_server(
    vllm_server: tuple[Path, Urls], dataset: Path, tmp_path: Path, replies: list[tuple[Request, Reply]]
) -> None:
    model, urls = vllm_server
    # A model that speaks at random says marks of its template. They are letters to the server's grammar, so that a
    # reply fits its schema with them; rows are without.
    marks = '{"skip_special_tokens": false}'
    rows = annotate_for_real(dataset, tmp_path, model, replies, api_base=urls, extra_body=marks)
    mark = re.compile(r"<\|\w+\|>")
    assert any(mark.search(reply.text) for _, reply in replies)
    assert [text for row in rows if mark.search(text := row.content or str(row.tool_calls))] == []
