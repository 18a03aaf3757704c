"""Tokens are counted without a model as the model counts them: by its processor, its server, or its family's rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import FakeServer
from plausible import Annotator, tokens_of, usage
from real_models import require
from talking import jpeg

from roboscribe.asks import Segments
from roboscribe.config import VlmSettings
from roboscribe.frames import Clip, Jpeg
from roboscribe.models.answers import schema_of
from roboscribe.models.dialect import Dialect, body_of
from roboscribe.models.request import Request
from roboscribe.models.tokens import ProcessorTokens, ReckonedTokens, ServerTokens, Tokens, count_tokens

MODEL = "Qwen/Qwen2.5-VL-7B-Instruct"


def request(*parts: str | Jpeg | Clip, name: str = "Look") -> Request:
    """A question that was put into words, about pictures that were made or only planned."""
    return Request(name, "You look at robots, and say what they do.", (*parts, "What is it?"), {}, 0, 100)


def planned(width: int, height: int) -> Jpeg:
    """A picture that nobody has made."""
    return Jpeg(b"", width, height, width, height)


def counter(model: str = MODEL, *urls: str, **vlm: Any) -> Tokens:
    return count_tokens(VlmSettings(**vlm), model, urls, "EMPTY")


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        (MODEL, (1120, 560), 40 * 20),
        (MODEL, (640, 480), 23 * 17),
        ("Qwen3-VL-8B", (640, 480), 20 * 15),
        ("Qwen3-VL-8B", (64, 64), 8 * 8),
        ("who-knows-9B", (1120, 560), 40 * 20),
    ],
)
def test_pictures_count_by_the_pixels_of_their_family(model: str, size: tuple[int, int], tokens: int) -> None:
    count = counter(model)
    assert isinstance(count, ReckonedTokens)
    assert count.prompt(request(planned(*size))) - count.prompt(request()) == tokens + 2


def test_the_bound_of_the_settings_counts() -> None:
    count = counter(MODEL, max_pixels=28 * 28 * 100)
    assert count.prompt(request(planned(1120, 1120))) - count.prompt(request()) == 102


def test_a_clip_is_read_two_frames_at_a_time() -> None:
    count = counter()
    clip = Clip((planned(280, 280),) * 5, (0.0, 0.5, 1.0, 1.5, 2.0))
    assert count.prompt(request(clip)) - count.prompt(request()) == 3 * 100 + 2


@pytest.mark.parametrize(
    "text",
    [
        "You describe recordings of robots at work, for training robots that follow language.",
        json.dumps(schema_of(Segments)),
        '{"segments": [{"start": 0.9, "end": 12.3, "label": "move towards the pink brick"}]}',
        "- 2.77 s: the left gripper closes and holds something\n- 5.10 s: the left gripper opens\n",
    ],
)
def test_words_count_about_as_in_a_real_vocabulary(text: str) -> None:
    assert counter().reply(text) == pytest.approx(tokens_of(text), rel=0.2)


def test_what_the_template_writes_counts_too() -> None:
    plain = request()
    body = body_of(plain, "m", Dialect(), {}, lambda part: "")
    assert counter().prompt(plain) == pytest.approx(usage(body, "")[0], rel=0.15)


def test_a_server_counts_a_few_texts_of_each_kind_and_stands_for_the_others() -> None:
    def coarse(body: Any, content: str) -> tuple[int, int]:
        read, written = usage(body, content)
        return read // 2, written * 3

    with FakeServer(answer=Annotator(), usage=coarse, tokenize=True) as server:
        count = counter("fake-vlm", server.url)
        assert isinstance(count, ServerTokens)
        words = [request(f"This is question {n} about the same robot.") for n in range(20)]
        counted = [count.prompt(one) for one in words]
        text = '{"label": "lift the cup"}'
        assert [count.reply(text, "Label") for _ in range(9)] == [3 * tokens_of(text)] * 9
        pictures = count.prompt(request(planned(280, 280))) - count.prompt(request())
    expected = [coarse(body_of(one, "m", Dialect(), {}, lambda part: ""), "")[0] for one in words]
    assert counted == pytest.approx(expected, abs=1)
    assert pictures == pytest.approx(102, abs=2)
    assert server.seen == []


@pytest.mark.parametrize("kind", ["another server", "no server"])
def test_where_no_server_counts_it_is_reckoned(kind: str) -> None:
    with FakeServer() as server:
        url = server.url if kind == "another server" else "http://127.0.0.1:9/v1"
        assert isinstance(counter("fake-vlm", url), ReckonedTokens)


@pytest.mark.parametrize("architecture", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
@pytest.mark.parametrize("max_pixels", [None, 20_000])
def test_a_processor_counts_what_the_model_reads(
    architecture: str, max_pixels: int | None, tiny_model: Callable[[str], Path]
) -> None:
    require("transformers", "transformers")
    count = counter(str(tiny_model(architecture)), max_pixels=max_pixels)
    assert isinstance(count, ProcessorTokens)
    real = (jpeg(0, 64), jpeg(1, 200), jpeg(2, 640), jpeg(3, 64))
    clip = Clip((jpeg(4, 128), jpeg(5, 128), jpeg(6, 128)), (1.0, 1.5, 2.0))
    for parts in ((), real[:1], real, (clip,), (real[1], "Before:", clip, real[2])):
        unmade = [blank(part) for part in parts]
        inputs = count.processor.inputs([request(*parts)])
        assert count.prompt(request(*unmade)) == int(inputs["attention_mask"].sum())


def blank(part: str | Jpeg | Clip) -> str | Jpeg | Clip:
    """A part as it is when nobody has made it."""
    if isinstance(part, Clip):
        return Clip(tuple(planned(frame.width, frame.height) for frame in part.frames), part.times)
    return planned(part.width, part.height) if isinstance(part, Jpeg) else part
