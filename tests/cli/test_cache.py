"""`roboscribe cache` tells the size of the request cache, and prunes it."""

import sqlite3
from pathlib import Path

import pytest

from roboscribe.cli.cache import main
from roboscribe.errors import SettingsError
from roboscribe.models.cache import RequestCache
from roboscribe.models.request import Reply


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cache = RequestCache(tmp_path, print, clock=lambda: 0.0)
    for i in range(3):
        cache.put(str(i), "Look", Reply("x" * 1000))
    RequestCache(tmp_path, print).put("new", "Look", Reply("y"))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    assert main(["--cache-dir", str(folder), *words]) == 0
    return capsys.readouterr().out


def test_the_size_is_told_and_nothing_is_changed(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert "4 replies, 0.0 MB" in said(capsys, folder)
    assert "4 replies" in said(capsys, folder)


def test_replies_are_forgotten_by_age_by_size_or_all(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert "3 replies forgotten" in said(capsys, folder, "--prune", "--older-than-days", "30")
    assert ": 1 reply, " in said(capsys, folder)
    assert "0 replies forgotten" in said(capsys, folder, "--prune", "--max-mb=1")
    assert "1 reply forgotten" in said(capsys, folder, "--prune")


def test_a_cache_that_is_not_there_is_empty_and_stays_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "empty" in said(capsys, tmp_path / "none", "--prune")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", [(), ("--prune",)])
def test_a_cache_of_another_version_is_left_alone(
    capsys: pytest.CaptureFixture[str], folder: Path, words: tuple[str, ...]
) -> None:
    path = folder / "requests.sqlite"
    with sqlite3.connect(path) as file:
        file.execute("pragma user_version = 99")
    before = path.read_bytes()
    assert main(["--cache-dir", str(folder), *words]) == 2
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "another version of Roboscribe: remove it" in told
    assert path.read_bytes() == before


@pytest.mark.parametrize("words", [("--max-mb", "3"), ("--prune", "--older-than-days=-1")])
def test_flags_that_cannot_be_meant_are_refused(folder: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="--"):
        main(["--cache-dir", str(folder), *words])
