"""A finished dataset is checked as it lies on disk: declarations, types, row groups, order, and rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import make_dataset

from roboscribe.config import AnnotateSettings
from roboscribe.dataset import open_dataset
from roboscribe.dataset.writer import EpisodeUpdate, write_language
from roboscribe.language import (
    COLUMNS,
    EVENTS,
    PERSISTENT,
    STYLES,
    Column,
    Row,
    arrow_type,
    events_array,
    persistent_array,
    say,
    sort_events,
    sort_persistent,
)
from roboscribe.pipeline import annotate
from roboscribe.validation import FILE_RULES, RULES, Recorded, check_dataset

FRAMES = 12
CAMERA = "observation.images.top"


def make_rows(times: list[float]) -> list[Row]:
    """Rows that keep to the contract."""
    return [
        Row("assistant", "pick up the cup", "subtask", times[0]),
        Row("assistant", "put the cup down", "subtask", times[6]),
        Row("assistant", "1. pick up the cup\n2. put the cup down", "plan", times[0]),
        Row("assistant", "1. put the cup down", "plan", times[6]),
        Row("assistant", "I picked up the cup.", "memory", times[6]),
        say("On it.", times[0]),
        Row("user", "Be careful.", "interjection", times[6]),
        say("I will.", times[6]),
        Row("user", "How many cups?", "vqa", times[6], CAMERA),
        Row("assistant", '{"label": "cup", "count": 1}', "vqa", times[6], CAMERA),
    ]


@pytest.fixture(params=["v3.0", "v2.1"])
def finished(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A finished dataset of three episodes."""
    root = make_dataset(
        tmp_path / "data", version=request.param, episodes=3, frames=FRAMES, kind="image", episodes_per_file=2
    )
    dataset = open_dataset(root)

    def update(index: int) -> EpisodeUpdate:
        rows = make_rows(dataset.episode(index).timestamps.tolist())
        return EpisodeUpdate(rows, frozenset({*STYLES, None}))

    write_language(dataset, root, update)
    return root


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A data file of one episode, rewritten by ``restore``."""
    root = make_dataset(tmp_path / "packed", episodes=1, frames=FRAMES, kind="image")
    dataset = open_dataset(root)
    rows = make_rows(dataset.episode(0).timestamps.tolist())
    write_language(dataset, root, lambda _: EpisodeUpdate(rows, frozenset({*STYLES, None})))
    return root


def rules(root: Path, **options: Any) -> list[tuple[int | None, str]]:
    return [(finding.episode, finding.rule) for finding in check_dataset(open_dataset(root), **options)]


def first_file(root: Path) -> Path:
    return sorted(root.glob("data/*/*.parquet"))[0]


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table], row_group: int | None = FRAMES) -> None:
    table = change(pq.read_table(path))
    pq.write_table(table, path, row_group_size=row_group or len(table))


def restore(root: Path, column: Column, array: pa.Array) -> None:
    """Put another array in the place of a language column of a dataset of one episode."""
    rewrite(
        first_file(root),
        lambda table: table.set_column(table.column_names.index(column), pa.field(column, array.type), array),
    )


def change_info(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = root / "meta/info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def persistent_rows(root: Path) -> list[Row]:
    return sort_persistent(row for row in open_dataset(root).language_rows(0) if row.column == PERSISTENT)


def event_rows(root: Path) -> dict[int, list[Row]]:
    episode = open_dataset(root).episode(0)
    rows = [row for row in open_dataset(root).language_rows(0) if row.column == EVENTS]
    frames = sorted({episode.frame_at(row.timestamp) for row in rows})
    return {frame: sort_events(r for r in rows if episode.frame_at(r.timestamp) == frame) for frame in frames}


def test_a_finished_dataset_has_no_findings(finished: Path) -> None:
    assert rules(finished) == []


def test_what_the_pipeline_writes_has_no_findings(so101: Path) -> None:
    annotate(AnnotateSettings(root=so101, episodes=("0-2",)))
    styles = frozenset({"subtask", "plan", "memory"})
    data = open_dataset(so101)
    written = {n: sum(row.style in styles for row in data.language_rows(n)) for n in range(3)}
    recorded = Recorded("subtasks", styles, frozenset(range(3)), written)
    assert rules(so101, episodes=(0, 1, 2), recorded=[recorded]) == []
    assert rules(so101, episodes=(0, 1), recorded=[replace(recorded, rows={2: 1})]) == []
    assert rules(so101, episodes=(0, 1, 2), recorded=[replace(recorded, rows={2: 1})]) == [
        (None, "record.rows")
    ]


def test_a_dataset_that_was_never_annotated_is_told_so_once(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", episodes=2, frames=5, kind=None)
    [finding] = check_dataset(open_dataset(root))
    assert finding.rule == "file.declared"
    assert "language_persistent and language_events" in finding.message
    assert "roboscribe annotate" in finding.fix


def test_declarations(finished: Path) -> None:
    change_info(finished, lambda info: info["features"].pop(EVENTS))
    assert rules(finished) == [(None, "file.declared")]
    change_info(finished, lambda info: info["features"].update({EVENTS: {"dtype": "string", "shape": [1]}}))
    assert rules(finished) == [(None, "file.declared")]


def test_the_tool_that_speech_calls_must_be_described(finished: Path) -> None:
    change_info(finished, lambda info: info.pop("tools"))
    assert rules(finished) == [(None, "file.tools")]
    change_info(finished, lambda info: info.update(tools=["say", {"function": {"name": "beep"}}]))
    assert rules(finished) == [(None, "file.tools")]


def test_the_tool_that_speech_calls_takes_one_required_text(finished: Path) -> None:
    def change(parameters: Any) -> list[tuple[int | None, str]]:
        say = {"type": "function", "function": {"name": "say", "parameters": parameters}}
        change_info(finished, lambda info: info.update(tools=[{"function": {"name": "beep"}}, say]))
        return rules(finished)

    text = {"text": {"type": "string", "description": "What to say."}}
    assert change({"type": "object", "properties": text, "required": ["text"]}) == []
    for wrong in (
        None,
        {"type": "object", "properties": text},
        {"type": "object", "properties": {"text": {"type": "number"}}, "required": ["text"]},
        {"type": "object", "properties": {**text, "voice": {"type": "string"}}, "required": ["text"]},
    ):
        assert change(wrong) == [(None, "file.tools")]


def test_other_tools_are_respected_where_they_are_described(packed: Path) -> None:
    events = event_rows(packed)
    call = {"type": "function", "function": {"name": "beep", "arguments": {"times": 2}}}
    beep = Row("assistant", None, None, 0.0, tool_calls=(call,))
    restore(packed, EVENTS, events_array(events | {9: [beep]}, FRAMES))
    assert rules(packed) == [(0, "row.tool")]
    change_info(packed, lambda info: info["tools"].append({"type": "function", "function": {"name": "beep"}}))
    assert rules(packed) == []


def test_a_column_that_is_not_declared(finished: Path) -> None:
    for path in finished.glob("data/*/*.parquet"):
        rewrite(path, lambda table: table.append_column("mood", pa.array([0] * len(table))))
    v3 = "v3.0" in (finished / "meta/info.json").read_text()
    files = len(list(finished.glob("data/*/*.parquet")))
    assert rules(finished) == [(None, "file.column_declared")] * (files if v3 else 0)


def test_frames_without_events_hold_an_empty_list(packed: Path) -> None:
    good = pq.read_table(first_file(packed))[EVENTS].combine_chunks()
    nulls = pa.concat_arrays([good[: FRAMES - 1], pa.nulls(1, good.type)])
    restore(packed, EVENTS, nulls)
    [finding] = check_dataset(open_dataset(packed))
    assert (finding.rule, finding.severity, finding.episode) == ("file.empty", "warning", 0)


def test_a_file_without_the_columns(finished: Path) -> None:
    rewrite(first_file(finished), lambda table: table.drop_columns(list(COLUMNS)))
    assert rules(finished) == [(None, "file.type")] * 2


def test_a_file_with_inferred_types(finished: Path) -> None:
    def infer(table: pa.Table) -> pa.Table:
        plain = pa.array([[]] * len(table), type=pa.list_(pa.struct([("role", pa.string())])))
        return table.set_column(table.column_names.index(EVENTS), EVENTS, plain)

    rewrite(first_file(finished), infer)
    [finding] = [found for found in check_dataset(open_dataset(finished)) if found.rule == "file.type"]
    assert first_file(finished).name in finding.message


def test_types_that_are_not_those_of_lerobot_are_named_field_by_field(packed: Path) -> None:
    rows = [row.to_json() for row in persistent_rows(packed)]
    named = dict.fromkeys(("role", "content", "style"), pa.string()) | {"timestamp": pa.float64()}
    named |= dict.fromkeys(("camera", "tool_calls"), pa.null())
    restore(packed, PERSISTENT, pa.array([rows] * FRAMES, type=pa.list_(pa.struct([*named.items()]))))
    [finding] = check_dataset(open_dataset(packed))
    assert (finding.rule, finding.severity) == ("file.type", "warning")
    assert finding.message.endswith("timestamp is double, camera is null, tool_calls is null.")
    by_name = pa.list_(pa.struct(sorted(named.items())))
    restore(packed, PERSISTENT, pa.array([rows] * FRAMES, type=by_name))
    [finding] = check_dataset(open_dataset(packed))
    assert "its rows have the fields camera, content, role, style, timestamp, tool_calls." in finding.message
    right = persistent_array(persistent_rows(packed), FRAMES)
    large = pa.large_list(right.type.value_type)
    restore(
        packed,
        PERSISTENT,
        pa.LargeListArray.from_arrays(right.offsets.cast("int64"), right.values, type=large),
    )
    [finding] = check_dataset(open_dataset(packed))
    assert "it is large_list<" in finding.message


@pytest.mark.parametrize("column", COLUMNS)
def test_rows_of_the_only_language_column_are_checked(packed: Path, column: Column) -> None:
    row = persistent_rows(packed)[0] if column == PERSISTENT else event_rows(packed)[0][0]
    wrong = [replace(row, role="system")]
    array = persistent_array(wrong, FRAMES) if column == PERSISTENT else events_array({0: wrong}, FRAMES)
    restore(packed, column, array)
    [other] = set(COLUMNS) - {column}
    rewrite(first_file(packed), lambda table: table.drop_columns([other]))
    assert (None, "file.type") in rules(packed)
    change_info(packed, lambda info: info["features"].pop(other))
    found = list(check_dataset(open_dataset(packed)))
    assert (found[-1].rule, found[-1].severity) == ("file.declared", "warning")
    assert other in found[-1].message
    assert (0, "row.role") in rules(packed)
    assert (None, "file.type") not in rules(packed)
    change_info(packed, lambda info: info["features"].pop(column))
    assert "error" in {finding.severity for finding in check_dataset(open_dataset(packed))}


def test_columns_in_the_wrong_order(finished: Path) -> None:
    def swap(table: pa.Table) -> pa.Table:
        others = [name for name in table.column_names if name not in COLUMNS]
        return table.select([*others, EVENTS, PERSISTENT])

    rewrite(first_file(finished), swap)
    assert rules(finished) == [(None, "file.type")]


def test_episodes_share_a_row_group(tmp_path: Path, finished: Path) -> None:
    path = first_file(finished)
    episodes = sorted(set(pq.read_table(path)["episode_index"].to_pylist()))
    rewrite(path, lambda table: table, row_group=5)
    assert rules(finished) == [(index, "file.row_group") for index in episodes]
    assert rules(finished, episodes=(2,)) == []


def test_persistent_rows_that_differ_between_frames(packed: Path) -> None:
    rows = persistent_rows(packed)
    good = [persistent_array(rows, 1)] * FRAMES
    changed = persistent_array([*rows[:-1], replace(rows[-1], content="wait")], 1)
    nothing = pa.nulls(1, type=arrow_type(PERSISTENT))
    cases = [
        (5, persistent_array([], 1)),
        (FRAMES - 1, changed),
        (0, persistent_array(rows[1:], 1)),
        (7, nothing),
    ]
    for frame, value in cases:
        restore(packed, PERSISTENT, pa.concat_arrays([*good[:frame], value, *good[frame + 1 :]]))
        assert (0, "file.same") in rules(packed), frame
    restore(packed, PERSISTENT, pa.concat_arrays(good))
    assert rules(packed) == []


def test_frames_without_any_persistent_rows_are_alike(packed: Path) -> None:
    restore(packed, EVENTS, events_array({}, FRAMES))
    restore(packed, PERSISTENT, persistent_array([], FRAMES))
    assert rules(packed) == []
    restore(packed, PERSISTENT, pa.nulls(FRAMES, type=arrow_type(PERSISTENT)))
    assert rules(packed) == []


def test_rows_in_the_wrong_column(packed: Path) -> None:
    rows = persistent_rows(packed)
    question = Row("user", "How many?", "vqa", rows[-1].timestamp, CAMERA)
    restore(packed, PERSISTENT, persistent_array(sort_persistent([*rows, question]), FRAMES))
    assert (0, "file.column") in rules(packed)
    restore(packed, PERSISTENT, persistent_array(rows, FRAMES))
    events = event_rows(packed)
    subtask = Row("assistant", "wait", "subtask", 0.0)
    restore(packed, EVENTS, events_array(events | {3: [subtask]}, FRAMES))
    assert (0, "file.column") in rules(packed)


def test_rows_that_are_not_sorted(packed: Path) -> None:
    rows = persistent_rows(packed)
    restore(packed, PERSISTENT, persistent_array(rows[::-1], FRAMES))
    assert rules(packed) == [(0, "file.order")]
    restore(packed, PERSISTENT, persistent_array(rows, FRAMES))
    events = event_rows(packed)
    restore(packed, EVENTS, events_array({frame: listed[::-1] for frame, listed in events.items()}, FRAMES))
    findings = list(check_dataset(open_dataset(packed)))
    assert [(finding.rule, finding.time) for finding in findings] == [
        ("file.order", open_dataset(packed).episode(0).time_of(6))
    ]


def test_breaches_in_the_rows_are_found_too(packed: Path) -> None:
    rows = [row for row in persistent_rows(packed) if row.style != "memory"]
    wrong = [
        Row("assistant", "1. wait", "plan", row.timestamp) if row.style == "plan" else row for row in rows
    ]
    restore(packed, PERSISTENT, persistent_array(wrong, FRAMES))
    recorded = [Recorded("memory", frozenset({"memory"}), frozenset({0}), {0: 1})]
    assert rules(packed, recorded=recorded) == [
        (0, "episode.expected"),
        (0, "plan.remaining"),
        (0, "plan.remaining"),
        (None, "record.rows"),
    ]


def test_tool_calls_that_are_not_json(packed: Path) -> None:
    kind = arrow_type(EVENTS)
    broken = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{say"]))
    fields = {
        "role": pa.array(["assistant"]),
        "content": pa.nulls(1, pa.string()),
        "style": pa.nulls(1, pa.string()),
        "camera": pa.nulls(1, pa.string()),
        "tool_calls": pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), broken),
    }
    structs = pa.StructArray.from_arrays(
        [fields[field.name].cast(field.type) for field in kind.value_type], fields=list(kind.value_type)
    )
    restore(
        packed, EVENTS, pa.ListArray.from_arrays(pa.array([0] + [1] * FRAMES, pa.int32()), structs, type=kind)
    )
    [finding] = check_dataset(open_dataset(packed))
    assert (finding.episode, finding.rule) == (0, "file.read")


def test_a_file_cut_short(finished: Path) -> None:
    dataset = open_dataset(finished)
    path = first_file(finished)
    path.write_bytes(path.read_bytes()[:-100])
    findings = list(check_dataset(dataset))
    assert [finding.rule for finding in findings] == ["file.read"]
    assert path.name in findings[0].message


def test_file_rules_are_described_and_apart_from_the_others() -> None:
    assert FILE_RULES.keys().isdisjoint(rule.id for rule in RULES)
    assert all(name.startswith("file.") and doc.endswith(".") for name, doc in FILE_RULES.items())
