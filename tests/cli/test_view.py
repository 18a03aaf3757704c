"""`roboscribe view`: whatever form annotations have, they are shown, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from make_dataset import make_dataset
from written import digests

from roboscribe.cli.app import main


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", episodes=5, frames=40, cameras=(), kind=None)


@pytest.mark.parametrize("command", ["annotate", "subtasks"])
def test_language_columns_and_index_features_are_shown(
    command: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--root", str(dataset)]) == 0
    before = digests(dataset)
    capsys.readouterr()
    assert main(["view", "--root", str(dataset), "--episodes", "1", "3"]) == 0
    told = capsys.readouterr().out
    assert [f"Episode {index}" in told for index in range(5)] == [False, True, False, True, False]
    assert "the red cup" in told.split("0.00 s", 1)[1]
    assert ("said at 0.0 s" in told) == (command == "annotate")
    assert digests(dataset) == before


def test_without_a_choice_the_first_are_shown_and_how_many_there_are(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["annotate", "--root", str(dataset), "--only", "motion"]) == 0
    capsys.readouterr()
    assert main(["view", "--root", str(dataset)]) == 0
    told = capsys.readouterr().out
    assert "Episode 2" in told
    assert "Episode 3" not in told
    assert "3 of 5 episodes" in told


def test_questions_are_shown_with_their_answers(so101: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["annotate", "--root", str(so101), "--only", "vqa", "--episodes", "0"]) == 0
    capsys.readouterr()
    assert main(["view", "--root", str(so101), "--episodes", "0"]) == 0
    told = capsys.readouterr().out
    assert '{"' in told.split("vqa at ", 1)[1]
    assert "questions in all" in told


def test_a_dataset_without_annotations_is_told_what_to_do(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", "--root", str(dataset)]) == 2
    assert "Annotate it first" in capsys.readouterr().err
