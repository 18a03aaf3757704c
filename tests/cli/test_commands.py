"""Commands as a person runs them: what they print, write, refuse and exit with."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import edit_info, edit_table, make_dataset

from roboscribe.cli.app import COMMANDS, main
from roboscribe.config.annotate import ANNOTATORS
from roboscribe.dataset import open_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", version="v2.1", episodes=3, frames=40, kind=None)


def files(root: Path) -> dict[str, str]:
    """Digest of every file below a folder."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_help_tells_what_a_flag_takes_and_its_default_where_there_is_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main(["annotate", "--help"])
    # Releases of tyro lay columns out differently.
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--only TEXT ... Make only these annotators' rows" in shown
    assert "taken from the dataset or from staging" in shown
    assert "--plan.enabled true|false Write `plan` rows. (default: true)" in shown
    assert "None}" not in shown
    assert "(default: )" not in shown


def test_help_needs_no_heavy_library() -> None:
    """What makes it answer at once: it imports neither the data libraries nor the flag parser."""
    code = (
        "import sys; from roboscribe.cli.app import main; main(['--help'])\n"
        "heavy = {'numpy', 'pyarrow', 'av', 'PIL', 'pydantic', 'tyro', 'rich', 'openai'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"roboscribe {command}" in capsys.readouterr().out


def test_annotate_status_and_validate_tell_the_same_story(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["annotate", "--root", str(dataset)]) == 0
    assert "3 episodes annotated" in capsys.readouterr().out
    assert main(["status", "--root", str(dataset)]) == 0
    assert "3 of 3 episodes complete" in capsys.readouterr().out
    assert main(["validate", "--root", str(dataset)]) == 0
    assert "3 episodes checked, nothing found" in capsys.readouterr().out


def test_json_lines_are_json(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["annotate", "--root", str(dataset), "--log-format", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(e["episode"] for e in events if e["event"] == "EpisodeStaged") == [0, 1, 2]
    assert events[-1]["event"] == "RunFinished"
    assert events[-1]["annotated"] == 3


def test_validate_finds_what_was_broken(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["annotate", "--root", str(dataset)])
    path = dataset / "data/chunk-000/episode_000001.parquet"

    def misdate(table: pa.Table) -> pa.Table:
        rows = table["language_persistent"].to_pylist()
        for row in rows:
            row[-1]["timestamp"] = 0.0123
        plain = table.schema.field("language_persistent").type
        storage = pa.array(
            [[{**r, "tool_calls": None} for r in row] for row in rows],
            pa.list_(
                pa.struct(
                    [
                        f if f.name != "tool_calls" else pa.field("tool_calls", pa.null())
                        for f in plain.value_type
                    ]
                )
            ),
        )
        return table.set_column(
            table.schema.get_field_index("language_persistent"), "language_persistent", storage
        )

    edit_table(path, misdate)
    capsys.readouterr()
    assert main(["validate", "--root", str(dataset)]) == 1
    out = capsys.readouterr().out
    assert "episode 1" in out
    assert "0.01" in out


def test_status_of_a_failure_names_it(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["annotate", "--root", str(dataset), "--subtasks.enabled=false"]) == 1
    capsys.readouterr()
    assert main(["status", "--root", str(dataset)]) == 0
    out = capsys.readouterr().out
    assert "3 failed" in out
    [plan] = [line for line in out.splitlines() if "plan: " in line]
    assert plan.startswith("episodes 0-2, plan: ")
    assert "--subtasks.enabled=true" in plan


def test_demo_shows_a_timeline_and_leaves_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    assert "Put the pink brick in the transparent box." in out
    assert "grasp the pink brick" in out
    assert "said at 0.0 s  “" in out
    assert "roboscribe annotate --root" in out
    assert len(open_dataset(tmp_path / "roboscribe-demo").language_rows(0)) > 20
    assert main(["demo"]) == 0


def test_demo_touches_no_folder_of_another_kind_and_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for name in ("thesis.txt", "ground_truth.json"):
        (tmp_path / "mine" / name).write_text("precious")
    before = files(tmp_path)
    assert main(["demo", "--output-dir", "mine"]) == 2
    assert files(tmp_path) == before
    (tmp_path / "stopped/.annotate_staging/episode_000000").mkdir(parents=True)
    assert main(["demo", "--output-dir", "stopped"]) == 0


def missing_key(root: Path) -> None:
    info = json.loads((root / "meta/info.json").read_text())
    del info["features"]
    (root / "meta/info.json").write_text(json.dumps(info))


def short_file(root: Path) -> None:
    edit_table(root / "data/chunk-000/episode_000002.parquet", lambda table: table.slice(0, 20))


def backward_time(root: Path) -> None:
    def turn(table: pa.Table) -> pa.Table:
        times = np.array(table["timestamp"]).copy()
        times[7] = times[5]
        place = table.schema.get_field_index("timestamp")
        return table.set_column(place, "timestamp", pa.array(times, pa.float32()))

    edit_table(root / "data/chunk-000/episode_000001.parquet", turn)


def no_column(root: Path) -> None:
    for path in (root / "data").rglob("*.parquet"):
        edit_table(path, lambda table: table.drop_columns(["action"]))


@pytest.mark.parametrize(
    ("spoil", "words", "named"),
    [
        (shutil.rmtree, (), ["data", "--root"]),
        (lambda root: shutil.rmtree(root / "meta"), (), ["meta/info.json"]),
        (lambda root: (root / "meta/info.json").write_text("{"), (), ["info.json"]),
        (missing_key, (), ["info.json", "features"]),
        (lambda root: edit_info(root, codebase_version="v9.9"), (), ["v9.9"]),
        (no_column, (), ["action"]),
        (short_file, (), ["episode_000002.parquet", "20", "40"]),
        (backward_time, (), ["episode_000001.parquet", "7"]),
        (None, ("--frames.cameras", "observation.images.nose"), ["observation.images.nose"]),
        (None, ("--episods", "1"), ["--episods", "--episodes"]),
        (None, ("--episodes", "7"), ["--episodes", "7", "0 to 2"]),
        (None, ("--episodes", "two"), ["--episodes", "two"]),
        (None, ("--plan.enabled=perhaps",), ["--plan.enabled", "true or false"]),
        (None, ("--task-aug.count", "-3"), ["--task-aug.count"]),
        (
            None,
            tuple(f"--{name}.enabled=false" for name in ANNOTATORS),
            ["enabled"],
        ),
    ],
)
def test_bad_input_is_one_message_and_no_change(
    dataset: Path,
    spoil: Callable[[Path], object] | None,
    words: tuple[str, ...],
    named: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    if spoil:
        spoil(dataset)
    before = files(dataset)
    assert main(["annotate", "--root", str(dataset), *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    message = captured.err.strip()
    assert message.count("\n") == 0, message
    assert "Traceback" not in message
    for part in named:
        assert part in message
    assert files(dataset) == before


@pytest.mark.skipif(os.geteuid() != 0 and sys.platform != "linux", reason="modes mean something else here")
def test_a_read_only_folder_is_refused(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(dataset)
    for path in (dataset, *dataset.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert main(["annotate", "--root", str(dataset)]) == 2
    finally:
        for path in (dataset, *dataset.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert "read-only" in capsys.readouterr().err
    assert files(dataset) == before


def test_a_parquet_column_that_is_not_what_it_says_is_no_traceback(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = dataset / "data/chunk-000/episode_000000.parquet"
    path.write_bytes(path.read_bytes()[:-60])
    assert main(["annotate", "--root", str(dataset)]) == 2
    assert "episode_000000.parquet" in capsys.readouterr().err
    assert pq.read_table(dataset / "data/chunk-000/episode_000001.parquet").num_rows == 40


def test_an_unknown_command_suggests_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["anotate"]) == 2
    assert "Did you mean annotate?" in capsys.readouterr().err


def test_a_dataset_of_the_cache_is_found_by_its_name(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(dataset, home / "someone/something")
    monkeypatch.setenv("HF_LEROBOT_HOME", str(home))
    assert main(["annotate", "--repo-id", "someone/something"]) == 0
    assert open_dataset(home / "someone/something").language_rows(0)
