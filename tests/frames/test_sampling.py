"""Which frames are looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.frames.sampling import around, evenly, every, windows

RATES = [20.0, 30.0, 50.0, 30000 / 1001]


def stamps(frames: int, fps: float) -> np.ndarray:
    return (np.arange(frames) / fps).astype(np.float32)


def test_every_second_at_common_rates():
    assert every(stamps(61, 30), 1) == [0, 30, 60]
    assert every(stamps(60, 30), 1) == [0, 30]
    assert every(stamps(60, 30), 1, last=True) == [0, 30, 59]
    assert every(stamps(60, 20), 2) == [0, 10, 20, 30, 40, 50]
    assert every(stamps(201, 50), 0.5) == [0, 100, 200]


def test_a_rate_that_does_not_divide_the_frame_rate_does_not_drift():
    assert every(stamps(3600, 30000 / 1001), 1) == [round(second * 30000 / 1001) for second in range(121)]
    assert every(stamps(301, 30), 7) == [round(step * 30 / 7) for step in range(71)]


@pytest.mark.parametrize("fps", RATES)
def test_an_episode_shorter_than_the_interval_gives_its_first_frame(fps: float):
    assert every(stamps(7, fps), 1) == [0]
    assert every(stamps(7, fps), 1, last=True) == [0, 6]
    assert every(stamps(1, fps), 1, last=True) == [0]


def test_a_rate_above_the_frame_rate_gives_every_frame_once():
    assert every(stamps(10, 20), 100) == list(range(10))


@pytest.mark.parametrize("hz", [0.0, -1.0, float("nan")])
def test_a_rate_must_be_positive(hz: float):
    with pytest.raises(ValueError, match="above 0"):
        every(stamps(10, 30), hz)


@given(st.sampled_from(RATES), st.integers(1, 2000), st.floats(0.1, 20), st.booleans())
def test_intervals_are_kept_to_half_a_frame(fps: float, frames: int, hz: float, last: bool):
    times = stamps(frames, fps)
    got = every(times, hz, last=last)
    assert got[0] == 0
    assert got == sorted(set(got))
    assert got[-1] < frames
    assert not last or got[-1] == frames - 1
    for time in np.arange(0, float(times[-1]) - 1e-3, 1 / hz):
        assert np.abs(times[got] - time).min() <= 0.5 / fps + 1e-3


def test_evenly_spans_the_whole_or_a_part():
    times = stamps(101, 30)
    assert evenly(times, 5) == [0, 25, 50, 75, 100]
    assert evenly(times, 1) == [50]
    assert evenly(times, 2, 1.0, 2.0) == [30, 59]
    assert evenly(times, 99, 1.0, 1.1) == [30, 31, 32]
    assert evenly(times, 3, 1.01, 1.02) == [30]
    assert evenly(times, 3, 50.0, 60.0) == [100]
    with pytest.raises(ValueError, match="above 0"):
        evenly(times, 0)


@given(st.sampled_from(RATES), st.integers(1, 500), st.integers(1, 40))
def test_evenly_never_exceeds_its_count_and_keeps_the_ends(fps: float, frames: int, count: int):
    got = evenly(stamps(frames, fps), count)
    assert len(got) == min(count, frames)
    assert got == sorted(set(got))
    if count > 1:
        assert (got[0], got[-1]) == (0, frames - 1)
        gaps = np.diff(got)
        assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def test_around_moments():
    times = stamps(91, 30)
    assert around(times, [1.0], 0.1, 30) == [27, 28, 29, 30, 31, 32, 33]
    assert around(times, [1.0, 1.2], 0.2, 5) == [24, 30, 36, 42]
    assert around(times, [0.0, 3.0], 0.5, 2) == [0, 15, 75, 90]
    assert around(times, [1.01], 0.0, 5) == [30]
    assert around(times, [], 0.5, 2) == []


def test_windows_are_as_equal_as_can_be():
    assert [len(part) for part in windows(list(range(34)), 32)] == [17, 17]
    assert windows(list(range(32)), 32) == [list(range(32))]
    assert windows([3], 8, overlap=2) == [[3]]
    assert windows([], 8) == []
    assert windows([0, 1, 2, 3, 4], 3, overlap=1) == [[0, 1, 2], [2, 3, 4]]
    for budget, overlap in ((0, 0), (4, 4), (4, -1)):
        with pytest.raises(ValueError, match="budget"):
            windows([1, 2], budget, overlap=overlap)


@given(st.integers(0, 400), st.integers(1, 50), st.integers(0, 10))
def test_windows_cover_all_frames_within_the_budget(count: int, more: int, overlap: int):
    frames = list(range(100, 100 + count))
    budget = overlap + more
    parts = windows(frames, budget, overlap=overlap)
    assert all(0 < len(part) <= budget for part in parts)
    joined = parts[0] if parts else []
    for part in parts[1:]:
        assert part[:overlap] == joined[len(joined) - overlap :]
        joined = joined + part[overlap:]
    assert joined == frames
    assert len(parts) <= max(1, -(-(count - overlap) // more))
    lengths = [len(part) for part in parts]
    assert not lengths or max(lengths) - min(lengths) <= 1
