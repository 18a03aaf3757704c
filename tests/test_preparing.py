"""Data files are made ahead, and a run puts them in place as long as they are what it would make."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from make_dataset import make_dataset
from scripted import answers
from written import data_files

from roboscribe.asks import Ask, SegmentEpisode
from roboscribe.config import AnnotateSettings
from roboscribe.dataset import open_dataset, prepared
from roboscribe.dataset.output import dataset_files
from roboscribe.dataset.prepared import FOLDER
from roboscribe.errors import AnswerError, DatasetError
from roboscribe.events import EpisodeFailed, Event, Listener, RunFinished, ignore
from roboscribe.models.scripted import ScriptedModel
from roboscribe.models.staged import StagedModel
from roboscribe.pipeline import annotate, prepare


class Work:
    """A dataset of seven episodes in some data files, annotated with rows that are staged and not yet written.

    Args:
        folder: Where all of it is.
        in_place: Whether the dataset itself is written, not a copy.

    Attributes:
        root: The dataset.
        target: The folder to be written.
        settings: Of the run.
    """

    def __init__(self, folder: Path, *, in_place: bool = False) -> None:
        self.root = folder / "data"
        self.target = self.root if in_place else folder / "out"
        self.settings = AnnotateSettings(root=self.root, output_dir=None if in_place else self.target)

    @property
    def files(self) -> int:
        """Number of data files."""
        return len(data_files(self.root))

    def stage(self, reply: Callable[[Ask[Any]], Any] = answers, **settings: Any) -> None:
        """Have the model asked, and write nothing."""
        annotate(replace(self.settings, **settings), model=ScriptedModel(reply), write=False)

    def prepare(self, first: int = 0, last: int = 99) -> RunFinished:
        """Make some of the data files ahead."""
        return prepare(self.settings, range(first, last), model=ScriptedModel(answers))

    def write(self, listen: Listener = ignore) -> RunFinished:
        """Write the dataset."""
        return annotate(self.settings, listen, ScriptedModel(answers))

    def made(self) -> set[tuple[int, int]]:
        """Files that were made ahead: each by its number on the disk and when it was."""
        return _known(list((self.target / FOLDER).rglob("*.parquet.*")))

    def written(self) -> set[tuple[int, int]]:
        """Data files of the result, likewise."""
        return _known(data_files(self.target))


def _known(paths: Sequence[Path]) -> set[tuple[int, int]]:
    return {(path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def content(root: Path) -> dict[str, bytes]:
    """Every file of a dataset but what is staged."""
    return {path: file.read_bytes() for path, file in dataset_files(root)}


@pytest.fixture(params=["v3.0", "v2.1", "in place"])
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Work:
    """Staged episodes, two to a data file, or one in the old layout."""
    old = request.param == "v2.1"
    make_dataset(
        tmp_path / "work/data",
        version="v2.1" if old else "v3.0",
        episodes=7,
        frames=20,
        cameras=(),
        tasks=("Lift the cup.",),
        **({} if old else {"episodes_per_file": 2}),
    )
    work = Work(tmp_path / "work", in_place=request.param == "in place")
    work.stage()
    return work


@pytest.fixture
def alone(work: Work, tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """What a run writes for which nothing was made ahead."""

    def write() -> dict[str, bytes]:
        shutil.copytree(tmp_path / "work", tmp_path / "alone")
        other = Work(tmp_path / "alone", in_place=work.target == work.root)
        other.settings = replace(work.settings, root=other.root, output_dir=other.settings.output_dir)
        shutil.rmtree(other.target / FOLDER, ignore_errors=True)
        other.write()
        return content(other.target)

    return write


def test_files_made_ahead_become_the_dataset_and_none_is_made_twice(
    work: Work, alone: Callable[[], dict[str, bytes]]
) -> None:
    before = content(work.root)
    half = work.files // 2
    assert work.prepare(0, half).shards_written == half
    first = work.made()
    assert work.prepare().shards_written == work.files - half
    made = work.made()
    assert first < made
    assert (len(made), content(work.root)) == (work.files, before)
    expected = alone()
    finished = work.write()
    assert (finished.annotated, finished.shards_written, finished.asks) == (7, work.files, 0)
    assert work.written() == made
    assert content(work.target) == expected
    assert not (work.target / FOLDER).exists()


def test_what_is_lost_cut_off_or_not_told_of_is_made_by_the_write(
    work: Work, alone: Callable[[], dict[str, bytes]]
) -> None:
    work.prepare()
    cut, lost, *_ = sorted((work.target / FOLDER).rglob("*.parquet.*"))
    os.truncate(cut, 1000)
    lost.unlink()
    (log,) = (work.target / FOLDER).glob("*.jsonl")
    os.truncate(log, log.stat().st_size - 20)
    made, expected = work.made(), alone()
    work.write()
    assert content(work.target) == expected
    assert len(made & work.written()) == work.files - 3


def long_winded(ask: Ask[Any]) -> Any:
    """Answers, with labels that validation warns of."""
    answer = answers(ask)
    if isinstance(ask, SegmentEpisode):
        answer["segments"][0]["label"] = (
            "pick up the small round red cup that stands beside the blue one on the table"
        )
    return answer


def said_otherwise(work: Work) -> int:
    """What one episode says is others now, under the very same fingerprint."""
    work.stage(lambda ask: {"texts": ["Hoist the cup."]}, redo=("task_aug",), episodes=("3",))
    return 1


def told_to_be_strict(work: Work) -> int:
    """Warnings count now."""
    work.settings = replace(work.settings, strict=True)
    return work.files


def less_is_to_be_written(work: Work) -> int:
    """Not the episodes of all data files any more."""
    work.settings = replace(work.settings, episodes=("0-2",))
    return sum(not {0, 1, 2}.issuperset(shard.episodes) for shard in open_dataset(work.root).shards())


def data_were_corrected(work: Work) -> int:
    """One data file is another, in a column that nobody annotates by."""
    path = data_files(work.root)[0]
    table = pq.read_table(path)
    column = table.schema.get_field_index("index")
    pq.write_table(table.set_column(column, "index", pc.add(table["index"], 1)), path)
    return 1


def metadata_were_corrected(work: Work) -> int:
    """What is said of the whole dataset is another."""
    info = work.root / "meta/info.json"
    info.write_text(info.read_text().replace('"robot_type"', '"made_by": "us", "robot_type"'))
    return work.files


@pytest.mark.parametrize(
    "change",
    [said_otherwise, told_to_be_strict, less_is_to_be_written, data_were_corrected, metadata_were_corrected],
)
def test_what_was_made_from_something_else_is_not_taken(
    work: Work, alone: Callable[[], dict[str, bytes]], change: Callable[[Work], int]
) -> None:
    work.prepare()
    made = work.made()
    stale = change(work)
    expected = alone()
    work.write()
    assert content(work.target) == expected
    assert len(made & work.written()) == work.files - stale


def test_an_episode_that_fails_when_its_file_is_made_is_told_of_by_the_write(
    work: Work, alone: Callable[[], dict[str, bytes]]
) -> None:
    work.stage(long_winded, redo=("subtasks",), episodes=("1",))
    work.settings = replace(work.settings, strict=True)
    assert work.prepare().failed == 1
    expected = alone()
    told: list[Event] = []
    finished = work.write(told.append)
    assert (finished.annotated, finished.failed) == (6, 1)
    assert [event.stage for event in told if isinstance(event, EpisodeFailed)] == ["validate"]
    assert content(work.target) == expected


def test_a_model_that_can_be_asked_is_asked_again_about_what_a_file_was_made_without(work: Work) -> None:
    def silent(ask: Ask[Any]) -> Any:
        raise AnswerError("The server is away.")

    work.stage(silent, redo=("subtasks",), episodes=("1",))
    asked = ScriptedModel(answers)
    model = StagedModel(asked.identity, asked.looks, asked.prompt_digest)
    assert prepare(work.settings, range(99), model=model).failed == 1
    assert work.write().annotated == 7


def test_a_file_that_vanishes_while_it_is_made_is_not_taken_for_one_that_stays(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(part: Path, path: Path) -> int:
        part.unlink()
        return settled(part, path)

    settled = prepared._settled  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(prepared, "_settled", gone)
    with pytest.raises(DatasetError, match="cannot be written"):
        work.prepare()
    monkeypatch.undo()
    assert work.write().annotated == 7


def test_where_it_cannot_be_kept_one_message_says_so(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(work.root)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DatasetError, match="No space left"):
        work.prepare()
    monkeypatch.undo()
    assert not work.made()
    assert content(work.root) == before
