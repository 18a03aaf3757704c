"""Annotated datasets are written to folders of their own: complete ones, and never over something else."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import make_dataset
from written import annotate, data_files, digests, make_rows, stored_rows, why_not_loadable

from roboscribe.dataset import open_dataset
from roboscribe.dataset.writer import EpisodeUpdate, check_target, write_language
from roboscribe.errors import DatasetError
from roboscribe.language import Row

LEFT_OUT = (".annotate_staging/", ".git/", ".cache/")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = make_dataset(tmp_path / "source", episodes=3, frames=[6, 9, 5], episodes_per_file=2)
    (root / "README.md").write_text("About this dataset.")
    (root / ".gitattributes").write_text("*.mp4 filter=lfs")
    for folder in LEFT_OUT:
        (root / folder).mkdir(parents=True)
        (root / folder / "file").write_text("stays")
    return root


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "annotated"


def relative(root: Path, pattern: str = "*") -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob(pattern) if path.is_file()}


def test_the_copy_is_complete(source: Path, target: Path) -> None:
    before = digests(source)
    annotate(source, target)
    assert relative(target) == {path for path in relative(source) if not path.startswith(LEFT_OUT)}
    assert relative(target) >= {"README.md", ".gitattributes"}
    assert why_not_loadable(target) == ""
    assert digests(source) == before
    in_place = shutil.copytree(source, source.parent / "in_place")
    annotate(in_place)
    assert {path: digests(in_place)[path] for path in digests(target)} == digests(target)


@pytest.mark.parametrize("version", ["v2.0", "v2.1"])
def test_layouts_stay(tmp_path: Path, version: str) -> None:
    source = make_dataset(tmp_path / "source", version=version, episodes=3, frames=5)
    annotate(source, tmp_path / "target")
    assert relative(tmp_path / "target") == relative(source)
    assert stored_rows(tmp_path / "target")[2]


def test_videos_are_links_and_everything_else_is_not(source: Path, target: Path) -> None:
    annotate(source, target)
    shared = {path for path in relative(target) if (source / path).samefile(target / path)}
    assert shared == relative(target, "*.mp4") != set()


def test_videos_are_copied_where_links_cannot_be(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    annotate(source, target)
    for path in relative(target, "*.mp4"):
        assert not (source / path).samefile(target / path)
        assert (source / path).read_bytes() == (target / path).read_bytes()


def test_links_of_a_cache_become_real_files(source: Path, target: Path, tmp_path: Path) -> None:
    """The Hub's cache is a tree of links; a folder of videos may be one, too."""
    (source / "videos").rename(tmp_path / "videos")
    (source / "videos").symlink_to(tmp_path / "videos")
    for path in [*data_files(source), source / "meta/info.json"]:
        blob = tmp_path / f"blob-{path.name}"
        path.rename(blob)
        path.symlink_to(blob)
    before = digests(tmp_path)
    annotate(source, target)
    assert not any(path.is_symlink() for path in target.rglob("*"))
    assert {f"videos/{path}" for path in relative(tmp_path / "videos")} == relative(target, "*.mp4")
    assert before.items() <= digests(tmp_path).items()


def test_again_writes_nothing(source: Path, target: Path) -> None:
    annotate(source, target)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
    assert annotate(source, target).files == frozenset()
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == before


def test_rows_in_the_copy_survive(source: Path, target: Path) -> None:
    annotate(source, target)
    before = stored_rows(target)
    rows = [Row("assistant", "fold", "subtask", 0.0)]
    report = write_language(
        open_dataset(source),
        target,
        lambda index: EpisodeUpdate(rows, frozenset({"subtask"})) if index == 2 else None,
    )
    assert report.episodes_changed == (2,)
    assert report.files == {"data/chunk-000/file-001.parquet"}
    after = stored_rows(target)
    assert after[0] == before[0]
    assert [row for row in after[2] if row.style == "subtask"] == rows
    assert [row for row in after[2] if row.style != "subtask"] == [
        row for row in before[2] if row.style != "subtask"
    ]
    assert stored_rows(source) == {0: [], 1: [], 2: []}


def test_other_columns_come_from_the_source(source: Path, target: Path) -> None:
    annotate(source, target)
    path = data_files(source)[0]
    table = pq.read_table(path)
    corrected = pa.array([1] * len(table))
    place = table.column_names.index("task_index")
    pq.write_table(table.set_column(place, table.schema.field("task_index"), corrected), path)
    report = annotate(source, target)
    assert report.files == {"data/chunk-000/file-000.parquet"}
    assert pq.read_table(data_files(target)[0])["task_index"].to_pylist() == [1] * len(table)
    assert stored_rows(target)[0]


