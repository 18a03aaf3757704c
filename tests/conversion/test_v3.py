"""Datasets of older versions are brought into v3.0: nothing is lost, nothing is encoded anew, nothing is left over."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from converted import assert_same_episodes, payloads, shown, table_of, videos_of
from converting import TOP, WRIST, info_of, notes, relative, to_v3
from make_dataset import edit_info, edit_table, make_dataset, write_lines
from written import annotate, data_files, digests, why_not_loadable

from roboscribe.cli.app import main
from roboscribe.config import ConvertSettings
from roboscribe.conversion.convert import convert
from roboscribe.dataset import open_dataset
from roboscribe.errors import DatasetError, RoboscribeError
from roboscribe.events import ConversionFinished, ConversionStep


def test_the_real_dataset(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "g1_bottle_v21"
    events = to_v3(source, tmp_path / "v3")
    assert_same_episodes(source, tmp_path / "v3")
    camera = "observation.images.cam_high"
    assert payloads(videos_of(source, camera)) == payloads(videos_of(tmp_path / "v3", camera))
    assert relative(tmp_path / "v3") == {
        "LICENSE",
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "meta/info.json",
        "meta/stats.json",
        "meta/tasks.parquet",
        f"videos/{camera}/chunk-000/file-000.mp4",
    }
    assert notes(events) == ""
    assert sum(isinstance(event, ConversionStep) for event in events) == 8
    assert isinstance(events[-1], ConversionFinished)
    assert events[-1].files == 7


def test_the_real_dataset_in_several_files(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "g1_bottle_v21"
    to_v3(source, tmp_path / "v3", data_files_size_in_mb=0.15, video_files_size_in_mb=5)
    assert_same_episodes(source, tmp_path / "v3")
    camera = "observation.images.cam_high"
    assert payloads(videos_of(source, camera)) == payloads(videos_of(tmp_path / "v3", camera))
    table = table_of(tmp_path / "v3", "meta/episodes")
    assert table["data/file_index"].to_pylist() == [0, 0, 1, 1]
    assert table[f"videos/{camera}/file_index"].to_pylist() == [0, 0, 1, 1]
    assert table[f"videos/{camera}/from_timestamp"].to_pylist() == [0.0, 221 / 30, 0.0, 280 / 30]
    assert table[f"videos/{camera}/to_timestamp"].to_pylist() == [221 / 30, 498 / 30, 280 / 30, 547 / 30]


@pytest.mark.parametrize("codec", ["h264", "h264-b-frames", "hevc", "av1"])
def test_every_codec_is_joined_without_encoding_anew(codec: Any, tmp_path: Path) -> None:
    source = make_dataset(
        tmp_path / "source", version="v2.1", episodes=5, frames=[20, 33, 9, 14, 27], codec=codec
    )
    to_v3(source, tmp_path / "v3")
    assert_same_episodes(source, tmp_path / "v3")
    [joined] = videos_of(tmp_path / "v3", TOP)
    assert payloads([joined]) == payloads(videos_of(source, TOP))
    steps = np.diff(shown(joined))
    assert len(steps) == 102
    assert len(set(steps.tolist())) == 1


def test_two_cameras_in_several_files(cameras: Path, tmp_path: Path) -> None:
    target = tmp_path / "v3"
    size = max(path.stat().st_size for path in cameras.rglob("*.mp4")) * 2
    megabytes = size / 2**20
    to_v3(cameras, target, data_files_size_in_mb=0.02, video_files_size_in_mb=megabytes)
    assert_same_episodes(cameras, target)
    for camera in (TOP, WRIST):
        files = sorted((target / "videos" / camera).rglob("*.mp4"))
        assert 1 < len(files) < 6
        assert all(path.stat().st_size <= size * 1.05 for path in files)
        assert payloads(files) == payloads(videos_of(cameras, camera))
    assert 1 < len(data_files(target)) < 6
    for path in data_files(target):
        held = pq.read_table(path, columns=["episode_index"])["episode_index"].to_pylist()
        assert pq.ParquetFile(path).num_row_groups == len(set(held))
    assert why_not_loadable(target) == ""


def test_numbers_run_through(cameras: Path, tmp_path: Path) -> None:
    to_v3(cameras, tmp_path / "v3", data_files_size_in_mb=0.02)
    rows = table_of(tmp_path / "v3", "data")
    table = table_of(tmp_path / "v3", "meta/episodes")
    lengths = [20, 33, 9, 14, 27, 8]
    assert rows["index"].to_pylist() == list(range(111))
    assert rows["episode_index"].to_pylist() == np.repeat(range(6), lengths).tolist()
    assert table["length"].to_pylist() == lengths
    assert table["dataset_from_index"].to_pylist() == [0, *np.cumsum(lengths)[:-1].tolist()]
    assert table["dataset_to_index"].to_pylist() == np.cumsum(lengths).tolist()
    assert table["tasks"].to_pylist()[1] == ["Pick up the cup.", "Put it down."]
    tasks = pq.read_table(tmp_path / "v3/meta/tasks.parquet")
    texts = tasks["task"].to_pylist()
    assert tasks["task_index"].to_pylist() == [0, 1, 2]
    told = [texts[index] for index in rows["task_index"].to_pylist()]
    assert told[0] == "Pick up the cup."
    assert told[20 + 32] == "Put it down."
    assert told[20 + 33] == "Wipe the table."
    info = info_of(tmp_path / "v3")
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (6, 111, 3)
    assert info["splits"] == {"train": "0:6"}
    assert not {"total_chunks", "total_videos"} & info.keys()


def test_the_columns_keep_their_types_and_what_datasets_knows_of_them(cameras: Path, tmp_path: Path) -> None:
    to_v3(cameras, tmp_path / "v3")
    old = pq.read_schema(next((cameras / "data").rglob("*.parquet")))
    new = pq.read_schema(data_files(tmp_path / "v3")[0])
    assert new == old
    assert new.metadata == old.metadata


def test_annotations_and_index_features_come_along(cameras: Path, tmp_path: Path) -> None:
    source = shutil.copytree(cameras, tmp_path / "source")
    annotate(source, tools_column=True)
    for path in sorted((source / "data").rglob("*.parquet")):
        edit_table(
            path,
            lambda table: table.append_column(
                "task_index_high_level", pa.array(np.arange(len(table)) // 5 - 1)
            ),
        )
    info = info_of(source)
    feature = {"dtype": "int64", "shape": [1], "names": None}
    edit_info(source, features={**info["features"], "task_index_high_level": feature})
    (source / "meta/syn_annotations.jsonl").write_text('{"episode_id": 0}\n')
    to_v3(source, tmp_path / "v3")
    assert_same_episodes(source, tmp_path / "v3")
    new = info_of(tmp_path / "v3")
    assert new["tools"] == info["tools"]
    assert list(new["features"]) == [*info["features"], "task_index_high_level"]
    assert (tmp_path / "v3/meta/syn_annotations.jsonl").read_text() == '{"episode_id": 0}\n'
    assert why_not_loadable(tmp_path / "v3") == ""


def test_pictures_stay_in_the_data_files(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.0", episodes=3, frames=7, kind="image")
    to_v3(source, tmp_path / "v3", data_files_size_in_mb=0.03)
    assert_same_episodes(source, tmp_path / "v3")
    assert not (tmp_path / "v3/videos").exists()
    assert info_of(tmp_path / "v3")["video_path"] is None


def test_pictures_in_files_of_their_own_are_put_into_the_data(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.0", episodes=1, frames=5, kind="image")

    def take_out(table: pa.Table) -> pa.Table:
        pictures = table[TOP].to_pylist()
        for picture in pictures:
            path = source / "images" / picture["path"]
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture["bytes"])
        places = [{"bytes": None, "path": f"images/{picture['path']}"} for picture in pictures]
        place = table.schema.get_field_index(TOP)
        return table.set_column(place, TOP, pa.array(places, type=table.schema.field(TOP).type))

    whole = shutil.copytree(source, tmp_path / "whole")
    [path] = source.glob("data/*/*.parquet")
    edit_table(path, take_out)
    to_v3(source, tmp_path / "v3")
    shutil.rmtree(source / "images")
    ours = pq.read_table(data_files(tmp_path / "v3")[0])[TOP].to_pylist()
    theirs = pq.read_table(next(whole.glob("data/*/*.parquet")))[TOP].to_pylist()
    assert [picture["bytes"] for picture in ours] == [picture["bytes"] for picture in theirs]
    assert "images" not in {path.split("/")[0] for path in relative(tmp_path / "v3")}


def test_a_packed_dataset_is_packed_anew(tmp_path: Path) -> None:
    source = make_dataset(
        tmp_path / "source", episodes=5, frames=[6, 9, 5, 8, 7], episodes_per_file=2, codec="h264-b-frames"
    )
    to_v3(source, tmp_path / "v3")
    assert_same_episodes(source, tmp_path / "v3")
    assert len(data_files(tmp_path / "v3")) == 1
    [joined] = videos_of(tmp_path / "v3", TOP)
    assert payloads([joined]) == payloads(videos_of(source, TOP))
    starts = table_of(tmp_path / "v3", "meta/episodes")[f"videos/{TOP}/from_timestamp"].to_pylist()
    assert starts == pytest.approx([0, 0.6, 1.5, 2.0, 2.8])


def test_a_video_of_another_kind_gets_a_file_of_its_own(cameras: Path, tmp_path: Path) -> None:
    source = shutil.copytree(cameras, tmp_path / "source")
    other = make_dataset(
        tmp_path / "other",
        version="v2.1",
        episodes=3,
        frames=[20, 33, 9],
        cameras=(TOP, WRIST),
        codec={TOP: "h264-b-frames", WRIST: "hevc"},
    )
    video = f"videos/chunk-000/{WRIST}/episode_000002.mp4"
    shutil.copy(other / video, source / video)
    to_v3(source, tmp_path / "v3")
    assert_same_episodes(source, tmp_path / "v3")
    table = table_of(tmp_path / "v3", "meta/episodes")
    assert table[f"videos/{WRIST}/file_index"].to_pylist() == [0, 0, 1, 2, 2, 2]
    assert table[f"videos/{TOP}/file_index"].to_pylist() == [0] * 6
    alone = tmp_path / "v3" / f"videos/{WRIST}/chunk-000/file-001.mp4"
    assert alone.samefile(source / video)


def test_a_video_that_is_shorter_than_its_episode_is_followed_by_no_other(tmp_path: Path) -> None:
    """Else the next episode's first frames would be taken for its last."""
    source = make_dataset(tmp_path / "source", version="v2.1", episodes=3, frames=[12, 9, 12])
    folder = source / "videos/chunk-000" / TOP
    shutil.copy(folder / "episode_000001.mp4", folder / "episode_000000.mp4")
    to_v3(source, tmp_path / "v3")
    table = table_of(tmp_path / "v3", "meta/episodes")
    assert table[f"videos/{TOP}/file_index"].to_pylist() == [0, 1, 1]


