"""A dataset of the Hub comes without its videos; these are fetched when somebody looks at them, and none is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hub.fake_hub import Commit, FakeHub
from make_dataset import make_dataset

from roboscribe.dataset import open_dataset
from roboscribe.language import COLUMNS

Run = Callable[..., tuple[int, str]]

TOP, WRIST = "observation.images.top", "observation.images.wrist"
BLIND = ("--vqa.enabled", "false", "--log-format", "plain")
"""With this, the builtin model looks at nothing."""


@pytest.fixture
def published(hub: FakeHub, tmp_path: Path) -> Path:
    """Three episodes with two cameras, each video in a file of its own, as us/cups on the Hub."""
    root = make_dataset(
        tmp_path / "published", version="v2.1", episodes=3, frames=12, fps=10, cameras=(TOP, WRIST)
    )
    hub.publish("us/cups", root)
    return root


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where it is downloaded to."""
    return tmp_path / "lerobot/us/cups"


def videos(paths: list[str] | Path) -> list[str]:
    """Videos as camera and episode, such as ``top 2``."""
    if isinstance(paths, Path):
        paths = [path.as_posix() for path in paths.rglob("*.mp4")]
    found = (path.split("/")[-2:] for path in paths if path.endswith(".mp4"))
    return sorted(f"{camera.rpartition('.')[2]} {int(name[-10:-4])}" for camera, name in found)


ALL = [f"{camera} {episode}" for camera in ("top", "wrist") for episode in range(3)]


def test_where_nothing_looks_no_video_is_fetched(hub: FakeHub, run: Run, published: Path, home: Path) -> None:
    code, said = run("annotate", "--repo-id", "us/cups", *BLIND)
    assert code == 0, said
    assert "6 of 6 videos are still on the Hub (us/cups)" in said
    others = {path.relative_to(published).as_posix() for path in published.rglob("*") if path.is_file()}
    assert sorted(hub.downloads) == sorted(path for path in others if not path.endswith(".mp4"))
    assert set(COLUMNS) <= set(open_dataset(home).info.features)
    hub.downloads.clear()
    assert run("annotate", "--repo-id", "us/cups", *BLIND)[0] == 0
    assert hub.downloads == [], "and what is there is not fetched again"


def test_the_videos_of_chosen_cameras_and_episodes_are_fetched_and_others_later(
    hub: FakeHub, run: Run, published: Path, home: Path
) -> None:
    words = ("annotate", "--repo-id", "us/cups", "--log-format", "plain")
    code, said = run(*words, "--vqa.cameras", WRIST, "--episodes", "0", "2")
    assert code == 0, said
    assert videos(hub.downloads) == ["wrist 0", "wrist 2"]
    rows = {path: path.read_bytes() for path in home.rglob("*.parquet")}
    code, said = run(*words, "--only", "vqa", "--vqa.cameras", TOP, "--episodes", "1")
    assert code == 0, said
    assert videos(hub.downloads) == ["top 1", "wrist 0", "wrist 2"]
    changed = {path.name for path, data in rows.items() if path.read_bytes() != data}
    assert changed <= {"episode_000001.parquet"}, "what was annotated before is as it was"
    code, said = run("download", "--repo-id", "us/cups")
    assert (code, "3 videos fetched, 0 of 6 left" in said) == (0, True), said
    assert videos(hub.downloads) == ALL, "each of them once"
    assert run("annotate", "--repo-id", "us/cups", *BLIND)[1].count("still on the Hub") == 0


