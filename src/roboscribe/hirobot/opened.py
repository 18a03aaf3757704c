"""What a run works on: settings go in; the dataset, where the result goes and the model come out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roboscribe.config import FramesSettings, SkillsSettings, parse_episodes
from roboscribe.dataset import Dataset, check_episodes, open_dataset
from roboscribe.dataset.hub import locate
from roboscribe.dataset.index_features import check_index_target
from roboscribe.dataset.shards import as_float32
from roboscribe.events import Listener, Note
from roboscribe.frames import FrameSettings, FrameStore
from roboscribe.models.base import Model
from roboscribe.models.ledger import Budget
from roboscribe.models.select import open_model
from roboscribe.opened import VERIFIED, unread_tasks
from roboscribe.prompts import Prompts


@dataclass(frozen=True)
class Opened:
    """A dataset, and where the result goes.

    Attributes:
        source: Where episodes come from.
        base: Where what was written before is: the output dataset once it exists, else the source.
        target: Folder of the result.
        episodes: Indices of the episodes to work on, ascending.
    """

    source: Dataset
    base: Dataset
    target: Path
    episodes: tuple[int, ...]

    def tell(self, listen: Listener, model: Model) -> None:
        """Say what is odd about the dataset, and what the model cannot read in it."""
        for note in self.source.notes:
            listen(Note(note))
        if text := unread_tasks(self.source, self.episodes, model):
            listen(Note(text))

    def frames(self, settings: FramesSettings) -> FrameStore:
        """A store for the frames of its episodes."""
        return FrameStore(FrameSettings(thumbnail_side=settings.thumbnail_side))

    def times(self, index: int) -> NDArray[np.float32]:
        """Timestamps of an episode, shape [frames]."""
        return as_float32(self.source.table(index, ["timestamp"])["timestamp"])


def open_for_index_features(settings: SkillsSettings, target: Path | None) -> Opened:
    """Open what the settings name, and make sure that it can be read and written.

    Args:
        settings: What to do.
        target: Folder of the result; the dataset itself when None.

    Raises:
        RoboscribeError: It cannot be, or there is no such episode or camera.
    """
    wanted = parse_episodes(settings.episodes)
    source = open_dataset(locate(settings))
    episodes = check_episodes(source, wanted)
    for key in settings.frames.cameras:
        source.camera(key)
    source.verify(episodes[:VERIFIED])
    folder = target or source.root
    return Opened(source, check_index_target(source, folder), folder, episodes)


def model_of(
    settings: SkillsSettings, model: Model | None, listen: Listener
) -> AbstractContextManager[Model]:
    """The model given, else the one that the settings name.

    Raises:
        RoboscribeError: There is no such model, or it does not come up.
    """
    if model is not None:
        return nullcontext(model)
    budget = Budget(settings.max_cost, settings.max_calls)
    return open_model(settings.vlm, budget, Prompts(settings.prompts), lambda text: listen(Note(text)))
