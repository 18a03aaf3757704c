"""Processes beside this one: episodes go in, and what became of them comes out, piece by piece."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from roboscribe.errors import RunStopped
from roboscribe.staging.packs import EPISODES

T = TypeVar("T")

ALONE_SECONDS = 3.0
"""How long a run goes on without other processes, which take a second or two to begin."""
PIECE_SECONDS = 1.0
"""How long a piece takes, about: as often progress is told, and so long an interrupt may wait."""
_ROUNDS = 4
"""Blocks of episodes for each process at least, so that all end at about the same time."""

Stage = Callable[[Sequence[int]], T]
"""Stages episodes, and tells what became of them."""


class Pool:
    """Processes that stage episodes; started when there is work and ended after it, or when this one ends, however.

    An interrupt, or a signal to end, is this process's to act on: they are deaf to it, and end what they are at.

    Args:
        count: How many.
        opening: Called in each of them once, for what does the work there; both have to go through pickle.
    """

    def __init__(self, count: int, opening: Callable[[], Stage[Any]]) -> None:
        self.count = count
        self._opening = opening

    def before(self, left: deque[int]) -> Iterator[int]:
        """Episodes that this process stages itself before it has others begin, taken off those that are left.

        After a few seconds it is known how long the others would take; those of a short run are all its own.
        """
        started = time.monotonic()
        done = 0
        while left:
            seconds = time.monotonic() - started
            if seconds >= ALONE_SECONDS and len(left) * seconds >= 2 * ALONE_SECONDS * done:
                return
            yield left.popleft()
            done += 1

    async def each(
        self, episodes: Sequence[int], goes_on: Callable[[], bool], take: Callable[[Any], None]
    ) -> None:
        """Have all episodes staged, and what became of them taken as it comes.

        Args:
            episodes: Their indices, ascending. Neighbours go to one process, as their results lie in one pack.
            goes_on: Whether more of them are to be begun.
            take: Called with what became of each piece.

        Raises:
            RunStopped: A process has ended unexpectedly.
        """
        blocks = iter(_blocks(episodes, self.count))
        with ExitStack() as stack:
            context = multiprocessing.get_context("spawn")
            workers = [
                stack.enter_context(ProcessPoolExecutor(1, context, _begin, (self._opening,)))
                for _ in range(self.count)
            ]
            with _signals_ignored():
                # What is ignored when a process begins stays so in it.
                for worker in workers:
                    worker.submit(os.getpid)
            async with asyncio.TaskGroup() as group:
                for worker in workers:
                    group.create_task(_work(worker, blocks, goes_on, take))


async def _work(
    worker: ProcessPoolExecutor,
    blocks: Iterator[Sequence[int]],
    goes_on: Callable[[], bool],
    take: Callable[[Any], None],
) -> None:
    """Have one process work on block after block, in pieces that take about a second."""
    size = 1
    for block in blocks:
        begin = 0
        while begin < len(block) and goes_on():
            started = time.monotonic()
            piece = block[begin : begin + size]
            try:
                part = await asyncio.get_running_loop().run_in_executor(worker, _stage, piece)
            except BrokenProcessPool:
                raise RunStopped(
                    "A process that annotates episodes was killed, perhaps as memory ran out.",
                    "The same command goes on; --executor.workers has fewer of them work at once.",
                ) from None
            take(part)
            begin += size
            pace = PIECE_SECONDS / max(1e-3, time.monotonic() - started)
            size = max(1, min(2 * size, int(size * pace)))


def _blocks(episodes: Sequence[int], processes: int) -> Iterable[Sequence[int]]:
    """Neighbours whose results lie in one pack, or fewer where there would not be enough for all processes."""
    size = max(1, min(EPISODES, math.ceil(len(episodes) / (_ROUNDS * processes))))
    return (episodes[begin : begin + size] for begin in range(0, len(episodes), size))


_opened: Stage[Any] | None = None
_opening: Callable[[], Stage[Any]] | None = None


def _begin(opening: Callable[[], Stage[Any]]) -> None:
    """Begin a process."""
    global _opening
    _opening = opening
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _stage(episodes: Sequence[int]) -> Any:
    """Stage episodes in a process."""
    global _opened
    if _opened is None:
        assert _opening is not None
        _opened = _opening()
    return _opened(episodes)


def _end_with_parent() -> None:
    """End this process, at once, when the one that began it has ended; results that are kept are kept whole."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _signals_ignored() -> Generator[None]:
    """Around a moment in which no signal ends this process, where it is this thread that may say so."""
    kinds = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = [signal.signal(kind, signal.SIG_IGN) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
