"""Work off the event loop: what takes a core goes in, its result comes out, done on the few threads kept for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_kept: ContextVar[Executor | None] = ContextVar("kept", default=None)


@contextmanager
def kept(threads: Executor) -> Generator[None]:
    """Around what a task does, and those that it begins: their work off the loop is done on these threads.

    They are not those of the loop itself, which looks up the addresses of servers: that would wait for work that takes
    seconds, until connections are given up.
    """
    _kept.set(threads)
    try:
        yield
    finally:
        _kept.set(None)


async def off_loop(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """The result of work done on one of the threads kept for it; where none are, on one of the loop's own."""
    return await asyncio.get_running_loop().run_in_executor(_kept.get(), work, *arguments)
