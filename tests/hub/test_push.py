"""A dataset goes to the Hub through the Hub's own client library, in one commit, and from where it was broken off."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from hub.fake_hub import FakeHub

from roboscribe.cli.app import main
from roboscribe.dataset import open_dataset
from roboscribe.dataset.output import dataset_files
from roboscribe.hub.card import BEGIN, END

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """The bundled sample, annotated, with what a run leaves beside it."""
    source = shutil.copytree(str(files("roboscribe") / "sample"), tmp_path / "sample")
    target = tmp_path / "annotated"
    assert (
        main(["annotate", "--root", str(source), "--output-dir", str(target), "--log-format", "plain"]) == 0
    )
    assert (target / ".annotate_staging").is_dir()
    return target


def test_a_pushed_dataset_is_the_dataset_with_a_card(hub: FakeHub, run: Run, annotated: Path) -> None:
    code, said = run("push", "--root", str(annotated), "--hub.repo-id", "us/bricks", "--hub.private=true")
    assert (code, "pushed: http" in said) == (0, True), said
    repository = hub.repositories["us/bricks"]
    assert repository.private
    local = {path: file.read_bytes() for path, file in dataset_files(annotated)}
    card = repository.files["README.md"].decode()
    assert {path: data for path, data in repository.files.items() if path != "README.md"} == local
    assert repository.tags == {open_dataset(annotated).info.version: repository.branches["main"][-1].oid}
    assert card.startswith("---\ntask_categories:\n- robotics")
    assert "| subtask | " in card
    assert "builtin" in card
    assert "grasp the" in card, "the preview shows rows"


def test_a_second_push_sends_nothing_again_and_keeps_what_people_wrote(
    hub: FakeHub, run: Run, annotated: Path
) -> None:
    run("push", "--root", str(annotated), "--hub.repo-id", "us/bricks")
    sent = hub.uploads
    main_line = hub.repositories["us/bricks"].branches["main"]
    main_line[-1].files["README.md"] = b"---\nlicense: mit\n---\n\n# Ours\n\nPlease cite us.\n"
    for message in ("second", "third"):
        code, said = run(
            "push", "--root", str(annotated), "--hub.repo-id", "us/bricks", "--hub.message", message
        )
        assert code == 0, said
    assert hub.uploads == sent
    card = main_line[-1].files["README.md"].decode()
    assert card.startswith("---\nlicense: mit\n---\n\n# Ours\n\nPlease cite us.\n")
    assert (card.count(BEGIN), card.count(END)) == (1, 1)
    assert [commit.message for commit in main_line[1:]] == ["Annotate with Roboscribe", "second", "third"]


@pytest.mark.slow
def test_a_push_that_is_broken_off_leaves_the_hub_as_it_was_and_goes_on(
    hub: FakeHub, run: Run, annotated: Path
) -> None:
    def break_off(number: int) -> None:
        if number >= 2:
            raise ConnectionError

    hub.spoil = break_off
    code, said = run("push", "--root", str(annotated), "--hub.repo-id", "us/bricks")
    assert code == 2
    assert "broken off" in said
    assert "roboscribe push" in said
    assert hub.repositories["us/bricks"].files == {}
    before = hub.uploads
    hub.spoil = lambda number: None
    assert run("push", "--root", str(annotated), "--hub.repo-id", "us/bricks")[0] == 0
    large = [path for path in hub.repositories["us/bricks"].files if not path.endswith((".json", ".md"))]
    assert before == 2
    assert hub.uploads == len({hub.repositories["us/bricks"].files[path] for path in large}), (
        "none of them twice"
    )


def test_annotate_pushes_what_it_made_to_the_branch_that_is_named(
    hub: FakeHub, run: Run, tmp_path: Path
) -> None:
    source = shutil.copytree(str(files("roboscribe") / "sample"), tmp_path / "sample")
    code, said = run(
        "annotate", "--root", str(source), "--output-dir", str(tmp_path / "out"), "--push-to-hub=true",
        "--hub.repo-id", "us/bricks", "--hub.revision", "language",
    )  # fmt: skip
    assert code == 0, said
    repository = hub.repositories["us/bricks"]
    assert repository.files == {}
    assert "meta/roboscribe.json" in repository.branches["language"][-1].files
    assert repository.tags == {}, "only the main branch is what LeRobot finds by version"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--hub.repo-id", "bricks"], "owner/name"),
        (["--hub.repo-id", "us/br icks!"], "owner/name"),
        ([], "--hub.repo-id"),
        (["--hub.repo-id", "us/bricks", "--hub.message", " "], "--hub.message"),
    ],
)
def test_a_destination_that_is_none_is_refused(
    hub: FakeHub, run: Run, annotated: Path, words: list[str], told: str
) -> None:
    code, said = run("push", "--root", str(annotated), *words)
    assert (code, told in said) == (2, True), said
    assert hub.repositories == {}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"HF_TOKEN": ""}, "hf auth login"),
        ({"HF_TOKEN": "hf_of_somebody_else"}, "hf auth login"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "broken off"),
    ],
)
def test_a_hub_that_does_not_know_us_is_told_before_anything_is_annotated(
    run: Run, tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    source = str(files("roboscribe") / "sample")
    words = ["--root", source, "--output-dir", str(tmp_path / "out"), "--push-to-hub=true"]
    code, said = run("annotate", *words, "--hub.repo-id", "us/bricks", **environ)
    assert (code, told in said) == (2, True), said
    assert not (tmp_path / "out").exists()
    assert "hf_of_somebody_else" not in said


def test_a_repository_that_is_not_ours_is_refused(hub: FakeHub, run: Run, annotated: Path) -> None:
    hub.readonly = True
    code, said = run("push", "--root", str(annotated), "--hub.repo-id", "them/bricks")
    assert code == 2
    assert "does not let you write to them/bricks (HTTP 403)" in said
    assert "Traceback" not in said


def test_dialogue_is_pushed_under_its_own_name(hub: FakeHub, run: Run, tmp_path: Path) -> None:
    shutil.copytree(str(files("roboscribe") / "sample"), tmp_path / "lerobot/us/bricks")
    words = (
        "--repo-id",
        "us/bricks",
        "--output-dir",
        str(tmp_path / "out"),
        "--skills",
        "auto",
        "--push-to-hub",
    )
    code, told = run("dialogue", *words)
    assert code == 0, told
    assert set(hub.repositories) == {"us/bricks_with_high_level_tasks"}
    repository = hub.repositories["us/bricks_with_high_level_tasks"]
    assert {"meta/tasks_high_level.parquet", "meta/syn_annotations.jsonl", "meta/skills.json"} <= set(
        repository.files
    )
    card = repository.files["README.md"].decode()
    assert "| skills | " in card
    assert "| dialogue | " in card
