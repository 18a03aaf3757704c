"""Work ahead of the asks: an episode's index goes in, its scene comes out read, analysed and with frames decoded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from roboscribe.annotators.base import Annotator, Scene
from roboscribe.annotators.selection import Selection
from roboscribe.dataset import Dataset
from roboscribe.episode import Episode
from roboscribe.errors import FrameError, RoboscribeError
from roboscribe.frames import FrameNeeds, FrameStore
from roboscribe.language import Row
from roboscribe.models.base import Model
from roboscribe.staging.fingerprint import provenance
from roboscribe.staging.pace import Pace
from roboscribe.staging.store import Record, Staging
from roboscribe.threads import off_loop


@dataclass(frozen=True, eq=False)
class Ahead:
    """Prepares episodes, off the event loop.

    Attributes:
        source: Where episodes come from.
        stored: Where the rows already written are.
        selection: The annotators, and which of them are chosen.
        model: Answers their asks.
        staging: Where their results are kept.
        seed: Seed of every random choice.
        frames: Frames of the episodes in flight.
        pace: When the next episode is begun.
    """

    source: Dataset
    stored: Dataset
    selection: Selection
    model: Model
    staging: Staging
    seed: int
    frames: FrameStore
    pace: Pace

    @asynccontextmanager
    async def scene(self, index: int) -> AsyncGenerator[tuple[Scene, list[Row]]]:
        """An episode's scene and the rows that the dataset has of it, once there is room for its frames.

        Raises:
            EpisodeError: It cannot be read, or has no camera that is to be shown.
        """
        async with AsyncExitStack() as stack:
            with self.pace.preparing():
                episode, stored, due = await off_loop(self._read, index)
                needs = FrameNeeds()
                for annotator in self.selection.in_order:
                    needs |= annotator.needs(episode)
                frames = await stack.enter_async_context(self.frames.admit(episode, needs))
                scene = Scene(episode, self.seed, frames)
                if due:
                    looks = any(annotator.needs(episode) for annotator in due)
                    await off_loop(_prepare, scene, looks)
            yield scene, stored

    def showing(self, episodes: Iterable[int]) -> tuple[str, ...]:
        """Names of the annotators that will show pictures; see ``showing``."""
        return showing(self.source, self.stored, self.selection, self.staging, episodes)

    def _read(self, index: int) -> tuple[Episode, list[Row], list[Annotator]]:
        """The episode, the dataset's rows of it, and the annotators that are going to run, most likely."""
        episode = self.source.episode(index)
        due = [annotator for annotator in self.selection.in_order if not self._is_staged(index, annotator)]
        return episode, self.stored.language_rows(index), due

    def _is_staged(self, index: int, annotator: Annotator) -> bool:
        """Whether a result is there that was made as it would be now; what it builds on may have changed."""
        if annotator.name in self.selection.redo:
            return False
        record = self.staging.record(index, annotator.name)
        return record is not None and record.done and record.made_by == self.made_by[annotator.name]

    @cached_property
    def made_by(self) -> dict[str, dict[str, Any]]:
        """Provenance of what each annotator makes."""
        annotators = self.selection.annotators.items()
        return {name: provenance(annotator, self.model, self.seed) for name, annotator in annotators}


def showing(
    source: Dataset, stored: Dataset, selection: Selection, staging: Staging, episodes: Iterable[int]
) -> tuple[str, ...]:
    """Names of the annotators that will show pictures, as far as the first episode that can be read tells.

    Args:
        source: Where episodes come from.
        stored: Where the rows already written are.
        selection: The annotators, and which of them are chosen.
        staging: Where results are kept.
        episodes: Indices of those to be annotated.
    """
    for index in episodes:
        with suppress(RoboscribeError):
            rows = stored.language_rows(index)
            known = {
                name
                for name, annotator in selection.annotators.items()
                if any(row.is_of(annotator.styles) for row in rows) or _is_done(staging.record(index, name))
            }
            return selection.showing(source.episode(index), known)
    return ()


def _is_done(record: Record | None) -> bool:
    return record is not None and record.done


def _prepare(scene: Scene, looks: bool) -> None:
    """Do what the first asks would wait for."""
    _ = scene.signals
    if looks and scene.frames is not None:
        # Who needs a frame that cannot be read is told when it asks for it; the others go on.
        with suppress(FrameError):
            scene.frames.prepare()
