"""Episodes go in and work for each; it is done in order as far as it starts, and what failed comes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from roboscribe.errors import NotStaged, RoboscribeError, RunStopped
from roboscribe.events import Answered, EpisodeFailed, Listener, Spent
from roboscribe.models.asking import AskingModel
from roboscribe.models.base import Model
from roboscribe.staging.ending import ending_in_order
from roboscribe.staging.pace import Pace
from roboscribe.staging.store import STAGES, Staging
from roboscribe.threads import off_loop

Work = Callable[[int], Awaitable[None]]
"""What is done with an episode, by its index."""

_TELL_SECONDS = 1.0


@dataclass
class EpisodeLoop:
    """Puts the episodes of a run through their work.

    Attributes:
        model: Answers the asks.
        staging: Where failures are kept.
        listen: Told of every failure.
        pace: When the next episode is begun.
        usable: Set once the model has been found to answer.
        failures: Stage and reason of each episode that failed.
        left: Episodes that have not been tried, as a result that is not staged was not to be made.
        asks: Asks put to the model so far.
        stopped: Why no more episodes are tried; empty while they are.
    """

    model: Model
    staging: Staging
    listen: Listener
    pace: Pace
    usable: asyncio.Event = field(default_factory=asyncio.Event)
    failures: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])
    left: set[int] = field(default_factory=set[int])
    asks: int = 0
    stopped: str = ""

    @asynccontextmanager
    async def opened(self, showing: Sequence[str]) -> AsyncGenerator[None]:
        """Around the work of a run: the model is checked meanwhile, and let go of at the end.

        Args:
            showing: Names of what will show pictures.

        Raises:
            RunStopped: The model cannot be used at all and nothing was done, or the program has been told to end.
        """
        try:
            with ending_in_order(self.pace):
                async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
                    stack.enter_context(self.pace)
                    group.create_task(self._check_model(stack, showing))
                    telling = group.create_task(self._tell())
                    try:
                        yield
                    finally:
                        telling.cancel()
                        self._tell_of(self.pace.answered)
        except BaseExceptionGroup as errors:
            # What ends a run, such as a listener whose reader has gone, ends it under its own name.
            raise _first(errors) from None

    async def each(self, episodes: Iterable[int], work: Work) -> None:
        """Do the work for every episode, in order as far as it starts.

        The next one is begun as soon as the model is running out of asks. An episode whose work raises a
        ``RoboscribeError`` has failed, and the others go on.
        """
        async with asyncio.TaskGroup() as group:
            for index in episodes:
                await self.pace.room()
                if not self.goes_on():
                    break
                group.create_task(self._attempt(index, work))

    def fail(self, index: int, stage: str, reason: str) -> None:
        """Note that an episode failed; one of ``STAGES`` is kept, annotators keep their own failures."""
        self.failures[index] = stage, reason
        if stage in STAGES:
            self.staging.fail(index, "", {"annotator": stage}, reason)
        self.listen(EpisodeFailed(index, stage, reason))

    def goes_on(self) -> bool:
        """Whether more episodes are to be begun."""
        return not (self.stopped or self.pace.stopped)

    @property
    def failed(self) -> int:
        """Number of episodes that are not to be written."""
        return len(self.failures.keys() | self.left)

    @property
    def spent(self) -> Spent:
        """What the model has cost so far."""
        if not isinstance(self.model, AskingModel):
            return Spent()
        ledger = self.model.ledger
        return Spent(
            ledger.calls,
            ledger.cached,
            ledger.images,
            ledger.bytes_sent,
            ledger.usage.prompt_tokens,
            ledger.usage.completion_tokens,
            ledger.usage.cached_tokens,
            ledger.cost,
        )

    async def _tell(self) -> None:
        """Tell of what is answered, every second, as an episode may take many minutes."""
        told = 0
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            if self.pace.answered != told:
                told = self.pace.answered
                self._tell_of(told)

    def _tell_of(self, answered: int) -> None:
        self.listen(Answered(answered, self.spent))

    async def _check_model(self, stack: AsyncExitStack, showing: Sequence[str]) -> None:
        if isinstance(self.model, AskingModel):
            await stack.enter_async_context(self.model.opened(showing))
        self.usable.set()

    async def _attempt(self, index: int, work: Work) -> None:
        try:
            with self.pace.under_way():
                await work(index)
                if self.staging.is_full:
                    await off_loop(self.staging.seal_finished)
        except RunStopped as error:
            self.stopped = str(error)
        except NotStaged:
            self.left.add(index)
        except RoboscribeError as error:
            self.fail(index, "read", str(error))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    while isinstance(error := group.exceptions[0], BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
    return error
