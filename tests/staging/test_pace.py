"""New work begins when little is under way, as much as the model takes at a time tells, and ends as what ended it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from make_dataset import make_dataset
from scripted import answers

from roboscribe.config import AnnotateSettings
from roboscribe.events import EpisodeStaged, Event
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate
from roboscribe.staging.pace import PREPARED_AT_ONCE, ROUNDS, Pace
from roboscribe.threads import off_loop


async def has_room(pace: Pace) -> bool:
    """Whether another episode may be begun at once."""
    try:
        await asyncio.wait_for(pace.room(), 0.05)
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("at_once", [1, 16])
def test_rounds_of_asks_are_kept_ready_and_no_more(at_once: int) -> None:
    async def run() -> None:
        with Pace(at_once) as pace, ExitStack() as under_way:
            for _ in range((ROUNDS + 1) * at_once):
                assert await has_room(pace)
                under_way.enter_context(pace.under_way())
            assert not await has_room(pace)
            under_way.close()
            assert await has_room(pace)

    asyncio.run(run())


def test_few_episodes_are_prepared_at_the_same_time() -> None:
    async def run() -> None:
        with Pace(64) as pace, ExitStack() as prepared:
            for _ in range(PREPARED_AT_ONCE):
                assert await has_room(pace)
                prepared.enter_context(pace.preparing())
            assert not await has_room(pace)
            prepared.close()
            assert await has_room(pace)

    asyncio.run(run())


def test_addresses_are_looked_up_while_all_threads_prepare_episodes() -> None:
    async def run() -> None:
        done = threading.Event()
        with Pace(64):
            names = [asyncio.create_task(off_loop(_busy, done)) for _ in range(2 * PREPARED_AT_ONCE)]
            try:
                await asyncio.sleep(0)
                await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80), 5)
            finally:
                done.set()
            # All that takes memory is done on these, however much of it waits.
            assert len(set(await asyncio.gather(*names))) <= PREPARED_AT_ONCE

    asyncio.run(run())


def _busy(done: threading.Event) -> str:
    """Name of the thread that waits."""
    done.wait(10)
    return threading.current_thread().name


def test_who_waits_for_room_gets_it_as_work_ends() -> None:
    async def run() -> None:
        with Pace(1) as pace:
            work = [pace.under_way() for _ in range(ROUNDS + 1)]
            for one in work:
                one.__enter__()
            waiting = asyncio.create_task(pace.room())
            await asyncio.sleep(0.01)
            assert not waiting.done()
            work[0].__exit__(None, None, None)
            await asyncio.wait_for(waiting, 10)

    asyncio.run(run())


def test_a_listener_whose_reader_has_gone_ends_the_run_under_its_own_name(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=4, frames=30, cameras=(), tasks=("Lift the cup.",))

    def listen(event: Event) -> None:
        if isinstance(event, EpisodeStaged):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        annotate(AnnotateSettings(root=root, only=("task_aug",)), listen, ScriptedModel(answers))
