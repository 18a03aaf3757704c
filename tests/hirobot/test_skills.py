"""`roboscribe subtasks`: skills go into files and a feature, names keep their numbers, and nothing is asked twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from imagining import column, model, rows
from make_dataset import make_dataset
from written import digests, why_not_loadable

from roboscribe.asks import Ask, DeriveTask, SegmentEpisode
from roboscribe.cli.app import main
from roboscribe.config import SkillsSettings, VlmSettings
from roboscribe.dataset import open_dataset
from roboscribe.errors import AnswerError, DatasetError, RoboscribeError
from roboscribe.events import EpisodeFailed, Event, Note
from roboscribe.hirobot.skills import make_skills
from roboscribe.skills import read_skills
from roboscribe.status import read_status


@pytest.fixture(params=["v2.1", "v3.0"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_dataset(
        tmp_path / "data", version=request.param, episodes=3, frames=40, kind=None, tasks=("Lift the cup.",)
    )


def segments(*parts: tuple[float, str], end: float = 4.0) -> dict[str, Any]:
    ends = [*(start for start, _ in parts[1:]), end]
    return {
        "segments": [
            {"start": start, "end": stop, "label": label}
            for (start, label), stop in zip(parts, ends, strict=True)
        ]
    }


def plain(ask: Ask[Any]) -> Any:
    assert isinstance(ask, SegmentEpisode)
    return segments((0.0, "reach for the cup"), (2.0, "lift the cup"))


def test_files_and_feature_say_the_same(dataset: Path) -> None:
    finished = make_skills(SkillsSettings(root=dataset), model=model(plain))
    assert (finished.annotated, finished.failed, finished.asks, finished.rows) == (3, 0, 3, 6)
    book = json.loads((dataset / "meta/skills.json").read_text())
    assert book["skill_to_subtask_index"] == {"reach for the cup": 0, "lift the cup": 1}
    assert book["coarse_description"] == "Lift the cup"
    one = book["episodes"]["1"]
    assert (one["episode_index"], one["description"]) == (1, "Lift the cup.")
    assert [skill["name"] for skill in one["skills"]] == ["reach for the cup", "lift the cup"]
    assert one["skills"][0]["start"] == 0.0
    assert one["skills"][0]["end"] == one["skills"][1]["start"]
    assert one["skills"][1]["end"] == pytest.approx(4.0)
    assert rows(dataset / "meta/subtasks.parquet") == [
        {"subtask_index": 0, "subtask": "reach for the cup"},
        {"subtask_index": 1, "subtask": "lift the cup"},
    ]
    boundary = round(one["skills"][1]["start"] * 10)
    assert column(dataset, "subtask_index")[1] == [0] * boundary + [1] * (40 - boundary)
    assert json.loads((dataset / "meta/info.json").read_text())["features"]["subtask_index"] == {
        "dtype": "int64",
        "shape": [1],
        "names": None,
    }
    assert why_not_loadable(dataset) == ""


def test_a_second_run_asks_nothing_and_changes_no_byte(dataset: Path) -> None:
    make_skills(SkillsSettings(root=dataset), model=model(plain))
    before = digests(dataset)
    again = model(plain)
    finished = make_skills(SkillsSettings(root=dataset), model=again)
    assert (again.asked, finished.asks, finished.shards_written) == ([], 0, 0)
    assert digests(dataset) == before


def test_episodes_that_are_not_annotated_have_none_and_later_ones_extend_the_names(dataset: Path) -> None:
    make_skills(SkillsSettings(root=dataset, episodes=("1",)), model=model(plain))
    found = column(dataset, "subtask_index")
    assert set(found[0]) == set(found[2]) == {-1}
    assert set(found[1]) == {0, 1}

    def other(ask: Ask[Any]) -> Any:
        return segments((0.0, "Grab the cup."), (1.5, "Lift  the cup"))

    make_skills(SkillsSettings(root=dataset, episodes=("0", "2")), model=model(other))
    assert column(dataset, "subtask_index")[1] == found[1]
    names = [row["subtask"] for row in rows(dataset / "meta/subtasks.parquet")]
    assert names == ["reach for the cup", "lift the cup", "grab the cup"]
    assert set(column(dataset, "subtask_index")[0]) == {1, 2}
    record = json.loads((dataset / "meta/roboscribe.json").read_text())
    assert {entry["annotator"]: entry["episodes"] for entry in record["annotators"]} == {"skills": "0-2"}


def test_a_number_that_frames_have_without_a_name_is_given_to_no_new_skill(dataset: Path) -> None:
    make_skills(SkillsSettings(root=dataset), model=model(plain))
    (dataset / "meta/skills.json").unlink()
    table = dataset / "meta/subtasks.parquet"
    pq.write_table(pq.read_table(table).slice(0, 1), table)

    make_skills(SkillsSettings(root=dataset, episodes=("0",)), model=model(plain))
    found = column(dataset, "subtask_index")
    assert (set(found[1]), set(found[0])) == ({0, 1}, {0, 2})
    book = read_skills(dataset)
    assert book is not None
    assert [book.name_of(number) for number in range(3)] == ["reach for the cup", None, "lift the cup"]
    assert why_not_loadable(dataset) == ""


def test_to_a_folder_and_in_place_give_the_same(dataset: Path, tmp_path: Path) -> None:
    source = digests(dataset)
    make_skills(SkillsSettings(root=dataset, output_dir=tmp_path / "out"), model=model(plain))
    assert digests(dataset) == source
    make_skills(SkillsSettings(root=dataset), model=model(plain))
    assert digests(tmp_path / "out") == digests(dataset)


def test_an_episode_that_fails_stays_as_it_was_and_is_tried_again(dataset: Path) -> None:
    def broken(ask: Ask[Any]) -> Any:
        return AnswerError("The server said no.") if ask.episode == 1 else plain(ask)

    seen: list[Event] = []
    finished = make_skills(SkillsSettings(root=dataset), seen.append, model(broken))
    assert (finished.annotated, finished.failed) == (2, 1)
    assert [e for e in seen if isinstance(e, EpisodeFailed)] == [
        EpisodeFailed(1, "skills", "The server said no.")
    ]
    assert set(column(dataset, "subtask_index")[1]) == {-1}
    assert "1 failed" in read_status(SkillsSettings(root=dataset)).headline
    healed = model(plain)
    assert make_skills(SkillsSettings(root=dataset), model=healed).failed == 0
    assert {ask.episode for ask in healed.asked} == {1}
    assert "3 of 3 episodes complete" in read_status(SkillsSettings(root=dataset)).headline


def test_status_tells_what_a_dataset_holds_beside_which_nothing_is_staged(dataset: Path) -> None:
    settings = SkillsSettings(root=dataset)
    assert "3 episodes, nothing staged nor written" in read_status(settings).headline
    make_skills(SkillsSettings(root=dataset, episodes=("0", "2")), model=model(plain))
    shutil.rmtree(dataset / ".annotate_staging")
    assert "nothing staged; the dataset holds skills of 2 episodes." in read_status(settings).headline
    (dataset / "meta/roboscribe.json").unlink()
    assert "nothing staged; the dataset holds subtask_index." in read_status(settings).headline


def test_a_skill_without_a_name_is_refused(dataset: Path) -> None:
    finished = make_skills(
        SkillsSettings(root=dataset), model=model(lambda ask: segments((0.0, " ."), (2.0, "lift the cup")))
    )
    assert (finished.annotated, finished.failed) == (0, 3)
    (failure, *_) = read_status(SkillsSettings(root=dataset)).failures
    assert "has no name" in failure.reason


def test_a_derived_task_describes_the_episode(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=2, frames=40, tasks=("task",))

    def reply(ask: Ask[Any]) -> Any:
        match ask:
            case DeriveTask():
                return {"task": "Stack the cups."}
            case SegmentEpisode():
                return plain(ask)
            case _:
                return {"text": "The arm moves."}

    make_skills(SkillsSettings(root=root), model=model(reply, looks=True))
    book = read_skills(root)
    assert book is not None
    assert {one.description for one in book.episodes.values()} == {"Stack the cups."}


def test_numbers_of_another_tool_are_replaced_not_without_saying_so(dataset: Path) -> None:
    make_skills(SkillsSettings(root=dataset), model=model(plain))
    (dataset / "meta/skills.json").unlink()
    seen: list[Event] = []
    make_skills(SkillsSettings(root=dataset, episodes=("0",)), seen.append, model(plain))
    assert any(isinstance(event, Note) and "subtask_index of another tool" in event.text for event in seen)
    seen.clear()
    make_skills(SkillsSettings(root=dataset), seen.append, model(plain))
    assert not any(isinstance(event, Note) for event in seen)


def test_numbers_that_nothing_names_are_refused(dataset: Path) -> None:
    make_skills(SkillsSettings(root=dataset), model=model(plain))
    for name in ("skills.json", "subtasks.parquet"):
        (dataset / "meta" / name).unlink()
    before = digests(dataset)
    with pytest.raises(DatasetError, match=r"meta/subtasks.parquet, which names its numbers, is missing"):
        make_skills(SkillsSettings(root=dataset, episodes=("0",)), model=model(plain))
    assert digests(dataset) == before


def test_annotate_and_subtasks_keep_their_results_apart(dataset: Path) -> None:
    assert main(["annotate", "--root", str(dataset)]) == 0
    assert main(["subtasks", "--root", str(dataset)]) == 0
    assert "subtask_index" in open_dataset(dataset).info.features
    assert open_dataset(dataset).language_rows(0), "the language stays"
    assert main(["validate", "--root", str(dataset)]) == 0
    before = digests(dataset / ".annotate_staging")
    assert main(["annotate", "--root", str(dataset)]) == 0
    assert digests(dataset / ".annotate_staging") == before, "nothing had to be made again"


@pytest.mark.parametrize("name", ["g1", "so101"])
def test_the_shared_datasets(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    source: Path = request.getfixturevalue(name)
    out = tmp_path / "skills"
    assert main(["subtasks", "--data-dir", str(source), "--output-dir", str(out)]) == 0
    book = read_skills(out)
    assert book is not None
    dataset = open_dataset(out)
    for index, numbers in column(out, "subtask_index").items():
        episode = dataset.episode(index)
        spans = book.episodes[index].skills
        assert (spans[0].start, spans[-1].end) == (0.0, pytest.approx(episode.end))
        assert [a.end for a in spans[:-1]] == [b.start for b in spans[1:]]
        assert all(0.89 < span.end - span.start < 3.31 for span in spans)
        assert min(numbers) >= 0
        at = int(np.searchsorted(episode.timestamps, spans[-1].start))
        assert book.names[numbers[at]] == spans[-1].name
    assert why_not_loadable(out) == ""


def test_a_budget_stops_and_the_next_run_goes_on(dataset: Path) -> None:
    with pytest.raises(RoboscribeError, match="--max-calls"):
        make_skills(SkillsSettings(root=dataset, max_calls=0, vlm=VlmSettings(backend="builtin")))


def test_a_camera_that_is_not_there_is_refused(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["subtasks", "--root", str(dataset), "--video-key", "observation.images.nose"]) == 2
    assert "observation.images.nose" in capsys.readouterr().err
