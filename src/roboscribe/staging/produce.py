"""One episode through its annotators: results that still hold are reused, the others are made and kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from roboscribe.annotators.base import Annotator, Scene
from roboscribe.asks import Answer, Ask
from roboscribe.errors import RoboscribeError, RunStopped
from roboscribe.language import Row, canonical_json
from roboscribe.models.base import Model
from roboscribe.staging.fingerprint import fingerprint, provenance
from roboscribe.staging.store import Record, Staging

A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Produced:
    """What became of one episode.

    Attributes:
        records: Record of each annotator, by name, in the annotators' order.
        made: Annotators that ran now.
        asks: Asks put to the model now.
    """

    records: dict[str, Record]
    made: tuple[str, ...]
    asks: int

    @property
    def failure(self) -> tuple[str, str] | None:
        """Annotator and reason of the first failure, or None."""
        return next(((name, r.error) for name, r in self.records.items() if r.error is not None), None)

    @property
    def reused(self) -> tuple[str, ...]:
        """Annotators whose staged result still held."""
        return tuple(name for name in self.records if name not in self.made)


class _CountingModel:
    """Passes asks on and counts them."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.identity = model.identity
        self.looks = model.looks
        self.prompt_digest = model.prompt_digest
        self.asks = 0

    async def answer(self, ask: Ask[A]) -> A:
        self.asks += 1
        return await self._model.answer(ask)


async def produce(
    scene: Scene,
    annotators: Sequence[Annotator],
    model: Model,
    staging: Staging,
    stored: Sequence[Row],
) -> Produced:
    """Stage the results of all annotators for one episode, independent ones at once.

    Args:
        scene: The episode and its facts.
        annotators: Each after those it requires; a required one that is not among them is served from
            ``stored``.
        model: Answers their asks.
        staging: Where results are kept.
        stored: Rows that the dataset already has for the episode.

    Raises:
        RunStopped: No further ask can be answered; what was finished is staged.
    """
    counting = _CountingModel(model)
    made: set[str] = set()
    tasks: dict[str, asyncio.Task[Record]] = {}
    known = {annotator.name: annotator for annotator in annotators}

    async def rows_and_digest(name: str) -> tuple[list[Row], str]:
        if name in known:
            record = await tasks[name]
            if record.error is not None:
                raise RoboscribeError(f"Needs {name}, which failed.")
            return staging.rows(scene.episode.index, name), record.sha256
        rows = [row for row in stored if row.style == STYLE_OF_REQUIRED[name]]
        if not rows:
            raise RoboscribeError(
                f"Needs {name}, which is turned off, and the dataset has no such rows.",
                f"Enable it with --{name}.enabled=true.",
            )
        text = canonical_json([row.to_json() for row in rows])
        return rows, hashlib.sha256(text.encode()).hexdigest()

    async def run(annotator: Annotator) -> Record:
        made_by = provenance(annotator, model, scene.seed)
        fingerprinted = ""
        try:
            upstream = {name: await rows_and_digest(name) for name in annotator.requires}
            fingerprinted = fingerprint(
                made_by, scene.episode.digest, {name: digest for name, (_, digest) in upstream.items()}
            )
            if record := staging.valid(scene.episode.index, annotator.name, fingerprinted):
                return record
            made.add(annotator.name)
            rows = await annotator.annotate(
                scene, {name: found for name, (found, _) in upstream.items()}, counting
            )
        except RunStopped:
            raise
        except RoboscribeError as error:
            return staging.fail(scene.episode.index, fingerprinted, made_by, str(error))
        return staging.save(scene.episode.index, fingerprinted, made_by, rows)

    for annotator in annotators:
        tasks[annotator.name] = asyncio.create_task(run(annotator))
    try:
        # All of them, also when one ends the run: requests in flight are paid for, so their results are kept.
        await asyncio.wait(tasks.values())
    finally:
        for task in tasks.values():
            task.cancel()
    records = {name: task.result() for name, task in tasks.items()}
    return Produced(records, tuple(name for name in records if name in made), counting.asks)


STYLE_OF_REQUIRED: dict[str, Any] = {"subtasks": "subtask"}
"""Style of the stored rows that stand in for a required annotator which is turned off."""
