"""Staged results come back as they were, and only while they hold."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboscribe.language import Row, say
from roboscribe.staging import Staging
from roboscribe.staging.writers import HOST

MADE_BY = {"annotator": "subtasks", "version": 1, "model": "m", "seed": 0, "settings": {}}
ROWS = [Row("assistant", "wait", "subtask", 0.0), Row("assistant", "grasp", "subtask", 0.1)]


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path)


def test_rows_come_back_and_hold_for_their_fingerprint_only(staging: Staging) -> None:
    staging.save(3, "f", MADE_BY, ROWS)
    assert staging.rows(3, "subtasks") == ROWS
    assert staging.valid(3, "subtasks", "f") is not None
    assert staging.valid(3, "subtasks", "other") is None
    assert staging.valid(4, "subtasks", "f") is None


def test_files_lie_where_the_contract_says(staging: Staging, tmp_path: Path) -> None:
    staging.save(12, "f", MADE_BY, ROWS)
    lines = (tmp_path / ".annotate_staging/episode_000012/subtasks.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith('{"camera":null,"content":"wait","role":"assistant"')


@given(text=st.text(min_size=1))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    staging = Staging(tmp_path_factory.mktemp("s"))
    rows = [Row("user", text, "task_aug", 0.0), say(text, 0.5)]
    staging.save(0, "f", MADE_BY, rows)
    assert staging.rows(0, "subtasks") == rows


def test_tampered_rows_no_longer_hold(staging: Staging, tmp_path: Path) -> None:
    staging.save(0, "f", MADE_BY, ROWS)
    path = tmp_path / ".annotate_staging/episode_000000/subtasks.jsonl"
    path.write_text(path.read_text().replace("grasp", "grab"))
    assert staging.valid(0, "subtasks", "f") is None


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"fingerprint": "f"', '{"unknown": 1}'])
def test_a_damaged_record_vouches_for_nothing(staging: Staging, tmp_path: Path, damage: str) -> None:
    staging.save(0, "f", MADE_BY, ROWS)
    (tmp_path / ".annotate_staging/episode_000000/subtasks.json").write_text(damage)
    assert staging.valid(0, "subtasks", "f") is None


def test_a_failure_takes_the_place_of_a_result_until_it_succeeds(staging: Staging) -> None:
    staging.save(0, "f", MADE_BY, ROWS)
    staging.fail(0, "f", MADE_BY, "no answer")
    record = staging.record(0, "subtasks")
    assert record is not None
    assert record.error == "no answer"
    assert staging.valid(0, "subtasks", "f") is None
    staging.save(0, "f", MADE_BY, ROWS)
    assert staging.valid(0, "subtasks", "f") is not None


def test_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Staging(tmp_path / name).save(0, "f", dict(reversed(MADE_BY.items())), ROWS)
    a, b = ({p.name: p.read_bytes() for p in (tmp_path / name).rglob("subtasks.*")} for name in ("a", "b"))
    assert a == b
    assert len(a) == 2


def test_what_a_killed_run_left_is_cleared_and_what_a_live_one_writes_is_not(
    staging: Staging, tmp_path: Path
) -> None:
    folder = tmp_path / ".annotate_staging/episode_000000"
    folder.mkdir(parents=True)
    dead = subprocess.Popen(["true"])
    dead.wait()
    names = {
        n: folder / f".subtasks.jsonl.{n}.new" for n in (f"{HOST}.{dead.pid}", f"{HOST}.1", "elsewhere.7")
    }
    for path in names.values():
        path.write_text("half")
    staging.save(0, "f", MADE_BY, ROWS)
    assert [name for name, path in names.items() if path.exists()] == [f"{HOST}.1", "elsewhere.7"]
