"""vLLM in this process with a tiny random model: its answers fit their schemas, and it ends when it is let go."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from real_models import ANSWERS, are_answers, question, require, texts
from talking import jpeg

from roboscribe.asks import Label
from roboscribe.config import VlmSettings
from roboscribe.errors import AnswerError, ServerError, SettingsError
from roboscribe.models.answers import parse_answer
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Reply, Request

pytestmark = pytest.mark.slow

Asking = Callable[[Sequence[Request]], list[Any]]


@pytest.fixture(scope="module", autouse=True)
def quiet() -> None:
    """What engines read from the environment, among it the shim for processes of their own."""
    require("vllm", "vllm")
    tests = Path(__file__).parents[1]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(tests / "site"), str(tests)])
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}


@contextmanager
def running(model: Path | str, **vlm: Any) -> Generator[Asking]:
    """A loaded backend; requests that are given together are in flight together."""
    from roboscribe.models.vllm import Backend

    settings = VlmSettings(**({"temperature": 1.0, "max_model_len": 4096} | vlm))
    with asyncio.Runner() as runner:
        backend = Backend(settings, identity="tiny", ledger=Ledger(), model=str(model), say=lambda note: None)

        async def ask(requests: Sequence[Request]) -> list[Any]:
            return await asyncio.gather(*map(backend.complete, requests), return_exceptions=True)

        try:
            runner.run(backend.check(("subtasks",)))
            yield lambda requests: runner.run(ask(requests))
        finally:
            runner.run(backend.close())


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def ask(request: pytest.FixtureRequest, tiny_model: Callable[[str], Path]) -> Generator[Asking]:
    with running(tiny_model(request.param)) as asking:
        yield asking


def test_every_kind_of_answer_fits_its_schema(ask: Asking) -> None:
    kinds = [kind for kind in ANSWERS for _ in range(3)]
    replies = ask([question(i, kind, pictures=i % 3, room=3600) for i, kind in enumerate(kinds)])
    assert {reply.finish for reply in replies} == {"stop"}
    assert are_answers(replies, kinds)


def test_seeds_and_pictures_decide(ask: Asking) -> None:
    dark, light = jpeg(0), jpeg(255)
    requests = [
        replace(question(0), parts=(picture, "What is it?"), seed=seed)
        for picture, seed in ((dark, 1), (dark, 1), (dark, 2), (light, 1))
    ]
    one, same, other_seed, other_picture = texts(ask(requests))
    assert one == same
    assert len({one, other_seed, other_picture}) == 3


def test_questions_about_the_same_pictures_share_them(ask: Asking) -> None:
    pictures = [jpeg(shade, side=256) for shade in range(0, 250, 50)]
    first, second = (replace(question(i), parts=(*pictures, f"Number {i}?")) for i in range(2))
    ask([first])
    [reply] = ask([second])
    assert isinstance(reply, Reply)
    assert 0.5 < reply.usage.cached_tokens / reply.usage.prompt_tokens < 1


def test_a_reply_is_cut_off_at_its_own_limit(ask: Asking) -> None:
    short, whole, free = ask([question(0, room=5), question(1), question(2, None, room=30)])
    assert (short.finish, short.usage.completion_tokens) == ("length", 5)
    assert whole.finish == "stop"
    assert free.usage.completion_tokens > 0


def test_a_prompt_that_is_too_long_fails_alone(ask: Asking) -> None:
    good, bad = ask([question(0), replace(question(1), parts=("a robot " * 4000,))])
    assert isinstance(good, Reply)
    assert isinstance(bad, AnswerError)
    assert "4096" in str(bad)
    assert "--vqa.pictures-per-ask" in str(bad)


def test_an_engine_that_fails_ends_the_run_and_one_that_is_closed_is_gone(
    tiny_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from vllm import LLM
    from vllm.v1.engine.exceptions import EngineDeadError

    engines: list[weakref.ref[LLM]] = []
    chat = LLM.chat

    def watched(engine: LLM, *args: Any, **options: Any) -> Any:
        engines.append(weakref.ref(engine))
        return chat(engine, *args, **options)

    monkeypatch.setattr(LLM, "chat", watched)
    with running(tiny_model("qwen3_vl"), temperature=None) as ask:
        [reply] = ask([question(0)])
        assert parse_answer(reply.text, Label)
        full, wrong = (
            torch.OutOfMemoryError("CUDA out of memory"),
            RuntimeError("CUDA error: misaligned address"),
        )
        for error in (EngineDeadError(), full, wrong):
            with monkeypatch.context() as broken:
                broken.setattr(LLM, "chat", Mock(side_effect=error))
                lost = ask([question(1), question(2)])
            assert [type(end) for end in lost] == [ServerError, ServerError]
            assert "the same command goes on" in str(lost[0])
    assert engines[0]() is None


def test_what_cannot_run_is_refused(tiny_model: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--vlm\.model-id"), running(tmp_path):
        pass
    with pytest.raises(SettingsError, match=r"--vlm\.device mps: the vllm that is installed"):
        running(tiny_model("qwen3_vl"), device="mps").__enter__()
