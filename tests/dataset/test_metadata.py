"""Episode and task tables in their several forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import write_lines, write_tasks_parquet

from roboscribe.dataset.metadata import read_episodes, read_tasks
from roboscribe.errors import DatasetError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "meta").mkdir()
    return tmp_path


def write_episodes(root: Path, columns: dict[str, Any], file: int = 0) -> Path:
    path = root / f"meta/episodes/chunk-000/file-{file:03d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_lines_come_out_in_order_of_the_index(root: Path) -> None:
    lines = [
        {"episode_index": 7, "length": 5, "tasks": ["b", "c"]},
        {"episode_index": 2, "length": 3, "tasks": "a"},
    ]
    write_lines(root / "meta/episodes.jsonl", lines)
    table = read_episodes(root, "v2.1")
    assert table.indices.tolist() == [2, 7]
    assert table.lengths.tolist() == [3, 5]
    assert table.tasks == (("a",), ("b", "c"))


def test_parquet_of_several_files_without_statistics(root: Path) -> None:
    for file, episodes in enumerate([[0, 1], [2]]):
        count = len(episodes)
        columns = {
            "episode_index": episodes,
            "length": [4] * count,
            "tasks": [["a"]] * count,
            "data/file_index": [file] * count,
            "videos/top/from_timestamp": [0.5] * count,
            "stats/action/mean": [[0.0]] * count,
        }
        write_episodes(root, columns, file)
    table = read_episodes(root, "v3.0")
    assert table.indices.tolist() == [0, 1, 2]
    assert table.places["data/file_index"].tolist() == [0, 0, 1]
    assert table.places["videos/top/from_timestamp"].tolist() == [0.5] * 3
    assert not any(name.startswith("stats/") for name in table.places)


def test_statistics_are_not_even_read(root: Path) -> None:
    """The bytes of a statistics column may be anything."""
    numbers = np.random.default_rng(0).random(5000)
    columns = {"episode_index": np.arange(5000), "length": np.ones(5000, int), "stats/action/mean": numbers}
    path = write_episodes(root, columns)
    statistics = pq.read_metadata(path).row_group(0).column(2)
    with path.open("r+b") as file:
        file.seek(statistics.dictionary_page_offset or statistics.data_page_offset)
        file.write(b"\xff" * 1000)
    with pytest.raises((pa.ArrowException, OSError)):
        pq.read_table(path)
    assert len(read_episodes(root, "v3.0").indices) == 5000


def test_nulls_tell_that_there_is_no_file(root: Path) -> None:
    column = pa.array([0.0, None])
    write_episodes(root, {"episode_index": [0, 1], "length": [4, 4], "videos/top/from_timestamp": column})
    places = read_episodes(root, "v3.0").places["videos/top/from_timestamp"]
    assert places[0] == 0
    assert np.isnan(places[1])


def test_the_form_that_is_there_is_read_whatever_the_version(root: Path) -> None:
    write_episodes(root, {"episode_index": [0], "length": [4]})
    assert read_episodes(root, "v2.1").indices.tolist() == [0]
    write_lines(root / "meta/episodes.jsonl", [{"episode_index": 5, "length": 4}])
    assert read_episodes(root, "v2.1").indices.tolist() == [5]
    assert read_episodes(root, "v3.0").indices.tolist() == [0]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"episode_index": 0}\n', r"episodes.jsonl, line 1: length is missing"),
        ('{"episode_index": 0, "length": 3}\n[]\n', "line 2 is not a JSON object"),
        ('{"episode_index": 0, "length": 3}\n{"episode', r"meta/episodes.jsonl cannot be read"),
        ('{"episode_index": 4, "length": 3}\n' * 2, r"meta/episodes.jsonl lists episode 4 twice"),
        ('{"episode_index": 0, "length": 0}\n', "gives episode 0 no frames"),
        ("", "lists no episode"),
    ],
)
def test_broken_lines(root: Path, lines: str, message: str) -> None:
    (root / "meta/episodes.jsonl").write_text(lines)
    with pytest.raises(DatasetError, match=message):
        read_episodes(root, "v2.1")


def test_broken_parquet(root: Path) -> None:
    path = write_episodes(root, {"episode_index": [0]})
    with pytest.raises(DatasetError, match="lacks the column 'length'"):
        read_episodes(root, "v3.0")
    path.write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"meta/episodes/chunk-000/file-000.parquet cannot be read"):
        read_episodes(root, "v3.0")


@pytest.mark.parametrize(
    ("version", "name"), [("v2.0", r"meta/episodes.jsonl"), ("v3.0", r"meta/episodes/\*/\*.parquet")]
)
def test_no_episode_table(root: Path, version: str, name: str) -> None:
    with pytest.raises(DatasetError, match=f"{name} is missing"):
        read_episodes(root, version)


@pytest.mark.parametrize("column", ["task", "__index_level_0__", "text"])
def test_task_texts_are_resolved_by_position(root: Path, column: str) -> None:
    write_tasks_parquet(root / "meta/tasks.parquet", ["a", "b"], column)
    assert read_tasks(root, "v3.0") == {0: "a", 1: "b"}


def test_task_lines_are_resolved_by_index(root: Path) -> None:
    entries = [{"task_index": 3, "task": "b"}, {"task_index": 0, "task": "a"}]
    write_lines(root / "meta/tasks.jsonl", entries)
    assert read_tasks(root, "v2.0") == {0: "a", 3: "b"}


def test_no_task_table(root: Path) -> None:
    assert read_tasks(root, "v2.0") == {}
    assert read_tasks(root, "v3.0") == {}


def test_broken_task_tables(root: Path) -> None:
    write_lines(root / "meta/tasks.jsonl", [{"task": "a"}])
    with pytest.raises(DatasetError, match=r"meta/tasks.jsonl, line 1"):
        read_tasks(root, "v2.1")
    pq.write_table(pa.table({"task_index": [0]}), root / "meta/tasks.parquet")
    with pytest.raises(DatasetError, match=r"meta/tasks.parquet has no column of task texts"):
        read_tasks(root, "v3.0")
