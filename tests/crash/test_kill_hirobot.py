"""Skills and dialogue are made by runs killed at every step: datasets load, and nothing kept is asked for twice."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imagining import STILL, model, reach_and_lift, sample, write
from killing import run_until
from make_dataset import make_dataset
from written import digests, why_not_loadable

from roboscribe.asks import Ask, ImagineDialogue, SegmentEpisode
from roboscribe.config import DialogueSettings
from roboscribe.dataset import journal
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.hirobot.lines import imagine_lines

SMALL: dict[str, Any] = {"episodes": 2, "frames": 15}


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk: a kill, other than a power cut, loses no writes."""
    monkeypatch.setattr(journal, "flush", lambda folder: None)


def tallied(script: Callable[[Ask[Any]], Any], tally: int) -> Callable[[Ask[Any]], Any]:
    """A script whose asks are written to an open file, which outlasts the process."""

    def reply(ask: Ask[Any]) -> Any:
        if isinstance(ask, ImagineDialogue):
            os.write(tally, f"{ask.occasion.number} {bool(ask.occasion.avoid)}\n".encode())
        else:
            assert isinstance(ask, SegmentEpisode)
            os.write(tally, f"episode {ask.episode}\n".encode())
        return script(ask)

    return reply


def dialogue(root: Path, tally: int) -> None:
    scripted = model(tallied(reach_and_lift(root), tally))
    settings = DialogueSettings(root=root, output_dir=root.parent / "out", skills="auto", tasks="append")
    make_dialogue(settings, model=scripted)


def jsonl(root: Path, tally: int) -> None:
    by = model(tallied(reach_and_lift(root), tally))
    imagine_lines(DialogueSettings(jsonl=root / "samples.jsonl", output_dir=root.parent / "out"), model=by)


def bare(folder: Path) -> Path:
    return make_dataset(folder, **SMALL, **STILL)


def samples(folder: Path) -> Path:
    root = make_dataset(folder, **SMALL, **STILL)
    write(root / "samples.jsonl", map(sample, range(6)))
    return root


CASES = {
    "dialogue with skills and tasks": (bare, dialogue),
    "lines": (samples, jsonl),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_killed_at_any_step_and_run_again(case: str, tmp_path: Path) -> None:
    make, work = CASES[case]
    start = make(tmp_path / "start")

    def run(folder: Path, kill: int | None = None) -> tuple[int | None, Counter[str]]:
        """The steps that a run took, and all that was asked for by the runs in a folder so far."""
        with (folder / "asked.txt").open("ab") as tally:
            steps = run_until(lambda: work(folder / "data", tally.fileno()), kill)
        return steps, Counter((folder / "asked.txt").read_text().splitlines())

    def fresh(name: str) -> Path:
        folder = tmp_path / name
        shutil.copytree(start, folder / "data")
        return folder

    def result(folder: Path) -> dict[str, str]:
        return {name: digest for name, digest in digests(folder).items() if name != "asked.txt"}

    steps, wanted = run(fresh("whole"))
    assert steps
    for step in range(1, steps + 1):
        folder = fresh(f"killed-{step}")
        killed, _ = run(folder, step)
        assert killed is None
        for root in (folder / "data", folder / "out"):
            assert not (root / "meta/info.json").exists() or why_not_loadable(root) == ""
        _, asked = run(folder)
        # An answer that was under way when the run was killed was not kept: one of each episode.
        assert set(asked) == set(wanted)
        assert asked.total() <= wanted.total() + SMALL["episodes"]
        assert result(folder) == result(tmp_path / "whole")
        shutil.rmtree(folder)
