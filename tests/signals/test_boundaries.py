"""Snapping boundaries to physical events."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from signals.robots import simulate

from roboscribe.signals import Break, GripperEvent, Phase, Signals, analyse
from roboscribe.signals.boundaries import moments, snap

SIGNALS = Signals(
    events=(GripperEvent("close", 2.0, 2.4),),
    pauses=((5.0, 6.0),),
    phases=(Phase(0.0, 2.1, "move"), Phase(2.1, 3.0, "grasp"), Phase(3.0, 8.0, "lift")),
    motions=(),
    speed=np.ones(240, dtype=np.float32),
    arms=("",),
    breaks=(Break(4.0, 0.9), Break(4.5, 0.1)),
)
NOTHING = Signals((), (), (), (), np.zeros(0, dtype=np.float32), ())


def test_moments_are_onsets_stops_and_clear_turns() -> None:
    assert moments(SIGNALS) == [2.0, 2.1, 3.0, 4.0, 5.0, 6.0]


def test_times_move_to_events_within_reach() -> None:
    assert snap([0.5, 3.1, 4.2, 7.0], SIGNALS, 0.25) == [0.5, 3.0, 4.0, 7.0]


def test_the_onset_of_a_phase_attracts_first() -> None:
    assert snap([1.98], SIGNALS, 0.25) == [2.1]


def test_two_times_never_meet() -> None:
    assert snap([2.9, 3.05], SIGNALS, 0.25) == [2.9, 3.0]


def test_without_signals_or_tolerance_nothing_moves() -> None:
    assert snap([1.0, 2.05], NOTHING, 0.25) == [1.0, 2.05]
    assert snap([1.0, 2.05], SIGNALS, 0.0) == [1.0, 2.05]


@given(st.lists(st.floats(0, 9), unique=True, max_size=12).map(sorted), st.floats(0, 1))
def test_order_and_reach_are_kept(times: list[float], tolerance: float) -> None:
    out = snap(times, SIGNALS, tolerance)
    assert len(out) == len(times)
    assert out == sorted(set(out))
    assert all(abs(a - b) <= tolerance for a, b in zip(times, out, strict=True))


def test_rough_boundaries_come_nearer_to_the_gold() -> None:
    rng = np.random.default_rng(0)
    before: list[float] = []
    after: list[float] = []
    for seed in range(6):
        data, gold = simulate("degrees", "two", seed)
        times = np.array([span.start for span in gold[1:]])
        rough = np.sort(times + rng.normal(0, 0.15, len(times)))
        before += list(np.abs(rough - times))
        after += list(np.abs(np.array(snap(list(rough), analyse(data), 0.3)) - times))
    assert np.mean(after) < 0.6 * np.mean(before)
