"""Input that cannot be right goes in; one sentence, exit code 2 and an untouched dataset come out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from make_dataset import edit_info, edit_table, make_dataset, write_lines

from roboscribe.cli.app import main
from roboscribe.dataset import open_dataset
from roboscribe.staging import Staging


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", version="v2.1", episodes=2, frames=24, kind=None)


def files(root: Path) -> dict[str, bytes]:
    """Content of every file below a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says when it refuses its input: a single line."""
    capsys.readouterr()
    assert main(words) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("roboscribe: ")
    assert "\n" not in said
    assert ".." not in said.replace("...", "")
    return said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--seed=abc"], ["--seed", "'abc'", "whole number"]),
        (["--seed"], ["--seed", "no value"]),
        (["--max-cost", "free"], ["--max-cost", "'free'", "a number"]),
        (["--log-format=xml"], ["--log-format", "'xml'", "plain"]),
        (["--output-dir="], ["--output-dir", "path"]),
        (["--episodes"], ["--episodes", "no value"]),
        (["--episodes="], ["--episodes"]),
        (["--episodes", "0-99999999999"], ["--episodes", "0-99999999999"]),
        (["--plan.enabled", "false", "true"], ["'true'", "no flag"]),
        (["--only"], ["--only", "no value"]),
        (["--only="], ["--only"]),
        (["--only", ","], ["--only", "names no annotator"]),
        (["--only", "subtask"], ["--only", "'subtask'", "Did you mean subtasks?"]),
        (["--only", "motion,vqaa"], ["--only", "'vqaa'", "Did you mean vqa?"]),
        (["--only", "task"], ["--only", "'task'"]),
        (["--only", "motion", "--motion.enabled=false"], ["--only", "motion", "--motion.enabled=false"]),
        (["--redo"], ["--redo", "no value"]),
        (["--redo", "memroy"], ["--redo", "Did you mean memory?"]),
        (["--redo", "plan", "--plan.enabled=false"], ["--redo", "plan", "--plan.enabled=false"]),
        (["--strict", "--skip-validation"], ["--strict", "--skip-validation"]),
        (["--strict=perhaps"], ["--strict", "true or false"]),
        (["--skip_validation=perhaps"], ["--skip-validation", "true or false"]),
        (["--max_steps=few"], ["--subtasks.most", "'few'", "whole number"]),
        (["--module_1.derive_task_from_video=never"], ["--module_1.derive_task_from_video", "if_short"]),
        (["--module_3.question_types=smell"], ["--vqa.kinds", "'smell'", "bbox"]),
        (["--plan.contact_sheet_quality=84"], ["--plan.contact_sheet_quality", "lerobot-annotate"]),
        (["--executor.episode_parallelism=16"], ["--vlm.client-concurrency"]),
        (["--vlm.api_key=EMPTY"], ["--vlm.api_key", "--vlm.api-key-env"]),
        (["--redo", "task", "--executor.name", "ray"], ["--redo task", "--executor.force-local"]),
        (["--plan=settings.yaml"], ["--plan is no flag", "--plan.enabled"]),
        (["--vlm", "settings.yaml"], ["--vlm is no flag", "--vlm."]),
        (["--config_path=settings.yaml"], ["--config_path", "given as flags"]),
        (["--repo_id=owner/name", "--push_to_hub"], ["--root and --repo-id", "--hub.repo-id"]),
        (["-x"], ["Unknown flag -x"]),
        (["-seed", "3"], ["Unknown flag -seed", "two dashes"]),
    ],
)
def test_a_flag_that_cannot_be_is_refused_in_a_sentence(
    words: list[str], named: list[str], dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(dataset)
    said = refusal(capsys, "annotate", "--root", str(dataset), *words)
    assert all(part in said for part in named), said
    assert files(dataset) == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--staging=perhaps"], ["--staging", "true or false"]),
        (["--staging"], ["Nothing is staged", "--staging"]),
        ([], ["no language columns"]),
        (["--only", "vqa"], ["Unknown flag --only"]),
        (["--module_1.enabled=false"], ["Unknown flag --module_1.enabled"]),
    ],
)
def test_what_cannot_be_validated_is_refused_in_a_sentence(
    words: list[str], named: list[str], dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(dataset)
    said = refusal(capsys, "validate", "--root", str(dataset), *words)
    assert all(part in said for part in named), said
    assert files(dataset) == before


def test_a_folder_without_its_flag_is_told_the_flag(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(capsys, "annotate", str(dataset))
    assert str(dataset) in said
    assert "--root" in said


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", "[" * 100_000])
def test_status_of_a_broken_info_is_a_sentence(
    text: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "meta/info.json").write_text(text)
    assert "info.json" in refusal(capsys, "status", "--root", str(dataset))


def test_status_counts_the_episodes_there_are(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their indices need not start at 0, nor be what info.json says of their number."""
    write_lines(
        dataset / "meta/episodes.jsonl",
        [{"episode_index": index, "tasks": ["Lift the cup."], "length": 24} for index in (3, 10)],
    )
    for number, index in ((0, 3), (1, 10)):
        old = dataset / f"data/chunk-000/episode_{number:06d}.parquet"
        edit_table(old, lambda table, index=index: _with(table, "episode_index", [index] * 24, pa.int64()))
        old.rename(old.with_name(f"episode_{index:06d}.parquet"))
    edit_info(dataset, total_episodes=7)
    assert main(["annotate", "--root", str(dataset)]) == 0
    capsys.readouterr()
    assert main(["status", "--root", str(dataset)]) == 0
    assert "2 of 2 episodes complete" in capsys.readouterr().out
    assert "--episodes 7" in refusal(capsys, "status", "--root", str(dataset), "--episodes", "7")


