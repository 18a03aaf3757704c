"""How far work runs ahead of the model: what is under way goes in, the moment to begin more comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from roboscribe.asks import Answer, Ask
from roboscribe.errors import NotStaged, RunStopped
from roboscribe.models.base import Model
from roboscribe.staging.cores import cores
from roboscribe.threads import kept

A = TypeVar("A", bound=Answer)

ROUNDS = 4
"""Rounds of asks kept ready beside the one under way, so that a model is never without work: one more than the longest
chain of asks in an episode unless more is turned on (describe, segment, remember), which those of other episodes then
fill up to its end. One more gained nothing over 320 episodes and took 50 MB."""

PREPARED_AT_ONCE = min(8, cores())
"""Episodes prepared at the same time: decoding takes a core each, and more than these seldom help."""


class Pace:
    """Counts episodes and asks under way, which bounds the memory that they take.

    Belongs to one event loop; a context manager, in which its threads do all work off that loop.

    Attributes:
        answered: Asks that have been answered.
        stopped: Why no more are put; None while they are.

    Args:
        at_once: Asks that the model works on at the same time.
        prepared: Episodes that are prepared at the same time.
    """

    def __init__(self, at_once: int, prepared: int = PREPARED_AT_ONCE) -> None:
        self._prepared = prepared
        self._most = (ROUNDS + 1) * at_once
        self._load = 0
        self._preparing = 0
        self._less = asyncio.Event()
        self.answered = 0
        self.stopped: RunStopped | None = None
        # No more than these for anything: each thread keeps memory for the largest that it did, some 20 MB.
        self._threads = ThreadPoolExecutor(PREPARED_AT_ONCE, "roboscribe-prepare")
        self._in_use = ExitStack()

    def __enter__(self) -> Pace:
        self._in_use.enter_context(kept(self._threads))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._in_use.close()
        # What is cancelled is not waited for here, as decoding may take long; the program ends after its threads.
        self._threads.shutdown(wait=kind is None)

    @contextmanager
    def under_way(self) -> Generator[None]:
        """Around an episode or an ask."""
        self._load += 1
        try:
            yield
        finally:
            self._load -= 1
            self._less.set()

    @contextmanager
    def preparing(self) -> Generator[None]:
        """Around all that is done of an episode before its first ask."""
        self._preparing += 1
        try:
            yield
        finally:
            self._preparing -= 1
            self._less.set()

    async def room(self) -> None:
        """Wait until so little is under way that another episode is to be begun."""
        # The one begun last gets to where it is counted.
        await asyncio.sleep(0)
        while self._load >= self._most or self._preparing >= self._prepared:
            self._less.clear()
            await self._less.wait()


class PacedModel:
    """A model whose asks are counted while they are under way.

    Attributes:
        asks: How many there were; without those that one which only stands in for a model puts to nobody.
    """

    def __init__(self, model: Model, pace: Pace) -> None:
        self._model = model
        self._pace = pace
        self.asks = 0
        self.identity = model.identity
        self.at_once = model.at_once
        self.looks = model.looks
        self.prompt_digest = model.prompt_digest

    def afresh(self) -> Model:
        """The same for the model that asks anew."""
        return PacedModel(self._model.afresh(), self._pace)

    async def answer(self, ask: Ask[A]) -> A:
        """The model's answer.

        Raises:
            RunStopped: No more asks are put.
        """
        if self._pace.stopped is not None:
            raise self._pace.stopped
        self.asks += 1
        with self._pace.under_way():
            try:
                answer = await self._model.answer(ask)
            except NotStaged:
                self.asks -= 1
                raise
        self._pace.answered += 1
        return answer
