"""Batches for a model in this process: requests come one by one, go in together, and each gets its own reply.

One thread owns the model. While it works on a batch the next requests gather; when it is free, the one of
lowest rank that has waited longest goes next, together with those most like it.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

from roboscribe.config import VlmSettings
from roboscribe.errors import AnswerError
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Reply, Request
from roboscribe.models.trouble import SHOW_LESS

T = TypeVar("T")

Work = Callable[[Sequence[Request]], Sequence[Reply | AnswerError]]

SIZES = {"transformers": 8, "vllm": 64}
"""Most requests in a batch of each kind of backend, unless ``--vlm.batch-size`` says other."""

_LINGER_SECONDS = 0.05
_PIXELS_PER_TOKEN = 784
_LETTERS_PER_TOKEN = 4


class InProcess(ABC):
    """A model in this process as a backend: what waits goes to it in batches, once ``check`` has loaded it.

    Args:
        vlm: Where and how it runs.
        identity: Model and settings that change replies.
        model: A Hugging Face id or a local folder.
        ledger: Where pictures are accounted for.
        say: Told what a user should know though it is no error.
    """

    kind: ClassVar[str]
    """Which of ``SIZES`` is its usual one."""

    def __init__(
        self, vlm: VlmSettings, *, identity: str, model: str, ledger: Ledger, say: Callable[[str], None]
    ) -> None:
        self.identity = identity
        self.at_once = vlm.batch_size or SIZES[self.kind]
        self._vlm = vlm
        self._model = model
        self._ledger = ledger
        self._say = say
        self._batcher: Batcher | None = None
        self._usable = asyncio.Event()

    async def check(self, showing: Sequence[str]) -> None:
        """Load the model, which requests wait for.

        Args:
            showing: Names of what will show pictures.

        Raises:
            SettingsError: It is not there, takes no pictures though some will be shown, or does not run here.
        """
        await self._load(showing)
        self._usable.set()

    async def complete(self, request: Request) -> Reply:
        """The model's reply.

        Raises:
            AnswerError: The request does not fit into memory, or is longer than the model can read.
            ServerError: The model has failed for good.
        """
        await self._usable.wait()
        assert self._batcher is not None
        # They stay in this process: no bytes.
        self._ledger.sent(0, len(request.pictures))
        return await self._batcher.complete(request)

    async def _on_its_thread(self, load: Callable[[], T]) -> T:
        """What loading brings, done on the thread that is to own the model."""
        self._batcher = Batcher(self._work, size=self.at_once, say=self._say)
        return await self._batcher.on_thread(load)

    async def _end_thread(self) -> None:
        if self._batcher is not None:
            await self._batcher.close()

    @abstractmethod
    async def _load(self, showing: Sequence[str]) -> None:
        """Load the model; see ``check``."""

    @abstractmethod
    def _work(self, requests: Sequence[Request]) -> Sequence[Reply | AnswerError]:
        """Answer a batch; see ``Batcher``."""


class BatchTooLarge(MemoryError):  # noqa: N818 - says what to do about it: the same work in smaller batches
    """There is not enough memory for a batch of this many requests."""


@dataclass(eq=False, slots=True)
class _Waiting:
    request: Request
    reply: asyncio.Future[Reply]


class Batcher:
    """Collects requests that are in flight together, and has them worked on batch by batch.

    A batch that does not fit in memory is done again in halves, and later batches are no larger than what
    fitted. Belongs to one event loop.

    Args:
        work: Answers a batch, in its order, on the batcher's own thread; raises ``BatchTooLarge`` when there
            is not enough memory for it. Any other exception goes to all who wait for the batch.
        size: Most requests in a batch.
        say: Told when batches become smaller.
        linger_s: Seconds without a new request before a batch that is not full goes ahead.
    """

    def __init__(
        self, work: Work, *, size: int, say: Callable[[str], None], linger_s: float = _LINGER_SECONDS
    ) -> None:
        self.size = size
        self._places = size
        self._work = work
        self._say = say
        self._linger = linger_s
        self._waiting: list[_Waiting] = []
        self._at_work: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="roboscribe-model")

    async def on_thread(self, function: Callable[[], T]) -> T:
        """The result of a function that is run on the thread that owns the model."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def complete(self, request: Request) -> Reply:
        """The reply to a request.

        Raises:
            AnswerError: This request cannot be answered.
        """
        waiting = _Waiting(request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._arrived.set()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await waiting.reply

    async def close(self) -> None:
        """Cancel what is not answered yet, and end the thread once it has finished its batch."""
        if self._running is not None:
            self._running.cancel()
        for waiting in (*self._at_work, *self._waiting):
            waiting.reply.cancel()
        self._waiting.clear()
        await asyncio.to_thread(self._thread.shutdown)

    async def _run(self) -> None:
        while batch := await self._next_batch():
            self._at_work = batch
            requests = [waiting.request for waiting in batch]
            begun = time.monotonic()
            [outcome] = await asyncio.gather(
                self.on_thread(lambda requests=requests: self._work(requests)), return_exceptions=True
            )
            if isinstance(outcome, BatchTooLarge) and len(batch) > 1:
                self.size = len(batch) // 2
                self._say(f"{len(batch)} requests at once do not fit in memory; from now on {self.size}.")
                self._waiting[:0] = batch
            elif isinstance(outcome, BaseException):
                for waiting in batch:
                    _settle(waiting, _too_large(waiting) if isinstance(outcome, BatchTooLarge) else outcome)
            else:
                # A batch that was not full kept the other places, too.
                seconds = (time.monotonic() - begun) * self._places / len(batch)
                for waiting, reply in zip(batch, outcome, strict=True):
                    _settle(waiting, replace(reply, seconds=seconds) if isinstance(reply, Reply) else reply)

    async def _next_batch(self) -> list[_Waiting]:
        """Those that go next, once no more seem to come; empty when nobody waits."""
        while len(self._waiting) < self.size:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), self._linger)
            except TimeoutError:
                break
        # Who has given up waiting needs no answer.
        self._waiting = [waiting for waiting in self._waiting if not waiting.reply.done()]
        if not self._waiting:
            return []
        first = min(self._waiting, key=lambda waiting: waiting.request.rank)
        alike = sorted(self._waiting, key=lambda waiting: abs(_weight(waiting) - _weight(first)))
        batch = [first, *(waiting for waiting in alike if waiting is not first)][: self.size]
        self._waiting = [waiting for waiting in self._waiting if waiting not in batch]
        return batch


def _weight(waiting: _Waiting) -> int:
    """About how many tokens a request has: a batch is as long as its longest, the others are filled up."""
    request = waiting.request
    pixels = sum(picture.width * picture.height for picture in request.pictures)
    letters = len(request.system) + sum(len(part) for part in request.parts if isinstance(part, str))
    return pixels // _PIXELS_PER_TOKEN + letters // _LETTERS_PER_TOKEN


def _settle(waiting: _Waiting, outcome: Reply | BaseException) -> None:
    if waiting.reply.done():
        return
    if isinstance(outcome, Reply):
        waiting.reply.set_result(outcome)
    else:
        waiting.reply.set_exception(outcome)


def _too_large(waiting: _Waiting) -> AnswerError:
    return AnswerError(
        f"{waiting.request.name} does not fit in memory, even by itself.",
        f"{SHOW_LESS} Or use a smaller model.",
    )
