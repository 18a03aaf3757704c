"""Which dialogues are wanted: an episode and its skills go in, samples with their times and types come out.

Everything here is a function of the seed and of a sample's place in the dataset, so that neither the order of the
work nor the choice of episodes changes what is asked.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from roboscribe.asks import Occasion, derive_seed
from roboscribe.asks.dialogue import TYPES, ResponseType, ScenarioType
from roboscribe.dataset import Dataset
from roboscribe.english.task import is_placeholder
from roboscribe.episode import Episode
from roboscribe.errors import EpisodeError
from roboscribe.frames.sampling import ROUNDING, every
from roboscribe.skills import EpisodeSkills


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame from which on a dialogue is in force.

    Attributes:
        frame: Frame index in the episode.
        occasion: The time of the frame, and what kind of dialogue is wanted.
    """

    frame: int
    occasion: Occasion


def sample_frames(episode: Episode, interval: float) -> list[int]:
    """Frames of an episode at which samples are: the first, and one each ``interval`` seconds from there."""
    return every(episode.timestamps, 1 / interval)


def samples_of(
    episode: Episode, skills: EpisodeSkills, interval: float, first: int, seed: int
) -> list[Sample]:
    """The samples of an episode; see ``sample_frames``.

    Args:
        episode: The episode.
        skills: Its skills, at least one.
        interval: Seconds.
        first: How many samples of the dataset come before.
        seed: The run's seed.

    Raises:
        EpisodeError: It has no skills.
    """
    if not skills.skills:
        raise EpisodeError(episode.index, "It has no skills.", "Make them with roboscribe subtasks.")
    task = next((text for text in (episode.task, skills.description) if not is_placeholder(text)), "")
    names, at = timeline(skills)
    samples: list[Sample] = []
    for number, frame in enumerate(sample_frames(episode, interval), first):
        time = episode.time_of(frame)
        started = sum(skill.start <= time + ROUNDING for skill in skills.skills)
        scenario, response = types_of(number, seed)
        occasion = Occasion(time, task, names, at[max(0, started - 1)], scenario, response, number)
        samples.append(Sample(frame, occasion))
    return samples


def timeline(skills: EpisodeSkills) -> tuple[tuple[str, ...], list[int]]:
    """Names of the skills in order, those in a row of one name as one; and for each skill its place among them."""
    names: list[str] = []
    places: list[int] = []
    for skill in skills.skills:
        if not names or names[-1] != skill.name:
            names.append(skill.name)
        places.append(len(names) - 1)
    return tuple(names), places


def types_of(number: int, seed: int) -> tuple[ScenarioType, ResponseType]:
    """The types of a sample: each pair once among every twenty in a row, in an order drawn by seed."""
    round_number, turn = divmod(number, len(TYPES))
    order = list(TYPES)
    random.Random(derive_seed(seed, round_number, "dialogue/types")).shuffle(order)
    return order[turn]


def numbering(dataset: Dataset, interval: float) -> Mapping[int, int]:
    """For each episode, how many samples come before its first, going by the lengths that the metadata tells."""
    steps = np.array([dataset.episode_length(index) - 1 for index in dataset.episode_indices])
    counts: Iterable[int] = (
        np.minimum(steps, (steps / dataset.info.fps + ROUNDING) / interval).astype(int) + 1
    ).tolist()
    return dict(zip(dataset.episode_indices, accumulate(counts, initial=0), strict=False))
