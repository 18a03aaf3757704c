"""What real datasets are like is put in order when they are brought into v3.0."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from converted import assert_same_episodes, table_of
from converting import WRIST, info_of, notes, to_v3
from make_dataset import edit_info, edit_table, make_dataset, write_lines
from written import why_not_loadable

from roboscribe.errors import DatasetError, RoboscribeError


def test_templates_that_match_nothing(cameras: Path, tmp_path: Path) -> None:
    source = shutil.copytree(cameras, tmp_path / "source")
    edit_info(
        source,
        data_path="data/part-{chunk_index}/episode_{episode_index:06d}.parquet",
        video_path="clips/{video_key}/episode_{episode_index:06d}.mp4",
    )
    events = to_v3(source, tmp_path / "v3")
    assert "not where data_path says" in notes(events)
    assert_same_episodes(cameras, tmp_path / "v3")
    assert "not where" not in notes(to_v3(tmp_path / "v3", tmp_path / "again"))


def test_a_camera_without_files_is_left_out(cameras: Path, tmp_path: Path) -> None:
    source = shutil.copytree(cameras, tmp_path / "source")
    for folder in source.glob(f"videos/*/{WRIST}"):
        shutil.rmtree(folder)
    events = to_v3(source, tmp_path / "v3")
    assert f"have no videos: {WRIST}." in notes(events)
    assert WRIST not in info_of(tmp_path / "v3")["features"]
    assert_same_episodes(source, tmp_path / "v3")


def test_a_camera_without_some_files_is_refused(cameras: Path, tmp_path: Path) -> None:
    source = shutil.copytree(cameras, tmp_path / "source")
    (source / f"videos/chunk-001/{WRIST}/episode_000004.mp4").unlink()
    with pytest.raises(DatasetError, match=r"wrist has no video of episode 4.*--episodes"):
        to_v3(source, tmp_path / "v3")
    assert not (tmp_path / "v3").exists()
    to_v3(source, tmp_path / "v3", episodes=("0-3", "5"))
    assert_same_episodes(source, tmp_path / "v3", {0: 0, 1: 1, 2: 2, 3: 3, 5: 4})


def test_columns_that_nobody_declared_are_left_out(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.1", episodes=2, frames=5, kind=None)
    for path in (source / "data").rglob("*.parquet"):
        edit_table(path, lambda table: table.append_column("stray", pa.array([1] * 5)))
    events = to_v3(source, tmp_path / "v3")
    assert "Left out" in notes(events)
    assert "stray" in notes(events)
    assert why_not_loadable(tmp_path / "v3") == ""


def test_missing_numbers_are_made(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.0", episodes=2, frames=5, kind=None)
    gone = ("frame_index", "index", "task_index", "episode_index")
    for path in (source / "data").rglob("*.parquet"):
        edit_table(path, lambda table: table.drop_columns(gone))
    features = {key: value for key, value in info_of(source)["features"].items() if key not in gone}
    edit_info(source, features=features)
    to_v3(source, tmp_path / "v3")
    rows = table_of(tmp_path / "v3", "data")
    assert rows["frame_index"].to_pylist() == [0, 1, 2, 3, 4] * 2
    assert rows["index"].to_pylist() == list(range(10))
    assert rows["task_index"].to_pylist() == [0] * 10
    assert rows["episode_index"].to_pylist() == [0] * 5 + [1] * 5
    assert why_not_loadable(tmp_path / "v3") == ""


def test_task_indices_with_gaps_are_closed(tmp_path: Path) -> None:
    source = make_dataset(
        tmp_path / "source", version="v2.1", episodes=2, frames=5, kind=None, tasks=["one", "two"]
    )
    write_lines(
        source / "meta/tasks.jsonl", [{"task_index": 7, "task": "two"}, {"task_index": 3, "task": "one"}]
    )
    for number, path in enumerate(sorted((source / "data").rglob("*.parquet"))):
        place = pq.read_schema(path).get_field_index("task_index")
        index = [3, 7][number]
        edit_table(path, lambda t, i=index, p=place: t.set_column(p, "task_index", pa.array([i] * 5)))
    to_v3(source, tmp_path / "v3")
    assert pq.read_table(tmp_path / "v3/meta/tasks.parquet")["task"].to_pylist() == ["one", "two"]
    assert table_of(tmp_path / "v3", "data")["task_index"].to_pylist() == [0] * 5 + [1] * 5


def test_a_dataset_without_tasks_gets_an_empty_one(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.1", episodes=1, frames=5, kind=None)
    (source / "meta/tasks.jsonl").unlink()
    write_lines(source / "meta/episodes.jsonl", [{"episode_index": 0, "length": 5}])
    to_v3(source, tmp_path / "v3")
    assert pq.read_table(tmp_path / "v3/meta/tasks.parquet")["task"].to_pylist() == [""]
    assert info_of(tmp_path / "v3")["total_tasks"] == 1


def test_columns_of_another_order_or_a_wider_type(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.1", episodes=2, frames=5, kind=None)
    _, second = sorted((source / "data").rglob("*.parquet"))

    def widen(table: pa.Table) -> pa.Table:
        table = table.select(list(reversed(table.column_names)))
        place = table.schema.get_field_index("timestamp")
        return table.set_column(place, "timestamp", table["timestamp"].cast(pa.float64()))

    edit_table(second, widen)
    to_v3(source, tmp_path / "v3")
    assert table_of(tmp_path / "v3", "data").schema.field("timestamp").type == pa.float32()
    edit_table(
        second,
        lambda table: table.set_column(
            table.schema.get_field_index("timestamp"), "timestamp", pa.array(["soon"] * 5)
        ),
    )
    with pytest.raises(RoboscribeError, match=r"episode_000001\.parquet"):
        to_v3(source, tmp_path / "other")


def test_a_file_without_a_column_that_others_have(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.1", episodes=2, frames=5, kind=None)
    _, second = sorted((source / "data").rglob("*.parquet"))
    edit_table(second, lambda table: table.drop_columns(["action"]))
    with pytest.raises(RoboscribeError, match=r"episode_000001\.parquet lacks the column 'action'"):
        to_v3(source, tmp_path / "v3")
