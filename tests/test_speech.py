"""What is said is written with all it needs: the tool it calls, and a plan beside it, whatever else is turned off."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from make_dataset import make_dataset

from roboscribe.cli.app import main
from roboscribe.config import AnnotateSettings, InterjectionsSettings, PlanSettings, WriterSettings
from roboscribe.dataset import open_dataset
from roboscribe.dataset.writer import EpisodeUpdate, write_language
from roboscribe.language import SPEECH, Row, say, spoken_text
from roboscribe.models.builtin import BuiltinModel
from roboscribe.pipeline import annotate
from roboscribe.validation import check_dataset

ARM = {
    "type": "function",
    "function": {"name": "stop_arm", "parameters": {"type": "object", "properties": {}}},
}
OFF = PlanSettings(enabled=False)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(
        tmp_path / "data",
        episodes=2,
        frames=240,
        fps=20,
        kind=None,
        tasks=("Put the red cup in the box.",),
        info={"tools": [ARM]},
    )


def run(root: Path, **settings: Any) -> None:
    finished = annotate(AnnotateSettings(root=root, **settings), model=BuiltinModel())
    assert finished.failed == 0


def rows_of(root: Path, style: str | None, episode: int = 0) -> list[Row]:
    return [row for row in open_dataset(root).language_rows(episode) if row.style == style]


def errors(root: Path) -> list[str]:
    return [finding.rule for finding in check_dataset(open_dataset(root)) if finding.severity == "error"]


def times(rows: Sequence[Row]) -> set[float]:
    return {row.timestamp for row in rows}


def test_speech_and_plan_stand_beside_every_interjection(dataset: Path) -> None:
    run(dataset)
    for episode in (0, 1):
        asked = rows_of(dataset, "interjection", episode)
        spoken = rows_of(dataset, SPEECH, episode)
        assert asked
        assert times(spoken) == {0.0} | times(asked)
        assert all(spoken_text(row) for row in spoken)
        plans = rows_of(dataset, "plan", episode)
        assert times(asked) <= times(plans)
        assert len(times(plans)) == len(plans), "one plan does for the boundary and for what is said there"
    assert main(["validate", "--root", str(dataset), "--strict"]) == 0


def test_the_tool_is_described_beside_the_datasets_own(dataset: Path) -> None:
    run(dataset, writer=WriterSettings(tools_column=True))
    tools = json.loads((dataset / "meta/info.json").read_text())["tools"]
    assert tools[0] == ARM
    assert [tool["function"]["name"] for tool in tools] == ["stop_arm", "say"]
    assert tools[1]["function"]["parameters"]["required"] == ["text"]
    column = pq.read_table(next((dataset / "data").rglob("*.parquet")), columns=["tools"])["tools"]
    assert json.loads(column[0].as_py()) == tools
    assert errors(dataset) == []


def test_without_plans_it_is_said_all_the_same(dataset: Path) -> None:
    run(dataset, plan=OFF)
    assert rows_of(dataset, "interjection")
    assert rows_of(dataset, "plan") == []
    assert errors(dataset) == []


def test_plans_that_are_kept_suit_what_is_said_anew(dataset: Path) -> None:
    run(dataset)
    before, plans = rows_of(dataset, "interjection"), rows_of(dataset, "plan")
    run(dataset, plan=OFF, seed=3)
    assert rows_of(dataset, "interjection") != before
    assert rows_of(dataset, "plan") == plans
    assert errors(dataset) == []


def test_what_another_tool_had_said_between_boundaries_gets_a_plan(dataset: Path) -> None:
    source = open_dataset(dataset)
    time = source.episode(0).time_of(7)
    said = [say("On it.", 0.0), Row("user", "Mind the red cup.", "interjection", time), say("I will.", time)]
    styles = frozenset({"interjection", SPEECH})
    write_language(source, dataset, lambda index: EpisodeUpdate(said, styles) if index == 0 else None)
    run(dataset, interjections=InterjectionsSettings(enabled=False))
    assert [row.content for row in rows_of(dataset, "interjection")] == ["Mind the red cup."]
    assert time in times(rows_of(dataset, "plan"))
    assert errors(dataset) == []


def test_only_its_own_settings_are_told_by_name(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["annotate", "--root", str(dataset), "--interjections.scenarios", "praise"]) == 2
    assert "encouragement" in capsys.readouterr().err
    words = ["--interjections.most=1", "--interjections.scenarios", "preference", "encouragement"]
    assert main(["annotate", "--root", str(dataset), *words]) == 0
    assert len(rows_of(dataset, "interjection")) == 1
