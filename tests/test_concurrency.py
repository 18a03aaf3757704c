"""How much is done at once changes no byte; a model is kept busy from many episodes, and memory does not grow."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import FakeServer, schema_in
from make_dataset import make_dataset
from scripted import answers, digests

from roboscribe.asks import Ask, AskAboutFrames, DescribeEpisode, Interject, RephraseTask, SegmentEpisode
from roboscribe.config import AnnotateSettings, InterjectionsSettings, VlmSettings, VqaSettings
from roboscribe.frames import FrameStore
from roboscribe.models.asking import AskingModel
from roboscribe.models.batching import Batcher
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Reply, Request
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate
from roboscribe.prompts import Prompts

LABELS = ("reach for the cup", "grasp the cup", "lift the cup", "carry the cup to the shelf")


def chosen(ask: Ask[Any]) -> Any:
    """Answers drawn by the ask's own seed, so that a seed that depended on order would show."""
    chance = random.Random(ask.seed)
    match ask:
        case DescribeEpisode():
            return {"text": f"The robot moves {chance.randrange(1000)} times."}
        case SegmentEpisode():
            cuts = sorted(chance.uniform(0.3, ask.duration - 0.3) for _ in range(3))
            spans = zip([0.0, *cuts], [*cuts, ask.duration], LABELS, strict=True)
            return {"segments": [{"start": a, "end": b, "label": label} for a, b, label in spans]}
        case RephraseTask():
            return {"texts": [f"Lift cup number {chance.randrange(1000)}."]}
        case Interject():
            praise = [f"Good work, {chance.randrange(1000)} points." for _ in ask.moments]
            said = [{"request": text, "speech": "Thank you."} for text in praise]
            return {"opening": "On it." if ask.opens else None, "interjections": said}
        case AskAboutFrames():
            asked = zip(ask.numbers, ask.inquiries, strict=True)
            count = {"question": "How many cups are there?", "label": "cup", "count": chance.randrange(9)}
            return {"pictures": {n: {k: count if k == "count" else None for k in i.kinds} for n, i in asked}}
        case _:
            return answers(ask)


def late(at_once: int, seed: int) -> Callable[[Ask[Any]], Awaitable[Any]]:
    """The same answers, each after a while, a few at a time."""
    chance = random.Random(seed)
    slots = asyncio.Semaphore(at_once)

    async def reply(ask: Ask[Any]) -> Any:
        async with slots:
            await asyncio.sleep(chance.random() / 100)
            return chosen(ask)

    return reply


def settings(root: Path, out: Path | None = None) -> AnnotateSettings:
    praise = InterjectionsSettings(scenarios=("encouragement",), min_seconds=0.5)
    return AnnotateSettings(root=root, output_dir=out, interjections=praise)


def test_concurrency_and_delays_change_no_byte_of_staging_or_dataset(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=12, frames=40, size=(320, 240), episodes_per_file=5)
    found: list[dict[str, str]] = []
    for number, at_once in enumerate((1, 7, 64, 7)):
        out = tmp_path / f"out-{number}"
        model = ScriptedModel(late(at_once, seed=number), looks=True, at_once=at_once)
        finished = annotate(settings(root, out), model=model)
        assert (finished.annotated, finished.failed) == (12, 0)
        kinds = {type(ask) for ask in model.asked}
        assert {DescribeEpisode, SegmentEpisode, AskAboutFrames, Interject} <= kinds
        found.append(digests(out))
    assert found[0] == found[1] == found[2] == found[3]
    assert sum(".annotate_staging" in name for name in found[0]) >= 12 * 12


@pytest.fixture
def open_episodes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many episodes are open now."""
    stores: list[FrameStore] = []
    begin = FrameStore.__init__

    def remember(self: FrameStore, *args: Any) -> None:
        begin(self, *args)
        stores.append(self)

    monkeypatch.setattr(FrameStore, "__init__", remember)
    return lambda: stores[-1].counts.episodes


def test_few_episodes_are_open_when_a_model_takes_few_asks_at_a_time(
    tmp_path: Path, open_episodes: Callable[[], int]
) -> None:
    root = make_dataset(tmp_path / "data", episodes=80, frames=30, cameras=())
    most = 0
    slow = late(at_once=1, seed=0)

    async def reply(ask: Ask[Any]) -> Any:
        nonlocal most
        most = max(most, open_episodes())
        return await slow(ask)

    finished = annotate(settings(root), model=ScriptedModel(reply, at_once=1))
    assert finished.annotated == 80
    assert 2 <= most <= 20


def test_requests_of_many_episodes_fill_a_servers_slots_to_the_end(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=30, frames=30, cameras=())
    with FakeServer(latency=0.05, slots=8) as server:
        vlm = VlmSettings(api_base=(server.url,), model_id="fake-vlm", cache=False, client_concurrency=8)
        only = ("task_aug",)
        assert annotate(AnnotateSettings(root=root, only=only, vlm=vlm)).annotated == 30
        asked = sorted(server.asked, key=lambda request: request.began)
    assert server.stats.peak_in_flight == 8
    assert len(asked) == 30, "one each, so that eight at a time come from eight episodes"


def test_asks_that_others_wait_for_are_put_before_those_that_nobody_waits_for(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=6, frames=40, size=(320, 240))
    with FakeServer(latency=0.1, slots=2) as server:
        vlm = VlmSettings(api_base=(server.url,), model_id="fake-vlm", cache=False, client_concurrency=2)
        vqa = VqaSettings(pictures_per_ask=1)
        annotate(AnnotateSettings(root=root, only=("subtasks", "vqa"), vqa=vqa, vlm=vlm))
        asked = sorted(server.asked, key=lambda request: request.began)
    shown = [list(schema_in(request.body)["properties"]) for request in asked]
    assert shown.count(["segments"]) == 6
    assert shown[-4:] == [["pictures"]] * 4, "the last rounds hold none that others waited for"


class InBatches:
    """A backend that answers in batches, as models in this process do, and notes their sizes."""

    identity = "in batches"
    at_once = 8

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._batcher = Batcher(self._work, size=self.at_once, say=lambda text: None)

    def _work(self, requests: Sequence[Request]) -> list[Reply]:
        self.sizes.append(len(requests))
        assert threading.current_thread() is not threading.main_thread()
        time.sleep(0.05)
        return [Reply('{"texts": ["Heave the cup."]}') for _ in requests]

    async def check(self, showing: Sequence[str]) -> None: ...

    async def complete(self, request: Request) -> Reply:
        return await self._batcher.complete(request)

    async def close(self) -> None:
        await self._batcher.close()


def test_batches_are_filled_from_many_episodes(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=40, frames=30, cameras=())
    backend = InBatches()
    model = AskingModel(backend, Prompts(), ledger=Ledger(), looks=False)
    finished = annotate(AnnotateSettings(root=root, only=("task_aug",)), model=model)
    assert (finished.annotated, finished.asks) == (40, 40)
    assert sum(backend.sizes) == 40
    assert len(backend.sizes) <= 8
