"""A real model of transformers, tiny and random: its answers fit their schemas, whatever batch they are in."""

from __future__ import annotations

import asyncio
import json
import shutil
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from real_models import ANSWERS, are_answers, question, require, texts
from talking import jpeg
from tiny_others import make_other_model

from roboscribe.asks import Label
from roboscribe.config import VlmSettings
from roboscribe.errors import AnswerError, ServerError, SettingsError
from roboscribe.frames import Clip
from roboscribe.models.answers import parse_answer
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Reply, Request, Turn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    require("transformers", "torch", "torchvision", "transformers", "xgrammar", "accelerate")


@pytest.fixture(params=["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def checkpoint(request: pytest.FixtureRequest, tiny_model: Callable[[str], Path]) -> Path:
    return tiny_model(request.param)


@pytest.fixture
def qwen3(tiny_model: Callable[[str], Path]) -> Path:
    return tiny_model("qwen3_vl")


@pytest.fixture
def changed(qwen3: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of a checkpoint with changes to one of its JSON files."""

    def copy(name: str, **changes: Any) -> Path:
        folder = shutil.copytree(qwen3, tmp_path / "changed")
        values = json.loads((folder / name).read_text())
        for key, value in changes.items():
            outer, _, inner = key.rpartition("__")
            (values[outer] if outer else values)[inner] = value
        (folder / name).write_text(json.dumps(values))
        return folder

    return copy


def ask(
    model: Path | str,
    requests: Sequence[Request],
    *,
    together: bool = True,
    notes: list[str] | None = None,
    spoil: Callable[[Any], None] = lambda backend: None,
    **vlm: Any,
) -> list[Reply | BaseException]:
    """Replies of a model, asked all at once or one after the other; ``spoil`` gets the loaded backend first."""
    from roboscribe.models.transformers import Backend

    settings = VlmSettings(**({"temperature": 1.0, "device": "cpu"} | vlm))
    said = [] if notes is None else notes

    async def run() -> list[Reply | BaseException]:
        backend = Backend(settings, identity="tiny", ledger=Ledger(), model=str(model), say=said.append)
        await backend.check(("subtasks",))
        spoil(backend)
        try:
            if together:
                return await asyncio.gather(*map(backend.complete, requests), return_exceptions=True)
            return [
                (await asyncio.gather(backend.complete(request), return_exceptions=True))[0]
                for request in requests
            ]
        finally:
            await backend.close()

    return asyncio.run(run())


def test_every_kind_of_answer_fits_its_schema(checkpoint: Path) -> None:
    kinds = [kind for kind in ANSWERS for _ in range(2)]
    replies = ask(checkpoint, [question(i, kind, pictures=i % 3, room=6000) for i, kind in enumerate(kinds)])
    assert {reply.finish for reply in replies} == {"stop"}
    assert are_answers(replies, kinds)


def test_an_answer_does_not_depend_on_the_batch_it_is_in(checkpoint: Path) -> None:
    requests = [question(i, ANSWERS[i % len(ANSWERS)], pictures=i % 4) for i in range(9)]
    alone = ask(checkpoint, requests, together=False)
    together = ask(checkpoint, requests, batch_size=5)
    assert texts(together) == texts(alone)
    assert [reply.usage for reply in together if isinstance(reply, Reply)] == [
        reply.usage for reply in alone if isinstance(reply, Reply)
    ]
    assert len(set(texts(alone))) == len(requests)


@pytest.mark.parametrize("name", ["idefics3", "internvl", "llava_onevision"])
def test_models_of_other_makers_answer_alike(name: str, tmp_path: Path) -> None:
    model = make_other_model(name, tmp_path)
    requests = [question(i, ANSWERS[i], pictures=i % 4) for i in range(5)]
    alone = ask(model, requests, together=False)
    together = ask(model, requests)
    assert are_answers([reply for reply in together if isinstance(reply, Reply)], ANSWERS[:5])
    assert texts(together) == texts(alone)
    dark, light = jpeg(0), jpeg(255)
    shown = [replace(question(0), parts=(*p, "What is it?")) for p in ([dark, light], [light, dark], [])]
    filmed = replace(question(0), parts=(Clip((dark, light), (0.0, 0.5)), "What is it?"))
    one, other, blind, film = texts(ask(model, [*shown, filmed], temperature=0.0))
    assert len({one, other, blind}) == 3
    assert (film == one) is (name == "idefics3"), "frames of a video go as pictures where a model takes none"


def test_pictures_reach_the_model_in_their_order(checkpoint: Path) -> None:
    dark, light = jpeg(0), jpeg(255)
    requests = [
        replace(question(0), parts=(*pictures, "What is it?"))
        for pictures in ([dark, light], [light, dark], [dark, light], [])
    ]
    one, other, again, blind = texts(ask(checkpoint, requests, temperature=0.0))
    assert one == again
    assert len({one, other, blind}) == 3


def test_a_clip_reaches_the_model_whatever_it_is_batched_with(checkpoint: Path) -> None:
    dark, light, small = jpeg(0, side=64), jpeg(255, side=64), jpeg(90)
    there, back = Clip((dark, light), (1.0, 1.5)), Clip((light, dark, light), (1.0, 1.5, 2.0))
    requests = [
        replace(question(0), parts=(*shown, "What is it?"))
        for shown in ([there], [back], [small, there], [small], [])
    ]
    alone = ask(checkpoint, requests, together=False, temperature=0.0)
    together = ask(checkpoint, requests, temperature=0.0)
    assert texts(together) == texts(alone)
    assert len(set(texts(alone))) == len(requests)
    tokens = [reply.usage.prompt_tokens for reply in alone if isinstance(reply, Reply)]
    assert tokens[0] > tokens[4]
    assert tokens[2] - tokens[3] == tokens[0] - tokens[4]


def test_the_seed_and_the_temperature_decide(qwen3: Path) -> None:
    requests = [replace(question(0), seed=seed) for seed in (1, 1, 2)]
    first, same, other = texts(ask(qwen3, requests))
    assert first == same != other
    assert len(set(texts(ask(qwen3, requests, temperature=0.0)))) == 1
    assert len(set(texts(ask(qwen3, requests, top_p=1e-9)))) == 1


def test_without_a_temperature_the_model_samples_as_its_makers_say(
    qwen3: Path, changed: Callable[..., Path]
) -> None:
    requests = [replace(question(0), seed=seed) for seed in (1, 2)]
    assert len(set(texts(ask(qwen3, requests, temperature=None)))) == 1
    keen = changed("generation_config.json", do_sample=True, temperature=1.0)
    assert len(set(texts(ask(keen, requests, temperature=None)))) == 2


def test_a_reply_is_cut_off_at_its_own_limit(qwen3: Path) -> None:
    short, whole = ask(qwen3, [question(0, room=5), question(1)])
    assert isinstance(short, Reply)
    assert isinstance(whole, Reply)
    assert (short.finish, short.usage.completion_tokens) == ("length", 5)
    assert whole.finish == "stop"


def test_without_a_schema_the_model_speaks_freely(qwen3: Path) -> None:
    [reply] = ask(qwen3, [question(0, None, room=30)])
    assert isinstance(reply, Reply)
    assert reply.usage.completion_tokens > 0
    assert "<|" not in reply.text
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.text)


def test_what_was_wrong_with_a_reply_reaches_the_model(qwen3: Path) -> None:
    bare = question(0)
    mended = replace(bare, turns=(Turn("no JSON", "That is no JSON."),))
    first, second = ask(qwen3, [bare, mended], temperature=0.0)
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert second.usage.prompt_tokens > first.usage.prompt_tokens
    assert second.text != first.text


def test_a_thought_that_the_template_opens_is_closed(qwen3: Path) -> None:
    [plain] = ask(qwen3, [question(0)])
    [thinking] = ask(qwen3, [question(0)], chat_template_kwargs='{"enable_thinking": true}')
    assert isinstance(plain, Reply)
    assert isinstance(thinking, Reply)
    assert thinking.usage.prompt_tokens > plain.usage.prompt_tokens
    assert parse_answer(thinking.text, Label)


def test_fewer_pixels_make_a_shorter_prompt(qwen3: Path) -> None:
    asked = [replace(question(0), parts=(jpeg(side=200), "What is it?"))]
    [full] = ask(qwen3, asked)
    [small] = ask(qwen3, asked, max_pixels=64 * 64)
    assert isinstance(full, Reply)
    assert isinstance(small, Reply)
    assert full.usage.prompt_tokens - small.usage.prompt_tokens == 6 * 6 - 2 * 2


def test_a_prompt_that_is_too_long_fails_alone(changed: Callable[..., Path]) -> None:
    model = changed("config.json", text_config__max_position_embeddings=150)
    long = replace(question(1), parts=("a robot " * 400,))
    good, bad = ask(model, [question(0), long])
    assert isinstance(good, Reply)
    assert isinstance(bad, AnswerError)
    assert "the model reads 150" in str(bad)
    [cut] = ask(model, [question(0, ANSWERS[0], pictures=3)])
    assert isinstance(cut, Reply)
    assert cut.usage.prompt_tokens + cut.usage.completion_tokens <= 150


def crowded(error: Callable[[], Exception], fits: int) -> Callable[[Any], None]:
    """Makes batches larger than ``fits`` run out of memory."""

    def spoil(backend: Any) -> None:
        model = backend._loaded.model
        generate = model.generate

        def limited(**inputs: Any) -> Any:
            if len(inputs["input_ids"]) > fits:
                raise error()
            return generate(**inputs)

        model.generate = limited

    return spoil


def gpu_is_full() -> Exception:
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def memory_is_full() -> Exception:
    return RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")


def library_is_full() -> Exception:
    return RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


@pytest.mark.parametrize("error", [gpu_is_full, library_is_full, memory_is_full, MemoryError])
def test_too_little_memory_makes_smaller_batches(qwen3: Path, error: Callable[[], Exception]) -> None:
    requests = [question(i, pictures=i % 2) for i in range(6)]
    notes: list[str] = []
    replies = ask(qwen3, requests, notes=notes, spoil=crowded(error, fits=2))
    assert texts(replies) == texts(ask(qwen3, requests))
    assert "6 requests at once do not fit in memory; from now on 3." in notes


def test_a_request_that_never_fits_fails_alone(qwen3: Path) -> None:
    [reply] = ask(qwen3, [question(0)], spoil=crowded(gpu_is_full, fits=0))
    assert isinstance(reply, AnswerError)
    assert "does not fit in memory" in str(reply)


def test_other_faults_are_not_taken_for_a_lack_of_memory(qwen3: Path) -> None:
    [reply] = ask(qwen3, [question(0)], spoil=crowded(lambda: RuntimeError("a mistake"), fits=0))
    assert isinstance(reply, RuntimeError)
    assert str(reply) == "a mistake"


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_scores_that_are_no_numbers_end_the_run_in_a_sentence(qwen3: Path, temperature: float) -> None:
    def overflow(backend: Any) -> None:
        backend._loaded.model.lm_head.weight.data[7].fill_(float("nan"))

    replies = ask(qwen3, [question(0), question(1)], spoil=overflow, temperature=temperature, dtype="float16")
    assert [type(reply) for reply in replies] == [ServerError, ServerError]
    assert "no numbers, in float16. --vlm.dtype bfloat16" in str(replies[0])


def test_closing_ends_a_long_reply(qwen3: Path) -> None:
    from roboscribe.models.transformers import Backend

    endless = {
        "type": "object",
        "properties": {"t": {"type": "string", "minLength": 20_000}},
        "required": ["t"],
    }
    request = replace(question(0, room=20_000), schema=endless)
    lengths: list[int] = []

    async def run() -> None:
        backend = Backend(
            VlmSettings(device="cpu"),
            identity="tiny",
            ledger=Ledger(),
            model=str(qwen3),
            say=lambda note: None,
        )
        await backend.check(())
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        assert backend._loaded is not None
        model = backend._loaded.model
        generate = model.generate

        def watched(**inputs: Any) -> None:
            loop.call_soon_threadsafe(begun.set)
            lengths.append(generate(**inputs).shape[1])

        model.generate = watched
        waiting = asyncio.create_task(backend.complete(request))
        await begun.wait()
        await backend.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())
    assert lengths[0] < 10_000


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What models are loaded with where torch finds a GPU; it is played by the CPU."""
    import torch
    from transformers import AutoModelForImageTextToText

    loaded: list[dict[str, Any]] = []
    load = AutoModelForImageTextToText.from_pretrained

    def on_cpu(name: str, **options: Any) -> Any:
        loaded.append(options)
        return load(name, dtype="float32")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(AutoModelForImageTextToText, "from_pretrained", on_cpu)
    return loaded


def test_on_a_gpu_a_model_keeps_its_own_numbers_and_tokens_are_the_same(
    qwen3: Path, gpu: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from roboscribe.models import decoding

    requests = [question(i, ANSWERS[i], pictures=i % 2) for i in range(4)]
    here = texts(ask(qwen3, requests))
    monkeypatch.setattr(decoding, "kernels_of", lambda device: "torch_native")
    assert texts(ask(qwen3, requests, device="auto")) == here
    assert gpu[1:] == [{"dtype": "auto", "device_map": {"": "cuda"}}]


def test_what_a_batch_too_large_took_is_given_back_before_the_halves_are_tried(
    qwen3: Path, gpu: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    left: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []
    monkeypatch.setattr(
        torch.cuda, "empty_cache", lambda: alive.append(sum(ref() is not None for ref in left))
    )

    def spoil(backend: Any) -> None:
        model = backend._loaded.model
        generate = model.generate

        def limited(**inputs: Any) -> Any:
            if len(inputs["input_ids"]) > 1:
                half_done = torch.zeros(1000)
                left.append(weakref.ref(half_done))
                raise gpu_is_full()
            return generate(**inputs)

        model.generate = limited

    replies = ask(qwen3, [question(i) for i in range(3)], spoil=spoil)
    assert all(isinstance(reply, Reply) for reply in replies)
    assert alive == [0, 0], "once for the batch that was too large, once at the end"
    assert len(left) == 1


def test_loading_tells_what_runs_where(qwen3: Path) -> None:
    notes: list[str] = []
    ask(qwen3, [], notes=notes, dtype="bfloat16")
    assert "bfloat16" in notes[0]
    assert "onto cpu" in notes[0]


def broken(folder: Path) -> Iterator[tuple[str, dict[str, Any], str]]:
    (folder / "empty").mkdir()
    yield str(folder / "empty"), {}, "a folder that holds a model"
    yield str(folder / "nowhere"), {}, "a folder that holds a model"
    text_only = folder / "text"
    text_only.mkdir()
    (text_only / "config.json").write_text('{"model_type": "qwen3"}')
    yield str(text_only), {}, "is a qwen3 model, which transformers knows no way to show pictures to"
    strange = folder / "strange"
    strange.mkdir()
    (strange / "config.json").write_text('{"model_type": "made_up"}')
    yield str(strange), {}, "made_up"


def test_a_model_that_is_not_there_or_does_not_see_is_refused(qwen3: Path, tmp_path: Path) -> None:
    for model, vlm, said in broken(tmp_path):
        with pytest.raises(SettingsError, match=said) as refusal:
            ask(model, [], **vlm)
        assert "--vlm.model-id" in str(refusal.value)


def test_a_checkpoint_without_weights_or_template_is_refused(qwen3: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(qwen3, tmp_path / "copy")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(SettingsError, match="no chat template"):
        ask(folder, [])
    shutil.copy(qwen3 / "chat_template.jinja", folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(SettingsError, match=r"--vlm\.model-id .*safetensors"):
        ask(folder, [])


def test_a_device_that_is_not_there_is_refused(qwen3: Path) -> None:
    import torch

    for device, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())):
        if not there:
            with pytest.raises(SettingsError, match=f"--vlm.device {device}: .*--vlm.device cpu"):
                ask(qwen3, [], device=device)
