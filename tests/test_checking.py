"""`roboscribe validate`: finished datasets, ours and others', and what is staged and not written yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import edit_info, edit_table, make_dataset
from scripted import answers, failing

from roboscribe.asks import Ask, RephraseTask, SegmentEpisode, UpdateMemory
from roboscribe.checking import STAGING_RULES, validate
from roboscribe.cli.app import main
from roboscribe.config import AnnotateSettings, DatasetSettings, InterjectionsSettings
from roboscribe.dataset import open_dataset
from roboscribe.errors import RoboscribeError
from roboscribe.language import EVENTS, FEATURE, PERSISTENT, SAY_TOOL, canonical_json
from roboscribe.models.scripted import ScriptedModel
from roboscribe.pipeline import annotate

CAMERA = "observation.images.top"
QUIET = InterjectionsSettings(most=0)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(
        tmp_path / "data", episodes=3, frames=60, cameras=(CAMERA,), kind="image", episodes_per_file=1,
        tasks=("Lift the cup.",),
    )  # fmt: skip


def run(root: Path, reply: Callable[[Ask[Any]], Any] = answers, **settings: Any) -> None:
    annotate(AnnotateSettings(root=root, interjections=QUIET, **settings), model=ScriptedModel(reply))


def rules(root: Path, staged: bool = False, **settings: Any) -> list[tuple[int | None, str]]:
    checked = validate(DatasetSettings(root=root, **settings), staged)
    return [(finding.episode, finding.rule) for finding in checked.report.findings]


def drop_rows(root: Path, episode: int, style: str) -> None:
    """Take the persistent rows of a style out of an episode's data file, as another tool might."""
    path = sorted(root.glob("data/*/*.parquet"))[episode]

    def edit(table: pa.Table) -> pa.Table:
        at = table.column_names.index(PERSISTENT)
        column = table[PERSISTENT].combine_chunks()
        rows = column[0].as_py()
        kept = pa.array([at for at, row in enumerate(rows) if row["style"] != style], pa.int32())
        one = pa.ListArray.from_arrays(pa.array([0, len(kept)], pa.int32()), column.flatten().take(kept))
        whole = pa.concat_arrays([one] * len(table)).cast(column.type)
        return table.set_column(at, table.schema.field(at), whole)

    edit_table(path, edit)


# Finished datasets.


def test_rows_that_the_run_record_tells_of_are_missed(dataset: Path) -> None:
    run(dataset)
    assert rules(dataset) == []
    drop_rows(dataset, 1, "memory")
    assert rules(dataset) == [(None, "record.rows"), (1, "episode.expected")]
    assert rules(dataset, episodes=("1",)) == [(None, "record.rows"), (1, "episode.expected")]
    assert rules(dataset, episodes=("0", "2")) == []


def test_what_was_never_made_is_not_missed(dataset: Path) -> None:
    run(dataset, only=("task_aug", "motion"))
    assert rules(dataset) == []


def test_without_a_record_of_ours_nothing_is_expected(dataset: Path) -> None:
    run(dataset)
    drop_rows(dataset, 1, "memory")
    for text in (None, "{", "[]", '{"annotators": [{"annotator": 3}]}'):
        (dataset / "meta/roboscribe.json").unlink(missing_ok=True)
        if text:
            (dataset / "meta/roboscribe.json").write_text(text)
        assert (None, "record.rows") not in rules(dataset)


