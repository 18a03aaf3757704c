"""Skills last one to three seconds where neighbours and breaks of the motion allow, and cover the episode."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.annotators.base import Scene
from roboscribe.annotators.lengths import Lengths, atomic, joined_label
from roboscribe.annotators.skills import Skills
from roboscribe.annotators.spans import Span, spans_of
from roboscribe.asks import SegmentEpisode
from roboscribe.config import SubtasksSettings
from roboscribe.dataset import open_dataset
from roboscribe.episode import Episode
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.scripted import ScriptedModel
from roboscribe.signals import Break, Signals

LENGTHS = Lengths(1.0, 3.0)


def episode(seconds: float, fps: float = 10) -> Episode:
    times = (np.arange(round(seconds * fps)) / fps).astype(np.float32)
    return Episode(0, (), fps, times, None, None, (), {})


def signals(*breaks: float) -> Signals:
    return Signals((), (), (), (), np.zeros(0, np.float32), ("",), tuple(Break(time, 0.3) for time in breaks))


def shaped(parts: Sequence[tuple[str, float]], *breaks: float) -> list[tuple[str, float]]:
    """Labels and seconds of the skills made of subtasks with these labels and seconds."""
    ends = np.cumsum([round(10 * seconds) for _, seconds in parts]).tolist()
    spans = [Span(start, end, label) for (label, _), start, end in zip(parts, [0, *ends], ends, strict=False)]
    made = atomic(spans, episode(ends[-1] / 10), signals(*breaks), LENGTHS)
    return [(span.label, (span.end - span.start) / 10) for span in made]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            [("move towards the cup", 1.5), ("grasp the cup", 0.5), ("lift the cup", 0.6), ("wait", 2.0)],
            [("move towards the cup", 1.5), ("pick up the cup", 1.1), ("wait", 2.0)],
        ),
        (
            [("pick up the cup", 2.0), ("move to the tray", 1.4), ("release the cup onto the tray", 0.6)],
            [("pick up the cup", 2.0), ("place the cup on the tray", 2.0)],
        ),
        (
            [("carry the cup", 2.0), ("release the cup", 0.5), ("retract", 2.0)],
            [("put down the cup", 2.5), ("retract", 2.0)],
        ),
        ([("wait", 0.5), ("move towards the cup", 2.0)], [("move towards the cup", 2.5)]),
        ([("open the drawer", 1.5), ("retract", 0.5)], [("open the drawer", 2.0)]),
        (
            [("grasp the drawer", 0.6), ("open the drawer", 1.4), ("release the drawer", 0.4), ("wait", 1.3)],
            [("open the drawer", 2.4), ("wait", 1.3)],
        ),
        (
            [("wipe the table", 1.5), ("release the cloth", 0.5), ("move towards the cup", 1.2)],
            [("wipe the table", 2.0), ("move towards the cup", 1.2)],
        ),
        (
            [("move towards the cup", 3.1), ("grasp the cup", 0.5)],
            [("move towards the cup", 3.1), ("grasp the cup", 0.5)],
        ),
        (
            [("grasp the cup with the left arm", 0.5), ("lift the cup with the left arm", 0.7)],
            [("pick up the cup with the left arm", 1.2)],
        ),
    ],
)
def test_short_ones_are_joined_to_what_they_belong_to(
    parts: list[tuple[str, float]], expected: list[tuple[str, float]]
) -> None:
    assert shaped(parts) == expected


def test_long_ones_are_cut_at_the_breaks_nearest_to_even_parts() -> None:
    made = shaped([("stir the soup", 8.0)], 0.4, 2.5, 3.9, 5.6, 7.7)
    assert made == [
        ("stir the soup", 2.5),
        ("stir the soup", pytest.approx(3.1)),
        ("stir the soup", pytest.approx(2.4)),
    ]


def test_nothing_is_cut_where_the_motion_does_not_break() -> None:
    assert shaped([("stir the soup", 8.0)]) == [("stir the soup", 8.0)]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("grasp the cup", "lift the cup", "pick up the cup"),
        ("grasp the cup", "lift the lid", "lift the lid"),
        ("lower the cup onto the tray", "release the cup", "place the cup on the tray"),
        ("wait", "wait", "wait"),
        ("open the drawer", "wait", "open the drawer"),
        ("bottle handling", "plate up", "plate up"),
    ],
)
def test_two_are_called_by_what_comes_of_them(one: str, other: str, together: str) -> None:
    assert joined_label(one, other) == together


@given(
    st.lists(
        st.tuples(st.sampled_from(["wait", "grasp the cup", "lift the cup", "stir"]), st.floats(0.1, 7)),
        min_size=1,
    ),
    st.lists(st.floats(0, 40)),
)
def test_skills_always_cover_the_episode(parts: list[tuple[str, float]], breaks: list[float]) -> None:
    made = shaped(parts, *breaks)
    total = sum(round(10 * seconds) for _, seconds in parts) / 10
    assert sum(seconds for _, seconds in made) == pytest.approx(total)
    assert all(seconds > 0 for _, seconds in made)


@pytest.mark.parametrize("name", ["g1_bottle_v21", "so101_sim_bricks"])
def test_the_shared_data_has_skills_of_one_to_three_seconds(name: str, shared_data: Path) -> None:
    dataset = open_dataset(shared_data / name)
    annotator = Skills(SubtasksSettings(), None, LENGTHS)
    for index in dataset.episode_indices:
        scene = Scene(dataset.episode(index), 0)
        rows = asyncio.run(annotator.annotate(scene, {"task": []}, BuiltinModel()))
        spans = spans_of(rows, scene.episode)
        assert spans[0].start == 0
        assert spans[-1].end == scene.episode.frames
        assert all(0.9 <= (span.end - span.start) / scene.episode.fps <= 3.3 for span in spans), spans


def test_a_model_is_told_how_long_skills_shall_be() -> None:
    model = ScriptedModel([{"segments": [{"start": 0, "end": 4, "label": "stir"}]}])
    annotator = Skills(SubtasksSettings(), None, Lengths(0.5, 2.0))
    asyncio.run(annotator.annotate(Scene(episode(4), 0), {"task": []}, model))
    (ask,) = model.asked
    assert isinstance(ask, SegmentEpisode)
    assert (ask.least_seconds, ask.most_seconds) == (0.5, 2.0)