def test_a_result_in_another_folder_can_be_completed(
    hub: FakeHub, run: Run, published: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("annotate", "--repo-id", "us/cups", "--output-dir", str(out))
    assert run(*words, *BLIND)[0] == 0
    assert videos(out) == []
    code, said = run("download", "--root", str(out), "--cameras", WRIST, "--episodes", "1")
    assert (code, "5 of 6 left" in said) == (0, True), said
    assert videos(out) == ["wrist 1"]
    assert run(*words, "--vqa.cameras", TOP, "--log-format", "plain")[0] == 0
    assert videos(out) == ["top 0", "top 1", "top 2", "wrist 1"], "what was looked at comes along"
    assert run("download", "--root", str(out))[0] == 0
    there = {path.relative_to(out): path.read_bytes() for path in out.rglob("*.mp4")}
    assert there == {path.relative_to(published): path.read_bytes() for path in published.rglob("*.mp4")}


def test_a_push_leaves_no_video_behind(hub: FakeHub, run: Run, published: Path, home: Path) -> None:
    run("annotate", "--repo-id", "us/cups", *BLIND)
    code, said = run("push", "--root", str(home), "--hub.repo-id", "us/cups")
    assert code == 0, said
    assert videos(hub.downloads) == [], "the Hub has them there"
    assert videos(list(hub.repositories["us/cups"].files)) == ALL
    code, said = run("push", "--root", str(home), "--hub.repo-id", "us/copy")
    assert (code, "6 videos" in said) == (0, True), said
    copy = hub.repositories["us/copy"].files
    assert {path: data for path, data in copy.items() if path.endswith(".mp4")} == {
        path.relative_to(published).as_posix(): path.read_bytes() for path in published.rglob("*.mp4")
    }


def test_a_video_that_cannot_be_had_fails_its_episode_only(
    hub: FakeHub, run: Run, published: Path, home: Path
) -> None:
    (lost,) = (
        path for path in hub.repositories["us/cups"].files if path.endswith(f"{WRIST}/episode_000001.mp4")
    )
    hub.forbidden = {lost}
    words = ("annotate", "--repo-id", "us/cups", "--vqa.cameras", WRIST, "--log-format", "plain")
    code, said = run(*words)
    assert code == 3, said
    assert f"{lost} of us/cups could not be fetched" in said
    hub.forbidden = set()
    assert run(*words)[0] == 0
    assert videos(hub.downloads) == ["wrist 0", "wrist 1", "wrist 2"]


def test_a_download_that_is_broken_off_goes_on_with_the_same_commit(
    hub: FakeHub, run: Run, published: Path, home: Path
) -> None:
    hub.forbidden = {path for path in hub.repositories["us/cups"].files if path.endswith("000002.parquet")}
    code, said = run("annotate", "--repo-id", "us/cups", *BLIND)
    assert (code, "HF_TOKEN" in said, "Traceback" in said) == (2, True, False), said
    branch = hub.repositories["us/cups"].branches["main"]
    branch.append(Commit("2" * 40, "replaced", {"meta/info.json": b"{}"}))
    hub.forbidden = set()
    code, said = run("annotate", "--repo-id", "us/cups", *BLIND)
    assert code == 0, said
    assert len(open_dataset(home).episode_indices) == 3


def test_a_revision_has_a_folder_of_its_own(hub: FakeHub, run: Run, published: Path, home: Path) -> None:
    assert run("annotate", "--repo-id", "us/cups", *BLIND)[0] == 0
    ours = (home / "meta/info.json").read_bytes()
    repository = hub.repositories["us/cups"]
    repository.branches["next/one"] = list(repository.branches["main"])
    code, said = run("annotate", "--repo-id", "us/cups", "--revision", "next/one", *BLIND)
    assert code == 0, said
    assert (
        "language_events"
        in json.loads((home.with_name("cups@next-one") / "meta/info.json").read_text())["features"]
    )
    assert (home / "meta/info.json").read_bytes() == ours


def test_a_conversion_fetches_what_it_joins(hub: FakeHub, run: Run, published: Path, tmp_path: Path) -> None:
    out = tmp_path / "v3"
    code, said = run("convert", "--repo-id", "us/cups", "--output-dir", str(out), "--episodes", "0-1")
    assert code == 0, said
    assert videos(hub.downloads) == ["top 0", "top 1", "wrist 0", "wrist 1"]
    assert open_dataset(out).info.version == "v3.0"


def test_a_folder_that_comes_from_nowhere_cannot_be_completed(run: Run, published: Path) -> None:
    code, said = run("download", "--root", str(published))
    assert (code, "--repo-id" in said) == (2, True), said
