"""One episode through its annotators: results that still hold are reused, the others are made and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from roboscribe.annotators.base import Annotator, Scene
from roboscribe.annotators.selection import Selection
from roboscribe.asks import Answer, Ask
from roboscribe.errors import NotStaged, RoboscribeError, RunStopped
from roboscribe.language import Row, sort_rows
from roboscribe.models.base import Model
from roboscribe.staging.fingerprint import fingerprint, provenance
from roboscribe.staging.store import Record, Staging, digest_of

A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Produced:
    """What became of one episode.

    Attributes:
        records: Record of each annotator that has a result now, or failed to, by name, in working order.
        made: Annotators that ran now.
        rows: Rows that are to take the place of the dataset's, by the annotator that they are of.
        asks: Asks put to the model now.
    """

    records: dict[str, Record]
    made: tuple[str, ...]
    rows: dict[str, Sequence[Row]]
    asks: int

    @property
    def written(self) -> tuple[str, ...]:
        """Annotators whose rows are to take the place of the dataset's."""
        return tuple(self.rows)

    @property
    def failure(self) -> tuple[str, str] | None:
        """Annotator and reason of the first failure, or None."""
        return next(((name, r.error) for name, r in self.records.items() if r.error is not None), None)

    @property
    def left_out(self) -> int:
        """Answers that are missing in the results, as all that the model said was impossible."""
        return sum(len(record.left_out) for record in self.records.values())

    @property
    def reused(self) -> tuple[str, ...]:
        """Annotators whose staged result still held."""
        return tuple(name for name in self.records if name not in self.made)


@dataclass
class _Tally:
    """What came of asks: their number, and what their answers had to leave out."""

    asks: int = 0
    left_out: list[str] = field(default_factory=list[str])


class _CountingModel:
    """Passes asks on and keeps a tally of them."""

    def __init__(self, model: Model, tally: _Tally) -> None:
        self._model = model
        self._tally = tally
        self.identity = model.identity
        self.at_once = model.at_once
        self.looks = model.looks
        self.prompt_digest = model.prompt_digest

    def afresh(self) -> Model:
        return _CountingModel(self._model.afresh(), self._tally)

    async def answer(self, ask: Ask[A]) -> A:
        self._tally.asks += 1
        answer = await self._model.answer(ask)
        self._tally.left_out += answer.left_out
        return answer


async def produce(
    scene: Scene,
    selection: Selection,
    model: Model,
    staging: Staging,
    stored: Sequence[Row],
    usable: asyncio.Event | None = None,
) -> Produced:
    """Stage the results of the chosen annotators for one episode, independent ones at once.

    What a chosen one builds on and is not chosen itself is taken from ``stored``, else from staging, and made
    only where neither has it. Others that build on what has changed are made anew, where the dataset has rows
    of theirs or they accompany what changed.

    Args:
        scene: The episode and its facts.
        selection: The annotators, and which of them are chosen.
        model: Answers their asks.
        staging: Where results are kept.
        stored: Rows that the dataset already has for the episode.
        usable: Set once the model has been found to answer; nothing new is staged before.

    Raises:
        RunStopped: No further ask can be answered; what was finished is staged.
        NotStaged: The model only stands in for one, and a result would have to be made.
    """
    if usable is None:
        usable = asyncio.Event()
        usable.set()
    production = _Production(scene, selection, model, staging, stored, usable)
    await production.run()
    results = [
        (name, await production.tasks[name]) for name in selection.annotators if name in production.tasks
    ]
    return Produced(
        records={name: result.record for name, result in results if result.record is not None},
        made=tuple(name for name, _ in results if name in production.tallies),
        rows={name: result.rows for name, result in results if result.written},
        asks=sum(tally.asks for tally in production.tallies.values()),
    )


@dataclass(frozen=True)
class _Result:
    """What an annotator's rows are for those that build on it.

    Attributes:
        rows: The rows; none when it failed.
        digest: Of them.
        record: How they came to be; None for rows of the dataset.
        written: Whether they are to take the place of the dataset's.
        changed: Whether they are others than the dataset's.
    """

    rows: Sequence[Row]
    digest: str
    record: Record | None = None
    written: bool = False
    changed: bool = False


