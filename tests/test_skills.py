"""Skills are read as others wrote them, numbered once and for all, and written as trainers look them up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from roboscribe.errors import DatasetError
from roboscribe.skills import EpisodeSkills, Skill, SkillBook, read_skills, skill_files


def episode(index: int, *names: str) -> EpisodeSkills:
    """One skill a second."""
    skills = tuple(Skill(name, float(place), float(place + 1)) for place, name in enumerate(names))
    return EpisodeSkills(index, "Tidy up.", skills)


def write(root: Path, book: SkillBook) -> None:
    for relative, data in skill_files(book).items():
        (root / relative).parent.mkdir(parents=True, exist_ok=True)
        (root / relative).write_bytes(data)


def test_names_that_read_the_same_have_one_number() -> None:
    book = SkillBook().with_episodes(
        [episode(0, "pick up the cup", "Pick up  the cup."), episode(1, "PICK UP THE CUP", "wipe")]
    )
    assert book.names == ("pick up the cup", "wipe")
    assert [skill.name for skill in book.episodes[1].skills] == ["pick up the cup", "wipe"]
    assert book.number_of(" wipe! ") == 1
    assert book.number_of("fold") == -1


def test_extending_changes_no_number() -> None:
    book = SkillBook().with_episodes([episode(0, "reach", "grasp"), episode(1, "reach", "wipe")])
    again = book.with_episodes([episode(0, "wipe", "fold"), episode(2, "grasp")])
    assert again.names == ("reach", "grasp", "wipe", "fold")
    assert list(again.episodes) == [0, 1, 2]
    assert again.episodes[1] == book.episodes[1]
    assert [skill.name for skill in again.episodes[0].skills] == ["wipe", "fold"]


def test_numbers_of_frames() -> None:
    book = SkillBook(("wipe",)).with_episodes([episode(4, "reach", "grasp", "reach")])
    times = np.arange(7, dtype=np.float32) / 2
    assert book.numbers(4, times).tolist() == [1, 1, 2, 2, 1, 1, -1]
    assert book.numbers(4, times).dtype == np.int64
    assert book.numbers(5, times).tolist() == [-1] * 7


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    book = SkillBook((), {}, "Tidy the table.").with_episodes(
        [episode(0, "reach", "grasp"), episode(3, "wipe")]
    )
    write(tmp_path, book)
    assert read_skills(tmp_path) == book
    data = json.loads((tmp_path / "meta/skills.json").read_text())
    assert data == {
        "coarse_description": "Tidy the table.",
        "skill_to_subtask_index": {"reach": 0, "grasp": 1, "wipe": 2},
        "episodes": {
            "0": {
                "episode_index": 0,
                "description": "Tidy up.",
                "skills": [
                    {"name": "reach", "start": 0.0, "end": 1.0},
                    {"name": "grasp", "start": 1.0, "end": 2.0},
                ],
            },
            "3": {
                "episode_index": 3,
                "description": "Tidy up.",
                "skills": [{"name": "wipe", "start": 0.0, "end": 1.0}],
            },
        },
    }
    table = pq.read_table(tmp_path / "meta/subtasks.parquet")
    assert table.to_pylist() == [
        {"subtask_index": number, "subtask": name} for number, name in enumerate(["reach", "grasp", "wipe"])
    ]
    assert table.schema.field("subtask_index").type == pa.int64()
    assert json.loads(table.schema.metadata[b"pandas"])["index_columns"] == ["subtask"]
    assert skill_files(book) == skill_files(read_skills(tmp_path) or SkillBook())


def test_files_of_older_scripts(tmp_path: Path) -> None:
    """They number skills as tasks, and may have no table."""
    (tmp_path / "meta").mkdir()
    old = {
        "coarse_description": "tidy",
        "skill_to_task_index": {"grasp": 1, "reach": 0},
        "episodes": {
            "7": {"episode_index": 7, "description": "x", "skills": [{"name": "reach", "start": 0, "end": 2}]}
        },
    }
    (tmp_path / "meta/skills.json").write_text(json.dumps(old))
    book = read_skills(tmp_path)
    assert book is not None
    assert book.names == ("reach", "grasp")
    assert book.episodes[7].skills == (Skill("reach", 0.0, 2.0),)


def test_the_table_has_the_last_word_on_numbers(tmp_path: Path) -> None:
    write(tmp_path, SkillBook().with_episodes([episode(0, "reach", "grasp")]))
    other = pa.table({"subtask_index": [1, 0], "subtask": ["reach", "grasp"]})
    pq.write_table(other, tmp_path / "meta/subtasks.parquet")
    book = read_skills(tmp_path)
    assert book is not None
    assert book.names == ("grasp", "reach")


def test_none_and_damaged_files(tmp_path: Path) -> None:
    assert read_skills(tmp_path) is None
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/skills.json").write_text('{"episodes": [1]}')
    with pytest.raises(DatasetError, match=r"skills\.json is not a file of skills"):
        read_skills(tmp_path)
    (tmp_path / "meta/skills.json").unlink()
    pq.write_table(pa.table({"other": [1]}), tmp_path / "meta/subtasks.parquet")
    with pytest.raises(DatasetError, match=r"subtasks\.parquet has no column 'subtask'"):
        read_skills(tmp_path)
    (tmp_path / "meta/subtasks.parquet").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"subtasks\.parquet cannot be read"):
        read_skills(tmp_path)
