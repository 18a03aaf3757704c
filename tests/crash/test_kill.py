"""Writers are killed at every step they take: the dataset is the old or the new one, and the next run goes on."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from killing import run_until
from make_dataset import make_dataset
from written import annotate, data_files, digests, stored_rows, why_not_loadable

from roboscribe.dataset import journal


def packed(folder: Path) -> Path:
    return make_dataset(folder, episodes=3, frames=[6, 5, 7], episodes_per_file=2, kind=None)


def alone(folder: Path) -> Path:
    return make_dataset(folder, episodes=2, frames=5, kind=None)


def own_files(folder: Path) -> Path:
    return make_dataset(folder, version="v2.1", episodes=3, frames=5, kind=None, chunks_size=2)


def labelled(folder: Path) -> Path:
    """With the ``subtask_index`` that language columns replace."""
    root = packed(folder)
    for path in data_files(root):
        table = pq.read_table(path)
        pq.write_table(table.append_column("subtask_index", table["task_index"]), path)
    info = root / "meta/info.json"
    declared = '"features": {"subtask_index": {"dtype": "int64", "shape": [1], "names": null},'
    info.write_text(info.read_text().replace('"features": {', declared, 1))
    return root


def annotated(folder: Path) -> Path:
    root = packed(folder)
    annotate(root, words="mug")
    return root


def cached(folder: Path) -> Path:
    """As in the Hub's cache: every file is a link to another folder."""
    root = packed(folder)
    for path in [path for path in root.rglob("*") if path.is_file()]:
        blob = folder.parent / f"{folder.name}-blobs" / path.relative_to(root)
        blob.parent.mkdir(parents=True, exist_ok=True)
        path.rename(blob)
        path.symlink_to(blob)
    return root


CASES = {
    "packed files": packed,
    "one file": alone,
    "a file per episode (v2.1)": own_files,
    "a column is dropped": labelled,
    "annotated before": annotated,
    "links to a cache": cached,
}


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk: a kill, other than a power cut, loses no writes."""
    monkeypatch.setattr(journal, "flush", lambda folder: None)


@pytest.fixture(params=CASES, ids=list(CASES))
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A dataset to write to."""
    return CASES[request.param](tmp_path / "start")


def copy_of(root: Path, folder: Path) -> Path:
    return shutil.copytree(root, folder, symlinks=True)


def copies(root: Path, folder: Path) -> Iterator[Path]:
    """Fresh copies of a dataset, without end."""
    number = 0
    while True:
        number += 1
        copy = copy_of(root, folder / f"copy-{number}")
        yield copy
        shutil.rmtree(copy)


@pytest.mark.slow
def test_every_kill_leaves_the_old_or_the_new(start: Path, tmp_path: Path) -> None:
    untouched = digests(tmp_path)
    new = copy_of(start, tmp_path / "new")
    steps = run_until(lambda: annotate(new))
    assert steps is not None
    assert steps > 10
    whole = digests(new)
    contents = (visible(start), visible(new))
    rows = (stored_rows(start), stored_rows(new))
    seen: list[int] = []

    for step, root in zip(range(1, steps + 1), copies(start, tmp_path), strict=False):
        assert run_until(lambda root=root: annotate(root), step) is None
        assert why_not_loadable(root) == "", f"killed at step {step}"
        assert visible(root) in contents, f"killed at step {step}"
        held = stored_rows(root)
        assert held in rows, f"killed at step {step}"
        seen.append(rows.index(held))
        annotate(root)
        assert digests(root) == whole, f"killed at step {step}, then completed"
        assert not any(path.is_symlink() for path in root.rglob("*.parquet") if "data" in path.parts)
    assert set(seen) == {0, 1}
    assert seen == sorted(seen)
    assert untouched.items() <= digests(tmp_path).items()


@pytest.mark.slow
def test_kills_while_recovering(start: Path, tmp_path: Path) -> None:
    new = copy_of(start, tmp_path / "new")
    steps = run_until(lambda: annotate(new)) or 0
    contents = (visible(start), visible(new))
    for step, root in zip(range(1, steps + 1, 4), copies(start, tmp_path), strict=False):
        assert run_until(lambda root=root: annotate(root), step) is None
        again = 1
        while run_until(lambda root=root: journal.recover(root), again) is None:
            assert why_not_loadable(root) == "", f"killed at step {step}, then {again}"
            assert visible(root) in contents
            again += 2
        assert visible(root) in contents
        assert not (root / journal.FOLDER).exists()


@pytest.mark.slow
def test_every_kill_of_a_new_copy_leaves_no_half_dataset(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", episodes=3, frames=5, episodes_per_file=1)
    (source / "README.md").write_text("About this dataset.")
    whole = tmp_path / "whole"
    steps = run_until(lambda: annotate(source, whole))
    assert steps is not None
    before = digests(source)
    for step in range(1, steps + 1):
        target = tmp_path / f"out-{step}"
        assert run_until(lambda target=target: annotate(source, target), step) is None
        if (target / "meta/info.json").exists():
            assert why_not_loadable(target) == ""
            assert visible(target) == digests(whole)
        annotate(source, target)
        assert digests(target) == digests(whole), f"killed at step {step}, then completed"
        shutil.rmtree(target)
    assert digests(source) == before


@pytest.mark.slow
def test_every_kill_of_an_updated_copy(tmp_path: Path) -> None:
    source = make_dataset(tmp_path / "source", episodes=3, frames=5, episodes_per_file=1, kind=None)
    target = tmp_path / "target"
    annotate(source, target, words="mug")
    new = copy_of(target, tmp_path / "new")
    steps = run_until(lambda: annotate(source, new)) or 0
    rows = (stored_rows(target), stored_rows(new))
    for step, copy in zip(range(1, steps + 1), copies(target, tmp_path), strict=False):
        assert run_until(lambda copy=copy: annotate(source, copy), step) is None
        assert why_not_loadable(copy) == ""
        assert stored_rows(copy) in rows
        annotate(source, copy)
        assert digests(copy) == digests(new)


def test_kills_at_random_moments(tmp_path: Path) -> None:
    start = make_dataset(tmp_path / "start", episodes=40, frames=60, episodes_per_file=8, kind=None)
    new = copy_of(start, tmp_path / "new")
    began = time.monotonic()
    run_until(lambda: annotate(new))
    duration = time.monotonic() - began
    rows = (stored_rows(start), stored_rows(new))
    chance = random.Random(7)
    for _, root in zip(range(20), copies(start, tmp_path), strict=False):
        child = os.fork()
        if child == 0:
            try:
                annotate(root)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, duration))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert why_not_loadable(root) == ""
        assert stored_rows(root) in rows
        annotate(root)
        assert digests(root) == digests(new)


def visible(root: Path) -> dict[str, str]:
    """What LeRobot sees of a dataset: digests of the files in its folders, through links, hidden ones not."""
    return {path: digest for path, digest in digests(root).items() if path[0] != "."}


def test_without_links_the_next_run_completes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system has no links, files change one by one; opening the dataset completes that."""

    def refuse(path: Path, target: Path | str) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    monkeypatch.setattr(os, "link", refuse)
    start = packed(tmp_path / "start")
    new = copy_of(start, tmp_path / "new")
    steps = run_until(lambda: annotate(new)) or 0
    rows = (stored_rows(start), stored_rows(new))
    for step, root in zip(range(1, steps + 1), copies(start, tmp_path), strict=False):
        assert run_until(lambda root=root: annotate(root), step) is None
        assert stored_rows(root) in rows, f"killed at step {step}"
        annotate(root)
        assert digests(root) == digests(new)
