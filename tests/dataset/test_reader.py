"""Datasets of every layout and shape are read; those that contradict themselves are refused."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import edit_info, edit_table, make_dataset, pick_up, write_lines

from roboscribe import language
from roboscribe.dataset import check_episodes, open_dataset
from roboscribe.episode import StoredImages, VideoClip
from roboscribe.errors import DatasetError, EpisodeError

VERSIONS = ("v2.0", "v2.1", "v3.0")
SHARD = "data/chunk-000/file-000.parquet"
OWN_FILE = "data/chunk-000/episode_000001.parquet"
TOP, WRIST = "observation.images.top", "observation.images.wrist"


def without(*names: str) -> Any:
    return lambda table: table.drop_columns(list(names))


def with_column(name: str, values: Any) -> Any:
    """Edit that puts other values in the place of a column, or adds it at the end."""

    def edit(table: pa.Table) -> pa.Table:
        if name not in table.column_names:
            return table.append_column(name, values)
        return table.set_column(table.column_names.index(name), name, values)

    return edit


@pytest.mark.parametrize("version", VERSIONS)
def test_episodes_of_every_version(tmp_path: Path, version: Any) -> None:
    tasks = ["Open the drawer.", ("Pick up the cup.", "Put it down.")]
    root = make_dataset(
        tmp_path / "d", version=version, frames=[4, 7, 5], fps=10, cameras=(TOP, WRIST), tasks=tasks
    )
    dataset = open_dataset(root)
    assert dataset.info.version == version
    assert dataset.notes == ()
    assert dataset.episode_indices == (0, 1, 2)
    assert [dataset.episode_length(index) for index in range(3)] == [4, 7, 5]

    episode = dataset.episode(1)
    times = (np.arange(7) / 10).astype(np.float32)
    assert episode.timestamps.dtype == np.float32
    assert episode.timestamps.tolist() == times.tolist()
    assert episode.tasks == ("Pick up the cup.", "Put it down.")
    assert (episode.fps, episode.robot_type) == (10, "test_arm")
    assert episode.state is not None
    assert episode.action is not None
    assert episode.state.names == ("shoulder", "elbow", "gripper")
    assert episode.state.values == pytest.approx(pick_up(1, np.arange(7) / 10))
    assert [camera.key for camera in episode.cameras] == [TOP, WRIST]
    assert (episode.cameras[0].height, episode.cameras[0].width) == (48, 64)


@pytest.mark.parametrize("version", VERSIONS)
def test_video_handles_name_the_file_and_where_the_episode_starts_in_it(tmp_path: Path, version: Any) -> None:
    root = make_dataset(tmp_path / "d", version=version, frames=[4, 7, 5], fps=10, cameras=(TOP, WRIST))
    handles = open_dataset(root).episode(2).handles
    if version == "v3.0":
        expected = VideoClip(root / f"videos/{WRIST}/chunk-000/file-000.mp4", 1.1)
    else:
        expected = VideoClip(root / f"videos/chunk-000/{WRIST}/episode_000002.mp4", 0.0)
    assert handles[WRIST] == expected
    assert all(isinstance(handle, VideoClip) and handle.path.is_file() for handle in handles.values())


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_image_handles_name_the_column_and_the_first_row(tmp_path: Path, version: Any) -> None:
    root = make_dataset(tmp_path / "d", version=version, frames=[4, 7, 5], kind="image")
    handle = open_dataset(root).episode(2).handles[TOP]
    assert isinstance(handle, StoredImages)
    column = pq.read_table(handle.path)
    assert handle.column == TOP
    assert column["episode_index"][handle.first_row].as_py() == 2
    assert column["frame_index"][handle.first_row].as_py() == 0


def test_the_shared_v21_dataset(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "g1_bottle_v21")
    episode = dataset.episode(3)
    assert dataset.notes == ()
    assert episode.task == "Pick up the yellow bottle on the table."
    assert episode.frames == 267
    assert episode.state is not None
    assert episode.state.names[-1] == "kRightHandThumbRotation"
    assert [shard.episodes for shard in dataset.shards()] == [(0,), (1,), (2,), (3,)]


def test_the_shared_v30_dataset(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "so101_sim_bricks")
    assert dataset.notes == ()
    assert [shard.relative for shard in dataset.shards()] == [SHARD]
    stored = pq.read_table(shared_data / "so101_sim_bricks" / SHARD)
    for index in dataset.episode_indices:
        start, stop = dataset.rows_of(index)
        rows = stored.slice(start, stop - start)
        assert set(rows["episode_index"].to_pylist()) == {index}
        assert dataset.episode(index).timestamps.tolist() == rows["timestamp"].to_pylist()
    assert dataset.episode(4).task == "Push the red brick towards the blue brick."


@pytest.mark.parametrize(
    ("per_file", "row_group"), [(None, None), (None, 6), (None, 1), (2, None), (2, 5), (1, None)]
)
def test_packed_shards_and_row_groups(tmp_path: Path, per_file: int | None, row_group: int | None) -> None:
    lengths = [4, 7, 5, 6, 3]
    root = make_dataset(
        tmp_path / "d", episodes=5, frames=lengths, kind=None, episodes_per_file=per_file, row_group=row_group
    )
    dataset = open_dataset(root)
    shards = [shard.episodes for shard in dataset.shards()]
    assert shards == [
        tuple(range(5))[start : start + (per_file or 5)] for start in range(0, 5, per_file or 5)
    ]
    for index in (3, 0, 4, 1, 2, 3):
        state = dataset.episode(index).state
        assert state is not None
        assert state.values == pytest.approx(pick_up(index, np.arange(lengths[index]) / 10))
        assert index in dataset.shard_of(index).episodes


def test_many_episodes_from_many_threads(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", episodes=60, frames=5, kind=None, episodes_per_file=20, row_group=12)
    dataset = open_dataset(root)
    with ThreadPoolExecutor(8) as pool:
        episodes = list(pool.map(dataset.episode, list(range(60)) * 3))
    for episode in episodes:
        assert episode.state is not None
        assert episode.state.values == pytest.approx(pick_up(episode.index, np.arange(5) / 10))


def test_episodes_lie_in_a_shard_in_whatever_order(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", frames=[4, 7, 5], kind=None)
    order = pa.array(np.r_[11:16, 0:4, 4:11])
    edit_table(root / SHARD, lambda table: table.take(order))
    dataset = open_dataset(root)
    assert [dataset.rows_of(index) for index in range(3)] == [(5, 9), (9, 16), (0, 5)]


def test_indices_may_have_gaps(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", version="v2.1", kind=None)
    lines = [{"episode_index": 2, "tasks": [], "length": 12}, {"episode_index": 0, "tasks": [], "length": 12}]
    write_lines(root / "meta/episodes.jsonl", lines)
    dataset = open_dataset(root)
    assert dataset.episode_indices == (0, 2)
    with pytest.raises(DatasetError, match="no episode 1; it has episodes 0 to 2, 2 in all"):
        dataset.episode(1)


@pytest.mark.parametrize("fps", [30, 29.97, 12.5])
def test_fps(tmp_path: Path, fps: float) -> None:
    episode = open_dataset(make_dataset(tmp_path / "d", fps=fps, episodes=1)).episode(0)
    assert episode.fps == fps
    assert episode.end == pytest.approx(12 / fps)


def test_float64_timestamps_become_float32(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", version="v2.0", kind=None, timestamp_dtype="float64", fps=30)
    times = open_dataset(root).episode(0).timestamps
    assert times.tolist() == (np.arange(12) / 30).astype(np.float32).tolist()


def test_a_video_only_dataset(tmp_path: Path) -> None:
    episode = open_dataset(make_dataset(tmp_path / "d", state=None, action=None)).episode(0)
    assert (episode.state, episode.action) == (None, None)
    assert TOP in episode.handles


def test_a_dataset_without_cameras(tmp_path: Path) -> None:
    episode = open_dataset(make_dataset(tmp_path / "d", kind=None)).episode(0)
    assert episode.cameras == ()
    assert episode.handles == {}


def test_short_feature_names(tmp_path: Path) -> None:
    root = make_dataset(
        tmp_path / "d", state_key="state", action_key="actions", cameras=("image",), kind="image"
    )
    episode = open_dataset(root).episode(0)
    assert episode.state is not None
    assert episode.action is not None
    assert "image" in episode.handles


def test_a_signal_is_not_mixed_up_with_one_whose_name_it_begins(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None)
    info = open_dataset(root).info
    extra = {"observation.state.raw": {"dtype": "float32", "shape": [1], "names": None}}
    edit_info(root, features={**extra, **info.features})
    edit_table(root / SHARD, lambda table: table.append_column("observation.state.raw", pa.array([9.0] * 36)))
    state = open_dataset(root).episode(0).state
    assert state is not None
    assert state.values == pytest.approx(pick_up(0, np.arange(12) / 10))


def test_a_split_state_is_joined(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None, state=None)
    info = open_dataset(root).info
    parts = {
        "observation.state.arm": {"dtype": "float64", "shape": [2], "names": None},
        "observation.state.gripper": {"dtype": "float32", "shape": [1], "names": None},
    }
    edit_info(root, features={**info.features, **parts})
    arm = pa.array([[row, -row] for row in range(36)], type=pa.list_(pa.float64()))
    edit_table(root / SHARD, with_column("observation.state.arm", arm))
    edit_table(
        root / SHARD, with_column("observation.state.gripper", pa.array(np.arange(36, dtype=np.float32)))
    )
    state = open_dataset(root).episode(1).state
    assert state is not None
    assert state.names == ("arm.0", "arm.1", "gripper")
    assert state.values[0].tolist() == [12, -12, 12]


def test_tasks_come_from_the_column_where_metadata_lists_none(tmp_path: Path) -> None:
    tasks = ["Open the drawer.", ("Put it down.", "Pick up the cup.")]
    root = make_dataset(tmp_path / "d", kind=None, tasks=tasks, task_column="__index_level_0__")
    edit_table(root / "meta/episodes/chunk-000/file-000.parquet", without("tasks"))
    dataset = open_dataset(root)
    assert dataset.episode_tasks(1) == ("Put it down.", "Pick up the cup.")
    assert dataset.episode(2).tasks == ("Open the drawer.",)


def test_several_tasks_come_in_the_order_they_occur(tmp_path: Path) -> None:
    """LeRobot lists the tasks of an episode in no order."""
    root = make_dataset(tmp_path / "d", version="v2.1", kind=None, tasks=[("Put it down.", "Pick it up.")])
    listed = ["Pick it up.", "Put it down.", "Wave."]
    write_lines(root / "meta/episodes.jsonl", [{"episode_index": 0, "tasks": listed, "length": 12}])
    assert open_dataset(root).episode_tasks(0) == ("Put it down.", "Pick it up.", "Wave.")


def test_a_dataset_without_tasks(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", version="v2.1", kind=None, tasks=[()])
    (root / "meta/tasks.jsonl").unlink()
    assert open_dataset(root).episode(0).tasks == ()


def test_bookkeeping_columns_may_be_missing(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None)
    edit_table(root / SHARD, without("frame_index", "index", "episode_index", "task_index"))
    dataset = open_dataset(root)
    assert dataset.rows_of(1) == (12, 24)
    assert dataset.episode(1).task == "Pick up the red cup."
    assert any("'frame_index' is declared" in note for note in dataset.notes)


def test_undeclared_columns_are_noted(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None)
    edit_table(root / SHARD, with_column("mood", pa.array(["good"] * 36)))
    assert any("does not declare: mood" in note for note in open_dataset(root).notes)


def test_totals_and_splits_that_do_not_match(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None, info={"total_frames": 99, "splits": {"train": "0:500"}})
    dataset = open_dataset(root)
    assert len(dataset.episode_indices) == 3
    assert any("total_frames 99" in note and "36" in note for note in dataset.notes)


def test_more_rows_than_the_metadata_knows(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None)
    edit_table(root / "meta/episodes/chunk-000/file-000.parquet", lambda table: table.slice(1))
    dataset = open_dataset(root)
    assert dataset.rows_of(1) == (12, 24)
    assert any("has 12 rows more" in note for note in dataset.notes)


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_language_rows(tmp_path: Path, version: Any) -> None:
    root = make_dataset(tmp_path / "d", version=version, kind=None)
    assert open_dataset(root).language_rows(1) == []

    times = open_dataset(root).episode(1).timestamps.tolist()
    persistent = [language.Row("assistant", "open the drawer", "subtask", times[0])]
    events = {3: [language.say("Here you are.", times[3])]}

    def annotate(table: pa.Table) -> pa.Table:
        before = table["episode_index"].to_pylist().index(1)
        after = len(table) - before - 12
        for name, own in (
            (language.PERSISTENT, language.persistent_array(persistent, 12)),
            (language.EVENTS, language.events_array(events, 12)),
        ):
            empty = (
                language.persistent_array([], count)
                if name == language.PERSISTENT
                else language.events_array({}, count)
                for count in (before, after)
            )
            table = table.append_column(name, pa.chunked_array([next(empty), own, next(empty)]))
        return table

    dataset = open_dataset(root)
    edit_table(dataset.shard_of(1).path, annotate)
    assert open_dataset(root).language_rows(1) == [*persistent, *events[3]]
    assert dataset.language_rows(1) == [*persistent, *events[3]], "a file replaced meanwhile is read anew"
    assert dataset.language_rows(2) == []
    assert dataset.episode(2).frames == 12


def test_selection(tmp_path: Path) -> None:
    dataset = open_dataset(make_dataset(tmp_path / "d", kind=None))
    assert check_episodes(dataset, None) == (0, 1, 2)
    assert check_episodes(dataset, [2, 0, 2]) == (0, 2)
    with pytest.raises(
        DatasetError, match="--episodes 7: the dataset has no such episode; it has episodes 0 to 2"
    ):
        check_episodes(dataset, [1, 7])


def test_camera_by_key(tmp_path: Path) -> None:
    dataset = open_dataset(make_dataset(tmp_path / "d"))
    assert dataset.camera(TOP).kind == "video"
    with pytest.raises(DatasetError, match=f"'observation.images.front'; its cameras: {TOP}"):
        dataset.camera("observation.images.front")


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"There is no folder .*nowhere.*--repo-id"):
        open_dataset(tmp_path / "nowhere")


def test_a_file_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="is a file"):
        open_dataset(tmp_path / "file")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("column", ["action", "timestamp"])
def test_a_feature_without_column(tmp_path: Path, version: Any, column: str) -> None:
    root = make_dataset(tmp_path / "d", version=version, kind=None)
    first = next((root / "data").rglob("*0.parquet"))
    edit_table(first, without(column))
    with pytest.raises(DatasetError, match=f"{first.name}.*{column}|{column}.*{first.name}"):
        open_dataset(root)


def test_a_feature_without_column_in_a_later_file(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", version="v2.1", kind=None)
    edit_table(root / OWN_FILE, without("action"))
    dataset = open_dataset(root)
    assert dataset.episode(0).frames == 12
    with pytest.raises(EpisodeError, match=f"'action' .*{OWN_FILE}"):
        dataset.episode(1)


def test_language_features_may_lack_their_column(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None)
    features = dict.fromkeys(language.COLUMNS, language.FEATURE)
    edit_info(root, features={**open_dataset(root).info.features, **features})
    assert open_dataset(root).notes == ()


def test_fewer_rows_in_a_packed_file(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None)
    edit_table(root / SHARD, lambda table: table.slice(0, 30))
    with pytest.raises(DatasetError, match=f"{SHARD} has 30 rows, fewer than the 36"):
        open_dataset(root)


@pytest.mark.parametrize("rows", [9, 0])
def test_fewer_rows_in_a_file_of_one_episode(tmp_path: Path, rows: int) -> None:
    root = make_dataset(tmp_path / "d", version="v2.1", kind=None)
    edit_table(root / OWN_FILE, lambda table: table.slice(0, rows))
    dataset = open_dataset(root)
    message = f"{OWN_FILE} holds {rows} rows of episode 1, but meta/episodes.jsonl says 12"
    for read in (dataset.episode, dataset.rows_of, dataset.language_rows):
        with pytest.raises(EpisodeError, match=message) as caught:
            read(1)
        assert caught.value.episode == 1
    assert dataset.episode(2).frames == 12


def test_an_episode_whose_rows_another_one_took(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", kind=None)
    edit_table(root / SHARD, with_column("episode_index", pa.array([0] * 12 + [2] * 24)))
    with pytest.raises(EpisodeError, match="holds 0 rows of episode 1"):
        open_dataset(root).episode(1)


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_timestamps_that_do_not_increase(tmp_path: Path, version: Any) -> None:
    root = make_dataset(tmp_path / "d", version=version, kind=None)
    dataset = open_dataset(root)
    shard, (start, _) = dataset.shard_of(1), dataset.rows_of(1)

    def swap(table: pa.Table) -> pa.Table:
        times = table["timestamp"].to_numpy().copy()
        times[[start + 5, start + 6]] = times[[start + 6, start + 5]]
        return with_column("timestamp", pa.array(times))(table)

    edit_table(shard.path, swap)
    message = f"{shard.relative}: the timestamps of episode 1 do not increase at frame 6"
    with pytest.raises(EpisodeError, match=message):
        open_dataset(root).episode(1)
    with pytest.raises(EpisodeError, match=message):
        open_dataset(root).verify([0, 1, 2])
    open_dataset(root).verify([0, 2])


def test_a_truncated_data_file(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", version="v2.1", kind=None)
    path = root / OWN_FILE
    path.write_bytes(path.read_bytes()[:-100])
    dataset = open_dataset(root)
    with pytest.raises(EpisodeError, match=f"{OWN_FILE} cannot be read"):
        dataset.episode(1)
    assert dataset.episode(0).frames == 12

    packed = make_dataset(tmp_path / "p", kind=None)
    path = packed / SHARD
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=f"{SHARD} cannot be read"):
        open_dataset(packed)


def test_image_bytes_are_not_read_for_signals(tmp_path: Path) -> None:
    """With the pictures' bytes spoilt, everything but the pictures still reads."""
    root = make_dataset(tmp_path / "d", kind="image")
    path = root / SHARD
    group = pq.read_metadata(path).row_group(0)
    (column,) = [
        group.column(number)
        for number in range(group.num_columns)
        if group.column(number).path_in_schema == f"{TOP}.bytes"
    ]
    with path.open("r+b") as file:
        file.seek(column.dictionary_page_offset or column.data_page_offset)
        file.write(b"\xff" * 64)
    with pytest.raises((pa.ArrowException, OSError)):
        pq.read_table(path)
    assert open_dataset(root).episode(1).frames == 12


def test_reading_leaves_the_dataset_as_it_was(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    dataset = open_dataset(root)
    for index in dataset.episode_indices:
        dataset.episode(index)
        dataset.language_rows(index)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_opening_and_reading_needs_no_video(tmp_path: Path) -> None:
    """Reading decodes nothing: videos may be anything."""
    root = make_dataset(tmp_path / "d")
    for path in (root / "videos").rglob("*.mp4"):
        path.write_bytes(b"no video")
    assert TOP in open_dataset(root).episode(0).handles


def test_a_dataset_keeps_its_digests_when_it_moves(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d")
    digest = open_dataset(root).episode(1).digest
    shutil.move(root, tmp_path / "elsewhere")
    assert open_dataset(tmp_path / "elsewhere").episode(1).digest == digest


def test_a_column_missing_from_a_later_file_is_found_before_anything_is_spent(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", version="v2.1", episodes=3, kind=None)
    edit_table(root / "data/chunk-000/episode_000002.parquet", lambda table: table.drop_columns(["action"]))
    dataset = open_dataset(root)
    dataset.verify([0, 1])
    with pytest.raises(DatasetError, match=r"'action'.*episode_000002\.parquet"):
        dataset.verify(dataset.episode_indices)
