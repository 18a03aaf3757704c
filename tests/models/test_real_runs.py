"""Tiny models annotate the shared datasets for real, in this process and through servers started for the run."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, get_args

import pytest
from real_models import require
from tiny_models import make_tiny_model

from roboscribe.config import AnnotateSettings, QuestionKind, VlmSettings, VqaSettings, parse_episodes
from roboscribe.dataset import open_dataset
from roboscribe.events import EpisodeFailed, Note
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
TRANSFORMERS_SERVER = (
    f"{PYTHON} {TESTS / 'transformers_serve.py'} serve {{model}} --port {{port}} --device cpu"
)
SAYINGS = (
    '{"text": "The arm picks up the thing and puts it down."}',
    '{"segments": [{"start": 0.0, "end": 5.0, "label": "pick up the thing"}]}',
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


@pytest.fixture(params=sorted(EPISODES))
def dataset(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    return shared_data / request.param


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment for servers and engines: small, on its own, and with the shim for torchvision."""
    (tmp_path / "home/hub").mkdir(parents=True)
    for name, value in (ENVIRONMENT | {"HF_HOME": str(tmp_path / "home")}).items():
        monkeypatch.setenv(name, value)


def annotate_for_real(
    dataset: Path, folder: Path, model: Path, pictures: int = 3, **vlm: Any
) -> list[dict[str, Any]]:
    """Annotate some episodes of a dataset; all of it is there, valid, and by this model, which saw pictures.

    Args:
        dataset: The dataset.
        folder: For what comes out.
        model: Folder of the model.
        pictures: Pictures in one request for visual questions.
        **vlm: Settings of the model.

    Returns:
        The answers to visual questions; a model that speaks at random may abstain from all.
    """
    notes: list[str] = []
    target = folder / "annotated"
    settings = AnnotateSettings(
        root=dataset,
        output_dir=target,
        episodes=(EPISODES[dataset.name],),
        vqa=VqaSettings(emission_hz=0.5, pictures_per_ask=pictures),
        vlm=VlmSettings(model_id=str(model), temperature=1.0, cache=False, serve_port=18_800, **vlm),
    )

    def listen(event: object) -> None:
        if isinstance(event, Note | EpisodeFailed):
            notes.append(str(event))

    finished = annotate(settings, listen)
    assert (finished.failed, finished.stopped) == (0, ""), notes
    assert finished.spent.images > 0
    assert finished.spent.completion_tokens > 0
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
        json.loads(row.content or "")
        for index in parse_episodes(settings.episodes) or ()
        for row in annotated.language_rows(index)
        if (row.style, row.role) == ("vqa", "assistant")
    ]


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen3_vl"])
def test_transformers_in_this_process(
    architecture: str, tiny_model: Callable[[str], Path], dataset: Path, tmp_path: Path
) -> None:
    require("transformers", "xgrammar", "accelerate")
    annotate_for_real(dataset, tmp_path, tiny_model(architecture), backend="transformers", device="cpu")


def test_transformers_serve(tmp_path: Path, tiny_model: Callable[[str], Path], dataset: Path) -> None:
    require("transformers", "fastapi", "uvicorn")
    tiny_model("qwen3_vl")
    parrot = make_tiny_model("qwen2_5_vl", tmp_path / "parrot", says=SAYINGS)
    answers = annotate_for_real(
        dataset, tmp_path, parrot, pictures=1, serve=True, serve_command=TRANSFORMERS_SERVER
    )
    assert {kind_of(answer) for answer in answers} == set(get_args(QuestionKind))


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen3_vl"])
def test_vllm_in_this_process(
    architecture: str, tiny_model: Callable[[str], Path], dataset: Path, tmp_path: Path
) -> None:
    require("vllm", "vllm")
    annotate_for_real(dataset, tmp_path, tiny_model(architecture), backend="vllm", max_model_len=8192)


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def vllm_server(
    request: pytest.FixtureRequest, tiny_model: Callable[[str], Path]
) -> Generator[tuple[Path, tuple[str, ...]]]:
    """A model, and where a vLLM server serves it."""
    require("vllm", "vllm")
    model = tiny_model(request.param)
    environ = os.environ | ENVIRONMENT
    vlm = VlmSettings(serve_command=VLLM_SERVER, serve_port=18_900)
    with serving(vlm, str(model), lambda note: None, gpus=(), environ=environ) as urls:
        yield model, urls


def test_vllm_server(vllm_server: tuple[Path, tuple[str, ...]], dataset: Path, tmp_path: Path) -> None:
    model, urls = vllm_server
    annotate_for_real(dataset, tmp_path, model, api_base=urls)
