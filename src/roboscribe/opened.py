"""What a run of annotate works on: settings go in; datasets, the folder of the result and episodes come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

from roboscribe.annotators.trace import calibration_of
from roboscribe.config import AnnotateSettings, parse_episodes
from roboscribe.dataset import Dataset, check_episodes, open_dataset
from roboscribe.dataset.hub import locate
from roboscribe.dataset.writer import check_target
from roboscribe.english.task import parse_task
from roboscribe.episode import Episode
from roboscribe.errors import EpisodeError
from roboscribe.models.base import Model
from roboscribe.models.builtin import BuiltinModel
from roboscribe.plain import counted
from roboscribe.staging import Staging

VERIFIED = 1000
"""Episodes whose rows are checked before anything is spent; checking all of 40,000 would take minutes."""

_SHOWN = 80
"""Letters of a task that are shown."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a run works on.

    Attributes:
        source: Where episodes come from.
        stored: Where the rows already written are: the output dataset once it exists, else the source.
        target: Folder of the annotated dataset.
        episodes: Indices of the episodes to annotate, ascending.
    """

    source: Dataset
    stored: Dataset
    target: Path
    episodes: tuple[int, ...]

    def staging(self) -> Staging:
        """Where results are kept."""
        return Staging(self.target, len(self.source.episode_indices))


def open_datasets(settings: AnnotateSettings, *, sparse: bool = False) -> Opened:
    """Open what the settings name, and make sure that it can be read and written.

    Args:
        settings: Of the run.
        sparse: Whether few of the episodes will be read.

    Raises:
        RoboscribeError: It cannot be, there is no such episode or camera, or the calibration is not one of its cameras.
    """
    wanted = parse_episodes(settings.episodes)
    source = open_dataset(locate(settings), sparse=sparse)
    episodes = check_episodes(source, wanted)
    for section in (settings.frames, settings.vqa, settings.trace):
        for key in section.cameras:
            source.camera(key)
    if (calibration := calibration_of(settings.trace)) is not None:
        some = {episodes[0], episodes[len(episodes) // 2], episodes[-1]}
        if readable := list(_readable(source, sorted(some))):
            calibration.check(readable, settings.trace.cameras)
    target = settings.output_dir or source.root
    return Opened(source, check_target(source, target), target, episodes)


def _readable(dataset: Dataset, indices: Iterable[int]) -> Iterator[Episode]:
    for index in indices:
        # What is wrong with an episode is told when its turn comes.
        with suppress(EpisodeError):
            yield dataset.episode(index)


def unread_tasks(dataset: Dataset, episodes: Iterable[int], model: Model) -> str:
    """That the tasks of some episodes are nothing to the model, in a sentence; empty where it can read them all.

    Only the builtin model reads by a grammar; any other is shown the texts as they are.
    """
    if not isinstance(model, BuiltinModel):
        return ""
    unread: list[str] = []
    for index in episodes:
        # What is wrong with an episode is told when its turn comes.
        with suppress(EpisodeError):
            task = "; ".join(dataset.episode_tasks(index))
            if not parse_task(task).actions:
                unread.append(task)
    if not unread:
        return ""
    known = next((shorten(task, _SHOWN) for task in unread if task.strip()), "")
    example = f', such as "{known}"' if known else ", as there is none"
    return (
        f"The builtin model cannot read the task of {counted(len(unread), 'episode')}{example}: what is handled there"
        ' is called "the object". A vision-language model can (--vlm.model-id).'
    )
