"""What a model answers impossibly to the end is left out of its episode, which keeps the rest, and is told of."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from make_dataset import make_dataset

from roboscribe.cli.app import main
from roboscribe.config import AnnotateSettings, VqaSettings
from roboscribe.dataset import open_dataset
from roboscribe.events import RunFinished
from roboscribe.models.asking import AskingModel
from roboscribe.models.ledger import Ledger
from roboscribe.models.request import Reply, Request
from roboscribe.pipeline import annotate
from roboscribe.plain import summary
from roboscribe.prompts import Prompts

REASON = "top at 1.0 s, bbox: [20, 30, 20, 90] has no area"


class Boxes:
    """Finds a box in every picture; one second into an episode it has no width."""

    identity = "boxes"
    at_once = 4

    def __init__(self) -> None:
        self.calls = 0

    async def check(self, showing: Sequence[str]) -> None: ...

    async def complete(self, request: Request) -> Reply:
        self.calls += 1
        narrow = any("1.0 s" in part for part in request.parts if isinstance(part, str))
        box = {"label": "cup", "bbox": [20, 30, 20 if narrow else 50, 90]}
        return Reply(
            json.dumps({"pictures": {"1": {"bbox": {"question": "Where is it?", "detections": [box]}}}})
        )

    async def close(self) -> None: ...


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "data", episodes=2, frames=30)


@pytest.fixture
def run(dataset: Path) -> Callable[[], tuple[RunFinished, int]]:
    def annotated() -> tuple[RunFinished, int]:
        backend = Boxes()
        settings = AnnotateSettings(
            root=dataset, only=("vqa",), vqa=VqaSettings(kinds=("bbox",), pictures_per_ask=1)
        )
        finished = annotate(settings, model=AskingModel(backend, Prompts(), ledger=Ledger()))
        return finished, backend.calls

    return annotated


def test_one_impossible_answer_does_not_cost_the_episode_its_others(
    dataset: Path, run: Callable[[], tuple[RunFinished, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    finished, calls = run()
    assert (finished.annotated, finished.failed, finished.left_out) == (2, 0, 2)
    assert calls == 2 * (1 + 6 + 1)
    for episode in range(2):
        rows = open_dataset(dataset).language_rows(episode)
        assert [row.timestamp for row in rows if row.role == "user"] == pytest.approx([0.0, 2.0])
    assert any(
        line.startswith("2 answers left out") and "roboscribe status" in line for line in summary(finished)
    )
    assert main(["status", "--root", str(dataset)]) == 0
    told = capsys.readouterr().out
    assert f"episodes 0-1, vqa left out: {REASON}" in told
    assert "left out\n" in told.splitlines(keepends=True)[1]


def test_what_is_left_out_holds_as_the_rest_does(run: Callable[[], tuple[RunFinished, int]]) -> None:
    run()
    finished, calls = run()
    assert (finished.left_out, finished.files_written, calls) == (2, 0, 0)
