"""Subtasks and dialogue go from language columns to index features and back, and say the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from make_dataset import make_dataset
from written import data_files, digests, stored_rows, why_not_loadable

import roboscribe
from roboscribe.cli.app import main
from roboscribe.config import ConvertSettings
from roboscribe.conversion.convert import convert
from roboscribe.dataset import open_dataset
from roboscribe.dataset.index_features import read_index, write_index_features
from roboscribe.dataset.merge import EpisodeUpdate
from roboscribe.dataset.writer import write_language
from roboscribe.dialogue import DialogueBook, HighLevelTask, dialogue_files, read_dialogue
from roboscribe.errors import DatasetError, RoboscribeError
from roboscribe.events import Event, Note
from roboscribe.language import Row, say
from roboscribe.skills import read_skills

TASK = "Pick up the red cup."
STYLES = frozenset[str | None]({"subtask", "plan", "interjection", "memory", None})


def form(root: Path, to: Any, target: Path | None = None) -> str:
    """Convert; the notes."""
    events: list[Event] = []
    convert(ConvertSettings(root=root, output_dir=target, to=to), events.append)
    return " ".join(event.text for event in events if isinstance(event, Note))


def rows_of(times: list[float]) -> list[Row]:
    """Three subtasks, speech at the start, and a request in the middle of the second."""
    bounds = [times[0], times[4], times[9]]
    names = ["reach for the cup", "grasp the cup", "reach for the cup"]
    rows = [Row("assistant", name, "subtask", time) for name, time in zip(names, bounds, strict=True)]
    for time, first in ((bounds[0], 0), (bounds[1], 1), (times[6], 1), (bounds[2], 2)):
        steps = [f"{number}. {name}" for number, name in enumerate(names[first:], 1)]
        rows.append(Row("assistant", "\n".join(steps), "plan", time))
    rows += [
        say("On it!", times[0]),
        Row("user", "Gently.", "interjection", times[6]),
        say("I will.", times[6]),
    ]
    return rows


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """Every form can say all that it says."""
    root = make_dataset(tmp_path / "annotated", episodes=3, frames=[12, 15, 13], episodes_per_file=2)
    source = open_dataset(root)

    def update(index: int) -> EpisodeUpdate:
        times = [float(time) for time in source.episode(index).timestamps]
        return EpisodeUpdate(rows_of(times), STYLES)

    write_language(source, root, update)
    return root


def test_there_and_back_says_the_same(annotated: Path, tmp_path: Path) -> None:
    before, rows = digests(annotated), stored_rows(annotated)
    index, back, again = tmp_path / "index", tmp_path / "back", tmp_path / "again"
    assert form(annotated, "index-features", index) == ""
    assert form(index, "language", back) == ""
    assert form(back, "index-features", again) == ""
    assert digests(annotated) == before
    assert stored_rows(back) == rows
    assert digests(again) == digests(index)
    assert main(["validate", "--root", str(back), "--strict"]) == 0
    for root in (index, back):
        assert why_not_loadable(root) == ""
    ours, theirs = roboscribe.open_dataset(annotated), roboscribe.open_dataset(index)
    for name in ("subtask", "user_prompt", "robot_utterance"):
        assert [episode.texts(name) for episode in ours] == [episode.texts(name) for episode in theirs]


def test_what_index_features_say(annotated: Path) -> None:
    form(annotated, "index-features")
    dataset = open_dataset(annotated)
    assert not {"language_persistent", "language_events", "tools"} & dataset.info.features.keys()
    numbers = read_index(dataset, 1, "subtask_index")
    assert numbers is not None
    assert numbers.tolist() == [0] * 4 + [1] * 5 + [0] * 6
    exchanges = read_index(dataset, 1, "task_index_high_level")
    assert exchanges is not None
    assert exchanges.tolist() == [0] * 6 + [1] * 9
    book = read_skills(annotated)
    assert book is not None
    assert book.names == ("reach for the cup", "grasp the cup")
    assert [skill.start for skill in book.episodes[0].skills] == pytest.approx([0, 0.4, 0.9])
    assert [skill.end for skill in book.episodes[0].skills] == pytest.approx([0.4, 0.9, 1.2])
    assert book.episodes[2].description == TASK
    assert read_dialogue(annotated) == DialogueBook(
        (
            HighLevelTask(TASK, "On it!", "reach for the cup"),
            HighLevelTask("Gently.", "I will.", "grasp the cup"),
        )
    )


def test_numbers_and_types_survive_the_way_through_language(annotated: Path) -> None:
    """A skill keeps its number and an exchange its types, although language has neither."""
    form(annotated, "index-features")
    named = json.loads((annotated / "meta/skills.json").read_text())
    named["skill_to_subtask_index"] = {"grasp the cup": 0, "fold": 1, "reach for the cup": 2}
    (annotated / "meta/skills.json").write_text(json.dumps(named))
    (annotated / "meta/subtasks.parquet").unlink()
    types = ("Gently.", "I will.", "grasp the cup", "constraint_based", "acknowledgment")
    tasks = (HighLevelTask(TASK, "On it!", "reach for the cup"), HighLevelTask(*types))
    for relative, data in dialogue_files(DialogueBook(tasks)).items():
        (annotated / relative).write_bytes(data)
    swap = np.array([2, 0])
    dataset = open_dataset(annotated)
    old = {index: read_index(dataset, index, "subtask_index") for index in dataset.episode_indices}
    write_index_features(dataset, annotated, {"subtask_index": lambda index: swap[old[index]]})
    before = digests(annotated / "data")
    form(annotated, "language")
    assert "subtask_index" not in open_dataset(annotated).info.features
    form(annotated, "index-features")
    assert digests(annotated / "data") == before
    book = read_skills(annotated)
    assert book is not None
    assert book.names == ("grasp the cup", "fold", "reach for the cup")
    dialogue = read_dialogue(annotated)
    assert dialogue is not None
    assert dialogue.tasks == tasks


def test_nothing_is_lost_in_place(annotated: Path, tmp_path: Path) -> None:
    source = open_dataset(annotated)
    memory = Row("assistant", "I reached.", "memory", float(source.episode(1).timestamps[4]))
    write_language(
        source,
        annotated,
        lambda index: EpisodeUpdate([memory], frozenset({"memory"})) if index == 1 else None,
    )
    before = digests(annotated)
    with pytest.raises(DatasetError, match=r"would be lost: 1 memory\..*--output-dir"):
        form(annotated, "index-features")
    assert digests(annotated) == before
    assert "1 memory" in form(annotated, "index-features", tmp_path / "index")
    assert digests(annotated) == before


def test_frames_without_a_subtask(annotated: Path) -> None:
    form(annotated, "index-features")
    dataset = open_dataset(annotated)
    values = {0: [-1] * 12, 1: [-1] * 3 + [1] * 5 + [-1] * 2 + [0] * 5, 2: [0] * 13}
    write_index_features(dataset, annotated, {"subtask_index": lambda index: np.array(values[index])})
    assert "2 frames without a subtask" in form(annotated, "language")
    rows = stored_rows(annotated)
    told = {index: [(r.timestamp, r.content) for r in rows[index] if r.style == "subtask"] for index in rows}
    assert told[0] == []
    assert told[1] == [(pytest.approx(0.3), "grasp the cup"), (1.0, "reach for the cup")]
    assert told[2] == [(0.0, "reach for the cup")]


def test_skills_without_a_column_are_enough(tmp_path: Path) -> None:
    """As the oldest scripts left them: spans in seconds, off the frames, and no feature."""
    root = make_dataset(tmp_path / "old", version="v2.1", episodes=2, frames=20, kind=None)
    skills = [{"name": "reach", "start": 0.0, "end": 0.73}, {"name": "grasp", "start": 0.73, "end": 2.0}]
    old = {
        "coarse_description": "",
        "skill_to_task_index": {"reach": 0, "grasp": 1},
        "episodes": {"1": {"episode_index": 1, "description": "", "skills": skills}},
    }
    (root / "meta/skills.json").write_text(json.dumps(old))
    form(root, "language")
    rows = stored_rows(root)
    assert rows[0] == []
    assert [(row.timestamp, row.content) for row in rows[1]] == [
        (0.0, "reach"),
        (pytest.approx(0.8), "grasp"),
    ]
    assert why_not_loadable(root) == ""


def test_run_twice_changes_nothing_more(annotated: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    form(annotated, "index-features", index)
    before = digests(index)
    form(annotated, "index-features", index)
    assert digests(index) == before
    back = tmp_path / "back"
    form(index, "language", back)
    before = digests(back)
    form(index, "language", back)
    assert digests(back) == before


def test_nothing_to_convert(tmp_path: Path, annotated: Path) -> None:
    plain = make_dataset(tmp_path / "plain", episodes=1, frames=4, kind=None)
    with pytest.raises(DatasetError, match="has no index features"):
        form(plain, "language")
    with pytest.raises(DatasetError, match="has no language columns"):
        form(plain, "index-features")
    with pytest.raises(RoboscribeError, match="--episodes"):
        convert(ConvertSettings(root=annotated, to="language", episodes=("1",)))


def test_a_number_that_nobody_named(annotated: Path) -> None:
    form(annotated, "index-features")
    (annotated / "meta/tasks_high_level.parquet").unlink()
    with pytest.raises(DatasetError, match=r"tasks_high_level\.parquet, which names its numbers, is missing"):
        form(annotated, "language")
    dataset = open_dataset(annotated)
    write_index_features(
        dataset,
        annotated,
        {"subtask_index": lambda index: np.full(dataset.episode_length(index), 9)},
        drop=("task_index_high_level",),
    )
    before = digests(annotated)
    with pytest.raises(RoboscribeError, match="has the subtask_index 9"):
        form(annotated, "language")
    assert digests(annotated) == before


@pytest.mark.slow
def test_the_shared_dataset_through_the_command(
    so101: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["annotate", "--root", str(so101)]) == 0
    index = tmp_path / "index"
    capsys.readouterr()
    assert main(["convert", "--root", str(so101), "--to=index-features", "--output_dir", str(index)]) == 0
    said = capsys.readouterr().out
    assert "stay behind" in said
    assert "10 episodes as index-features" in said
    ours, theirs = roboscribe.open_dataset(so101), roboscribe.open_dataset(index)
    assert [e.texts("subtask") for e in ours] == [e.texts("subtask") for e in theirs]
    videos = sorted(path.relative_to(so101) for path in so101.rglob("*.mp4"))
    assert all((so101 / video).samefile(index / video) for video in videos)
    assert json.loads((index / "meta/roboscribe.json").read_text())["episodes"] == ""
    back = shutil.copytree(index, tmp_path / "back")
    assert main(["convert", "--root", str(back), "--to", "language"]) == 0
    kept = {"subtask", "plan", "interjection", None}
    rows = {i: [row for row in found if row.style in kept] for i, found in stored_rows(so101).items()}
    said_back = stored_rows(back)
    if not any(row.style == "interjection" for found in rows.values() for row in found):
        rows = {i: [row for row in found if row.style == "subtask"] for i, found in rows.items()}
        said_back = {i: [row for row in found if row.style == "subtask"] for i, found in said_back.items()}
    assert said_back == rows
    assert [pq.ParquetFile(path).num_row_groups for path in data_files(back)] == [10]
