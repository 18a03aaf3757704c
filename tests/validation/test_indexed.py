"""Every rule about index features finds its own breaches, alone, and lets what is nearly one pass."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from imagining import model
from make_dataset import edit_info, edit_table, make_dataset

from roboscribe.checking import validate
from roboscribe.cli.app import main
from roboscribe.config import DatasetSettings, DialogueSettings
from roboscribe.dataset import open_dataset
from roboscribe.hirobot.dialogue import make_dialogue
from roboscribe.validation import INDEX_RULES
from roboscribe.validation.indexed import check_indexed

Edit = Callable[[Path], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two episodes with skills and dialogue."""
    folder = tmp_path_factory.mktemp("indexed")
    source = make_dataset(folder / "data", episodes=2, frames=30, kind=None, tasks=("Lift the cup.",))
    make_dialogue(DialogueSettings(root=source, output_dir=folder / "out", skills="auto"), model=model())
    return folder / "out"


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of it to break."""
    return Path(shutil.copytree(made, tmp_path / "data"))


def declare(feature: str, **fields: object) -> Edit:
    def edit(root: Path) -> None:
        features = json.loads((root / "meta/info.json").read_text())["features"]
        edit_info(root, features={**features, feature: {**features[feature], **fields}})

    return edit


def table(name: str, change: Callable[[dict[str, list[Any]]], object]) -> Edit:
    """Change the columns of a table in meta."""

    def edit(root: Path) -> None:
        path = root / "meta" / name
        columns = pq.read_table(path).to_pydict()
        change(columns)
        pq.write_table(pa.table(columns), path)

    return edit


def frames(feature: str, change: Callable[[list[Any]], object]) -> Edit:
    """Change the numbers of all frames."""

    def edit(table: pa.Table) -> pa.Table:
        values = table[feature].to_pylist()
        change(values)
        return table.set_column(table.column_names.index(feature), feature, pa.array(values))

    return lambda root: edit_table(next(root.glob("data/*/*.parquet")), edit)


def skills(change: Callable[[list[dict[str, Any]]], object]) -> Edit:
    """Change the skills of the first episode in skills.json."""

    def edit(root: Path) -> None:
        path = root / "meta/skills.json"
        data = json.loads(path.read_text())
        change(data["episodes"]["0"]["skills"])
        path.write_text(json.dumps(data))

    return edit


def line(number: int, **fields: object) -> Edit:
    """Change a line of syn_annotations.jsonl."""

    def edit(root: Path) -> None:
        path = root / "meta/syn_annotations.jsonl"
        lines = path.read_text().splitlines()
        lines[number] = json.dumps({**json.loads(lines[number]), **fields})
        path.write_text("\n".join(lines) + "\n")

    return edit


def text(path: str, content: str) -> Edit:
    return lambda root: (root / "meta" / path).write_text(content)


def put(name: str, row: int, value: object) -> Callable[[dict[str, list[Any]]], object]:
    return lambda columns: columns[name].__setitem__(row, value)


TASKS = "tasks_high_level.parquet"

BREACHES: dict[str, list[Edit]] = {
    "index.declared": [
        declare("subtask_index", dtype="float32"),
        declare("task_index_high_level", shape=[2]),
        lambda root: (root / "meta" / TASKS).unlink(),
        # Subtasks have become language rows, but the numbers were left behind.
        lambda root: [(root / "meta" / name).unlink() for name in ("subtasks.parquet", "skills.json")],
    ],
    "index.table": [
        table("subtasks.parquet", lambda columns: columns.pop("subtask_index")),
        table("subtasks.parquet", lambda columns: columns["subtask"].append(f"{columns['subtask'][0]}.")
              or columns["subtask_index"].append(len(columns["subtask_index"]))),
        table(TASKS, put("task_index", 0, 7)),
    ],
    "index.number": [
        frames("subtask_index", lambda values: values.__setitem__(-1, 99)),
        frames("task_index_high_level", lambda values: values.__setitem__(-1, -2)),
        frames("subtask_index", lambda values: values.__setitem__(slice(None), [0.5] * len(values))),
    ],
    "index.skills": [
        text("skills.json", "{"),
        skills(lambda spans: spans[1].update(start=spans[0]["end"] - 0.5)),
        skills(lambda spans: spans[-1].update(end=spans[-1]["start"])),
        skills(lambda spans: spans[0].update(name=spans[1]["name"])),
    ],
    "index.exchange": [
        table(TASKS, put("task", 0, "Hello.")),
        table(TASKS, put("scenario_type", 0, "small_talk")),
        table(TASKS, put("response_type", 0, "silence")),
        table(TASKS, lambda columns: columns.pop("user_prompt")),
    ],
    "index.samples": [
        line(0, episode_id=7),
        line(0, episode_id=[0]),
        line(0, frame_index=30),
        line(0, robot_utterance="No."),
        text("syn_annotations.jsonl", "{\n"),
        text("syn_annotations.jsonl", '{"episode_id": 0}\n'),
    ],
}  # fmt: skip

NEAR_MISSES: dict[str, Edit] = {
    "index.declared": declare("subtask_index", names=["subtask"]),
    "index.table": table("subtasks.parquet", lambda columns: columns["subtask"].append("make tea")
                         or columns["subtask_index"].append(len(columns["subtask_index"]))),
    "index.number": frames("task_index_high_level", lambda values: values.__setitem__(-1, -1)),
    # Rounded ends, of which the frame beside them may be on either side.
    "index.skills": skills(lambda spans: [span.update(start=round(span["start"], 1)) for span in spans]),
    "index.exchange": table(TASKS, put("scenario_type", 0, "")),
    "index.samples": line(0, skill_history=["wait"]),
}  # fmt: skip


def found(root: Path) -> set[str]:
    return {finding.rule for finding in check_indexed(open_dataset(root))}


def test_what_dialogue_writes_has_no_findings(root: Path) -> None:
    assert found(root) == set()


@pytest.mark.parametrize(
    ("rule", "edit"),
    [
        pytest.param(rule, edit, id=f"{rule}-{number}")
        for rule, edits in BREACHES.items()
        for number, edit in enumerate(edits)
    ],
)
def test_a_breach_is_found_by_its_rule_alone(root: Path, rule: str, edit: Edit) -> None:
    edit(root)
    assert found(root) == {rule}
    for finding in check_indexed(open_dataset(root)):
        assert finding.message.endswith(".")
        assert finding.fix.endswith(".")


@pytest.mark.parametrize("edit", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_is_nearly_a_breach_is_let_pass(root: Path, edit: Edit) -> None:
    edit(root)
    assert found(root) == set()


def test_every_rule_has_breaches_and_near_misses() -> None:
    assert INDEX_RULES.keys() == BREACHES.keys() == NEAR_MISSES.keys()


@pytest.mark.parametrize("staged", [True, False])
def test_a_dataset_of_index_features_alone_can_be_validated(
    root: Path, staged: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if not staged:
        shutil.rmtree(root / ".annotate_staging")
    assert main(["validate", "--root", str(root)]) == 0
    assert "2 episodes checked, nothing found." in capsys.readouterr().out
    frames("subtask_index", lambda values: values.__setitem__(-1, 99))(root)
    assert main(["validate", "--root", str(root)]) == 1
    assert "episode 1: subtask_index is 99 at 2.90 s" in capsys.readouterr().out
    assert validate(DatasetSettings(root=root, episodes=("0",))).report.findings == ()
