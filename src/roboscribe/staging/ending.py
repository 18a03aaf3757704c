"""SIGTERM, by which clusters and system managers tell a program to end, goes in; an orderly end of a run comes out."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from roboscribe.errors import Terminated
from roboscribe.staging.pace import Pace

PATIENCE_SECONDS = 20.0
"""How long asks under way are waited for, as they are paid for; Slurm kills 30 seconds after it has told."""


@contextmanager
def ending_in_order(pace: Pace) -> Generator[None]:
    """Around what a task of an event loop does: once told to end, it puts no more asks, and keeps what is answered.

    Does nothing outside of the main thread, or where the program has a handler of its own.

    Args:
        pace: Of the asks.

    Raises:
        Terminated: The program has been told to end.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def end() -> None:
        if pace.stopped is None:
            loop.call_later(PATIENCE_SECONDS, task.cancel)
            pace.stopped = Terminated("It was told to end (SIGTERM).", "The same command goes on.")
        else:
            task.cancel()

    with _handled(loop, end):
        try:
            yield
        except asyncio.CancelledError:
            if pace.stopped is None:
                raise
        if pace.stopped is not None:
            raise pace.stopped


@contextmanager
def _handled(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> Generator[None]:
    handled = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if handled:
        loop.add_signal_handler(signal.SIGTERM, act)
    try:
        yield
    finally:
        if handled:
            loop.remove_signal_handler(signal.SIGTERM)
