"""How much validation lets pass: errors never, warnings unless --strict, everything with --skip-validation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from make_dataset import make_dataset
from scripted import answers

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.plan import Plan
from roboscribe.asks import Ask, SegmentEpisode
from roboscribe.config import AnnotateSettings, InterjectionsSettings
from roboscribe.dataset import open_dataset
from roboscribe.events import Event, Note, RunFinished
from roboscribe.language import Row
from roboscribe.models.base import Model
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate
from roboscribe.plain import summary
from roboscribe.status import read_status

LONG = "pick up the small round red cup that stands beside the blue one on the table"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", episodes=3, frames=60, cameras=(), tasks=("Lift the cup.",))


def labelled(label: str) -> Callable[[Ask[Any]], Any]:
    """Answers that call the first subtask of episode 1 so."""

    def reply(ask: Ask[Any]) -> Any:
        answer = answers(ask)
        if isinstance(ask, SegmentEpisode) and ask.episode == 1:
            answer["segments"][0]["label"] = label
        return answer

    return reply


def run(root: Path, label: str, **settings: Any) -> tuple[RunFinished, list[Event]]:
    seen: list[Event] = []
    quiet = InterjectionsSettings(most=0)
    wanted = AnnotateSettings(root=root, interjections=quiet, **settings)
    return annotate(wanted, seen.append, ScriptedModel(labelled(label))), seen


def labels(root: Path, episode: int = 1) -> list[str | None]:
    return [row.content for row in open_dataset(root).language_rows(episode) if row.style == "subtask"]


def record(root: Path) -> dict[str, Any]:
    return json.loads((root / "meta/roboscribe.json").read_text())


def test_a_warning_is_written_and_told(dataset: Path) -> None:
    finished, _ = run(dataset, LONG)
    assert (finished.annotated, finished.failed, finished.warnings) == (3, 0, 1)
    assert labels(dataset)[0] == LONG
    assert any("1 warning; `roboscribe validate" in line for line in summary(finished))


def test_strict_leaves_an_episode_with_a_warning_as_it_was(dataset: Path) -> None:
    finished, _ = run(dataset, LONG, strict=True)
    assert (finished.annotated, finished.failed, finished.warnings) == (2, 1, 0)
    assert labels(dataset) == []
    assert labels(dataset, 0) != []
    (failure,) = read_status(AnnotateSettings(root=dataset)).failures
    assert (failure.episode, failure.annotator) == (1, "validate")
    assert "subtask.label" in failure.reason


def test_what_was_strange_before_is_no_new_warning(dataset: Path) -> None:
    run(dataset, LONG)
    finished, _ = run(dataset, LONG, only=("motion",), strict=True)
    assert (finished.annotated, finished.failed, finished.warnings) == (3, 0, 0)


def test_without_validation_everything_is_written_and_that_is_said(dataset: Path) -> None:
    finished, seen = run(dataset, " .", skip_validation=True)
    assert (finished.annotated, finished.failed) == (3, 0)
    assert labels(dataset)[0] == ""
    assert any(isinstance(event, Note) and "VALIDATION IS SKIPPED" in event.text for event in seen)
    assert any("NOT VALIDATED" in line and str(dataset) in line for line in summary(finished))
    assert record(dataset)["not_validated"] == "0-2"


def test_the_record_forgets_what_has_been_validated_since(dataset: Path) -> None:
    run(dataset, "grasp the cup", skip_validation=True)
    run(dataset, "grasp the cup", episodes=("1",))
    assert record(dataset)["not_validated"] == "0 2"
    run(dataset, "grasp the cup")
    assert "not_validated" not in record(dataset)


def test_what_cannot_be_stored_is_refused_even_so(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that lies on no frame would be nowhere; its episode is left, the others are written."""
    plan = Plan.annotate

    async def between_frames(self: Plan, scene: Scene, upstream: Upstream, model: Model) -> Sequence[Row]:
        rows = await plan(self, scene, upstream, model)
        return (
            [replace(row, timestamp=row.timestamp + 0.001) for row in rows]
            if scene.episode.index == 1
            else rows
        )

    monkeypatch.setattr(Plan, "annotate", between_frames)
    finished, _ = run(dataset, "grasp the cup", skip_validation=True)
    assert (finished.annotated, finished.failed) == (2, 1)
    (failure,) = read_status(AnnotateSettings(root=dataset)).failures
    assert "row.timestamp" in failure.reason
