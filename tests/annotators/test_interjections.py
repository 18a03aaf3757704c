"""Interjections: when they are, what is shown and asked for them, which rows come of them, and the plan beside them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from make_dataset import make_dataset
from signals.robots import simulate_both

from roboscribe.annotators.base import Scene
from roboscribe.annotators.interjections import Interjections
from roboscribe.annotators.moments import moments_of
from roboscribe.annotators.plan import Plan
from roboscribe.annotators.view import View
from roboscribe.asks import Ask, Interject
from roboscribe.asks.fit import fault_of_request
from roboscribe.config import FramesSettings, InterjectionsSettings, Scenario
from roboscribe.dataset import open_dataset
from roboscribe.episode import Episode
from roboscribe.errors import AnswerError
from roboscribe.frames import FrameNeeds, FrameStore
from roboscribe.language import Row, say, spoken_text
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.scripted import ScriptedModel

TASK = "Put the cup in the box."
LABELS = (
    "wait",
    "move towards the cup",
    "grasp the cup",
    "lift the cup",
    "move to the box",
    "wait",
    "release the cup into the box",
    "retract",
)
STARTS = (0.0, 1.0, 2.5, 3.5, 5.0, 8.0, 9.0, 11.0)


def scene(frames: int = 400, seed: int = 1) -> Scene:
    times = (np.arange(frames, dtype=np.float32) / np.float32(30)).astype(np.float32)
    return Scene(Episode(4, (TASK,), 30.0, times, None, None, (), {}), seed=seed)


def subtasks(at: Scene) -> list[Row]:
    episode = at.episode
    return [
        Row("assistant", label, "subtask", episode.time_of(episode.frame_at(start)))
        for label, start in zip(LABELS, STARTS, strict=True)
    ]


def rows_of(at: Scene, model: Any, view: View | None = None, **settings: Any) -> list[Row]:
    annotator = Interjections(InterjectionsSettings(**settings), view)
    return asyncio.run(annotator.annotate(at, {"task": [], "subtasks": subtasks(at)}, model))


def polite(ask: Ask[Any]) -> Any:
    """Praise in other words each time."""
    match ask:
        case Interject():
            start = len(ask.said)
            return {
                "opening": "Sure,\nI'll put the cup in the box." if ask.opens else None,
                "interjections": [
                    {"request": f"Well done, that is  good thing number {start + n}.", "speech": "Thanks."}
                    for n in range(len(ask.moments))
                ],
            }
        case _:
            raise AssertionError(ask)


PRAISE: dict[str, Any] = {"scenarios": ("encouragement",)}


def test_the_robot_speaks_at_the_start_and_answers_every_interjection() -> None:
    rows = rows_of(scene(), ScriptedModel(polite), **PRAISE)
    first, *others = rows
    assert first == say("Sure, I'll put the cup in the box.", 0.0)
    requests, answers = others[::2], others[1::2]
    assert len(requests) == len(answers) == 3
    for request, answer in zip(requests, answers, strict=True):
        assert (request.role, request.style, request.camera, request.tool_calls) == (
            "user",
            "interjection",
            None,
            None,
        )
        assert (answer.role, answer.style, answer.content) == ("assistant", None, None)
        assert request.timestamp == answer.timestamp
        assert spoken_text(answer) == "Thanks."
    assert requests[0].content == "Well done, that is good thing number 0."


def test_one_request_serves_an_episode() -> None:
    model = ScriptedModel(polite)
    rows_of(scene(), model, **PRAISE)
    assert [(ask.opens, len(ask.moments)) for ask in model.asked if isinstance(ask, Interject)] == [(True, 3)]


def test_without_interjections_the_robot_only_acknowledges_the_task() -> None:
    model = ScriptedModel(polite)
    assert len(rows_of(scene(), model, most=0)) == 1
    assert [(ask.opens, len(ask.moments)) for ask in model.asked if isinstance(ask, Interject)] == [(True, 0)]


def test_what_the_model_cannot_say_is_left_out() -> None:
    def reply(ask: Ask[Any]) -> Any:
        answer = polite(ask)
        if isinstance(ask, Interject):
            answer["interjections"][1] = None
        return answer

    class Lenient(ScriptedModel):
        async def answer(self, ask: Ask[Any]) -> Any:
            self.asked.append(ask)
            return ask.answer.model_validate(reply(ask))

    rows = rows_of(scene(), Lenient([]), **PRAISE)
    assert len(rows) == 1 + 2 * 2


def test_where_nothing_of_one_kind_fits_another_is_tried_once() -> None:
    class Choosy(ScriptedModel):
        """Finds nothing to say at the second moment, unless ``gives`` is what it is asked for there."""

        gives: Scenario | None = None

        async def answer(self, ask: Ask[Any]) -> Any:
            self.asked.append(ask)
            assert isinstance(ask, Interject)
            answer = polite(ask)
            for number, moment in enumerate(ask.moments):
                if moment.time > 4.0 and number < 2 and moment.scenario != self.gives:
                    answer["interjections"][number] = None
            return ask.answer.model_validate(answer)

    def talk(gives: Scenario | None) -> tuple[list[Row], list[Interject]]:
        model = Choosy([])
        model.gives = gives
        rows = rows_of(scene(), model)
        return rows, [ask for ask in model.asked if isinstance(ask, Interject)]

    rows, (first, second) = talk(None)
    missing = first.moments[1]
    assert [(moment.time, moment.done) for moment in second.moments] == [(missing.time, missing.done)]
    assert second.moments[0].scenario == missing.otherwise != missing.scenario
    assert second.moments[0].otherwise is None
    assert (second.opens, len(second.said)) == (False, 2)
    assert len(rows) == 1 + 2 * 2, "it is dropped after that"
    rows, _ = talk(missing.otherwise)
    requests = [row for row in rows if row.style == "interjection"]
    assert [row.timestamp for row in requests] == [moment.time for moment in first.moments]
    assert rows == talk(missing.otherwise)[0]


def test_a_second_try_that_cannot_be_answered_costs_its_moments_alone() -> None:
    class Falters(ScriptedModel):
        async def answer(self, ask: Ask[Any]) -> Any:
            assert isinstance(ask, Interject)
            if not ask.opens:
                raise AnswerError("The reply was cut off.")
            answer = polite(ask)
            answer["interjections"][0] = None
            return ask.answer.model_validate(answer)

    assert len(rows_of(scene(), Falters([]))) == 1 + 2 * 2


def test_the_arm_that_acts_is_known_by_the_signals_where_labels_name_none() -> None:
    episode, gold = simulate_both(0)
    at = Scene(episode, seed=0)
    told = [
        Row("assistant", label, "subtask", episode.time_of(episode.frame_at(start)))
        for start, label in ((0.0, "grasp the red cup"), (gold[-1].start, "grasp the green cup"))
    ]
    model = ScriptedModel(polite)
    asyncio.run(
        Interjections(InterjectionsSettings(**PRAISE), None).annotate(
            at, {"task": [], "subtasks": told}, model
        )
    )
    (ask,) = model.asked
    assert isinstance(ask, Interject)
    assert ask.arms == ("", "right")
    (now,) = ask.situations
    assert fault_of_request("I'd rather you used your right arm.", "preference", now) == ""
    assert "asks for the left arm" in fault_of_request(
        "I'd rather you used your left arm.", "preference", now
    )


def moments(seed: int = 0, **settings: Any) -> list[Any]:
    return moments_of(TASK, LABELS, STARTS, InterjectionsSettings(**settings), seed)


def test_they_lie_on_boundaries_late_enough_and_apart() -> None:
    for seed in range(50):
        found = moments(seed)
        times = [moment.time for moment in found]
        assert len(found) == 3
        assert times == sorted(times)
        assert all(STARTS[moment.done] == moment.time >= 2.0 for moment in found)
        assert all(later - earlier >= 2.0 for earlier, later in pairwise(times))


def test_waiting_and_drawing_back_come_last() -> None:
    for seed in range(50):
        found = {moment.done for moment in moments(seed)}
        # There is room for three before something is done; of these 2 and 3, and 3 and 4, are too near.
        assert found == {2, 4, 6}
    crowd = {moment.done for seed in range(50) for moment in moments(seed, most=9, min_seconds=1.0)}
    assert crowd == {1, 2, 3, 4, 5, 6, 7}
    few = {moment.done for seed in range(50) for moment in moments(seed, most=1)}
    assert few == {2, 3, 4, 6}


def test_they_are_spread_over_a_long_episode() -> None:
    labels = tuple(f"{verb} the cup" for _ in range(50) for verb in ("grasp", "release"))
    times = [2.5 * at for at in range(100)]
    for seed in range(20):
        found = moments_of(TASK, labels, times, InterjectionsSettings(), seed)
        assert found[0].time < 110
        assert found[-1].time > 140
        assert len(found) == 3
    assert len({moments_of(TASK, labels, times, InterjectionsSettings(), seed)[0] for seed in range(20)}) > 10


def test_there_is_none_between_equal_subtasks() -> None:
    labels = ("grasp the cup", "grasp the cup", "lift the cup")
    found = moments_of(TASK, labels, (0.0, 3.0, 6.0), InterjectionsSettings(), 0)
    assert [moment.done for moment in found] == [2]


def test_scenarios_are_those_wanted_and_as_often() -> None:
    drawn = [m.scenario for seed in range(300) for m in moments(seed)]
    assert set(drawn) == set(get_args(Scenario))
    mix: tuple[Scenario, ...] = ("preference", "preference", "preference", "encouragement")
    drawn = [m.scenario for seed in range(300) for m in moments(seed, scenarios=mix)]
    assert set(drawn) == {"preference", "encouragement"}
    assert 0.65 < drawn.count("preference") / len(drawn) < 0.85


def test_a_scenario_that_cannot_hold_is_not_drawn() -> None:
    labels = ("wait", "gripper closing", "whisk it well")
    times = (0.0, 3.0, 6.0)
    assert moments_of("", labels, times, InterjectionsSettings(scenarios=("negative_task",)), 0) == []
    found = moments_of("", labels, times, InterjectionsSettings(), 0)
    assert found[0].scenario == "encouragement"


@given(
    st.lists(st.sampled_from(LABELS), min_size=1, max_size=20),
    st.integers(0, 6),
    st.floats(0, 5),
    st.integers(0, 2**32 - 1),
)
def test_moments_keep_the_rules(labels: list[str], most: int, least: float, seed: int) -> None:
    times = [1.3 * at for at in range(len(labels))]
    settings = InterjectionsSettings(most=most, min_seconds=least)
    found = moments_of(TASK, labels, times, settings, seed)
    assert len(found) <= most
    assert all(moment.time >= least - 1e-3 and moment.done >= 1 for moment in found)
    assert all(b.time - a.time >= least - 1e-3 for a, b in pairwise(found))
    assert all(labels[moment.done] != labels[moment.done - 1] for moment in found)
    assert found == moments_of(TASK, labels, times, settings, seed)


def film(tmp_path: Path) -> Episode:
    root = make_dataset(tmp_path / "data", episodes=1, frames=130, fps=10, size=(320, 240), tasks=(TASK,))
    return open_dataset(root).episode(0)


def test_a_model_that_looks_is_shown_frames_before_and_after_from_one_pass(tmp_path: Path) -> None:
    episode = film(tmp_path)
    view = View(FramesSettings())
    store = FrameStore()
    annotator = Interjections(InterjectionsSettings(**PRAISE), view)
    model = ScriptedModel(polite, looks=True)
    with store.episode(episode, annotator.needs(episode)) as frames:
        at = Scene(episode, seed=1, frames=frames)
        asyncio.run(annotator.annotate(at, {"task": [], "subtasks": subtasks(at)}, model))
        ask = next(ask for ask in model.asked if isinstance(ask, Interject))
        for moment in ask.moments:
            assert moment.sheets is not None
            shown = [episode.time_of(index) for index in moment.sheets.indices]
            assert sum(time < moment.time for time in shown) == 3
            assert shown[3] - moment.time < 0.5
            assert all(abs(time - moment.time) <= 1.5 for time in shown)
        parts = list(ask.look())
    captions = [part for part in parts if isinstance(part, str)]
    assert captions == [f"Around moment {n}, at {m.time:.1f} s:" for n, m in enumerate(ask.moments, 1)]
    assert len(parts) == 2 * len(captions), "one sheet for each moment"
    assert (store.counts.passes, store.counts.repeats) == (1, 0)


def test_no_frame_is_needed_where_nobody_looks_or_speaks(tmp_path: Path) -> None:
    episode = film(tmp_path)
    assert Interjections(InterjectionsSettings(), None).needs(episode) == FrameNeeds()
    assert Interjections(InterjectionsSettings(most=0), View(FramesSettings())).needs(episode) == FrameNeeds()


def test_more_frames_than_one_request_takes_go_in_several_that_know_of_each_other(tmp_path: Path) -> None:
    episode = film(tmp_path)
    model = ScriptedModel(polite, looks=True)
    annotator = Interjections(InterjectionsSettings(**PRAISE), View(FramesSettings(per_ask=12)))
    with FrameStore().episode(episode, annotator.needs(episode)) as frames:
        at = Scene(episode, seed=1, frames=frames)
        rows = asyncio.run(annotator.annotate(at, {"task": [], "subtasks": subtasks(at)}, model))
    asks = [ask for ask in model.asked if isinstance(ask, Interject)]
    assert [len(ask.moments) for ask in asks] == [2, 1]
    assert [len(ask.said) for ask in asks] == [0, 2]
    assert len({row.content for row in rows if row.style == "interjection"}) == 3


def test_the_builtin_model_speaks_too() -> None:
    rows = rows_of(scene(), BuiltinModel())
    assert spoken_text(rows[0]) is not None
    assert "put the cup in the box" in (spoken_text(rows[0]) or "")
    assert len(rows) == 7
    assert rows == rows_of(scene(), BuiltinModel())
    assert rows != rows_of(scene(seed=2), BuiltinModel())


def plans(at: Scene, asked: list[Row]) -> list[tuple[float, str]]:
    rows = asyncio.run(
        Plan().annotate(at, {"subtasks": subtasks(at), "interjections": asked}, ScriptedModel([]))
    )
    return [(row.timestamp, (row.content or "").split("\n")[0]) for row in rows]


def test_at_a_boundary_one_plan_does_for_subtask_and_interjection() -> None:
    at = scene()
    interjections = rows_of(at, ScriptedModel(polite), **PRAISE)
    assert plans(at, interjections) == plans(at, [])


def test_an_interjection_of_another_tool_gets_a_plan_where_it_lies() -> None:
    at = scene()
    time = at.episode.time_of(at.episode.frame_at(4.0))
    asked = [Row("user", "Not so fast.", "interjection", time), say("Okay.", time), say("Hm.", time + 0.5)]
    added = set(plans(at, asked)) - set(plans(at, []))
    assert added == {(time, "1. lift the cup")}
