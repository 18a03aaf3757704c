"""Samples begin at the first frame and follow at the interval; their types are balanced and depend on nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_dataset import make_dataset

from roboscribe.asks.dialogue import TYPES
from roboscribe.dataset import open_dataset
from roboscribe.episode import Episode
from roboscribe.errors import EpisodeError
from roboscribe.hirobot.samples import numbering, sample_frames, samples_of, timeline, types_of
from roboscribe.skills import EpisodeSkills, Skill


def episode(frames: int, fps: float, *tasks: str) -> Episode:
    times = (np.arange(frames) / fps).astype(np.float32)
    return Episode(0, tasks, fps, times, None, None, (), {})


def skills(*parts: tuple[str, float, float], description: str = "") -> EpisodeSkills:
    return EpisodeSkills(0, description, tuple(Skill(*part) for part in parts))


REACH_AND_GRASP = skills(("reach for the cup", 0.0, 1.0), ("grasp the cup", 1.0, 9.0))


@pytest.mark.parametrize("fps", [20, 30, 50])
@pytest.mark.parametrize("interval", [0.5, 1.0, 1.7])
def test_the_first_frame_and_one_each_interval(fps: int, interval: float) -> None:
    one = episode(10 * fps + 1, fps)
    frames = sample_frames(one, interval)
    assert frames == [round(step * interval * fps) for step in range(int(10 / interval) + 1)]
    assert max(np.diff([one.time_of(frame) for frame in frames])) <= interval + 1 / fps


@pytest.mark.parametrize(("frames", "fps"), [(1, 30), (7, 20), (30, 30), (49, 50)])
def test_an_episode_shorter_than_the_interval_has_its_first_frame(frames: int, fps: int) -> None:
    assert sample_frames(episode(frames, fps), 1.0) == [0]


def test_an_interval_below_a_frame_samples_every_frame() -> None:
    assert sample_frames(episode(9, 10), 0.01) == list(range(9))


def test_a_sample_knows_its_skill_history_and_task() -> None:
    found = samples_of(episode(31, 10, "Grab the cup."), REACH_AND_GRASP, 1.0, 40, 0)
    assert [sample.frame for sample in found] == [0, 10, 20, 30]
    told = [(one.occasion.skill, one.occasion.history, one.occasion.number) for one in found]
    assert told == [
        ("reach for the cup", (), 40),
        ("grasp the cup", ("reach for the cup",), 41),
        ("grasp the cup", ("reach for the cup",), 42),
        ("grasp the cup", ("reach for the cup",), 43),
    ]
    assert {one.occasion.task for one in found} == {"Grab the cup."}


def test_a_placeholder_gives_way_to_the_description() -> None:
    derived = skills(("wait", 0.0, 1.0), description="Stack the cups.")
    (one,) = samples_of(episode(5, 10, "task 1"), derived, 1.0, 0, 0)
    assert one.occasion.task == "Stack the cups."
    (one,) = samples_of(episode(5, 10, "task 1"), skills(("wait", 0.0, 1.0)), 1.0, 0, 0)
    assert one.occasion.task == ""


def test_skills_of_one_name_in_a_row_are_one_and_gaps_belong_to_the_one_before() -> None:
    names, at = timeline(skills(("stir", 0, 2), ("stir", 2, 4), ("wait", 4, 5)))
    assert (names, at) == (("stir", "wait"), [0, 0, 1])
    found = samples_of(episode(41, 10), skills(("stir", 0.5, 1), ("wait", 2.5, 3)), 1.0, 0, 0)
    assert [one.occasion.skill for one in found] == ["stir", "stir", "stir", "wait", "wait"]


def test_without_skills_there_is_nothing_to_lead_to() -> None:
    with pytest.raises(EpisodeError, match="no skills"):
        samples_of(episode(5, 10), skills(), 1.0, 0, 0)


@given(st.integers(0, 2**32 - 1), st.integers(0, 10_000))
def test_every_twenty_in_a_row_from_a_round_on_have_every_pair_of_types_once(seed: int, rounds: int) -> None:
    assert Counter(types_of(20 * rounds + turn, seed) for turn in range(20)) == Counter(TYPES)


@given(st.integers(0, 1000))
def test_two_hundred_samples_are_balanced_wherever_they_begin(first: int) -> None:
    counts = Counter(types_of(number, 7) for number in range(first, first + 200))
    assert set(counts) == set(TYPES)
    assert max(counts.values()) <= 2 * 200 / 20


def test_the_seed_draws_another_order() -> None:
    assert [types_of(n, 0) for n in range(20)] != [types_of(n, 1) for n in range(20)]


@pytest.mark.parametrize("interval", [0.05, 0.4, 1.0, 60.0])
def test_numbers_go_on_from_episode_to_episode(tmp_path: Path, interval: float) -> None:
    root = make_dataset(tmp_path / "data", episodes=4, frames=[12, 1, 31, 8], fps=10, kind=None)
    dataset = open_dataset(root)
    first = numbering(dataset, interval)
    number = 0
    for index in dataset.episode_indices:
        assert first[index] == number
        number += len(sample_frames(dataset.episode(index), interval))
