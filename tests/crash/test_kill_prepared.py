"""Data files are made ahead and put in place by runs killed at every step: the dataset loads, none is made twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from killing import run_until
from make_dataset import make_dataset
from scripted import answers
from written import data_files, digests, stored_rows, why_not_loadable

from roboscribe.config import AnnotateSettings
from roboscribe.dataset import journal
from roboscribe.dataset.prepared import FOLDER
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate, prepare

FILES = 3


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk: a kill, other than a power cut, loses no writes."""
    monkeypatch.setattr(journal, "flush", lambda folder: None)


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A dataset of some data files whose rows are staged."""
    root = make_dataset(
        tmp_path / "start",
        episodes=FILES,
        frames=5,
        episodes_per_file=1,
        cameras=(),
        tasks=("Lift the cup.",),
    )
    annotate(AnnotateSettings(root=root), model=ScriptedModel(answers), write=False)
    return root


def made_ahead(root: Path) -> None:
    prepare(AnnotateSettings(root=root), range(FILES), model=ScriptedModel(answers))


def written(root: Path) -> None:
    annotate(AnnotateSettings(root=root), model=ScriptedModel(answers))


def killed_at_each_step(
    work: Callable[[Path], None], start: Path, folder: Path
) -> Iterator[tuple[int, Path]]:
    """Copies of a dataset, each left by a process that was killed one step later than that of the last."""
    step = 0
    while True:
        step += 1
        root = shutil.copytree(start, folder / f"copy-{step}")
        if run_until(lambda root=root: work(root), step) is not None:
            assert step > 10
            return
        yield step, root
        shutil.rmtree(root)


def known(root: Path, pattern: str) -> set[tuple[int, int]]:
    """Files, by their number on the disk and the time of their last change."""
    return {(path.stat().st_ino, path.stat().st_mtime_ns) for path in root.glob(pattern)}


def made(root: Path) -> set[tuple[int, int]]:
    """What was made ahead."""
    return known(root / FOLDER, "data/*/file-*")


@pytest.fixture
def whole(start: Path, tmp_path: Path) -> dict[str, str]:
    """What a run makes of it that is not killed."""
    root = shutil.copytree(start, tmp_path / "whole")
    written(root)
    return digests(root)


@pytest.mark.slow
def test_killed_while_they_are_made(start: Path, whole: dict[str, str], tmp_path: Path) -> None:
    for step, root in killed_at_each_step(made_ahead, start, tmp_path):
        there = made(root)
        assert stored_rows(root) == stored_rows(start), f"killed at step {step}"
        made_ahead(root)
        assert len(there - made(root)) <= 1, "only one that was not told of yet is made again"
        ready = made(root)
        written(root)
        assert digests(root) == whole, f"killed at step {step}, then completed"
        assert known(root, "data/*/*") == ready


@pytest.mark.slow
def test_killed_while_they_are_put_in_place(start: Path, whole: dict[str, str], tmp_path: Path) -> None:
    made_ahead(start)
    rows = stored_rows(start)
    seen: list[bool] = []
    for step, root in killed_at_each_step(written, start, tmp_path):
        assert why_not_loadable(root) == "", f"killed at step {step}"
        seen.append(stored_rows(root) != rows)
        ready = made(root)
        assert seen[-1] or len(ready) == FILES
        written(root)
        assert digests(root) == whole, f"killed at step {step}, then completed"
        assert seen[-1] or known(root, "data/*/*") == ready
        assert len(data_files(root)) == FILES
    assert set(seen) == {False, True}
    assert seen == sorted(seen)
