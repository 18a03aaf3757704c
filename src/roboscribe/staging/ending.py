"""SIGTERM, by which clusters tell a program to end, or Ctrl-C goes in; an orderly end of a run comes out."""

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

    An interrupt drops what is under way, and a second one ends the program at once. Does nothing outside of the main
    thread, or where the program has a handler of its own.

    Args:
        pace: Of the asks.

    Raises:
        Terminated: The program has been told to end.
        KeyboardInterrupt: It was interrupted.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        # What is kept holds whenever a program ends, and cancelling may have to wait, as for a model amid a batch.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # From here, not from the loop, which may be about to have more asked.
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)

    def end() -> None:
        if pace.stopped is None:
            loop.call_later(PATIENCE_SECONDS, task.cancel)
            pace.stopped = Terminated("It was told to end (SIGTERM).", "The same command goes on.")
        else:
            task.cancel()

    with _terminated(loop, end), _interrupted(interrupt):
        try:
            yield
        except asyncio.CancelledError:
            if pace.stopped is None and not interrupted:
                raise
        finally:
            # Also where what was cancelled fails over it, or was done already.
            if interrupted:
                raise KeyboardInterrupt
        if pace.stopped is not None:
            raise pace.stopped


@contextmanager
def _terminated(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> Generator[None]:
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


@contextmanager
def _interrupted(act: Callable[..., None]) -> Generator[None]:
    """Around what an interrupt does in the place of what ``asyncio.run`` has it do.

    That breaks into the event loop at a second one: a task may lose a step, and be waited for without end.
    """
    before = signal.getsignal(signal.SIGINT)
    of_asyncio = isinstance(getattr(getattr(before, "func", None), "__self__", None), asyncio.Runner)
    handled = of_asyncio and threading.current_thread() is threading.main_thread()
    if handled:
        signal.signal(signal.SIGINT, act)
    try:
        yield
    finally:
        if handled:
            signal.signal(signal.SIGINT, before)
