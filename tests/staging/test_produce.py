"""Which annotators of an episode are made, served from the dataset, left alone or brought after."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roboscribe.annotators.base import Blind, Scene, Upstream
from roboscribe.annotators.selection import Selection
from roboscribe.asks import Ask
from roboscribe.episode import Episode
from roboscribe.errors import RoboscribeError, RunStopped
from roboscribe.language import Row, say
from roboscribe.models.base import Model
from roboscribe.models.scripted import ScriptedModel
from roboscribe.staging import Staging
from roboscribe.staging.produce import Produced, produce

TIMES = (np.arange(30, dtype=np.float32) / np.float32(30)).astype(np.float32)
EPISODE = Episode(0, ("Lift the cup.",), 30.0, TIMES, None, None, (), {})


@dataclass
class Stub(Blind):
    """Makes its rows of what it is given, and notes down what that was."""

    name: str
    styles: frozenset[str | None]
    requires: tuple[str, ...] = ()
    accompanies: tuple[str, ...] = ()
    reads_signals: bool = False
    why_none: str = ""
    text: str = "one"
    error: Exception | None = None
    version: int = 1
    asks: tuple[type[Ask[Any]], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    given: list[dict[str, list[str]]] = field(default_factory=list[dict[str, list[str]]])

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        self.given.append({name: [row.content or "" for row in rows] for name, rows in upstream.items()})
        if self.error:
            raise self.error
        return [Row("assistant", self.text, style, 0.0) for style in self.styles]


def stubs() -> dict[str, Stub]:
    """Annotators that build on each other like those of a real run, in working order."""
    made = (
        Stub("subtasks", frozenset({"subtask"})),
        Stub("interjections", frozenset({"interjection"}), requires=("subtasks",)),
        Stub("plan", frozenset({"plan"}), requires=("subtasks",), accompanies=("interjections",)),
        Stub("memory", frozenset({"memory"}), requires=("subtasks",)),
        Stub("vqa", frozenset({"vqa"})),
    )
    return {stub.name: stub for stub in made}


def row(style: str, text: str = "one") -> Row:
    return Row("assistant", text, style, 0.0)


def run(
    root: Path,
    annotators: dict[str, Stub],
    only: Sequence[str] = (),
    redo: Sequence[str] = (),
    off: Sequence[str] = (),
    stored: Sequence[Row] = (),
) -> Produced:
    choices = [(stub.name not in off, stub) for stub in annotators.values()]
    selection = Selection.of(choices, only, redo)
    scene = Scene(EPISODE, 0)
    return asyncio.run(produce(scene, selection, ScriptedModel([]), Staging(root), stored))


def ran(annotators: dict[str, Stub]) -> set[str]:
    return {name for name, stub in annotators.items() if stub.given}


def test_what_goes_with_new_rows_is_made_also_where_there_was_none(tmp_path: Path) -> None:
    annotators = stubs()
    produced = run(tmp_path, annotators, only=("interjections",), stored=[row("subtask")])
    assert produced.written == ("interjections", "plan")
    assert annotators["plan"].given == [{"subtasks": ["one"], "interjections": ["one"]}]
    assert ran(annotators) == {"interjections", "plan"}


def test_what_would_go_with_them_stays_off_when_turned_off(tmp_path: Path) -> None:
    annotators = stubs()
    produced = run(tmp_path, annotators, only=("interjections",), off=("plan",), stored=[row("subtask")])
    assert produced.written == ("interjections",)


def test_what_is_gone_with_is_heeded_where_it_is_and_never_made_for_that(tmp_path: Path) -> None:
    annotators = stubs()
    run(tmp_path / "none", annotators, only=("plan",), stored=[row("subtask")])
    stored = [row("subtask"), row("interjection", "stop")]
    run(tmp_path / "some", annotators, only=("plan",), stored=stored)
    assert annotators["plan"].given == [
        {"subtasks": ["one"], "interjections": []},
        {"subtasks": ["one"], "interjections": ["stop"]},
    ]
    assert ran(annotators) == {"plan"}


def test_a_change_runs_through_all_that_build_on_it(tmp_path: Path) -> None:
    stored = [row(style) for style in ("subtask", "interjection", "plan", "memory", "vqa")]
    annotators = stubs()
    annotators["subtasks"].text = "two"
    produced = run(tmp_path / "new", annotators, only=("subtasks",), stored=stored)
    assert produced.written == ("subtasks", "interjections", "plan", "memory")
    produced = run(tmp_path / "same", stubs(), only=("subtasks",), stored=stored)
    assert produced.written == ("subtasks",)


def test_only_takes_one_that_is_turned_off(tmp_path: Path) -> None:
    annotators = stubs()
    produced = run(tmp_path, annotators, only=("vqa",), off=("vqa",))
    assert (produced.written, produced.made) == (("vqa",), ("vqa",))


def test_rows_of_the_dataset_come_before_staged_ones(tmp_path: Path) -> None:
    """The new rows stand beside the dataset's, so these are what they must fit."""
    run(tmp_path, stubs())
    annotators = stubs()
    produced = run(tmp_path, annotators, redo=("memory",), stored=[row("subtask", "edited")])
    assert annotators["memory"].given == [{"subtasks": ["edited"]}]
    assert produced.written == ("memory",)


def test_equal_rows_give_equal_results_wherever_they_come_from(tmp_path: Path) -> None:
    both = [say("Yes.", 0.0), Row("user", "Stop!", "interjection", 0.0)]

    class Talk(Stub):
        async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
            return both[::-1]

    talk = Talk("talk", frozenset({"interjection", None}))
    after = Stub("after", frozenset({"memory"}), requires=("talk",))
    run(tmp_path, {"talk": talk, "after": after})
    produced = run(tmp_path, {"talk": talk, "after": after}, only=("after",), stored=both)
    assert produced.made == ()


def test_what_is_required_and_failed_is_named(tmp_path: Path) -> None:
    annotators = stubs()
    annotators["subtasks"].error = RoboscribeError("The server said no.")
    produced = run(tmp_path, annotators, only=("plan", "vqa"))
    assert {name: record.error for name, record in produced.records.items()} == {
        "subtasks": "The server said no.",
        "plan": "Needs subtasks, which failed.",
        "vqa": None,
    }


def test_a_run_that_stops_keeps_what_was_finished(tmp_path: Path) -> None:
    annotators = stubs()
    annotators["subtasks"].error = RunStopped("The budget is spent.")
    with pytest.raises(RunStopped):
        run(tmp_path, annotators)
    staged = dict(Staging(tmp_path).records(0))
    assert staged.keys() == {"vqa"}
    assert staged["vqa"].done