def as_others_write(root: Path) -> None:
    """Rows in the way of lerobot-annotate: no record, types inferred from the values, times as float64."""

    def rows(
        index: int, times: list[float]
    ) -> tuple[list[dict[str, Any]], dict[float, list[dict[str, Any]]]]:
        def row(role: str, style: str | None, content: str | None, **more: Any) -> dict[str, Any]:
            return {"role": role, "content": content, "style": style, **more}

        none: dict[str, Any] = {"camera": None, "tool_calls": None}
        start, middle = times[0], times[len(times) // 2]
        persistent = [
            row("assistant", "plan", "1. reach for the cup\n2. lift the cup", timestamp=start, **none),
            row("assistant", "subtask", "reach for the cup", timestamp=start, **none),
            row("user", "task_aug", "Lift the cup.", timestamp=start, **none),
            row("user", "task_aug", f"Raise the cup, {index}.", timestamp=start, **none),
            row("assistant", "memory", "I reached for the cup.", timestamp=middle, **none),
            row("assistant", "plan", "1. lift the cup", timestamp=middle, **none),
            row("assistant", "subtask", "lift the cup", timestamp=middle, **none),
        ]
        call = {"type": "function", "function": {"name": "say", "arguments": {"text": "On it."}}}
        speech = row("assistant", None, None, camera=None, tool_calls=[call])
        asked = row("user", "interjection", "Now lift it, please.", camera=None, tool_calls=None)
        answer = json.dumps({"label": "cup", "count": 1})
        pair = [
            row(role, "vqa", text, camera=CAMERA, tool_calls=None)
            for role, text in (("assistant", answer), ("user", "How many cups?"))
        ]
        return persistent, {start: [speech, *pair], middle: [speech, asked]}

    for path in sorted(root.glob("data/*/*.parquet")):

        def add(table: pa.Table) -> pa.Table:
            times = [float(time) for time in table["timestamp"].to_pylist()]
            persistent, events = rows(table["episode_index"][0].as_py(), times)
            table = table.append_column(PERSISTENT, pa.array([persistent] * len(times)))
            return table.append_column(EVENTS, pa.array([events.get(time, []) for time in times]))

        pq.write_table(add(pq.read_table(path)), path)
    info = json.loads((root / "meta/info.json").read_text())
    edit_info(
        root, features={**info["features"], PERSISTENT: FEATURE, EVENTS: FEATURE}, tools=[SAY_TOOL]
    )  # fmt: skip


def test_what_another_tool_wrote_is_read_and_its_types_are_a_warning(dataset: Path) -> None:
    as_others_write(dataset)
    report = validate(DatasetSettings(root=dataset)).report
    assert {finding.rule for finding in report.findings} == {"file.type"}
    assert report.errors == ()
    assert main(["validate", "--root", str(dataset)]) == 0
    assert main(["validate", "--root", str(dataset), "--strict"]) == 1


def test_what_is_wrong_with_the_rows_of_another_tool_is_found(dataset: Path) -> None:
    as_others_write(dataset)
    path = sorted(dataset.glob("data/*/*.parquet"))[1]

    def spoil(table: pa.Table) -> pa.Table:
        text = json.dumps(table[EVENTS].to_pylist()).replace(
            '{\\"label\\": \\"cup\\", \\"count\\": 1}', "one"
        )
        at = table.column_names.index(EVENTS)
        return table.set_column(at, EVENTS, pa.array(json.loads(text), table.schema.field(at).type))

    edit_table(path, spoil)
    assert (1, "vqa.json") in rules(dataset)
    assert main(["validate", "--root", str(dataset)]) == 1


def test_what_another_tool_wrote_can_be_added_to(dataset: Path) -> None:
    as_others_write(dataset)
    before = [open_dataset(dataset).language_rows(index) for index in range(3)]
    run(dataset, only=("motion",))
    assert rules(dataset) == []
    after = [open_dataset(dataset).language_rows(index) for index in range(3)]
    for old, new in zip(before, after, strict=True):
        kept = [row for row in new if row.style != "motion"]
        assert sorted(canonical_json(row.to_json()) for row in kept) == sorted(
            canonical_json(row.to_json()) for row in old
        )


def test_memory_is_made_from_the_subtasks_of_another_tool(dataset: Path) -> None:
    as_others_write(dataset)
    model = ScriptedModel(answers)
    annotate(AnnotateSettings(root=dataset, only=("memory",)), model=model)
    assert {type(ask) for ask in model.asked} == {UpdateMemory}
    assert all(ask.subtasks == ("reach for the cup", "lift the cup") for ask in model.asked)
    assert rules(dataset) == []


def test_some_findings_of_a_rule_are_told_or_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_dataset(tmp_path / "data", episodes=7, frames=20, kind=None)
    run(root, only=("motion",))
    [path] = root.glob("data/*/*.parquet")
    edit_table(path, lambda table: table)  # One row group, as pandas writes a file.

    def told(*words: str) -> list[str]:
        assert main(["validate", "--root", str(root), *words]) == ("--strict" in words)
        return capsys.readouterr().out.splitlines()

    few = told()
    assert few[0] == "warning file.row_group, 7 times in episodes 0-6"
    assert few[-2:] == ["  … and 2 more; --all tells every one.", "7 warnings in 7 of 7 episodes."]
    assert len(told("--all", "--strict")) == len(few) + 1
    assert [json.loads(line)["episode"] for line in told("--log-format", "json")] == [*range(7)]


# What is staged.


def unwritten(root: Path, reply: Callable[[Ask[Any]], Any] = answers, **settings: Any) -> Path:
    """Staging of a run whose rows never came into the dataset; a folder beside it."""
    target = root.parent / "out"
    run(root, reply, output_dir=target, **settings)
    for path in sorted(target.iterdir()):
        if path.name != ".annotate_staging":
            path.rename(root.parent / f"gone-{path.name}")
    return target


def test_a_dataset_without_language_is_checked_by_what_is_staged(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = unwritten(dataset)
    capsys.readouterr()
    assert main(["validate", "--root", str(dataset), "--output-dir", str(target)]) == 0
    assert "what is staged" in capsys.readouterr().out
    with pytest.raises(RoboscribeError, match="--root DATASET --output-dir"):
        validate(DatasetSettings(root=target))


def test_what_is_staged_can_be_checked_beside_a_finished_dataset(dataset: Path) -> None:
    run(dataset)
    assert rules(dataset, staged=True) == []
    path = dataset / ".annotate_staging/episode_000001/subtasks.jsonl"
    path.write_text(path.read_text().replace("reach", "stretch"))
    assert rules(dataset) == []
    assert (1, "staging.damaged") in rules(dataset, staged=True)


def test_failures_and_gaps_of_staging_are_found(dataset: Path) -> None:
    target = unwritten(dataset, failing(1, RephraseTask))
    (target / ".annotate_staging/episode_000002/memory.json").unlink()
    found = rules(dataset, output_dir=target)
    assert found == [(1, "staging.failed"), (2, "staging.missing")]
    failed = validate(DatasetSettings(root=dataset, output_dir=target)).report.errors
    assert "The server said no." in failed[0].message


def test_an_annotator_that_few_episodes_have_is_not_missed_in_the_others(dataset: Path) -> None:
    run(dataset, only=("motion",))
    run(dataset, only=("task_aug",), episodes=("1",))
    assert rules(dataset, staged=True) == []


def test_rows_that_did_not_pass_are_found_by_their_rule(dataset: Path) -> None:
    def blank(ask: Ask[Any]) -> Any:
        label = {"segments": [{"start": 0, "end": 9, "label": " ."}]}
        return label if isinstance(ask, SegmentEpisode) and ask.episode == 2 else answers(ask)

    run(dataset, blank)
    found = rules(dataset, staged=True)
    assert (2, "row.content") in found
    assert {episode for episode, _ in found} == {2}


def test_staged_rows_stand_beside_those_that_the_dataset_keeps(dataset: Path) -> None:
    run(dataset)
    drop_rows(dataset, 0, "subtask")
    assert (0, "episode.expected") in rules(dataset)
    assert rules(dataset, staged=True) == []


def test_nothing_to_check_is_said(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RoboscribeError, match="no language columns"):
        validate(DatasetSettings(root=dataset))
    assert main(["validate", "--root", str(dataset), "--staging"]) == 2
    assert "--staging" in capsys.readouterr().err
    run(dataset)
    with pytest.raises(RoboscribeError, match="--episodes 7"):
        validate(DatasetSettings(root=dataset, episodes=("7",)))


def test_rules_are_described() -> None:
    assert all(name.startswith("staging.") and doc.endswith(".") for name, doc in STAGING_RULES.items())
