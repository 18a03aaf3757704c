"""Turns: pieces of work that overlap go in; one part of each is done in the order in which they were begun."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    """The part of a piece of work that is done in turn: ``async with turn:``.

    Attributes:
        before: Set once the piece of work begun before has had its turn.
        had: Set once this one has.
    """

    before: asyncio.Event
    had: asyncio.Event

    async def __aenter__(self) -> None:
        await self.before.wait()

    async def __aexit__(self, *_: object) -> None:
        self.had.set()


class Turns:
    """Gives out turns; belongs to one event loop."""

    def __init__(self) -> None:
        self._last = asyncio.Event()
        self._last.set()

    @contextmanager
    def turn(self) -> Generator[Turn]:
        """Around a piece of work; one that ends early gives its turn away, so that nobody waits for it forever."""
        turn = Turn(self._last, asyncio.Event())
        self._last = turn.had
        try:
            yield turn
        finally:
            turn.had.set()
