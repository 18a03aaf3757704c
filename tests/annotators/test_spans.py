"""Segments in any disorder become a gap-free cover on frames."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.annotators.spans import spans_of, tidy_label, tile
from roboscribe.asks import Segment
from roboscribe.episode import Channels, Episode
from roboscribe.errors import EpisodeError
from roboscribe.language import Row
from roboscribe.signals import analyse


def episode(frames: int = 90, fps: float = 30.0) -> Episode:
    timestamps = (np.arange(frames) / fps).astype(np.float32)
    return Episode(0, ("t",), fps, timestamps, None, None, (), {})


def cover(
    segments: list[tuple[float, float, str]], at: Episode, least: float = 0.0
) -> list[tuple[int, int, str]]:
    asked = [Segment(start=a, end=b, label=label) for a, b, label in segments]
    return [(s.start, s.end, s.label) for s in tile(asked, at, analyse(at), least, 0.25)]


def test_gaps_overlaps_and_disorder_are_mended_at_the_later_start() -> None:
    spans = cover([(1.0, 2.5, "bb"), (0.2, 0.7, "aa"), (2.0, 2.9, "cc")], episode())
    assert spans == [(0, 30, "aa"), (30, 60, "bb"), (60, 90, "cc")]


def test_short_spans_join_the_one_before_and_a_short_first_joins_the_next() -> None:
    assert cover([(0, 1, "aa"), (1, 1.1, "bb"), (1.1, 3, "cc")], episode(), 0.2) == [
        (0, 33, "aa"),
        (33, 90, "cc"),
    ]
    assert cover([(0, 0.1, "aa"), (0.1, 3, "bb")], episode(), 0.2) == [(0, 90, "bb")]


def test_equal_labels_in_a_row_are_one_span() -> None:
    assert cover([(0, 1, "Wait."), (1, 2, "wait"), (2, 3, "go on")], episode()) == [
        (0, 60, "wait"),
        (60, 90, "go on"),
    ]


def test_segments_beyond_the_end_are_an_error_of_the_episode() -> None:
    with pytest.raises(EpisodeError, match="No segment starts within"):
        cover([(99, 100, "aa")], episode())


def test_a_boundary_near_a_gripper_event_moves_onto_it() -> None:
    frames = 120
    gripper = np.ones(frames, np.float32) * 60
    gripper[60:72] = np.linspace(60, 10, 12)
    gripper[72:] = 10
    arm = np.zeros(frames, np.float32)
    arm[10:50] = np.linspace(0, 50, 40)
    arm[50:85] = 50
    arm[85:] = np.linspace(50, 0, 35)
    values = np.stack([arm, gripper], axis=1)
    channels = Channels(values, ("shoulder_pan.pos", "gripper.pos"))
    timestamps = (np.arange(frames) / 30).astype(np.float32)
    at = Episode(0, ("t",), 30.0, timestamps, channels, channels, (), {})
    close = next(event for event in analyse(at).events if event.kind == "close")
    near = close.start + 0.15
    spans = cover([(0, near, "go"), (near, 4, "grasp")], at)
    assert spans[1][0] == at.frame_at(close.start)


@given(
    starts=st.lists(st.floats(0, 2.9), min_size=1, max_size=12),
    least=st.floats(0, 0.5),
    fps=st.sampled_from([5.0, 20.0, 30.0, 50.0]),
)
def test_any_segments_tile_the_episode(starts: list[float], least: float, fps: float) -> None:
    at = episode(frames=int(3 * fps), fps=fps)
    spans = cover([(s, s + 0.1, f"step {i % 3}") for i, s in enumerate(starts)], at, least)
    assert spans[0][0] == 0
    assert spans[-1][1] == at.frames
    assert all(a[1] == b[0] and a[2] != b[2] for a, b in pairwise(spans))
    assert all(end > start for start, end, _ in spans)
    assert all(end - start >= least * fps for start, end, _ in spans[:-1]) or len(spans) == 1


def test_spans_come_back_from_stored_rows() -> None:
    at = episode()
    rows = [Row("assistant", label, "subtask", at.time_of(f)) for f, label in ((0, "a"), (30, "b"))]
    assert [(s.start, s.end, s.label) for s in spans_of(rows[::-1], at)] == [(0, 30, "a"), (30, 90, "b")]


@pytest.mark.parametrize(
    ("label", "tidy"),
    [("  Grasp the cup. ", "grasp the cup"), ("USB plug in", "USB plug in"), ("Lift\nit", "lift it")],
)
def test_labels_are_tidied(label: str, tidy: str) -> None:
    assert tidy_label(label) == tidy
