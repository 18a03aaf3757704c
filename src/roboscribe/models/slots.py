"""Slots for requests: those who ask for one go in, and come out one by one as slots free, by rank."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count

from roboscribe.models.request import Rank


class Slots:
    """At most so many at a time; of those who wait, the lowest rank goes first, and of equals who came first.

    Belongs to one event loop.

    Args:
        number: Slots there are.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: list[tuple[Rank, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    @asynccontextmanager
    async def slot(self, rank: Rank) -> AsyncGenerator[None]:
        """Wait for a slot, and have it until the end of the context."""
        if self._free:
            self._free -= 1
        else:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (rank, next(self._arrivals), turn))
            try:
                await turn
            except asyncio.CancelledError:
                # The turn may have come at the same moment; then it is somebody else's.
                if turn.done() and not turn.cancelled():
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
