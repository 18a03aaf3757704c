"""Requests in flight together are answered in batches, each by its own reply, and memory bounds the batches."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from talking import jpeg

from roboscribe.config import VlmSettings
from roboscribe.errors import AnswerError
from roboscribe.frames.picture import Jpeg
from roboscribe.models.batching import Batcher, BatchTooLarge, InProcess
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Reply, Request


def request(text: str, *pictures: Jpeg) -> Request:
    return Request("Look", "", (*pictures, text), {}, 0, 10)


class Echo:
    """Repeats the text of every request, and notes its batches."""

    def __init__(self, fits: int = 99, hold: threading.Event | None = None) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[int] = set()
        self.fits = fits
        self._hold = hold

    def __call__(self, batch: Sequence[Request]) -> list[Reply | AnswerError]:
        texts = [str(request.parts[-1]) for request in batch]
        self.batches.append(texts)
        self.threads.add(threading.get_ident())
        if self._hold is not None:
            self._hold.wait(10)
        if len(batch) > self.fits:
            raise BatchTooLarge
        return [AnswerError("No.") if text == "refuse" else Reply(text) for text in texts]


def run(
    echo: Callable[[Sequence[Request]], Any], requests: Sequence[Request], size: int
) -> tuple[list[Any], list[str], Batcher]:
    notes: list[str] = []

    async def ask_all() -> tuple[list[Any], Batcher]:
        batcher = Batcher(echo, size=size, say=notes.append, linger_s=0.001)
        replies = await asyncio.gather(*map(batcher.complete, requests), return_exceptions=True)
        await batcher.close()
        return replies, batcher

    replies, batcher = asyncio.run(ask_all())
    return [reply.text if isinstance(reply, Reply) else reply for reply in replies], notes, batcher


def test_requests_in_flight_together_share_batches_and_get_their_own_replies() -> None:
    echo = Echo()
    texts = [f"text {i:02}" for i in range(20)]
    replies, notes, _ = run(echo, [request(text) for text in texts], 8)
    assert replies == texts
    assert [len(batch) for batch in echo.batches] == [8, 8, 4]
    assert len(echo.threads) == 1
    assert threading.get_ident() not in echo.threads
    assert notes == []


def test_the_one_that_waited_longest_goes_next_with_those_most_like_it() -> None:
    echo = Echo()
    shown = request("shown", jpeg(side=640))
    run(echo, [request("a"), shown, request("b"), request("shown too", jpeg(side=640))], 2)
    assert echo.batches == [["a", "b"], ["shown", "shown too"]]


def test_requests_that_come_while_the_model_works_make_the_next_batch() -> None:
    hold = threading.Event()
    echo = Echo(hold=hold)

    async def ask() -> None:
        batcher = Batcher(echo, size=8, say=print, linger_s=0)
        first = asyncio.create_task(batcher.complete(request("first")))
        while not echo.batches:
            await asyncio.sleep(0.001)
        later = [asyncio.create_task(batcher.complete(request(f"later {i}"))) for i in range(3)]
        await asyncio.sleep(0)
        hold.set()
        await asyncio.gather(first, *later)
        await batcher.complete(request("much later"))
        await batcher.close()

    asyncio.run(ask())
    assert echo.batches == [["first"], ["later 0", "later 1", "later 2"], ["much later"]]


def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost() -> None:
    echo = Echo(fits=3)
    texts = [f"text {i:02}" for i in range(16)]
    replies, notes, batcher = run(echo, [request(text) for text in texts], 8)
    assert replies == texts
    assert [len(batch) for batch in echo.batches] == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]
    assert batcher.size == 2
    assert notes[0] == "8 requests at once do not fit in memory; from now on 4."
    assert len(notes) == 2


def test_a_request_that_does_not_fit_by_itself_fails_alone() -> None:
    def work(batch: Sequence[Request]) -> list[Reply]:
        if any(request.pictures for request in batch):
            raise BatchTooLarge
        return [Reply("fits")] * len(batch)

    replies, _, _ = run(work, [request("a"), request("b", jpeg()), request("c")], 4)
    assert replies[0] == replies[2] == "fits"
    assert isinstance(replies[1], AnswerError)
    assert "--vlm.max-pixels" in str(replies[1])


def test_a_refused_request_fails_alone() -> None:
    replies, _, _ = run(Echo(), [request("a"), request("refuse"), request("c")], 4)
    assert replies[0] == "a"
    assert replies[2] == "c"
    assert str(replies[1]) == "No."


def test_a_mistake_of_the_model_reaches_everyone_who_waits() -> None:
    def work(batch: Sequence[Request]) -> list[Reply]:
        raise ZeroDivisionError

    replies, _, _ = run(work, [request("a"), request("b"), request("c")], 2)
    assert all(isinstance(reply, ZeroDivisionError) for reply in replies)


def test_who_gives_up_waiting_is_not_worked_for_and_others_are() -> None:
    hold = threading.Event()
    echo = Echo(hold=hold)

    async def ask() -> Reply:
        batcher = Batcher(echo, size=1, say=print, linger_s=0)
        at_work = asyncio.create_task(batcher.complete(request("at work")))
        while not echo.batches:
            await asyncio.sleep(0.001)
        given_up = asyncio.create_task(batcher.complete(request("given up")))
        patient = asyncio.create_task(batcher.complete(request("patient")))
        await asyncio.sleep(0)
        given_up.cancel()
        at_work.cancel()
        await asyncio.sleep(0)
        hold.set()
        reply = await patient
        await batcher.close()
        return reply

    assert asyncio.run(ask()) == Reply("patient")
    assert echo.batches == [["at work"], ["patient"]]


def test_closing_cancels_whoever_waits_and_ends_the_thread() -> None:
    hold = threading.Event()
    echo = Echo(hold=hold)

    async def ask() -> None:
        batcher = Batcher(echo, size=1, say=print, linger_s=0)
        tasks = [asyncio.create_task(batcher.complete(request(text))) for text in ("at work", "waiting")]
        while not echo.batches:
            await asyncio.sleep(0.001)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        hold.set()
        await closing
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
        with pytest.raises(RuntimeError):
            await batcher.on_thread(lambda: None)

    asyncio.run(ask())
    assert echo.batches == [["at work"]]


def test_requests_wait_until_the_model_is_loaded() -> None:
    happened: list[str] = []

    class Slow(InProcess):
        kind = "transformers"

        async def _load(self, showing: Sequence[str]) -> None:
            await self._on_its_thread(lambda: happened.append("thread"))
            await asyncio.sleep(0.02)
            happened.append(f"loaded for {', '.join(showing)}")

        async def close(self) -> None:
            await self._end_thread()

        def _work(self, requests: Sequence[Request]) -> list[Reply | AnswerError]:
            happened.append("asked")
            return [Reply(str(request.parts[-1])) for request in requests]

    async def ask() -> Reply:
        backend = Slow(VlmSettings(), identity="slow", model="slow", ledger=Ledger(), say=happened.append)
        _, reply = await asyncio.gather(backend.check(("vqa", "trace")), backend.complete(request("Hello.")))
        await backend.close()
        return reply

    assert asyncio.run(ask()).text == "Hello."
    assert happened == ["thread", "loaded for vqa, trace", "asked"]