def test_files_that_the_copy_lacks_are_added(source: Path, target: Path) -> None:
    annotate(source, target)
    whole = digests(target)
    (target / "README.md").unlink()
    shutil.rmtree(target / "videos")
    annotate(source, target)
    assert digests(target) == whole


def test_rows_of_an_annotated_source_are_kept(source: Path, target: Path) -> None:
    annotate(source)
    write_language(open_dataset(source), target, lambda index: None)
    assert stored_rows(target) == stored_rows(source)


def test_a_folder_with_staged_results_only_is_new(source: Path, target: Path) -> None:
    (target / ".annotate_staging").mkdir(parents=True)
    (target / ".annotate_staging" / "results.jsonl").write_text("{}")
    annotate(source, target)
    assert (target / ".annotate_staging" / "results.jsonl").exists()
    assert stored_rows(target)[0]


def test_check_target_tells_where_rows_are(source: Path, target: Path) -> None:
    dataset = open_dataset(source)
    assert check_target(dataset, source) is dataset
    assert check_target(dataset, target) is dataset
    assert not target.exists()
    annotate(source, target)
    stored = check_target(dataset, target)
    assert stored.root == target
    assert stored.language_rows(1)


def test_other_folders_are_refused(source: Path, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.mkdir()
    (junk / "thesis.tex").write_text("precious")
    others = {
        junk: "no meta/info.json",
        make_dataset(
            tmp_path / "longer", episodes=3, frames=[6, 9, 7], episodes_per_file=2, kind=None
        ): "lengths",
        make_dataset(tmp_path / "fewer", episodes=2, frames=[6, 9], kind=None): "lengths",
        make_dataset(tmp_path / "faster", episodes=3, frames=[6, 9, 5], fps=20, kind=None): "20 fps",
        make_dataset(tmp_path / "one", episodes=3, frames=[6, 9, 5]): "named otherwise",
        make_dataset(
            tmp_path / "blind", episodes=3, frames=[6, 9, 5], episodes_per_file=2, kind=None
        ): "features",
    }
    for target, reason in others.items():
        before = digests(target)
        with pytest.raises(DatasetError, match=reason) as caught:
            annotate(source, target)
        assert "--output-dir" in str(caught.value)
        assert digests(target) == before


@pytest.mark.parametrize("inside", ["annotated", "data/annotated"])
def test_one_inside_the_other_is_refused(source: Path, inside: str) -> None:
    before = digests(source)
    with pytest.raises(DatasetError, match="--output-dir"):
        annotate(source, source / inside)
    with pytest.raises(DatasetError, match="--output-dir"):
        annotate(source, source.parent)
    assert digests(source) == before


def test_another_name_of_the_source_is_in_place(source: Path, tmp_path: Path) -> None:
    name = tmp_path / "name"
    name.symlink_to(source)
    report = annotate(source, name)
    assert "README.md" not in report.files
    assert stored_rows(source)[0]


def test_a_failure_leaves_no_folder(source: Path, target: Path) -> None:
    wrong = [Row("assistant", "go", "subtask", 99.0)]
    with pytest.raises(Exception, match="no frame"):
        write_language(
            open_dataset(source), target, lambda index: EpisodeUpdate(wrong, frozenset({"subtask"}))
        )
    assert not target.parent.exists()


def test_info_of_the_copy_is_kept(source: Path, target: Path) -> None:
    annotate(source, target)
    info = json.loads((target / "meta/info.json").read_text())
    (target / "meta/info.json").write_text(json.dumps({**info, "license": "mine"}))
    rows = make_rows(open_dataset(source), 0, "mug")
    styles = frozenset(row.style for row in rows)
    write_language(
        open_dataset(source), target, lambda index: EpisodeUpdate(rows, styles) if index == 0 else None
    )
    assert json.loads((target / "meta/info.json").read_text())["license"] == "mine"


def test_a_copy_keeps_its_tools_column(source: Path, target: Path) -> None:
    annotate(source, target, tools_column=True)
    before = digests(target)
    annotate(source, target)
    assert digests(target) == before
    annotate(source, target, words="mug")
    assert why_not_loadable(target) == ""
    assert all("tools" in pq.read_schema(path).names for path in data_files(target))
