"""The shared datasets, real and simulated, are annotated by the command: in place, to a folder, twice, and in part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from written import digests

from roboscribe.cli.app import main
from roboscribe.dataset import open_dataset
from roboscribe.language import Row
from roboscribe.validation import check_dataset


@pytest.fixture(params=["g1", "so101"])
def source(request: pytest.FixtureRequest) -> Path:
    """A copy of a shared dataset."""
    return request.getfixturevalue(request.param)


def last_event(out: str) -> dict[str, object]:
    return json.loads(out.splitlines()[-1])


def rows_of(root: Path) -> list[list[Row]]:
    dataset = open_dataset(root)
    return [dataset.language_rows(index) for index in dataset.episode_indices]


def test_in_place_and_to_a_folder_twice(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "annotated"
    to_folder = ["annotate", "--root", str(source), "--output-dir", str(out), "--log-format", "json"]
    in_place = ["annotate", "--root", str(source), "--log-format", "json"]
    before = digests(source)
    assert main(to_folder) == 0
    first = last_event(capsys.readouterr().out)
    assert first["failed"] == 0
    assert first["annotated"] == len(open_dataset(source).episode_indices)
    assert digests(source) == before
    assert all(rows for rows in rows_of(out))
    made = digests(out)
    videos = sorted(path.relative_to(source) for path in source.rglob("*.mp4"))
    assert all((source / video).samefile(out / video) for video in videos)

    assert main(to_folder) == 0
    again = last_event(capsys.readouterr().out)
    assert (again["asks"], again["shards_written"]) == (0, 0)
    assert digests(out) == made

    assert main(in_place) == 0
    assert digests(source) == made
    capsys.readouterr()
    assert main(in_place) == 0
    assert last_event(capsys.readouterr().out)["asks"] == 0
    assert digests(source) == made
    # Where few things lie beside others, there is less to say of how they lie than of the rest.
    assert {finding.rule for finding in check_dataset(open_dataset(out))} <= {"vqa.balance"}


def test_one_episode_of_an_annotated_dataset(source: Path) -> None:
    assert main(["annotate", "--root", str(source)]) == 0
    before = rows_of(source)
    assert main(["annotate", "--root", str(source), "--only-episodes", "1", "--task-aug.count", "3"]) == 0
    after = rows_of(source)
    changed = [index for index, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert changed == [1]
    assert sum(row.style == "task_aug" for row in after[1]) == 4
    others = [row for row in after[1] if row.style != "task_aug"]
    assert others == [row for row in before[1] if row.style != "task_aug"]
