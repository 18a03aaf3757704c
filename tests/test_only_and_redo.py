"""`--only` makes the rows it names, `--redo` makes them anew; what builds on them follows, all else stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fake_openai_server import FakeServer
from make_dataset import make_dataset
from scripted import answers, digests, failing

from roboscribe.asks import Ask, RephraseTask, SegmentEpisode, UpdateMemory
from roboscribe.config import AnnotateSettings, InterjectionsSettings, VlmSettings
from roboscribe.dataset import open_dataset
from roboscribe.executors.jobs import write_staged
from roboscribe.language import Row
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate
from roboscribe.status import read_status
from roboscribe.validation import check_dataset

QUIET = InterjectionsSettings(most=0)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", episodes=3, frames=60, cameras=(), tasks=("Lift the cup.",))


@pytest.fixture
def annotated(dataset: Path) -> Path:
    """The dataset, with rows of every annotator."""
    annotate(AnnotateSettings(root=dataset, interjections=QUIET), model=ScriptedModel(answers))
    return dataset


def other_labels(ask: Ask[Any]) -> Any:
    """Answers that name the first subtask otherwise."""
    reply = answers(ask)
    if isinstance(ask, SegmentEpisode):
        reply["segments"][0]["label"] = "go to the cup"
    return reply


def other_memories(ask: Ask[Any]) -> Any:
    """Answers that remember otherwise."""
    if isinstance(ask, UpdateMemory):
        return {"memories": ["I went to the cup."] * len(ask.boundaries)}
    return answers(ask)


def run(root: Path, reply: Any = answers, **settings: Any) -> list[type[Ask[Any]]]:
    """Annotate, all episodes of which must succeed; the kinds of ask that were put, each once, by name."""
    model = ScriptedModel(reply)
    finished = annotate(AnnotateSettings(root=root, interjections=QUIET, **settings), model=model)
    assert (finished.annotated, finished.failed) == (3, 0), read_status(AnnotateSettings(root=root)).failures
    return sorted({type(ask) for ask in model.asked}, key=lambda kind: kind.__name__)


def rows(root: Path, *styles: str) -> list[list[Row]]:
    """Rows of some styles, by episode; of all styles when none is named."""
    data = open_dataset(root)
    return [
        [row for row in data.language_rows(index) if not styles or row.style in styles] for index in range(3)
    ]


def errors(root: Path) -> list[str]:
    return [finding.message for finding in check_dataset(open_dataset(root)) if finding.severity == "error"]


def made(root: Path) -> dict[str, str]:
    """Annotators in the run record, with their episodes."""
    record = json.loads((root / "meta/roboscribe.json").read_text())
    return {entry["annotator"]: entry["episodes"] for entry in record["annotators"]}


def test_only_makes_and_writes_what_it_names(dataset: Path) -> None:
    assert run(dataset, only=("motion,task-aug",)) == [RephraseTask]
    assert {row.style for found in rows(dataset) for row in found} == {"motion", "task_aug"}
    assert made(dataset) == {"motion": "0-2", "task_aug": "0-2"}
    assert errors(dataset) == []


def test_what_it_builds_on_is_made_where_it_is_nowhere_and_kept_for_later(dataset: Path) -> None:
    assert run(dataset, only=("memory",)) == [SegmentEpisode, UpdateMemory]
    assert {row.style for found in rows(dataset) for row in found} == {"memory"}
    assert made(dataset) == {"memory": "0-2"}
    assert errors(dataset) == []
    later = run(dataset)
    assert SegmentEpisode not in later
    assert UpdateMemory not in later


def test_after_a_full_run_only_asks_nothing_and_changes_no_byte(annotated: Path) -> None:
    before = digests(annotated)
    assert run(annotated, only=("memory", "plan")) == []
    assert digests(annotated) == before


def test_without_staging_the_datasets_own_rows_are_built_on(annotated: Path) -> None:
    before = rows(annotated)
    shutil.rmtree(annotated / ".annotate_staging")
    assert run(annotated, other_labels, only=("memory",)) == [UpdateMemory]
    assert rows(annotated) == before
    # The subtasks come out as they were, so the memory made from the dataset's rows holds for them.
    later = run(annotated)
    assert SegmentEpisode in later
    assert UpdateMemory not in later


def test_what_builds_on_changed_rows_follows(annotated: Path) -> None:
    before = rows(annotated, "task_aug", "motion")
    shutil.rmtree(annotated / ".annotate_staging")
    asked = run(annotated, other_labels, only=("subtasks",))
    assert {SegmentEpisode, UpdateMemory} <= set(asked)
    assert RephraseTask not in asked
    assert rows(annotated, "plan")[1][0].content == "1. go to the cup\n2. lift the cup"
    assert rows(annotated, "task_aug", "motion") == before
    assert errors(annotated) == []


def test_rows_that_come_out_as_they_were_have_no_followers(annotated: Path) -> None:
    before = digests(annotated / "data")
    shutil.rmtree(annotated / ".annotate_staging")
    assert run(annotated, only=("subtasks",)) == [SegmentEpisode]
    assert digests(annotated / "data") == before


def test_nothing_follows_where_there_are_no_rows_of_it(dataset: Path) -> None:
    run(dataset, only=("subtasks",))
    assert run(dataset, other_labels, redo=("subtasks",)) == [SegmentEpisode]
    assert {row.style for found in rows(dataset) for row in found} == {"subtask"}


def test_redo_makes_one_anew_and_leaves_the_others(annotated: Path) -> None:
    before = rows(annotated, "subtask", "plan", "task_aug", "motion")
    assert run(annotated, other_memories, redo=("memory",)) == [UpdateMemory]
    assert {row.content for row in rows(annotated, "memory")[2]} == {"I went to the cup."}
    assert rows(annotated, "subtask", "plan", "task_aug", "motion") == before
    assert made(annotated).keys() >= {"subtasks", "plan", "task_aug", "motion", "memory"}
    # The new result holds from now on.
    assert run(annotated) == []
    assert {row.content for row in rows(annotated, "memory")[2]} == {"I went to the cup."}


def test_what_builds_on_a_redone_result_follows(annotated: Path) -> None:
    asked = run(annotated, other_labels, redo=("subtasks",))
    assert {SegmentEpisode, UpdateMemory} <= set(asked)
    assert RephraseTask not in asked
    assert rows(annotated, "plan")[0][0].content == "1. go to the cup\n2. lift the cup"
    assert errors(annotated) == []


def test_redo_of_some_episodes_leaves_the_others(annotated: Path) -> None:
    before = rows(annotated)
    model = ScriptedModel(other_memories)
    annotate(AnnotateSettings(root=annotated, redo=("memory",), episodes=("1",)), model=model)
    assert {ask.episode for ask in model.asked} == {1}
    after = rows(annotated)
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] != before[1]


def test_a_redo_that_fails_leaves_the_rows_and_says_why(annotated: Path) -> None:
    before = rows(annotated)
    settings = AnnotateSettings(root=annotated, redo=("memory",))
    finished = annotate(settings, model=ScriptedModel(failing(1, UpdateMemory)))
    assert (finished.annotated, finished.failed) == (2, 1)
    assert rows(annotated) == before
    (failure,) = read_status(settings).failures
    assert (failure.episode, failure.annotator, failure.reason) == (1, "memory", "The server said no.")
    assert made(annotated)["memory"] == "0-2"


def test_the_record_tells_two_ways_apart(annotated: Path) -> None:
    def counted() -> list[tuple[str, str, int]]:
        record = json.loads((annotated / "meta/roboscribe.json").read_text())
        entries = (entry for entry in record["annotators"] if entry["annotator"] == "memory")
        return [(entry["model"], entry["episodes"], entry["rows"]) for entry in entries]

    assert counted() == [("scripted", "0-2", 3)]
    settings = AnnotateSettings(root=annotated, only=("memory",), episodes=("1",))
    annotate(settings, model=ScriptedModel(other_memories, identity="another"))
    assert counted() == [("another", "1", 1), ("scripted", "0 2", 2)]
    annotate(AnnotateSettings(root=annotated, only=("memory",)), model=ScriptedModel(answers, "another"))
    assert counted() == [("another", "0-2", 3)]
    record = json.loads((annotated / "meta/roboscribe.json").read_text())
    each = {entry["annotator"]: entry["rows_per_episode"] for entry in record["annotators"]}
    assert each["memory"] == {"1": "0-2"}


def test_redo_asks_the_server_again_though_the_cache_has_the_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = make_dataset(tmp_path / "seen", episodes=2, frames=40, cameras=("observation.images.top",))
    only = ("subtasks", "task_aug")
    with FakeServer() as server:
        vlm = VlmSettings(api_base=(server.url,), model_id="fake-vlm")
        annotate(AnnotateSettings(root=root, vlm=vlm, only=only))
        first = [request.body for request in server.asked]
        shutil.rmtree(root / ".annotate_staging")
        annotate(AnnotateSettings(root=root, vlm=vlm, only=only))
        assert len(server.asked) == len(first)
        annotate(AnnotateSettings(root=root, vlm=vlm, redo=("task_aug",)))
        again = [request.body for request in server.asked[len(first) :]]
    assert len(again) == 2
    assert all(body in first for body in again)


def test_tasks_of_a_cluster_make_anew_and_the_last_job_writes_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job that writes asks nobody, so what was to be made anew must hold for it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = make_dataset(tmp_path / "seen", episodes=2, frames=40, cameras=("observation.images.top",))
    with FakeServer() as server:
        vlm = VlmSettings(api_base=(server.url,), model_id="fake-vlm")
        annotate(AnnotateSettings(root=root, vlm=vlm, only=("subtasks", "plan", "task_aug")))
        before = len(server.asked)
        settings = AnnotateSettings(root=root, vlm=vlm, redo=("task_aug",))
        annotate(settings, write=False)
        assert len(server.asked) == before + 2
        finished = write_staged(settings)
        assert len(server.asked) == before + 2
    assert (finished.annotated, finished.failed) == (2, 0)
