"""Phases of simulated robots: the story they tell, and how well their times fit the gold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from signals.robots import simulate

from roboscribe.episode import Channels
from roboscribe.evaluation.metrics import Span, boundary_score, pooled, segment_score
from roboscribe.signals import analyse


def told(kind: str, scenario: str, seed: int) -> list[str]:
    data, _ = simulate(kind, scenario, seed)
    return [phase.verb for phase in analyse(data).phases if phase.verb != "wait"]


@pytest.mark.parametrize("kind", ["degrees", "inverted", "bimanual"])
def test_a_stack_is_a_lift_a_move_and_a_lowering(kind: str) -> None:
    assert told(kind, "stack", 1) == ["move", "grasp", "lift", "move", "lower", "release", "retract"]


@pytest.mark.parametrize("kind", ["degrees", "metres", "hand"])
def test_a_failed_grasp_is_reopened_and_tried_again(kind: str) -> None:
    data, _ = simulate(kind, "miss", 0)
    phases = [phase for phase in analyse(data).phases if phase.verb != "wait"]
    assert [phase.verb for phase in phases[:6]] == ["move", "grasp", "reopen", "move", "grasp", "lift"]
    assert [phase.succeeded for phase in phases if phase.verb == "grasp"] == [False, True]


@pytest.mark.parametrize("kind", ["degrees", "metres", "hand"])
def test_a_lift_that_loses_its_object_has_failed(kind: str) -> None:
    data, _ = simulate(kind, "drop", 0)
    phases = analyse(data).phases
    assert [phase.succeeded for phase in phases if phase.verb == "lift"] == [False, True]
    assert sum(phase.verb == "release" for phase in phases) == 1


def test_a_gripper_that_closes_before_the_arm_sets_out_grasps_nothing() -> None:
    data, _ = simulate("degrees", "push", 5)
    assert data.state is not None
    assert data.action is not None
    still = round(1.5 * data.fps)
    shut = 60 * np.clip((np.arange(still + data.frames) / data.fps - 0.4) / 0.5, 0, 1)

    def longer(channels: Channels) -> Channels:
        values = np.vstack((np.repeat(channels.values[:1], still, axis=0), channels.values))
        values[:, -1] = 80 - shut
        return Channels(values.astype(np.float32), channels.names)

    times = (np.arange(still + data.frames) / data.fps).astype(np.float32)
    late = replace(data, timestamps=times, state=longer(data.state), action=longer(data.action))
    verbs = [phase.verb for phase in analyse(late).phases]
    assert "grasp" not in verbs
    assert verbs[-3:] == ["move", "push", "retract"]


def test_a_push_has_no_grasp() -> None:
    for seed in range(3):
        assert told("degrees", "push", seed) == ["move", "push", "retract"]


@pytest.mark.parametrize("scenario", ["pick", "two", "stack", "miss", "drop", "idle", "push"])
def test_phases_fit_the_gold_without_knowing_the_task(scenario: str) -> None:
    scores = []
    for kind in ("degrees", "metres", "inverted", "nameless", "hand", "cartesian"):
        for seed in range(50, 53):
            data, gold = simulate(kind, scenario, seed)
            spans = [
                # Only a task tells whether the last way down is a phase of its own.
                Span(phase.start, phase.end, phase.verb)
                for phase in analyse(data).phases
                if phase.verb != "lower" or scenario == "stack"
            ]
            scores.append(
                (boundary_score(spans, gold, 0.25), segment_score(spans, gold, 0.5, with_verb=True))
            )
    assert pooled(boundaries for boundaries, _ in scores).f1 > 0.95
    assert pooled(segments for _, segments in scores).f1 > 0.9
