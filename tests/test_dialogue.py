"""Exchanges are numbered once and for all, and written as trainers look them up."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from roboscribe.dialogue import DialogueBook, HighLevelTask, dialogue_files, read_dialogue
from roboscribe.errors import DatasetError

BOOK = DialogueBook(
    (
        HighLevelTask("The cup, please.", "Okay.", "grasp", "specific_object", "confirmation"),
        HighLevelTask("Not that one.", "Which one?", "reach", "situated_correction", "clarification"),
    )
)


def write(root: Path, book: DialogueBook) -> None:
    (root / "meta").mkdir(exist_ok=True)
    for relative, data in dialogue_files(book).items():
        (root / relative).write_bytes(data)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert read_dialogue(tmp_path) is None
    write(tmp_path, BOOK)
    assert read_dialogue(tmp_path) == BOOK
    table = pq.read_table(tmp_path / "meta/tasks_high_level.parquet")
    assert table.column_names == [
        "task_index",
        "user_prompt",
        "robot_utterance",
        "skill",
        "scenario_type",
        "response_type",
        "task",
    ]
    assert table["task"].to_pylist() == ["The cup, please. | Okay.", "Not that one. | Which one?"]
    assert table["task_index"].to_pylist() == [0, 1]
    assert json.loads(table.schema.metadata[b"pandas"])["index_columns"] == ["task"]


def test_extending_changes_no_number() -> None:
    known = HighLevelTask("The cup, please.", "Okay.", "grasp")
    elsewhere = HighLevelTask("The cup, please.", "Okay.", "lift")
    otherwise = HighLevelTask("The cup, please.", "Okay.", "grasp", "implicit_request", "confirmation")
    book = BOOK.with_tasks([known, elsewhere, elsewhere, otherwise, BOOK.tasks[0]])
    assert book.tasks[:2] == BOOK.tasks
    assert book.tasks[2:] == (elsewhere, otherwise)
    assert [book.number_of(task) for task in (known, elsewhere, otherwise)] == [0, 2, 3]
    assert book.number_of(HighLevelTask("The cup, please.", "Okay.")) == 0
    assert book.number_of(HighLevelTask("Fold it.", "Okay.")) == -1
    assert book.task_of(-1) is None
    assert book.task_of(4) is None


def test_tables_of_others(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    path = tmp_path / "meta/tasks_high_level.parquet"
    pq.write_table(pa.table({"user_prompt": ["a"], "robot_utterance": ["b"]}), path)
    assert read_dialogue(tmp_path) == DialogueBook((HighLevelTask("a", "b"),))
    pq.write_table(pa.table({"task_index": [0]}), path)
    with pytest.raises(DatasetError, match="no column 'user_prompt'"):
        read_dialogue(tmp_path)