def test_statistics_are_those_of_the_source(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "g1_bottle_v21"
    to_v3(source, tmp_path / "v3")
    lines = [json.loads(line) for line in (source / "meta/episodes_stats.jsonl").read_text().splitlines()]
    rows = table_of(tmp_path / "v3", "meta/episodes").to_pylist()
    for row, line in zip(rows, lines, strict=True):
        for key, named in line["stats"].items():
            for name, value in named.items():
                assert row[f"stats/{key}/{name}"] == value
    total = json.loads((tmp_path / "v3/meta/stats.json").read_text())
    states = np.concatenate([np.stack(t["action"].to_pylist()) for t in tables(source)])
    assert total["action"]["count"] == [1045]
    assert total["action"]["min"] == pytest.approx(states.min(axis=0).tolist())
    assert total["action"]["mean"] == pytest.approx(states.mean(axis=0).tolist(), abs=1e-5)
    assert total["action"]["std"] == pytest.approx(states.std(axis=0).tolist(), abs=1e-5)


def tables(root: Path) -> list[pa.Table]:
    return [pq.read_table(path) for path in sorted((root / "data").rglob("*.parquet"))]


def test_missing_statistics_of_numbers_are_computed_and_said(cameras: Path, tmp_path: Path) -> None:
    source = shutil.copytree(cameras, tmp_path / "source")
    pictures = {"mean": [[[0.5]]] * 3, "std": [[[0.1]]] * 3, "min": [[[0.0]]] * 3, "max": [[[1.0]]] * 3}
    stored = {TOP: {**pictures, "count": [6]}}
    (source / "meta/stats.json").write_text(json.dumps(stored))
    events = to_v3(source, tmp_path / "v3")
    said = notes(events)
    assert "computed: action, observation.state" in said
    assert WRIST in said
    assert TOP not in said
    total = json.loads((tmp_path / "v3/meta/stats.json").read_text())
    assert total[TOP] == stored[TOP]
    assert WRIST not in total
    values = np.concatenate([np.stack(table["action"].to_pylist()) for table in tables(source)])
    assert total["action"]["max"] == pytest.approx(values.max(axis=0).tolist())
    assert total["action"]["std"] == pytest.approx(values.std(axis=0).tolist(), rel=1e-4)
    assert total["index"]["max"] == [110.0]
    row = table_of(tmp_path / "v3", "meta/episodes").to_pylist()[2]
    third = np.stack(tables(source)[2]["action"].to_pylist())
    assert row["stats/action/q50"] == pytest.approx(np.median(third, axis=0).tolist())
    assert row["stats/action/count"] == [9]


def test_chosen_episodes_get_new_numbers_everywhere(cameras: Path, tmp_path: Path) -> None:
    source = shutil.copytree(cameras, tmp_path / "source")
    skills = {
        "coarse_description": "tidy up",
        "skill_to_subtask_index": {"reach": 0},
        "episodes": {
            str(index): {"episode_index": index, "description": "", "skills": []} for index in range(6)
        },
    }
    (source / "meta/skills.json").write_text(json.dumps(skills))
    write_lines(source / "meta/syn_annotations.jsonl", [{"episode_id": index} for index in (0, 3, 5, 3)])
    annotate(source)
    made_by = {"annotator": "subtasks", "styles": ["subtask"]}
    record = {"annotators": [{**made_by, "episodes": "0-4", "rows": 10}], "not_validated": "3-4"}
    (source / "meta/roboscribe.json").write_text(json.dumps(record))
    events = to_v3(source, tmp_path / "v3", episodes=("1", "3", "5"))
    assert_same_episodes(source, tmp_path / "v3", {1: 0, 3: 1, 5: 2})
    assert "episode 1, for one, is now episode 0" in notes(events)
    meta = tmp_path / "v3/meta"
    assert sorted(json.loads((meta / "skills.json").read_text())["episodes"]) == ["0", "1", "2"]
    samples = [json.loads(line) for line in (meta / "syn_annotations.jsonl").read_text().splitlines()]
    assert samples == [{"episode_id": 1}, {"episode_id": 2}, {"episode_id": 1}]
    record = json.loads((meta / "roboscribe.json").read_text())
    assert record["annotators"] == [{**made_by, "episodes": "0-1", "rows": 4}]
    assert record["not_validated"] == "1"
    assert table_of(tmp_path / "v3", "data")["index"].to_pylist() == list(range(33 + 14 + 8))


def test_what_the_episode_table_says_besides_comes_along(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", version="v2.1", episodes=3, frames=5, kind=None)
    lines = [json.loads(line) for line in (source / "meta/episodes.jsonl").read_text().splitlines()]
    write_lines(
        source / "meta/episodes.jsonl",
        [{**line, "operator": f"o{n}", "mixed": [1, "a", {}][n]} for n, line in enumerate(lines)],
    )
    events = to_v3(source, tmp_path / "v3")
    assert table_of(tmp_path / "v3", "meta/episodes")["operator"].to_pylist() == ["o0", "o1", "o2"]
    assert "mixed" in notes(events)
    again = to_v3(tmp_path / "v3", tmp_path / "again")
    assert notes(again) == ""
    assert table_of(tmp_path / "again", "meta/episodes").equals(table_of(tmp_path / "v3", "meta/episodes"))


class TestRefusals:
    """What cannot be is refused in a sentence, and leaves nothing behind."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        return make_dataset(tmp_path / "source", version="v2.1", episodes=3, frames=9)

    def test_no_folder_of_its_own(self, source: Path) -> None:
        with pytest.raises(RoboscribeError, match="--output-dir"):
            convert(ConvertSettings(root=source))
        with pytest.raises(DatasetError, match="is the dataset itself"):
            to_v3(source, source)
        with pytest.raises(DatasetError, match="holds the other"):
            to_v3(source, source / "new")

    def test_a_folder_with_something_else_in_it(self, source: Path, tmp_path: Path) -> None:
        target = tmp_path / "target"
        target.mkdir()
        (target / "notes.txt").write_text("mine")
        with pytest.raises(DatasetError, match="is not empty"):
            to_v3(source, target)
        assert relative(target) == {"notes.txt"}
        other = make_dataset(tmp_path / "other", episodes=2, frames=4)
        before = digests(other)
        with pytest.raises(DatasetError, match="holds another dataset"):
            to_v3(source, other)
        assert digests(other) == before

    def test_once_more_does_nothing(self, source: Path, tmp_path: Path) -> None:
        to_v3(source, tmp_path / "v3")
        before = digests(tmp_path / "v3")
        events = to_v3(source, tmp_path / "v3")
        assert "already" in notes(events)
        assert digests(tmp_path / "v3") == before

    def test_no_room(self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6, 1000))
        with pytest.raises(DatasetError, match=r"needs about \d.*MB at .*, where 0\.0 MB are free"):
            to_v3(source, tmp_path / "v3")
        assert not (tmp_path / "v3").exists()

    def test_a_damaged_video(self, source: Path, tmp_path: Path) -> None:
        video = source / f"videos/chunk-000/{TOP}/episode_000001.mp4"
        video.write_bytes(video.read_bytes()[:-200])
        with pytest.raises(DatasetError, match=r"episode_000001\.mp4 cannot be read as a video.*--episodes"):
            to_v3(source, tmp_path / "v3")
        assert not (tmp_path / "v3/meta").exists()

    def test_rows_that_are_missing(self, source: Path, tmp_path: Path) -> None:
        edit_table(source / "data/chunk-000/episode_000002.parquet", lambda table: table.slice(0, 5))
        with pytest.raises(RoboscribeError, match="episode_000002"):
            to_v3(source, tmp_path / "v3")

    def test_a_source_that_is_read_only_is_enough(self, source: Path, tmp_path: Path) -> None:
        for path in (source, *source.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        to_v3(source, tmp_path / "v3")
        assert_same_episodes(source, tmp_path / "v3")


def test_links_cannot_be_made(cameras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object, **options: object) -> None:
        raise OSError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    to_v3(cameras, tmp_path / "v3", video_files_size_in_mb=0.0001)
    assert_same_episodes(cameras, tmp_path / "v3")
    assert not any(
        path.samefile(other) for path in (tmp_path / "v3").rglob("*.mp4") for other in cameras.rglob("*.mp4")
    )


def test_depth_comes_along(tmp_path: Path) -> None:
    """Annotators do not look at depth, but a dataset has it."""
    source = make_dataset(tmp_path / "source", version="v2.1", episodes=2, frames=6, cameras=(TOP, "depth"))
    to_v3(source, tmp_path / "v3")
    assert "depth" in info_of(tmp_path / "v3")["features"]
    assert payloads([tmp_path / "v3/videos/depth/chunk-000/file-000.mp4"]) == payloads(
        sorted(source.glob("videos/*/depth/*.mp4"))
    )
    assert open_dataset(tmp_path / "v3").notes == ()


def test_a_video_that_goes_on_after_its_episode_is_joined_whole(tmp_path: Path) -> None:
    source = make_dataset(
        tmp_path / "source", version="v2.1", episodes=3, frames=[12, 9, 12], codec="h264-b-frames"
    )
    folder = source / "videos/chunk-000" / TOP
    shutil.copy(folder / "episode_000002.mp4", folder / "episode_000001.mp4")
    to_v3(source, tmp_path / "v3")
    assert_same_episodes(source, tmp_path / "v3")
    table = table_of(tmp_path / "v3", "meta/episodes")
    assert table[f"videos/{TOP}/from_timestamp"].to_pylist() == [0.0, 1.2, 2.4]
    assert table[f"videos/{TOP}/to_timestamp"].to_pylist() == [1.2, 2.1, 3.6]


@pytest.mark.parametrize("log_format", ["plain", "json", "rich"])
def test_the_command_tells_how_far_it_is(
    log_format: str, cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["convert", "--root", str(cameras), "--output-dir", str(tmp_path / "v3")]
    assert main([*words, "--log-format", log_format]) == 0
    said = capsys.readouterr().out
    if log_format == "json":
        events = [json.loads(line) for line in said.splitlines()]
        started = next(event for event in events if event["event"] == "ConversionStarted")
        assert started["steps"] == sum(event["event"] == "ConversionStep" for event in events) == 18
        assert (events[-1]["event"], events[-1]["episodes"]) == ("ConversionFinished", 6)
    else:
        assert "6 episodes as v3.0" in " ".join(said.split())
    assert main([*words, "--log-format", log_format]) == 0
    assert "already" in capsys.readouterr().out


def test_flags_that_cannot_be(cameras: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["convert", "--root", str(cameras), "--output-dir", "x", "--video-files-size-in-mb", "0"]) == 2
    )
    assert "--video-files-size-in-mb is 0" in capsys.readouterr().err
    assert main(["convert", "--root", str(cameras)]) == 2
    assert "--output-dir" in capsys.readouterr().err
    assert main(["convert", "--root", str(cameras), "--to", "v9"]) == 2
    assert "'v9'" in capsys.readouterr().err
