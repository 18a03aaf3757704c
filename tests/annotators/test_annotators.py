"""Annotators turn answers into the rows of the contract."""

import asyncio

import numpy as np
import pytest

from roboscribe.annotators.base import Annotator, Scene
from roboscribe.annotators.memory import Memory
from roboscribe.annotators.plan import Plan
from roboscribe.annotators.registry import select_annotators
from roboscribe.annotators.subtasks import Subtasks
from roboscribe.annotators.task_aug import TaskAug
from roboscribe.asks import UpdateMemory
from roboscribe.config import (
    AnnotateSettings,
    MemorySettings,
    PlanSettings,
    SubtasksSettings,
    TaskAugSettings,
)
from roboscribe.episode import Episode
from roboscribe.errors import RoboscribeError
from roboscribe.language import Row
from roboscribe.models.scripted import ScriptedModel


def scene(tasks: tuple[str, ...] = ("Put the cup away.",), frames: int = 60) -> Scene:
    timestamps = (np.arange(frames, dtype=np.float32) / np.float32(30)).astype(np.float32)
    return Scene(Episode(4, tasks, 30.0, timestamps, None, None, (), {}), seed=1)


def rows_of(annotator: Annotator, model: ScriptedModel, at: Scene, **upstream: list[Row]) -> list[Row]:
    return asyncio.run(annotator.annotate(at, {"task": [], **upstream}, model))


SUBTASKS = [
    Row("assistant", "move towards the cup", "subtask", 0.0),
    Row("assistant", "grasp the cup", "subtask", float(np.float32(0.5))),
    Row("assistant", "lift the cup", "subtask", float(np.float32(1.0))),
]


def test_subtask_rows_stand_on_exact_frame_times() -> None:
    answer = {
        "segments": [
            {"start": 0.0, "end": 0.52, "label": "Move towards the cup."},
            {"start": 0.52, "end": 9.0, "label": "grasp the cup"},
        ]
    }
    at = scene()
    rows = rows_of(Subtasks(SubtasksSettings(), None), ScriptedModel([answer]), at)
    assert [row.content for row in rows] == ["move towards the cup", "grasp the cup"]
    assert [row.timestamp for row in rows] == [0.0, float(at.episode.timestamps[16])]


def test_the_plan_shrinks_by_one_subtask_at_each_boundary() -> None:
    rows = rows_of(Plan(), ScriptedModel([]), scene(), subtasks=SUBTASKS)
    assert [row.content for row in rows] == [
        "1. move towards the cup\n2. grasp the cup\n3. lift the cup",
        "1. grasp the cup\n2. lift the cup",
        "1. lift the cup",
    ]
    assert [row.timestamp for row in rows] == [row.timestamp for row in SUBTASKS]


def test_memory_is_asked_once_for_all_boundaries_from_the_second_subtask_on() -> None:
    model = ScriptedModel([{"memories": ["I went to the cup.", "I took\nthe cup."]}])
    rows = rows_of(Memory(MemorySettings()), model, scene(), subtasks=SUBTASKS)
    assert [(row.timestamp, row.content) for row in rows] == [
        (SUBTASKS[1].timestamp, "I went to the cup."),
        (SUBTASKS[2].timestamp, "I took the cup."),
    ]
    (ask,) = model.asked
    assert isinstance(ask, UpdateMemory)
    assert ask.boundaries == (1, 2)


def test_a_wrong_number_of_memories_is_a_failure_and_no_row() -> None:
    with pytest.raises(RoboscribeError, match="2 memories are wanted, but 1"):
        rows_of(Memory(MemorySettings()), ScriptedModel([{"memories": ["One."]}]), scene(), subtasks=SUBTASKS)


def test_the_memories_of_a_long_episode_follow_on_one_another() -> None:
    at = scene(frames=80)
    subtasks = [
        Row("assistant", f"open drawer {n}", "subtask", at.episode.time_of(n))
        for n in range(at.episode.frames)
    ]
    model = ScriptedModel(lambda ask: {"memories": [f"I opened {n} drawers." for n in ask.boundaries]})
    rows = rows_of(Memory(MemorySettings()), model, at, subtasks=subtasks)
    assert [row.content for row in rows] == [f"I opened {n} drawers." for n in range(1, 80)]
    asked = [ask for ask in model.asked if isinstance(ask, UpdateMemory)]
    assert [len(ask.boundaries) for ask in asked] == [30, 30, 19]
    assert [ask.previous for ask in asked] == ["", "I opened 30 drawers.", "I opened 60 drawers."]


def test_one_subtask_needs_no_memory_and_no_ask() -> None:
    model = ScriptedModel([])
    assert rows_of(Memory(MemorySettings()), model, scene(), subtasks=SUBTASKS[:1]) == []
    assert model.asked == []


def test_rephrasings_start_with_the_task_and_repeat_nothing() -> None:
    model = ScriptedModel(
        [{"texts": ["put the cup away", "Stow the cup.", "stow the  cup", "Tidy the cup."]}]
    )
    rows = rows_of(TaskAug(TaskAugSettings(count=5)), model, scene())
    assert [row.content for row in rows] == ["Put the cup away.", "Stow the cup.", "Tidy the cup."]
    assert {(row.role, row.timestamp, row.style) for row in rows} == {("user", 0.0, "task_aug")}


def test_no_more_rephrasings_than_wanted() -> None:
    model = ScriptedModel([{"texts": ["Stow the cup.", "Tidy the cup."]}])
    assert len(rows_of(TaskAug(TaskAugSettings(count=1)), model, scene())) == 2


def test_an_episode_without_a_task_has_nothing_to_rephrase() -> None:
    model = ScriptedModel([])
    assert rows_of(TaskAug(TaskAugSettings()), model, scene(tasks=())) == []
    assert model.asked == []


def test_seeds_differ_by_episode_and_purpose_only() -> None:
    one, same = scene(), scene(frames=30)
    assert one.seed_for("memory") == same.seed_for("memory")
    assert one.seed_for("memory") != one.seed_for("segment")


def test_what_is_turned_off_does_not_run_and_all_off_is_refused() -> None:
    off = PlanSettings(enabled=False)
    names = [
        a.name
        for a in select_annotators(AnnotateSettings(repo_id="a/b", plan=off), lambda kind: False).in_order
    ]
    assert names == ["task", "task_aug", "subtasks", "motion", "interjections", "memory"]
