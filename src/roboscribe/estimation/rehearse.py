"""One episode rehearsed: its annotators run for real on a model that asks nobody; what they would ask comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from roboscribe.annotators.base import Scene
from roboscribe.annotators.selection import Selection
from roboscribe.dataset import Dataset
from roboscribe.errors import RoboscribeError
from roboscribe.frames import FrameNeeds, FrameStore
from roboscribe.frames.unseen import UnseenFrames
from roboscribe.models.rehearsal import Foreseen, Rehearsal
from roboscribe.staging import Staging
from roboscribe.staging.produce import produce


@dataclass(frozen=True)
class Rehearsed:
    """What became of an episode.

    Attributes:
        foreseen: What each of its requests will take.
        made: Names of annotators that will run.
        reused: Names of annotators whose staged results hold.
        failure: Why it will fail, as far as that can be seen beforehand; empty when nothing speaks for it.
    """

    foreseen: Sequence[Foreseen]
    made: tuple[str, ...] = ()
    reused: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True, eq=False)
class Stage:
    """What rehearsals work with.

    Attributes:
        source: Where episodes come from.
        stored: Where the rows already written are.
        selection: The annotators, and which of them are chosen.
        model: Stands in for the model.
        seed: Seed of every random choice.
        frames: Tells the sizes of pictures.
    """

    source: Dataset
    stored: Dataset
    selection: Selection
    model: Rehearsal
    seed: int
    frames: FrameStore

    def rehearse(self, index: int, staging: Staging) -> Rehearsed:
        """Rehearse an episode.

        Args:
            index: Of the episode.
            staging: Where results are looked for and kept.
        """
        before = len(self.model.foreseen)
        try:
            made, reused, failure = asyncio.run(self._run(index, staging))
        except RoboscribeError as error:
            made, reused, failure = (), (), str(error)
        return Rehearsed(self.model.foreseen[before:], made, reused, failure)

    async def _run(self, index: int, staging: Staging) -> tuple[tuple[str, ...], tuple[str, ...], str]:
        episode = self.source.episode(index)
        for annotator in self.selection.in_order:
            # As in a run, an episode without a camera that is to be shown fails before anything is asked.
            annotator.needs(episode)
        with UnseenFrames(self.frames, episode, FrameNeeds()) as frames:
            scene = Scene(episode, self.seed, frames)
            stored = self.stored.language_rows(index)
            produced = await produce(scene, self.selection, self.model, staging, stored)
        failure = "{}: {}".format(*produced.failure) if produced.failure else ""
        return produced.made, produced.reused, failure
