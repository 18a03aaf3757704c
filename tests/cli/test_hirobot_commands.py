"""Command lines of `roboscribe subtasks` and `roboscribe dialogue`: those of older scripts work, bad ones are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from imagining import column, said, with_skills
from make_dataset import make_dataset
from written import digests

from roboscribe.cli.app import main

CAMERA = "observation.images.top"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", frames=20)


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command says when it refuses its input: a single line."""
    capsys.readouterr()
    assert main(words) == 2
    text = capsys.readouterr().err.strip()
    assert text.startswith("roboscribe: ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("underscores", [False, True])
def test_command_lines_of_older_scripts_work(dataset: Path, underscores: bool, tmp_path: Path) -> None:
    def words(line: str, *folders: Path) -> list[str]:
        flags = [
            word.replace("-", "_") if underscores and word.startswith("--") else word for word in line.split()
        ]
        return [flag.replace("__", "--", 1) for flag in flags] + [str(folder) for folder in folders]

    skills, out = tmp_path / "skills", tmp_path / "out"
    line = f"subtasks --video-key {CAMERA} --device cpu --dtype bfloat16 --batch-size 8 --episodes 0 1 2"
    assert main([*words(line + " --data-dir", dataset), *words("--output-dir", skills)]) == 0
    line = f"dialogue --image-key {CAMERA} --num-image-views-per-sample 1 --device cpu --dtype bfloat16"
    line += " --temperature 0.7 --sample-interval 1.0 --batch-size 4 --episodes 0 1 2 --data-dir"
    assert main([*words(line, skills), *words("--output-dir", out)]) == 0
    line = f"dialogue --video-mode --video-key {CAMERA} --video-batch-size 1 --data-dir"
    assert main(words(line, skills)) == 0
    assert min(column(skills, "subtask_index")[2]) >= 0
    whole = tmp_path / "skills_with_high_level_tasks"
    assert len(said(out)) == len(said(whole)) == 6


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["subtasks", "--video-key", "nose"], ["nose", CAMERA]),
        (["subtasks", "--episodes", "7"], ["7"]),
        (["subtasks", "--min-skill-seconds", "2"], ["--max-skill-seconds"]),
        (["dialogue"], ["no skills", "roboscribe subtasks --root", "--skills auto"]),
        (["dialogue", "--skills", "auto", "--image-key", "nose"], ["nose", CAMERA]),
        (["dialogue", "--skills", "auto", "--video-mode", "--video-key", "nose"], ["nose", CAMERA]),
        (["dialogue", "--sample-interval", "0"], ["--sample-interval"]),
        (["dialogue", "--sample-interval", "-1"], ["--sample-interval"]),
        (["dialogue", "--sample-interval", "nan"], ["--sample-interval"]),
        (["dialogue", "--tasks", "drop"], ["--tasks", "keep, append"]),
        (["dialogue", "--num-image-views-per-sample", "0"], ["--num-image-views-per-sample"]),
        (["dialogue", "--video-batch-size", "0"], ["--video-batch-size"]),
        (["dialogue", "--batch-size", "0"], ["batch-size"]),
        (["dialogue", "--jsonl", "samples.jsonl"], ["--jsonl", "dataset"]),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    dataset: Path, words: list[str], named: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(tmp_path)
    text = refusal(capsys, *words, "--root", str(dataset))
    for part in named:
        assert part in text
    assert digests(tmp_path) == before


def test_a_folder_that_holds_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = with_skills(tmp_path / "data", episodes=1)
    with_skills(tmp_path / "other", episodes=2)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/a.txt").write_text("Dear Sir")
    before = digests(tmp_path)
    for name in ("other", "letters"):
        for command in ("subtasks", "dialogue"):
            text = refusal(capsys, command, "--root", str(root), "--output-dir", str(tmp_path / name))
            assert name in text
    assert digests(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("skills.json", "{", "not a file of skills"),
        ("skills.json", '{"episodes": {"0": {"skills": [{"name": "lift"}]}}}', "not a file of skills"),
        ("subtasks.parquet", "no table", "cannot be read"),
        ("syn_annotations.jsonl", '{"episode_id": 0}\n', "line 1"),
        ("tasks_high_level.parquet", "no table", "cannot be read"),
    ],
)
def test_a_file_of_the_dataset_that_is_broken_is_named(
    name: str, content: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = with_skills(tmp_path / "data", episodes=1)
    (root / "meta" / name).write_text(content)
    text = refusal(capsys, "dialogue", "--root", str(root))
    assert name in text
    assert named in text
    assert not (tmp_path / "data_with_high_level_tasks/meta").exists()


def test_a_dataset_that_is_to_be_looked_at_needs_as_many_cameras_as_are_wanted(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ["--vlm.api-base", "http://127.0.0.1:9/v1", "--vlm.model-id", "none"]
    words = ["--root", str(dataset), "--skills", "auto", "--num-image-views-per-sample", "3"]
    text = refusal(capsys, "dialogue", *words, *server)
    assert "3 cameras" in text
    assert CAMERA in text