def _with(table: pa.Table, name: str, values: list[object], kind: pa.DataType) -> pa.Table:
    column = pa.array(values, type=kind)
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)


ROW = pa.struct(
    [("role", pa.string()), ("content", pa.string()), ("style", pa.string()), ("timestamp", pa.float32())]
)
STRANGE = {"role": "user", "content": "hm", "style": "strange", "timestamp": 0.0}


def test_language_columns_of_another_make_are_refused(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = dataset / "data/chunk-000/episode_000000.parquet"
    edit_table(path, lambda table: _with(table, "language_persistent", ["text"] * 24, pa.string()))
    before = path.read_bytes()
    said = refusal(capsys, "annotate", "--root", str(dataset))
    assert "episode_000000.parquet" in said
    assert "language columns" in said
    assert path.read_bytes() == before


def test_rows_of_a_style_of_ones_own_are_kept_and_told_of(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = dataset / "data/chunk-000/episode_000000.parquet"
    event = {"role": "user", "content": "aha", "style": "strange", "camera": None}
    columns = {
        "language_persistent": ([[STRANGE]] * 24, pa.list_(ROW)),
        "language_events": (
            [[event]] + [[]] * 23,
            pa.list_(pa.struct([(key, pa.string()) for key in event])),
        ),
    }
    for name, (values, kind) in columns.items():
        edit_table(path, lambda table, name=name, values=values, kind=kind: _with(table, name, values, kind))
    for _ in range(2):
        assert main(["annotate", "--root", str(dataset)]) == 0
        assert capsys.readouterr().out.count("'strange'") == 1
        kept = [row for row in open_dataset(dataset).language_rows(0) if row.style == "strange"]
        assert [(row.content, row.column) for row in kept] == [
            ("hm", "language_persistent"),
            ("aha", "language_events"),
        ]
    assert main(["validate", "--root", str(dataset)]) == 0
    assert "'strange'" in capsys.readouterr().out
    assert main(["annotate", "--root", str(dataset), "--strict"]) == 0


def _link_to_nothing(root: Path) -> list[str]:
    (root.parent / "link").symlink_to(root.parent / "nothing")
    return ["--output-dir", str(root.parent / "link")]


def _staging_is_a_file(root: Path) -> list[str]:
    (root / ".annotate_staging").write_text("")
    return []


def _journal_is_damaged(root: Path) -> list[str]:
    (root / ".roboscribe").mkdir()
    (root / ".roboscribe/journal.json").write_text("{")
    return []


def _tools_are_no_list(root: Path) -> list[str]:
    edit_info(root, tools="say")
    return []


def _data_is_garbage(root: Path) -> list[str]:
    path = root / "data/chunk-000/episode_000000.parquet"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return []


@pytest.mark.parametrize(
    "spoil", [_link_to_nothing, _staging_is_a_file, _journal_is_damaged, _tools_are_no_list, _data_is_garbage]
)
def test_a_spoilt_folder_is_refused_before_any_work(
    spoil: Callable[[Path], list[str]], dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = spoil(dataset)
    before = files(dataset.parent)
    refusal(capsys, "annotate", "--root", str(dataset), *words)
    assert files(dataset.parent) == before


def test_staging_that_cannot_be_written_ends_the_run_in_a_sentence(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["annotate", "--root", str(dataset)]) == 1
    said = capsys.readouterr().out
    assert "No space left on device" in said
    assert ".annotate_staging" in said


def test_a_reader_that_leaves_ends_the_run_quietly(dataset: Path) -> None:
    command = [sys.executable, "-m", "roboscribe", "annotate", "--root", str(dataset), "--log-format=json"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_two_runs_may_stage_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writes beside the other, never into the other's unfinished file."""
    replace, names = os.replace, list[str]()

    def note(source: Path, target: Path) -> None:
        names.append(source.name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", note)
    for process in (1, 2):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        Staging(tmp_path).save(0, "print", {"annotator": "plan"}, [])
    assert len(set(names)) == len(names)


def test_a_path_with_brackets_is_shown_as_it_is(
    tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = dataset.rename(tmp_path / "of [bold] ünits")
    assert main(["annotate", "--root", str(odd), "--log-format=rich"]) == 0
    assert "of [bold] ünits" in capsys.readouterr().out
    assert main(["status", "--root", str(odd)]) == 0
    assert "of [bold] ünits" in capsys.readouterr().out
    assert json.loads((odd / "meta/info.json").read_text())["features"]["language_events"]
