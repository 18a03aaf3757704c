"""Requests get a slot by rank, never more at a time than there are, and none is lost with those who give up."""

from __future__ import annotations

import asyncio
import random

from roboscribe.models.slots import Slots


def test_lower_ranks_go_first_and_equals_in_the_order_they_came() -> None:
    order: list[tuple[int, int, str]] = []

    async def work(slots: Slots, rank: tuple[int, int], name: str) -> None:
        async with slots.slot(rank):
            order.append((*rank, name))
            await asyncio.sleep(0)

    async def run() -> None:
        slots = Slots(1)
        ranks = [((0, 9), "first come"), ((0, 2), "b"), ((-2, 5), "a"), ((0, 2), "c"), ((-3, 7), "z")]
        await asyncio.gather(*(work(slots, rank, name) for rank, name in ranks))

    asyncio.run(run())
    assert [name for *_, name in order] == ["first come", "z", "a", "b", "c"]


def test_slots_bound_who_is_inside_and_outlive_cancellation() -> None:
    inside = most = served = 0

    async def work(slots: Slots, chance: random.Random) -> None:
        nonlocal inside, most, served
        async with slots.slot((0, chance.randrange(5))):
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(chance.random() / 1000)
                served += 1
            finally:
                inside -= 1

    async def run() -> None:
        chance = random.Random(3)
        slots = Slots(4)
        tasks = [asyncio.create_task(work(slots, chance)) for _ in range(300)]
        for task in tasks[::3]:
            await asyncio.sleep(0)
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in done) > 50
        whole = [asyncio.create_task(work(slots, chance)) for _ in range(4)]
        await asyncio.wait_for(asyncio.gather(*whole), 10)

    asyncio.run(run())
    assert (inside, most) == (0, 4)
    assert served >= 204
