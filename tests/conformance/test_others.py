"""What LeRobot's own tool stages and writes is checked like what we write, and can be added to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from make_dataset import edit_info, make_dataset

from roboscribe.checking import validate
from roboscribe.config import AnnotateSettings, DatasetSettings
from roboscribe.dataset import open_dataset
from roboscribe.language import EVENTS, PERSISTENT
from roboscribe.pipeline import annotate
from roboscribe.validation import Report

Load = Callable[[Path], Any]
CAMERA = "observation.images.top"


def rows_of(times: list[float]) -> dict[str, list[dict[str, Any]]]:
    """Rows of an episode by module, as the modules of lerobot-annotate stage them."""
    from lerobot.annotations.steerable_pipeline.writer import speech_atom

    start, middle = times[0], times[len(times) // 2]

    def row(role: str, style: str, content: str, time: float, **more: Any) -> dict[str, Any]:
        return {
            "role": role,
            "style": style,
            "content": content,
            "timestamp": time,
            "tool_calls": None,
            **more,
        }

    answer = json.dumps({"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [3, 4, 20, 30]}]})
    return {
        "plan": [
            row("user", "task_aug", "Pick up the red cup.", start),
            row("user", "task_aug", "Grab the red cup.", start),
            row("assistant", "subtask", "reach for the red cup", start),
            row("assistant", "plan", "1. reach for the red cup\n2. lift the red cup", start),
            row("assistant", "subtask", "lift the red cup", middle),
            row("assistant", "plan", "1. lift the red cup", middle),
            row("assistant", "memory", "I reached for the cup.", middle),
        ],
        "interjections": [
            speech_atom(start, "On it."),
            row("user", "interjection", "Now lift it, please.", middle),
            speech_atom(middle, "Lifting it."),
        ],
        "vqa": [
            row("user", "vqa", "Where is the cup?", start, camera=CAMERA),
            row("assistant", "vqa", answer, start, camera=CAMERA),
        ],
    }


@pytest.fixture
def dataset(load: Load, tmp_path: Path) -> Path:
    """A dataset with rows staged in LeRobot's way."""
    from lerobot.annotations.steerable_pipeline.reader import iter_episodes
    from lerobot.annotations.steerable_pipeline.staging import EpisodeStaging

    root = make_dataset(
        tmp_path / "data", episodes=4, frames=40, episodes_per_file=2, tasks=("Pick up the red cup.",)
    )
    for record in iter_episodes(root):
        for module, rows in rows_of([float(time) for time in record.frame_timestamps]).items():
            EpisodeStaging(root / ".annotate_staging", record.episode_index).write(module, rows)
    return root


def write(root: Path) -> None:
    """Have LeRobot write what is staged, and declare it."""
    from lerobot.annotations.steerable_pipeline.reader import iter_episodes
    from lerobot.annotations.steerable_pipeline.writer import LanguageColumnsWriter
    from lerobot.datasets.language import SAY_TOOL_SCHEMA

    LanguageColumnsWriter().write_all(list(iter_episodes(root)), root / ".annotate_staging", root)
    features = json.loads((root / "meta/info.json").read_text())["features"]
    declared = {"dtype": "language", "shape": [1], "names": None}
    edit_info(root, features={**features, PERSISTENT: declared, EVENTS: declared}, tools=[SAY_TOOL_SCHEMA])


def report(root: Path, staged: bool = False) -> Report:
    return validate(DatasetSettings(root=root), staged).report


def test_what_it_stages_is_checked(dataset: Path) -> None:
    assert validate(DatasetSettings(root=dataset)).staged
    assert report(dataset).findings == ()
    path = dataset / ".annotate_staging/episode_000002/interjections.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[:2]))
    assert [(finding.episode, finding.rule) for finding in report(dataset).findings] == [
        (2, "interjection.speech")
    ]


def test_what_it_writes_is_checked_and_its_types_told_of(dataset: Path) -> None:
    write(dataset)
    found = report(dataset)
    assert found.errors == ()
    assert {finding.rule for finding in found.warnings} == {"file.type"}
    assert report(dataset, staged=True).findings == ()


def test_what_it_writes_can_be_added_to_and_loads(dataset: Path, load: Load) -> None:
    write(dataset)
    before = [open_dataset(dataset).language_rows(index) for index in range(4)]
    annotate(AnnotateSettings(root=dataset, only=("motion",), episodes=("1",)))
    assert report(dataset).findings == ()
    for index, old in enumerate(before):
        kept = [row for row in open_dataset(dataset).language_rows(index) if row.style != "motion"]
        assert sorted(row.content or "" for row in kept) == sorted(row.content or "" for row in old)
    item = load(dataset)[0]
    assert [row["content"] for row in item[EVENTS] if row["style"] == "vqa"][1] == "Where is the cup?"
