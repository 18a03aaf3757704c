"""A conversion is killed at every step: there is no dataset or the whole one, and the next run goes on from there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from killing import run_until
from make_dataset import make_dataset
from written import digests, stored_rows, why_not_loadable

from roboscribe.config import ConvertSettings
from roboscribe.conversion import data, videos
from roboscribe.conversion.convert import convert
from roboscribe.dataset import journal, open_dataset
from roboscribe.dataset.merge import EpisodeUpdate
from roboscribe.dataset.writer import write_language
from roboscribe.language import Row

TOP, WRIST = "observation.images.top", "observation.images.wrist"


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk: a kill, other than a power cut, loses no writes."""
    monkeypatch.setattr(journal, "flush", lambda folder: None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = make_dataset(
        tmp_path / "source", version="v2.1", episodes=5, frames=[9, 6, 5, 8, 7], cameras=(TOP, WRIST)
    )
    (root / "README.md").write_text("About this dataset.")
    return root


def to_v3(source: Path, target: Path) -> None:
    """In several files each, two of them made of several episodes."""
    megabytes = 2.5 * max(path.stat().st_size for path in source.rglob("*.mp4")) / 2**20
    settings = {"data_files_size_in_mb": 0.015, "video_files_size_in_mb": megabytes}
    convert(ConvertSettings(root=source, output_dir=target, **settings))


@pytest.mark.slow
def test_every_kill_leaves_no_half_dataset(source: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    steps = run_until(lambda: to_v3(source, whole))
    assert steps is not None
    assert steps > 40
    assert len(list(whole.rglob("*.mp4"))) > 4
    before, after = digests(source), digests(whole)
    appeared: list[bool] = []
    for step in range(1, steps + 1):
        target = tmp_path / f"out-{step}"
        assert run_until(lambda target=target: to_v3(source, target), step) is None
        appeared.append((target / "meta/info.json").exists())
        if appeared[-1]:
            assert why_not_loadable(target) == ""
            visible = {path: digest for path, digest in digests(target).items() if path[0] != "."}
            assert visible == after, f"killed at step {step}"
        to_v3(source, target)
        assert digests(target) == after, f"killed at step {step}, then completed"
        shutil.rmtree(target)
    assert digests(source) == before
    assert appeared == sorted(appeared)
    assert set(appeared) == {False, True}


def test_finished_files_are_not_made_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = run_until(lambda: to_v3(source, tmp_path / "whole")) or 0
    made: list[str] = []
    for module, name in ((data, "_write"), (videos, "_write")):
        original = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *given, original=original: made.append("file") or original(*given)
        )
    counts: list[int] = []
    for step in range(1, steps + 1, 7):
        target = tmp_path / f"out-{step}"
        assert run_until(lambda target=target: to_v3(source, target), step) is None
        made.clear()
        to_v3(source, target)
        assert digests(target) == digests(tmp_path / "whole")
        counts.append(len(made))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 6
    assert counts[-1] == 0


def test_files_of_a_source_that_has_changed_are_made_again(source: Path, tmp_path: Path) -> None:
    steps = run_until(lambda: to_v3(source, tmp_path / "whole")) or 0
    target = tmp_path / "target"
    assert run_until(lambda: to_v3(source, target), steps * 2 // 3) is None
    other = make_dataset(
        tmp_path / "other",
        version="v2.1",
        episodes=5,
        frames=[9, 6, 5, 8, 7],
        cameras=(TOP, WRIST),
        size=(80, 64),
    )
    for video in source.rglob("*.mp4"):
        shutil.copy(other / video.relative_to(source), video)
    to_v3(source, target)
    to_v3(source, tmp_path / "anew")
    assert digests(target) == digests(tmp_path / "anew")
    assert digests(target) != digests(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize(("to", "other"), [("index-features", "language"), ("language", "index-features")])
def test_every_kill_between_forms_leaves_the_one_or_the_other(to: Any, other: Any, tmp_path: Path) -> None:
    start = make_dataset(tmp_path / "start", episodes=3, frames=[6, 5, 7], episodes_per_file=2, kind=None)
    source = open_dataset(start)

    def update(index: int) -> EpisodeUpdate:
        middle = float(source.episode(index).timestamps[3])
        rows = [Row("assistant", "reach", "subtask", 0.0), Row("assistant", "grasp", "subtask", middle)]
        return EpisodeUpdate(rows, frozenset({"subtask"}))

    write_language(source, start, update)
    if to == "language":
        convert(ConvertSettings(root=start, to=other))
    new = shutil.copytree(start, tmp_path / "new")
    steps = run_until(lambda: convert(ConvertSettings(root=new, to=to)))
    assert steps is not None
    whole = digests(new)
    forms = [told(start), told(new)]
    seen: list[int] = []
    for step in range(1, steps + 1):
        root = shutil.copytree(start, tmp_path / f"copy-{step}", symlinks=True)
        assert run_until(lambda root=root: convert(ConvertSettings(root=root, to=to)), step) is None
        assert why_not_loadable(root) == "", f"killed at step {step}"
        seen.append(forms.index(told(root)))
        if seen[-1] == 0:
            convert(ConvertSettings(root=root, to=to))
        assert digests(root) == whole, f"killed at step {step}, then completed"
        shutil.rmtree(root)
    assert seen == sorted(seen)
    assert set(seen) == {0, 1}


def told(root: Path) -> tuple[dict[int, list[Row]], set[str]]:
    """The language rows of a dataset and the names of its features."""
    return stored_rows(root), set(open_dataset(root).info.features)
