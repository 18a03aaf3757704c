"""The analysis as a whole: what must hold for any arrays, and for any way to record the same demonstration."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from signals.robots import KINDS, SCENARIOS, simulate

from roboscribe.episode import Channels, Episode
from roboscribe.signals import Signals, analyse

NAMES = (
    ("x", "y", "z", "roll", "pitch", "yaw", "gripper"),
    ("left_joint", "left_gripper", "right_joint", "right_gripper"),
    ("kLeftHandIndex", "kLeftHandThumb", "kRightHandIndex", "kRightHandThumb", "kLeftElbow", "kRightElbow"),
    ("",) * 14,
    ("",) * 7,
    ("shoulder_pan.pos", "gripper.pos"),
    ("delta_x", "delta_gripper"),
    ("finger",),
)


def episode(state: Channels | None, action: Channels | None, frames: int, fps: float = 30.0) -> Episode:
    times = (np.arange(frames) / fps).astype(np.float32)
    return Episode(0, (), fps, times, state, action, (), {})


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    frames = draw(st.sampled_from((1, 2, 3, 4, 7, 40, 200)))

    def channels() -> Channels | None:
        names = draw(st.sampled_from((None, *NAMES)))
        if names is None:
            return None
        shape = (frames, len(names))
        kind = draw(st.sampled_from(("any", "walk", "steps", "constant")))
        if kind == "any":
            values = draw(
                hnp.arrays(np.float32, shape, elements=st.floats(width=32, allow_nan=True), fill=st.just(0.0))
            )
        else:
            rng = np.random.default_rng(draw(st.integers(0, 2**16)))
            values = rng.normal(size=shape).cumsum(axis=0)
            if kind == "steps":
                values = np.round(values / 4)
            elif kind == "constant":
                values[:] = values[:1]
        return Channels(values.astype(np.float32), names)

    return episode(channels(), channels(), frames, draw(st.sampled_from((5.0, 30.0, 50.0))))


@given(episodes())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.filterwarnings("error")
def test_any_arrays_give_facts_that_fit_the_episode(data: Episode) -> None:
    signals = analyse(data)
    given = [channels for channels in (data.state, data.action) if channels is not None]
    if not any(np.isfinite(channels.values).any() for channels in given):
        assert signals.phases == signals.motions == signals.events == signals.arms == ()
        assert len(signals.speed) == 0
        return
    for spans in (signals.phases, signals.motions):
        assert spans[0].start == 0.0
        assert spans[-1].end == data.end
        assert all(a.end == b.start for a, b in pairwise(spans))
        assert all(span.start < span.end for span in spans)
    assert signals.speed.shape == (data.frames,)
    assert np.isfinite(signals.speed).all()
    starts = [event.start for event in signals.events]
    assert starts == sorted(starts)
    assert all(0 <= event.start <= event.end <= data.end for event in signals.events)
    assert all(0 <= start < end <= data.end for start, end in signals.pauses)
    assert all(0 <= item.strength <= 1 for item in signals.breaks)
    for arm in signals.arms:
        own = [event for event in signals.events if event.arm == arm]
        assert all(a.start <= b.start for a, b in pairwise(own))


def verbs(signals: Signals) -> list[str]:
    return [phase.verb for phase in signals.phases]


def near(ours: Signals, theirs: Signals) -> bool:
    """Whether two analyses tell the same story at nearly the same times."""
    return verbs(ours) == verbs(theirs) and all(
        abs(a.start - b.start) <= 0.11 for a, b in zip(ours.phases, theirs.phases, strict=True)
    )


def changed(
    data: Episode, scale: np.ndarray, offset: np.ndarray, names: tuple[str, ...] | None = None
) -> Episode:
    """The episode with each channel of state and action scaled and shifted alike."""

    def apply(channels: Channels | None) -> Channels | None:
        if channels is None:
            return None
        return Channels((channels.values * scale + offset).astype(np.float32), names or channels.names)

    return replace(data, state=apply(data.state), action=apply(data.action))


@pytest.mark.parametrize("scenario", ["pick", "stack", "miss", "drop", "push"])
@given(seed=st.integers(0, 40), signs=st.tuples(*[st.sampled_from((-1.0, 1.0))] * 5))
@settings(max_examples=8, deadline=None)
def test_units_and_signs_of_joints_do_not_matter(scenario: str, seed: int, signs: tuple[float, ...]) -> None:
    data, _ = simulate("degrees", scenario, seed)
    scale = np.array([*signs, 1.0]) * np.array([np.pi / 180, 1, 10, 0.1, 3, 1])
    offset = np.array([1.0, -20, 5, 0, 7, 0])
    assert near(analyse(changed(data, scale, offset)), analyse(data))


@pytest.mark.parametrize("scenario", ["pick", "two", "miss", "drop"])
@pytest.mark.parametrize(
    ("scale", "offset"),
    [(-1.0, 100.0), (0.0004, 0.0), (-0.01, 1.0)],
    ids=["flipped", "metres", "one is closed"],
)
@pytest.mark.parametrize("named", [True, False])
def test_the_convention_of_the_gripper_does_not_matter(
    scenario: str, scale: float, offset: float, named: bool
) -> None:
    data, _ = simulate("degrees", scenario, 3)
    assert data.state is not None
    other = changed(
        data,
        np.array([1, 1, 1, 1, 1, scale]),
        np.array([0, 0, 0, 0, 0, offset]),
        None if named else ("",) * len(data.state.names),
    )
    ours, theirs = analyse(other), analyse(data)
    assert near(ours, theirs)
    assert [(e.kind, e.holding) for e in ours.events] == [(e.kind, e.holding) for e in theirs.events]


def test_gaps_in_the_recording_do_not_matter() -> None:
    data, _ = simulate("metres", "pick", 1)
    assert data.action is not None
    values = data.action.values.copy()
    values[40:44] = np.nan
    values[90, 3] = np.inf
    holed = replace(data, action=Channels(values, data.action.names))
    assert near(analyse(holed), analyse(data))


def test_a_column_that_never_moves_does_not_matter() -> None:
    data, _ = simulate("degrees", "pick", 2)
    assert data.action is not None
    still = np.random.default_rng(0).normal(0, 1e-4, (data.frames, 1)).astype(np.float32)

    def wider(channels: Channels | None) -> Channels | None:
        return channels and Channels(np.hstack((still, channels.values)), ("torso.pos", *channels.names))

    assert near(analyse(replace(data, state=wider(data.state), action=wider(data.action))), analyse(data))


@pytest.mark.parametrize("kind", KINDS)
def test_analysis_is_deterministic(kind: str) -> None:
    data, _ = simulate(kind, SCENARIOS[0], 5)
    first, second = analyse(data), analyse(data)
    assert first.phases == second.phases
    assert first.events == second.events
    assert first.motions == second.motions


def test_the_settling_of_a_measured_arm_is_no_motion() -> None:
    waits = [
        data
        for data, gold in (simulate("degrees", "idle", seed) for seed in range(9))
        if gold[0].label == "wait"
    ]
    assert waits
    for data in waits:
        first = analyse(replace(data, action=None)).phases[0]
        assert (first.start, first.verb) == (0.0, "wait")
        assert first.end > 0.4


def test_an_action_that_echoes_the_state_is_a_measurement() -> None:
    data, _ = simulate("metres", "drop", 1)
    assert analyse(replace(data, action=data.state)).phases == analyse(replace(data, action=None)).phases


def test_a_robot_with_state_alone_tells_the_same_story() -> None:
    for scenario in ("pick", "two", "stack", "drop"):
        data, _ = simulate("metres", scenario, 6)
        measured, told = analyse(replace(data, action=None)), analyse(data)
        assert verbs(measured) == verbs(told)
        assert [p.succeeded for p in measured.phases] == [p.succeeded for p in told.phases]


@pytest.mark.parametrize(
    "names", [("dx", "dy", "qx", "qy", "qz", "qw"), ("delta_x", "delta_y", *4 * ("delta_q",))]
)
def test_a_quaternion_that_turns_nothing_is_no_motion(names: tuple[str, ...]) -> None:
    times = np.arange(120) / 30
    path = np.zeros((120, 2))
    path[:, 0] = 0.1 * np.clip(times - 1, 0, 2)
    state = Channels(path.astype(np.float32), ("x", "y"))
    turn = np.tile([0.0, 0.0, 0.0, 1.0], (120, 1))
    steps = np.hstack((np.diff(path, axis=0, append=path[-1:]), turn)).astype(np.float32)
    data = Episode(0, (), 30.0, times.astype(np.float32), state, Channels(steps, names), (), {})
    assert [round(pause[0]) for pause in analyse(data).pauses] == [0, 3]


def test_the_idle_arm_of_two_takes_no_part() -> None:
    for seed in range(4):
        data, _ = simulate("bimanual", "pick", seed)
        signals = analyse(data)
        assert signals.arms == ("left", "right")
        assert len({event.arm for event in signals.events}) == 1
        assert len({phase.arm for phase in signals.phases if phase.verb != "wait"}) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_signals_without_a_single_number_tell_nothing(value: float) -> None:
    channels = Channels(np.full((40, 3), value, np.float32), ("shoulder", "elbow", "gripper"))
    times = (np.arange(40) / 10).astype(np.float32)
    signals = analyse(Episode(0, ("Lift the cup.",), 10.0, times, channels, channels, (), {}))
    assert signals.phases == signals.motions == signals.events == ()
