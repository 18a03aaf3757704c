"""A dataset goes in and an annotated one comes out; what holds is reused, what fails stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from make_dataset import make_dataset
from scripted import answers, digests, failing

from roboscribe.asks import Ask, Interject, RephraseTask, SegmentEpisode, UpdateMemory
from roboscribe.cli.app import main
from roboscribe.config import (
    AnnotateSettings,
    InterjectionsSettings,
    MemorySettings,
    PlanSettings,
    SkillsSettings,
    SubtasksSettings,
    TaskAugSettings,
)
from roboscribe.dataset import open_dataset
from roboscribe.errors import AnswerError, RoboscribeError
from roboscribe.events import EpisodeFailed, EpisodeStaged, Event, Note
from roboscribe.hirobot.skills import make_skills
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate
from roboscribe.status import read_status


@pytest.fixture(params=["v2.1", "v3.0"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = tmp_path / "data"
    make_dataset(root, version=request.param, episodes=3, frames=30, cameras=(), tasks=("Lift the cup.",))
    return root


def test_rows_of_every_style_arrive(dataset: Path) -> None:
    finished = annotate(AnnotateSettings(root=dataset), model=ScriptedModel(answers))
    assert (finished.annotated, finished.failed, finished.asks) == (3, 0, 12)
    rows = open_dataset(dataset).language_rows(1)
    found = {
        style: [r.content for r in rows if r.style == style] for style in ("subtask", "memory", "task_aug")
    }
    assert found == {
        "subtask": ["reach for the cup", "lift the cup"],
        "memory": ["I reached for the cup."],
        "task_aug": ["Lift the cup.", "Raise the cup."],
    }
    assert finished.rows == sum(len(open_dataset(dataset).language_rows(i)) for i in range(3))


def test_a_second_run_asks_nothing_and_changes_no_byte(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(answers))
    before = digests(dataset)
    times = {path: path.stat().st_mtime_ns for path in (dataset / "data").rglob("*.parquet")}
    model = ScriptedModel(answers)
    finished = annotate(AnnotateSettings(root=dataset), model=model)
    assert (model.asked, finished.asks, finished.shards_written) == ([], 0, 0)
    assert digests(dataset) == before
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_to_a_folder_and_in_place_give_the_same_data(dataset: Path, tmp_path: Path) -> None:
    source = digests(dataset)
    annotate(AnnotateSettings(root=dataset, output_dir=tmp_path / "out"), model=ScriptedModel(answers))
    assert digests(dataset) == source
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(answers))
    assert digests(tmp_path / "out") == digests(dataset)


def test_one_episode_of_an_annotated_dataset_changes_its_rows_only(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(answers))
    before = [open_dataset(dataset).language_rows(i) for i in range(3)]

    def other(ask: Ask[Any]) -> Any:
        return {"texts": ["Heave the cup."]} if isinstance(ask, RephraseTask) else answers(ask)

    again = ScriptedModel(other, identity="other")
    finished = annotate(AnnotateSettings(root=dataset, episodes=("1",)), model=again)
    after = [open_dataset(dataset).language_rows(i) for i in range(3)]
    assert finished.annotated == 1
    assert {ask.episode for ask in again.asked} == {1}
    assert (after[0], after[2]) == (before[0], before[2])
    assert [r.content for r in after[1] if r.style == "task_aug"] == ["Lift the cup.", "Heave the cup."]


def test_a_failed_annotator_leaves_its_episode_as_it_was_and_is_tried_again(dataset: Path) -> None:
    seen: list[Event] = []
    broken = ScriptedModel(failing(1, UpdateMemory))
    finished = annotate(AnnotateSettings(root=dataset), seen.append, broken)
    assert (finished.annotated, finished.failed) == (2, 1)
    assert [e for e in seen if isinstance(e, EpisodeFailed)] == [
        EpisodeFailed(1, "memory", "The server said no.")
    ]
    data = open_dataset(dataset)
    assert data.language_rows(1) == []
    assert data.language_rows(0) != []
    status = read_status(AnnotateSettings(root=dataset))
    assert [(f.episode, f.annotator, f.reason) for f in status.failures] == [
        (1, "memory", "The server said no.")
    ]
    assert status.annotators["subtasks"].done == 3

    model = ScriptedModel(answers)
    finished = annotate(AnnotateSettings(root=dataset), model=model)
    assert (finished.annotated, finished.failed) == (3, 0)
    assert [type(ask) for ask in model.asked] == [UpdateMemory]
    assert read_status(AnnotateSettings(root=dataset)).failures == []


def test_an_episode_is_written_without_what_failed_once_that_is_turned_off(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(failing(1, UpdateMemory)))
    settings = AnnotateSettings(root=dataset, memory=MemorySettings(enabled=False))
    finished = annotate(settings, model=ScriptedModel(answers))
    assert (finished.annotated, finished.failed, finished.asks) == (3, 0, 0)
    styles = [{row.style for row in open_dataset(dataset).language_rows(episode)} for episode in range(3)]
    assert styles[1] == styles[0] - {"memory"}
    assert "memory" in styles[0], "rows of others stay"
    status = read_status(settings)
    assert (status.failures, status.annotators["memory"].done) == ([], 2)


def test_what_needs_a_failed_annotator_says_so(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(failing(0, SegmentEpisode)))
    reasons = {f.annotator: f.reason for f in read_status(AnnotateSettings(root=dataset)).failures}
    assert reasons == {
        "subtasks": "The server said no.",
        "interjections": "Needs subtasks, which failed.",
        "plan": "Needs subtasks, which failed.",
        "memory": "Needs subtasks, which failed.",
    }


def test_when_every_episode_fails_nothing_is_written(dataset: Path) -> None:
    data = digests(dataset)
    finished = annotate(AnnotateSettings(root=dataset), model=ScriptedModel(lambda ask: AnswerError("No.")))
    assert (finished.annotated, finished.failed) == (0, 3)
    assert {name: d for name, d in digests(dataset).items() if not name.startswith(".annotate")} == data


def test_rows_that_break_a_rule_quarantine_their_episode(dataset: Path) -> None:
    def blank(ask: Ask[Any]) -> Any:
        blank_label = {"segments": [{"start": 0, "end": 9, "label": " ."}]}
        return blank_label if isinstance(ask, SegmentEpisode) and ask.episode == 2 else answers(ask)

    finished = annotate(AnnotateSettings(root=dataset), model=ScriptedModel(blank))
    assert (finished.annotated, finished.failed) == (2, 1)
    (failure,) = read_status(AnnotateSettings(root=dataset)).failures
    assert (failure.episode, failure.annotator) == (2, "validate")
    assert "subtask" in failure.reason
    assert open_dataset(dataset).language_rows(2) == []
    assert open_dataset(dataset).language_rows(1) != []


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"subtasks": SubtasksSettings(min_seconds=0.3)}, {SegmentEpisode, UpdateMemory}),
        ({"task_aug": TaskAugSettings(count=3)}, {RephraseTask}),
        ({"seed": 5}, {SegmentEpisode, RephraseTask, UpdateMemory, Interject}),
        ({"interjections": InterjectionsSettings(most=1)}, {Interject}),
        ({"plan": PlanSettings(enabled=False)}, set()),
    ],
)
def test_a_setting_invalidates_what_depends_on_it_only(
    dataset: Path, change: dict[str, Any], asked: set[type[Ask[Any]]]
) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(answers))
    model = ScriptedModel(answers)
    annotate(AnnotateSettings(root=dataset, **change), model=model)
    # Memory builds on the subtasks' rows: where these stay the same, so does it.
    assert {type(ask) for ask in model.asked} == asked - (
        {UpdateMemory} if "subtasks" in change else set[type[Ask[Any]]]()
    )


def test_changed_subtasks_are_remembered_anew(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(answers))

    def other(ask: Ask[Any]) -> Any:
        reply = answers(ask)
        if isinstance(ask, SegmentEpisode) and ask.episode == 1:
            reply["segments"][0]["label"] = "go to the cup"
        return reply

    model = ScriptedModel(other)
    annotate(AnnotateSettings(root=dataset, subtasks=SubtasksSettings(min_seconds=0.3)), model=model)
    assert [ask.episode for ask in model.asked if isinstance(ask, UpdateMemory)] == [1]
    plans = [row.content for row in open_dataset(dataset).language_rows(1) if row.style == "plan"]
    assert plans[0] == "1. go to the cup\n2. lift the cup"


def test_new_subtasks_under_a_plan_that_is_kept_are_refused(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(answers))
    before = open_dataset(dataset).language_rows(0)

    def other(ask: Ask[Any]) -> Any:
        reply = answers(ask)
        if isinstance(ask, SegmentEpisode):
            reply["segments"][0]["label"] = "go to the cup"
        return reply

    settings = AnnotateSettings(
        root=dataset, plan=PlanSettings(enabled=False), subtasks=SubtasksSettings(min_seconds=0.3)
    )
    finished = annotate(settings, model=ScriptedModel(other))
    assert (finished.annotated, finished.failed) == (0, 3)
    assert all("plan" in failure.reason for failure in read_status(settings).failures)
    assert open_dataset(dataset).language_rows(0) == before


def test_the_record_tells_of_what_is_written_only(dataset: Path) -> None:
    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(failing(1, UpdateMemory)))
    record = json.loads((dataset / "meta/roboscribe.json").read_text())
    assert record["episodes"] == "0 2"
    made = {entry["annotator"]: (entry["episodes"], entry["rows"]) for entry in record["annotators"]}
    assert made == {
        "task_aug": ("0 2", 4),
        "subtasks": ("0 2", 4),
        "interjections": ("0 2", 2),
        "plan": ("0 2", 4),
        "memory": ("0 2", 2),
        "motion": made["motion"],
    }
    assert [(entry["episode"], entry["stage"]) for entry in record["failed"]] == [(1, "memory")]
    annotate(AnnotateSettings(root=dataset, episodes=("1",)), model=ScriptedModel(answers))
    assert json.loads((dataset / "meta/roboscribe.json").read_text())["episodes"] == "0-2"


def test_status_counts_episodes_and_not_the_worst_annotator(dataset: Path) -> None:
    def reply(ask: Ask[Any]) -> Any:
        hopeless = {(0, SegmentEpisode), (1, RephraseTask)}
        return AnswerError("No.") if (ask.episode, type(ask)) in hopeless else answers(ask)

    annotate(AnnotateSettings(root=dataset), model=ScriptedModel(reply))
    assert "1 of 3 episodes complete, 2 failed" in read_status(AnnotateSettings(root=dataset)).headline


def test_plan_and_memory_build_on_stored_subtasks_when_these_are_off(dataset: Path) -> None:
    annotate(
        AnnotateSettings(root=dataset, memory=MemorySettings(enabled=False)), model=ScriptedModel(answers)
    )
    model = ScriptedModel(answers)
    settings = AnnotateSettings(root=dataset, subtasks=SubtasksSettings(enabled=False))
    annotate(settings, model=model)
    assert {type(ask) for ask in model.asked} == {UpdateMemory}
    styles = [row.style for row in open_dataset(dataset).language_rows(0)]
    assert styles.count("subtask") == 2
    assert styles.count("memory") == 1


def test_without_subtasks_anywhere_plan_says_what_to_turn_on(dataset: Path) -> None:
    settings = AnnotateSettings(root=dataset, subtasks=SubtasksSettings(enabled=False))
    finished = annotate(settings, model=ScriptedModel(answers))
    assert finished.failed == 3
    reasons = {f.reason for f in read_status(settings).failures}
    assert all("--subtasks.enabled=true" in reason for reason in reasons)


def test_a_file_that_cannot_be_read_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    root = tmp_path / "data"
    make_dataset(root, version="v2.1", episodes=3, frames=30, cameras=())
    seen: list[Event] = []
    annotate(AnnotateSettings(root=root), model=ScriptedModel(answers))
    (root / "data/chunk-000/episode_000001.parquet").write_bytes(b"PAR1 not any more PAR1")
    with pytest.raises(RoboscribeError, match="episode_000001"):
        annotate(AnnotateSettings(root=root), seen.append, ScriptedModel(answers))
    assert not [e for e in seen if isinstance(e, EpisodeStaged)]


def test_numbers_that_language_columns_replace_are_told_of(dataset: Path) -> None:
    make_skills(SkillsSettings(root=dataset))
    seen: list[Event] = []
    annotate(AnnotateSettings(root=dataset), seen.append)
    notes = [event.text for event in seen if isinstance(event, Note)]
    assert any("subtask_index" in text and "convert --to language" in text for text in notes)
    seen.clear()
    annotate(AnnotateSettings(root=dataset), seen.append)
    assert not any("subtask_index" in event.text for event in seen if isinstance(event, Note))


def test_an_annotator_that_finds_nothing_says_in_how_many_episodes_and_why(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Event] = []
    annotate(AnnotateSettings(root=dataset), seen.append)
    (told,) = [event.text for event in seen if isinstance(event, Note) and "no rows" in event.text]
    assert told.startswith("vqa: no rows in 3 of 3 episodes: no camera shows them")
    assert "--vlm.model-id" in told
    assert main(["status", "--root", str(dataset)]) == 0
    shown = capsys.readouterr().out
    assert told in shown
    assert "task " not in shown, "it had no task to find out"


def test_a_run_says_once_which_tasks_the_builtin_model_cannot_read(tmp_path: Path) -> None:
    tasks = ("Lift the cup.", "把杯子放在桌子上", "Levanta la taza")
    root = make_dataset(tmp_path / "data", episodes=3, frames=30, cameras=(), tasks=tasks)

    def told(model: ScriptedModel | None) -> list[str]:
        seen: list[Event] = []
        annotate(AnnotateSettings(root=root), seen.append, model)
        return [e.text for e in seen if isinstance(e, Note) and "cannot read the task" in e.text]

    (text,) = told(None)
    assert 'of 2 episodes, such as "把杯子放在桌子上"' in text
    assert told(ScriptedModel(answers)) == []
