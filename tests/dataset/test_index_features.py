"""Index features are written into every data file, in place or in a copy, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import make_dataset
from written import annotate, data_files, digests, stored_rows, why_not_loadable

from roboscribe.dataset import open_dataset
from roboscribe.dataset.index_features import Indices, read_index, runs, write_index_features
from roboscribe.errors import DatasetError

NAME = "subtask_index"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "source", episodes=5, frames=[6, 9, 5, 8, 7], episodes_per_file=2)


def numbered(root: Path, first: int = 0) -> Callable[[int], Indices]:
    """Frame numbers, from ``first`` on."""
    dataset = open_dataset(root)
    return lambda index: np.arange(first, first + dataset.episode_length(index))


def stored(root: Path, name: str = NAME) -> dict[int, list[int]]:
    dataset = open_dataset(root)
    found = {index: read_index(dataset, index, name) for index in dataset.episode_indices}
    return {index: values.tolist() for index, values in found.items() if values is not None}


def test_a_column_is_added_everywhere(source: Path) -> None:
    before = [pq.read_table(path) for path in data_files(source)]
    report = write_index_features(open_dataset(source), source, {NAME: numbered(source)})
    assert report.shards_written == 3
    assert report.episodes_changed == (0, 1, 2, 3, 4)
    assert stored(source) == {index: list(range(n)) for index, n in enumerate([6, 9, 5, 8, 7])}
    for path, old in zip(data_files(source), before, strict=True):
        new = pq.read_table(path)
        assert new.drop_columns([NAME]).equals(old)
        assert new.schema.field(NAME).type == pa.int64()
        assert NAME in json.loads(new.schema.metadata[b"huggingface"])["info"]["features"]
        assert pq.ParquetFile(path).num_row_groups == len(set(new["episode_index"].to_pylist()))
    info = json.loads((source / "meta/info.json").read_text())
    assert info["features"][NAME] == {"dtype": "int64", "shape": [1], "names": None}
    assert why_not_loadable(source) == ""


def test_the_rest_stays_or_gets_minus_one(source: Path) -> None:
    write_index_features(
        open_dataset(source), source, {NAME: lambda index: None if index != 1 else np.ones(9)}
    )
    assert stored(source) == {0: [-1] * 6, 1: [1] * 9, 2: [-1] * 5, 3: [-1] * 8, 4: [-1] * 7}
    report = write_index_features(
        open_dataset(source), source, {NAME: lambda index: np.zeros(5) if index == 2 else None}
    )
    assert stored(source)[1] == [1] * 9
    assert stored(source)[2] == [0] * 5
    assert report.episodes_changed == (2,)
    assert report.shards_written == 1


def test_once_more_writes_nothing(source: Path) -> None:
    write_index_features(open_dataset(source), source, {NAME: numbered(source)})
    before = digests(source)
    report = write_index_features(open_dataset(source), source, {NAME: numbered(source)})
    assert report.files == frozenset()
    assert digests(source) == before


def test_a_copy_links_videos_and_is_extended_in_place(source: Path, tmp_path: Path) -> None:
    before = digests(source)
    target = tmp_path / "target"
    write_index_features(
        open_dataset(source), target, {NAME: numbered(source)}, meta_files={"meta/a.txt": b"a"}
    )
    assert digests(source) == before
    assert (target / "meta/a.txt").read_bytes() == b"a"
    assert all((target / path.relative_to(source)).samefile(path) for path in source.rglob("*.mp4"))
    other = "task_index_high_level"
    write_index_features(open_dataset(source), target, {other: numbered(source, 10)})
    assert stored(target) == {index: list(range(n)) for index, n in enumerate([6, 9, 5, 8, 7])}
    assert stored(target, other)[2] == [10, 11, 12, 13, 14]
    assert digests(source) == before
    assert why_not_loadable(target) == ""


def test_language_columns_survive_or_are_dropped(source: Path) -> None:
    annotate(source)
    rows = stored_rows(source)
    write_index_features(open_dataset(source), source, {"task_index_high_level": numbered(source)})
    assert stored_rows(source) == rows
    gone = ("language_persistent", "language_events")
    write_index_features(open_dataset(source), source, {NAME: numbered(source)}, drop=gone)
    assert not any(stored_rows(source).values())
    assert set(gone).isdisjoint(open_dataset(source).info.features)
    assert why_not_loadable(source) == ""


def test_older_layouts_and_pictures(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "old", version="v2.1", episodes=3, frames=4, kind="image")
    write_index_features(open_dataset(root), root, {NAME: numbered(root)})
    assert stored(root) == {index: [0, 1, 2, 3] for index in range(3)}
    assert open_dataset(root).notes == ()


def test_the_wrong_number_of_numbers_changes_nothing(source: Path) -> None:
    before = digests(source)
    with pytest.raises(ValueError, match="3 numbers for episode 0"):
        write_index_features(open_dataset(source), source, {NAME: lambda index: np.zeros(3)})
    assert digests(source) == before


def test_a_folder_with_something_else_in_it(source: Path, tmp_path: Path) -> None:
    other = make_dataset(tmp_path / "other", episodes=2, frames=4)
    with pytest.raises(DatasetError, match="no annotated copy"):
        write_index_features(open_dataset(source), other, {NAME: numbered(source)})


def test_a_feature_that_is_not_there(source: Path) -> None:
    assert read_index(open_dataset(source), 0, NAME) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], []), ([3], [(0, 3)]), ([-1, -1, 2, 2, -1], [(0, -1), (2, 2), (4, -1)]), ([0, 1], [(0, 0), (1, 1)])],
)
def test_runs(values: list[int], expected: list[tuple[int, int]]) -> None:
    assert runs(np.array(values, dtype=np.int64)) == expected
