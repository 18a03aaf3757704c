"""Datasets brought into v3.0 are LeRobot's: every frame is the source's, and its own converter makes the same of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from converted import table_of
from make_dataset import edit_table, make_dataset, read_stamp, write_lines
from written import annotate

import roboscribe
from roboscribe.config import ConvertSettings
from roboscribe.conversion.convert import convert
from roboscribe.dataset import open_dataset
from roboscribe.frames import read_frames

Load = Callable[[Path], Any]

TOP, WRIST = "observation.images.top", "observation.images.wrist"


@pytest.fixture(scope="module")
def g1_source(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the v2.1 dataset of four real episodes."""
    return _copy(shared_data / "g1_bottle_v21", tmp_path_factory.mktemp("g1") / "source")


@pytest.fixture(scope="module")
def made_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cameras, H.264 with B-frames and AV1."""
    return make_dataset(
        tmp_path_factory.mktemp("made") / "source",
        version="v2.1",
        episodes=5,
        frames=[20, 33, 9, 14, 27],
        fps=30,
        cameras=(TOP, WRIST),
        codec={TOP: "h264-b-frames", WRIST: "av1"},
        tasks=["Pick up the cup.", ("Pick up the cup.", "Put it down.")],
    )


@pytest.fixture(params=["g1_source", "made_source"])
def source(request: pytest.FixtureRequest) -> Path:
    """A v2.1 dataset; not to be changed."""
    return request.getfixturevalue(request.param)


def _copy(root: Path, target: Path) -> Path:
    shutil.copytree(root, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def to_v3(source: Path, target: Path, **settings: Any) -> Path:
    convert(ConvertSettings(root=source, output_dir=target, **settings))
    return target


def assert_every_frame_is_the_sources(theirs: Any, source: Path) -> None:
    """Timestamps, signals, tasks and pixels, of every frame."""
    dataset = open_dataset(source)
    position = 0
    for index in dataset.episode_indices:
        episode = dataset.episode(index)
        cameras = {key: read_frames(episode, key, range(episode.frames)) for key in episode.handles}
        for frame in range(episode.frames):
            item = theirs[position]
            assert item["episode_index"].item() == index
            assert item["index"].item() == position
            assert item["frame_index"].item() == frame
            assert item["timestamp"].item() == episode.timestamps[frame]
            assert item["task"] in episode.tasks
            assert np.array_equal(item["observation.state"].numpy(), episode.state.values[frame])
            assert np.array_equal(item["action"].numpy(), episode.action.values[frame])
            for key, frames in cameras.items():
                shown = (item[key].numpy() * 255).round().astype(np.uint8).transpose(1, 2, 0)
                assert np.array_equal(shown, next(frames).rgb()), f"{key}, frame {frame} of episode {index}"
            position += 1
    assert position == len(theirs)


def test_every_frame_is_the_sources(load: Load, source: Path, tmp_path: Path) -> None:
    assert_every_frame_is_the_sources(load(to_v3(source, tmp_path / "v3")), source)


def test_every_frame_is_the_sources_in_several_files(load: Load, made_source: Path, tmp_path: Path) -> None:
    largest = max(path.stat().st_size for path in made_source.rglob("*.mp4"))
    sizes = {"data_files_size_in_mb": 0.02, "video_files_size_in_mb": 2 * largest / 2**20}
    root = to_v3(made_source, tmp_path / "v3", **sizes)
    for folder in ("data", f"videos/{TOP}", f"videos/{WRIST}"):
        assert 1 < len([path for path in (root / folder).rglob("*") if path.is_file()]) < 5
    assert_every_frame_is_the_sources(load(root), made_source)


def test_what_was_annotated_loads(load: Load, made_source: Path, tmp_path: Path) -> None:
    source = shutil.copytree(made_source, tmp_path / "source")
    annotate(source)
    theirs = load(to_v3(source, tmp_path / "v3"))
    dataset = open_dataset(source)
    rows = [row for row in dataset.language_rows(0) if row.style == "subtask"]
    held = [row for row in theirs[5]["language_persistent"] if row["style"] == "subtask"]
    assert [row["content"] for row in held] == [row.content for row in rows]
    assert theirs.meta.tools == dataset.info.raw["tools"]


def test_what_lerobot_would_refuse_is_put_in_order(load: Load, tmp_path: Path) -> None:
    """Undeclared columns, a camera without files, gaps in numbers, no tasks."""
    source = make_dataset(
        tmp_path / "source", version="v2.0", episodes=4, frames=[6, 7, 8, 9], fps=30, cameras=(TOP, WRIST)
    )
    for folder in source.glob(f"videos/*/{WRIST}"):
        shutil.rmtree(folder)
    for path in (source / "data").rglob("*.parquet"):
        edit_table(path, lambda table: table.append_column("stray", table["index"]))
    (source / "meta/tasks.jsonl").unlink()
    lines = [{"episode_index": index, "length": 6 + index} for index in (0, 2, 3)]
    write_lines(source / "meta/episodes.jsonl", lines)
    theirs = load(to_v3(source, tmp_path / "v3"))
    assert len(theirs) == 23
    assert theirs.meta.video_keys == [TOP]
    items = [theirs[frame] for frame in range(23)]
    assert [item["episode_index"].item() for item in items] == [0] * 6 + [1] * 8 + [2] * 9
    stamps = [read_stamp((item[TOP].numpy() * 255).transpose(1, 2, 0)) for item in items]
    assert [(stamp.episode, stamp.frame) for stamp in stamps] == [
        (index, frame) for index in (0, 2, 3) for frame in range(6 + index)
    ]
    assert {item["task"] for item in items} == {""}


def test_pictures_in_rows_load(load: Load, tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.0", episodes=3, frames=5, fps=30, kind="image")
    theirs = load(to_v3(source, tmp_path / "v3", data_files_size_in_mb=0.03))
    assert_every_frame_is_the_sources(theirs, source)


def test_index_features_load_and_are_named(load: Load, made_source: Path, tmp_path: Path) -> None:
    """Frame by frame, as numbers and by the tables that name them; and as a frame of pandas."""
    import pandas as pd
    import torch

    source = shutil.copytree(made_source, tmp_path / "source")
    annotate(source)
    root = to_v3(source, tmp_path / "v3")
    convert(ConvertSettings(root=root, output_dir=tmp_path / "index", to="index-features"))
    theirs = load(tmp_path / "index")
    subtasks = pd.read_parquet(tmp_path / "index/meta/subtasks.parquet")
    tasks = pd.read_parquet(tmp_path / "index/meta/tasks_high_level.parquet")
    table = roboscribe.open_dataset(tmp_path / "index").to_pandas()
    for frame in range(len(theirs)):
        item = theirs[frame]
        assert subtasks.iloc[item["subtask_index"].item()].name == table["subtask"][frame]
        high_level = tasks.iloc[item["task_index_high_level"].item()]
        assert high_level["user_prompt"] == table["user_prompt"][frame]
        assert high_level["robot_utterance"] == table["robot_utterance"][frame]
        assert item["task"] == "Pick up the cup." or "Put it down." in table["task"][frame]
    loader = torch.utils.data.DataLoader(theirs, batch_size=32, shuffle=True)
    assert sum(len(batch["task_index_high_level"]) for batch in loader) == len(table)


def test_lerobots_own_converter_makes_the_same(load: Load, source: Path, tmp_path: Path) -> None:
    """But for these, each for its reason:

    - its fixed-size lists become lists, by way of pandas, and each file is one row group: ours keep the types
      and have a row group for each episode, as LeRobot records;
    - it adds up lengths of videos as floats, we count in ticks: seconds differ in the last digits;
    - it takes whole numbers for the type of some statistics: LeRobot records all but counts as floats;
    - it leaves behind what else lies in the folder, such as the licence.
    """
    from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset

    theirs = _copy(source, tmp_path / "theirs")
    if not (theirs / "meta/episodes_stats.jsonl").exists():
        write_stats(theirs)
    ours = to_v3(_copy(theirs, tmp_path / "source"), tmp_path / "ours")
    convert_dataset("nobody/nothing", root=str(theirs), push_to_hub=False)

    one, other = (json.loads((root / "meta/info.json").read_text()) for root in (ours, theirs))
    assert one == other
    one, other = (table_of(root, "meta/episodes") for root in (ours, theirs))
    assert set(one.column_names) == set(other.column_names)
    for name in other.column_names:
        if name.endswith("_timestamp"):
            assert one[name].to_pylist() == pytest.approx(other[name].to_pylist(), abs=1e-9)
        else:
            assert one[name].to_pylist() == other[name].to_pylist(), name
    one, other = (json.loads((root / "meta/stats.json").read_text()) for root in (ours, theirs))
    assert {key: sorted(named) for key, named in one.items()} == {
        key: sorted(named) for key, named in other.items()
    }
    for key, named in other.items():
        for name, value in named.items():
            assert np.allclose(one[key][name], value, rtol=1e-6), f"{key} {name}"
    import pandas as pd

    one, other = (pd.read_parquet(root / "meta/tasks.parquet") for root in (ours, theirs))
    assert one.equals(other)
    one, other = (table_of(root, "data") for root in (ours, theirs))
    assert one.column_names == other.column_names
    assert one.to_pylist() == other.to_pylist()
    lost = {path.name for path in ours.rglob("*") if path.is_file()} - {
        path.name for path in theirs.rglob("*") if path.is_file()
    }
    assert lost <= {"LICENSE"}
    assert len(load(ours)) == len(load(theirs))


def write_stats(root: Path) -> None:
    """The statistics of numbers that LeRobot's converter asks for, as version 2.1 has them."""
    dataset = open_dataset(root)
    lines: list[str] = []
    for index in dataset.episode_indices:
        table = dataset.table(
            index, [key for key, f in dataset.info.features.items() if f["dtype"] != "video"]
        )
        stats = {}
        for name in table.column_names:
            values = np.stack(table[name].to_pylist()).reshape(len(table), -1)
            numbers = {key: getattr(values, key)(axis=0).tolist() for key in ("min", "max", "mean", "std")}
            stats[name] = {**numbers, "count": [len(table)]}
        lines.append(json.dumps({"episode_index": index, "stats": stats}) + "\n")
    (root / "meta/episodes_stats.jsonl").write_text("".join(lines))
    path = root / "meta/info.json"
    info = {**json.loads(path.read_text()), "total_chunks": 1, "total_videos": 0}
    path.write_text(json.dumps(info))
