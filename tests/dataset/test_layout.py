"""Files are found by template, and elsewhere when only one can be meant."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import edit_info, edit_table, make_dataset

from roboscribe.dataset import open_dataset
from roboscribe.dataset.layout import Template, match
from roboscribe.episode import VideoClip
from roboscribe.errors import DatasetError, EpisodeError

TOP, WRIST = "observation.images.top", "observation.images.wrist"


def read_all(root: Path) -> list[str]:
    """Notes of a dataset all of whose episodes have their own rows and videos that exist."""
    dataset = open_dataset(root)
    for index in dataset.episode_indices:
        episode = dataset.episode(index)
        start, _ = dataset.rows_of(index)
        stored = pq.read_table(dataset.shard_of(index).path, columns=["episode_index"])
        assert stored["episode_index"][start].as_py() == index
        assert set(episode.handles) == {camera.key for camera in dataset.cameras}
        for key, handle in episode.handles.items():
            assert isinstance(handle, VideoClip)
            assert handle.path.is_file()
            assert key.rpartition(".")[2] in str(handle.path)
    return list(dataset.notes)


@pytest.mark.parametrize(
    ("version", "data_path", "video_path"),
    [
        ("v2.1", "data/{episode_index}.parquet", "{video_key}/{episode_index}.mp4"),
        (
            "v2.1",
            "rows/c{episode_chunk}/e{episode_index:04d}.parquet",
            "videos/{video_key}_episode_{episode_index:06d}.mp4",
        ),
        (
            "v2.0",
            "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        ),
        (
            "v3.0",
            "d/{chunk_index}_{file_index}.parquet",
            "v/{chunk_index}-{file_index:05d}-{video_key}.mp4",
        ),
    ],
)
def test_templates(tmp_path: Path, version: Any, data_path: str, video_path: str) -> None:
    root = make_dataset(
        tmp_path / "d",
        version=version,
        episodes=5,
        frames=3,
        cameras=(TOP, WRIST),
        chunks_size=2,
        episodes_per_file=2,
        data_path=data_path,
        video_path=video_path,
    )
    assert read_all(root) == []


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_several_chunks(tmp_path: Path, version: Any) -> None:
    root = make_dataset(tmp_path / "d", version=version, frames=3, chunks_size=1, episodes_per_file=1)
    assert len(list((root / "data").iterdir())) == 3
    assert read_all(root) == []


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
@pytest.mark.parametrize("folder", ["data/train/chunk-000", "data", "rows/chunk-000"])
def test_data_in_another_folder_is_found(tmp_path: Path, version: Any, folder: str) -> None:
    root = make_dataset(tmp_path / "d", version=version, frames=3, episodes_per_file=2)
    files = sorted((root / "data/chunk-000").iterdir())
    (root / folder).mkdir(parents=True, exist_ok=True)
    for path in files:
        path.rename(root / folder / path.name)
    (note,) = read_all(root)
    assert "not where data_path says" in note
    assert f"{folder}/{files[0].name}" in note


def test_packed_data_is_found_by_content_whatever_its_name(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", episodes=4, frames=3, episodes_per_file=2)
    for number, path in enumerate(sorted((root / "data/chunk-000").iterdir())):
        path.rename(root / "data" / f"train-0000{1 - number}-of-00002.parquet")
    (note,) = read_all(root)
    assert "2 data files are not where data_path says" in note


def test_chunks_tell_files_of_the_same_name_apart(tmp_path: Path) -> None:
    root = make_dataset(
        tmp_path / "d", frames=3, version="v2.1", chunks_size=1, data_path="data/{episode_chunk}.parquet"
    )
    edit_info(root, data_path="data/chunk-{episode_chunk:03d}/file-{episode_index:03d}.parquet")
    for number in range(3):
        target = root / f"rows/chunk-{number}/file-{number}.parquet"
        target.parent.mkdir(parents=True)
        (root / f"data/{number}.parquet").rename(target)
    assert "not where data_path says" in read_all(root)[0]


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_two_files_that_could_be_meant_are_refused(tmp_path: Path, version: Any) -> None:
    root = make_dataset(tmp_path / "d", version=version, frames=3)
    shutil.copytree(root / "data", root / "old/data")
    shutil.move(root / "data", root / "new")
    with pytest.raises(DatasetError, match=r"(?s)(new.*old|old.*new)"):
        open_dataset(root)


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_stray_files_are_ignored(tmp_path: Path, version: Any) -> None:
    root = make_dataset(tmp_path / "d", version=version, frames=3)
    shutil.copytree(root / "data", root / "backup/data")
    shutil.copytree(root / "videos", root / "backup/videos")
    first = min((root / "data/chunk-000").iterdir())
    shutil.copy(first, first.with_name(f"._{first.name}"))
    shutil.copy(first, first.with_name(f"{first.stem} (1).parquet"))
    assert read_all(root) == []


def test_no_data_at_all(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", frames=3)
    shutil.rmtree(root / "data")
    with pytest.raises(DatasetError, match=r"data_path is .*no such file as data/chunk-000/file-000.parquet"):
        open_dataset(root)


@pytest.mark.parametrize(
    ("version", "lost"),
    [("v2.1", "data/chunk-000/episode_000001.parquet"), ("v3.0", "data/chunk-000/file-001.parquet")],
)
def test_one_data_file_missing(tmp_path: Path, version: Any, lost: str) -> None:
    root = make_dataset(tmp_path / "d", version=version, frames=3, episodes_per_file=1)
    (root / lost).unlink()
    dataset = open_dataset(root)
    assert any(f"1 data file is missing, for example {lost}" in note for note in dataset.notes)
    assert lost not in [shard.relative for shard in dataset.shards()]
    assert dataset.episode(2).frames == 3
    with pytest.raises(EpisodeError, match=f"{lost} of episode 1 is missing"):
        dataset.episode(1)


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", frames=3)
    for name in ("data/chunk-000", "videos"):
        shutil.move(root / name, tmp_path / Path(name).name)
        (root / name).symlink_to(tmp_path / Path(name).name, target_is_directory=True)
    assert read_all(root) == []


@pytest.mark.parametrize(
    "video_path",
    [
        "videos/{video_key}/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.mp4",
        "videos/{video_key}/episode_{episode_index:06d}.mp4",
        "clips/chunk-{episode_chunk}/{video_key}/episode_{episode_index}.mp4",
    ],
)
def test_videos_elsewhere_are_found(tmp_path: Path, video_path: str) -> None:
    root = make_dataset(
        tmp_path / "d", version="v2.1", frames=3, cameras=(TOP, WRIST), video_path=video_path, chunks_size=2
    )
    edit_info(root, video_path="videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4")
    notes = read_all(root)
    assert len(notes) == 2
    assert all("videos are not where video_path says" in note for note in notes)


def test_video_folders_may_have_the_cameras_short_name(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", frames=3, cameras=(TOP, WRIST), episodes_per_file=1)
    for key in (TOP, WRIST):
        (root / "videos" / key).rename(root / "videos" / key.rpartition(".")[2])
    assert len(read_all(root)) == 2


def test_short_names_that_two_cameras_share_are_not_guessed(tmp_path: Path) -> None:
    cameras = ("observation.images.left.top", "observation.images.right.top")
    root = make_dataset(tmp_path / "d", frames=3, cameras=cameras)
    (root / "videos" / cameras[0]).rename(root / "videos/top")
    dataset = open_dataset(root)
    assert set(dataset.episode(0).handles) == {cameras[1]}
    assert any("no video files" in note for note in dataset.notes)


def test_videos_that_could_be_either_are_refused(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", frames=3)
    shutil.copytree(root / "videos", root / "old")
    shutil.move(root / "videos", root / "new")
    with pytest.raises(DatasetError, match=r"could be either of new/.* and old/"):
        open_dataset(root)


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_a_declared_camera_without_files(tmp_path: Path, version: Any) -> None:
    root = make_dataset(tmp_path / "d", version=version, frames=3, cameras=(TOP, WRIST))
    for path in list(root.rglob(WRIST)):
        shutil.rmtree(path)
    dataset = open_dataset(root)
    assert any(f"Camera {WRIST} is declared, but has no video files" in note for note in dataset.notes)
    episode = dataset.episode(1)
    assert [camera.key for camera in episode.cameras] == [TOP, WRIST]
    assert set(episode.handles) == {TOP}


def test_a_declared_camera_that_the_episode_table_does_not_know(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", frames=3)
    more = {WRIST: {"dtype": "video", "shape": [48, 64, 3], "names": None}}
    edit_info(root, features={**open_dataset(root).info.features, **more})
    dataset = open_dataset(root)
    assert any(f"Camera {WRIST} is declared, but meta/episodes knows no videos" in n for n in dataset.notes)
    assert set(dataset.episode(0).handles) == {TOP}


@pytest.mark.parametrize("lost", [0, 1])
def test_one_missing_video_is_still_named(tmp_path: Path, lost: int) -> None:
    """Whoever asks for its frames gets an error that names the file."""
    root = make_dataset(tmp_path / "d", version="v2.1", frames=3)
    path = root / f"videos/chunk-000/{TOP}/episode_00000{lost}.mp4"
    path.unlink()
    handle = open_dataset(root).episode(lost).handles[TOP]
    assert handle == VideoClip(path, 0.0)


def test_an_episode_without_video(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", frames=3)

    def forget(table: pa.Table) -> pa.Table:
        name = f"videos/{TOP}/from_timestamp"
        return table.set_column(table.column_names.index(name), name, pa.array([None, 0.3, 0.6]))

    edit_table(root / "meta/episodes/chunk-000/file-000.parquet", forget)
    dataset = open_dataset(root)
    assert dataset.episode(0).handles == {}
    assert set(dataset.episode(1).handles) == {TOP}


def test_missing_file_columns_are_named(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", frames=3)
    edit_table(
        root / "meta/episodes/chunk-000/file-000.parquet",
        lambda table: table.drop_columns(["data/file_index"]),
    )
    with pytest.raises(DatasetError, match="meta/episodes lacks the column 'data/file_index'"):
        open_dataset(root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data/{epsiode_index}.parquet", "unknown field {epsiode_index}"),
        ("data/{episode_index.parquet", "is not a path template"),
        ("data/{episode_index:zz}.parquet", "is not a path template"),
        ("data/{}.parquet", "unknown field"),
        ("../{episode_index}.parquet", "leads out of the dataset"),
        ("/data/{episode_index}.parquet", "leads out of the dataset"),
    ],
)
def test_templates_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Template(text, "data_path")


def test_match_compares_numbers_by_value() -> None:
    assert match(["a/episode_000007.mp4"], ["b/episode_7.mp4", "b/episode_70.mp4"]) == {
        "a/episode_000007.mp4": "b/episode_7.mp4"
    }