@dataclass
class _Production:
    """The results of one episode, each settled once, when it is first asked for."""

    scene: Scene
    selection: Selection
    model: Model
    staging: Staging
    stored: Sequence[Row]
    usable: asyncio.Event
    tallies: dict[str, _Tally] = field(default_factory=dict[str, _Tally])
    tasks: dict[str, asyncio.Task[_Result]] = field(default_factory=dict[str, asyncio.Task[_Result]])
    saving: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def run(self) -> None:
        """Settle the chosen annotators and those that follow."""
        names = (name for name in self.selection.annotators if name not in self.selection.off)
        wanted = [asyncio.create_task(self._settle_if_moved(name)) for name in names]

        def begun() -> list[asyncio.Task[Any]]:
            return [*wanted, *self.tasks.values(), *self.saving]

        try:
            # All of them, also when one ends the run: requests in flight are paid for, so their results are kept.
            while unfinished := [task for task in begun() if not task.done()]:
                await asyncio.wait(unfinished)
        finally:
            for task in begun():
                task.cancel()
        for task in begun():
            task.exception()  # asyncio complains of one that nobody looks at
        for task in (*wanted, *self.saving):
            task.result()

    async def _settle_if_moved(self, name: str) -> None:
        if await self._is_moved(name):
            await self._result(name)

    async def _is_moved(self, name: str) -> bool:
        """Whether an annotator's rows are to be written: it is chosen, or follows one whose rows change."""
        if name in self.selection.chosen:
            return True
        if name not in self.selection.following:
            return False
        annotator = self.selection.annotators[name]
        causes = annotator.accompanies + (annotator.requires if self._stored_rows(annotator) else ())
        return any([await self._is_moved(cause) and (await self._result(cause)).changed for cause in causes])

    def _result(self, name: str) -> asyncio.Task[_Result]:
        """The result of an annotator, settled from the first call on."""
        if name not in self.tasks:
            self.tasks[name] = asyncio.create_task(self._settle(self.selection.annotators[name]))
        return self.tasks[name]

    async def _settle(self, annotator: Annotator) -> _Result:
        rows = self._stored_rows(annotator)
        if await self._is_moved(annotator.name):
            before = digest_of(rows) if annotator.styles else self._staged_digest(annotator)
            rows, record = await self._obtain(annotator)
            written = record.done and bool(annotator.styles)
            return _Result(rows, record.sha256, record, written, record.done and record.sha256 != before)
        if rows or annotator.name in self.selection.off:
            return _Result(rows, digest_of(rows))
        rows, record = await self._obtain(annotator)
        return _Result(rows, record.sha256, record)

    async def _obtain(self, annotator: Annotator) -> tuple[Sequence[Row], Record]:
        """The staged result of an annotator, which is made unless it is there and holds."""
        index = self.scene.episode.index
        made_by = provenance(annotator, self.model, self.scene.seed)
        anew = annotator.name in self.selection.redo
        fingerprinted = ""
        try:
            upstream = await self._upstream(annotator)
            digests = {name: result.digest for name, result in upstream.items()}
            fingerprinted = fingerprint(made_by, self.scene.episode.digest, digests)
            if not anew and (record := self.staging.valid(index, annotator.name, fingerprinted)):
                return self.staging.rows(index, annotator.name), record
            tally = self.tallies[annotator.name] = _Tally()
            rows = await annotator.annotate(
                self.scene,
                {name: result.rows for name, result in upstream.items()},
                _CountingModel(self.model.afresh() if anew else self.model, tally),
            )
        except RoboscribeError as error:
            # A model that cannot be used at all is the reason to tell, and leaves nothing behind.
            await self.usable.wait()
            if isinstance(error, RunStopped | NotStaged):
                raise
            return (), self.staging.fail(index, fingerprinted, made_by, str(error))
        rows = sort_rows(rows)
        # Answers come in any order.
        left_out = tuple(sorted(tally.left_out))
        if self.usable.is_set():
            return rows, self.staging.save(index, fingerprinted, made_by, rows, left_out)
        # Others may build on it meanwhile, so that their asks are put as soon as they can be.
        self.saving.append(
            asyncio.create_task(self._save_once_usable(fingerprinted, made_by, rows, left_out))
        )
        return rows, Record(fingerprinted, made_by, len(rows), digest_of(rows), left_out=left_out)

    async def _save_once_usable(
        self, fingerprinted: str, made_by: dict[str, Any], rows: list[Row], left_out: tuple[str, ...]
    ) -> None:
        await self.usable.wait()
        self.staging.save(self.scene.episode.index, fingerprinted, made_by, rows, left_out)

    async def _upstream(self, annotator: Annotator) -> dict[str, _Result]:
        """What an annotator builds on.

        Raises:
            RoboscribeError: Something that it requires is not to be had.
        """
        results = {name: self._result(name) for name in annotator.requires}
        upstream = {name: await result for name, result in results.items()}
        for name, result in upstream.items():
            if result.record is not None and not result.record.done:
                raise RoboscribeError(f"Needs {name}, which failed.")
            if name in self.selection.off and not result.rows:
                raise RoboscribeError(
                    f"Needs {name}, which is turned off, and the dataset has no such rows.",
                    f"Enable it with --{name}.enabled=true.",
                )
        for name in annotator.accompanies:
            upstream[name] = await self._accompanied(name)
        return upstream

    async def _accompanied(self, name: str) -> _Result:
        """Rows that are, or are to be, in the dataset; nothing is made to be accompanied.

        Raises:
            RoboscribeError: They are to be, but failed.
        """
        if not await self._is_moved(name):
            rows = self._stored_rows(self.selection.annotators[name])
            return _Result(rows, digest_of(rows))
        result = await self._result(name)
        if result.record is not None and not result.record.done:
            raise RoboscribeError(f"Needs {name}, which failed.")
        return result

    def _stored_rows(self, annotator: Annotator) -> list[Row]:
        return [row for row in self.stored if row.is_of(annotator.styles)]

    def _staged_digest(self, annotator: Annotator) -> str:
        record = self.staging.record(self.scene.episode.index, annotator.name)
        return record.sha256 if record is not None and record.done else digest_of(())
