"""Replies are found again by their key, by other processes too, and a damaged file costs nothing but its content."""

import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roboscribe.models.cache import NAME, KeptReplies, RequestCache, default_folder
from roboscribe.models.request import Reply, Usage

REPLY = Reply('{"a": "ä"}', Usage(10, 5, 3), "stop")
DAY = 86_400.0


def cache_in(folder: Path, notes: list[str] | None = None, now: float = 0.0) -> RequestCache:
    return RequestCache(folder, (notes if notes is not None else []).append, clock=lambda: now)


def test_a_reply_is_found_again_by_another_run(tmp_path: Path) -> None:
    first = cache_in(tmp_path)
    assert first.get("k") is None
    first.put("k", "Look", REPLY)
    first.close()
    second = cache_in(tmp_path)
    assert second.get("k") == REPLY
    assert second.get("other") is None
    assert second.count == 1


def _write_many(folder: Path, writer: int) -> None:
    cache = cache_in(folder)
    for i in range(100):
        cache.put(f"{writer}/{i}", "Look", REPLY)


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(tmp_path, i)) for i in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert cache_in(tmp_path).count == 300


def test_a_damaged_file_is_moved_aside_with_a_note(tmp_path: Path) -> None:
    notes: list[str] = []
    cache = cache_in(tmp_path, notes, now=77)
    cache.path.write_bytes(b"this is no database" * 100)
    assert cache.get("k") is None
    cache.put("k", "Look", REPLY)
    assert cache.get("k") == REPLY
    assert len(notes) == 1
    assert "requests.sqlite.damaged-77" in notes[0]
    assert (tmp_path / "requests.sqlite.damaged-77").read_bytes().startswith(b"this is no database")


def test_a_file_damaged_during_a_run_is_replaced_too(tmp_path: Path) -> None:
    notes: list[str] = []
    cache = cache_in(tmp_path, notes)
    for i in range(200):
        cache.put(str(i), "Look", REPLY)
    content = bytearray(cache.path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    cache.path.write_bytes(content)
    assert cache_in(tmp_path, notes).get("5") is None
    assert len(notes) == 1


def test_a_folder_that_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    notes: list[str] = []
    cache = cache_in(blocked, notes)
    cache.put("k", "Look", REPLY)
    assert cache.get("k") is None
    assert cache.count == 0
    assert len(notes) == 1
    assert "cannot be used" in notes[0]
    assert not cache.usable


def test_a_file_of_other_tables_is_told_once_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with sqlite3.connect(path) as file:
        file.execute("create table replies (key text primary key, reply text)")
    before = path.read_bytes()
    notes: list[str] = []
    cache = cache_in(tmp_path, notes)
    cache.put("k", "Look", REPLY)
    assert cache.get("k") is None
    assert KeptReplies(tmp_path, notes.append).find("k") is None
    assert ["another version" in note for note in notes] == [True, True]
    assert path.read_bytes() == before


def test_a_cache_that_may_only_be_read_still_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache_in(tmp_path).put("k", "Look", REPLY)
    connect = sqlite3.connect

    def connect_to_read(path: Path, **options: Any) -> sqlite3.Connection:
        return connect(f"{path.as_uri()}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", connect_to_read)
    notes: list[str] = []
    cache = cache_in(tmp_path, notes)
    assert cache.get("k") == REPLY
    cache.put("l", "Look", REPLY)
    assert len(notes) == 1
    assert "attempt to write a readonly database" in notes[0]


def test_what_was_not_used_for_long_is_forgotten(tmp_path: Path) -> None:
    cache_in(tmp_path, now=0).put("old", "Look", REPLY)
    cache_in(tmp_path, now=0).put("old but used", "Look", REPLY)
    assert cache_in(tmp_path, now=9 * DAY).get("old but used") == REPLY
    cache_in(tmp_path, now=9 * DAY).put("new", "Look", REPLY)
    cache = cache_in(tmp_path, now=10 * DAY)
    assert cache.prune(older_than_days=5) == 1
    assert cache.get("old") is None
    assert cache.count == 2


def test_pruning_by_size_keeps_the_latest_and_gives_the_space_back(tmp_path: Path) -> None:
    for i in range(100):
        cache_in(tmp_path, now=float(i)).put(str(i), "Look", Reply("x" * 10_000))
    cache = cache_in(tmp_path, now=100.0)
    before = cache.nbytes
    cache.prune(max_mb=0.2)
    assert cache.nbytes < 0.3e6 < before
    assert cache.get("99") is not None
    assert cache.get("0") is None


def test_the_cache_lies_in_the_users_cache_folder(tmp_path: Path) -> None:
    assert default_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "roboscribe"
    assert default_folder({}) == Path.home() / ".cache" / "roboscribe"


def test_a_reply_is_found_by_its_outline_and_nothing_is_written(tmp_path: Path) -> None:
    notes: list[str] = []
    folder = tmp_path / "a b#?"
    assert KeptReplies(folder, notes.append).find("o") is None
    assert not folder.exists()
    cache = cache_in(folder)
    cache.put("k", "Look", replace(REPLY, seconds=1.5), outline="o")
    cache.put("l", "Look", REPLY)
    cache.close()
    before = cache.path.read_bytes()
    kept = KeptReplies(folder, notes.append)
    found = kept.find("o")
    assert found == REPLY
    assert found.seconds == 1.5
    assert kept.find("k") is kept.find("") is None
    kept.close()
    assert (notes, cache.path.read_bytes()) == ([], before)
    assert cache_in(folder).prune(max_mb=0) == 2
    assert KeptReplies(folder, notes.append).find("o") is None


def test_a_damaged_file_is_left_alone_by_those_who_only_look(tmp_path: Path) -> None:
    notes: list[str] = []
    path = cache_in(tmp_path).path
    path.write_bytes(b"this is no database" * 100)
    kept = KeptReplies(tmp_path, notes.append)
    assert kept.find("o") is kept.find("p") is None
    assert len(notes) == 1
    assert "cannot be read" in notes[0]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
