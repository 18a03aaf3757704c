"""Language rows are written into a dataset's own files: what is there then, and what must still be there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_dataset import make_dataset
from written import STYLES, annotate, data_files, digests, make_rows, stored_rows, why_not_loadable

from roboscribe.dataset import open_dataset
from roboscribe.dataset.writer import EpisodeUpdate, write_language
from roboscribe.errors import DatasetError, EpisodeError
from roboscribe.language import (
    COLUMNS,
    EVENTS,
    PERSISTENT,
    SAY_TOOL,
    Row,
    arrow_type,
    say,
    sort_events,
    sort_persistent,
)

VERSIONS = ("v2.0", "v2.1", "v3.0")


@pytest.fixture(params=VERSIONS)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return make_dataset(
        tmp_path / "made",
        version=request.param,
        episodes=4,
        frames=[6, 9, 5, 7],
        episodes_per_file=2,
        kind=None,
    )


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Four episodes in two files, each file one row group."""
    return make_dataset(tmp_path / "packed", episodes=4, frames=[6, 9, 5, 7], episodes_per_file=2, kind=None)


def column(path: Path, name: str) -> list[Any]:
    return pq.read_table(path)[name].to_pylist()


def read_info(root: Path) -> dict[str, Any]:
    return json.loads((root / "meta/info.json").read_text())


def states(root: Path) -> dict[str, tuple[int, int]]:
    """Identity and time of change of every file."""
    return {
        str(path.relative_to(root)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def rewrite(path: Path, table: pa.Table, **options: Any) -> None:
    pq.write_table(table, path, **options)


def declare(root: Path, name: str, dtype: str = "int64") -> None:
    info = read_info(root)
    info["features"][name] = {"dtype": dtype, "shape": [1], "names": None}
    (root / "meta/info.json").write_text(json.dumps(info, indent=4))


def test_rows_are_on_their_frames(root: Path) -> None:
    dataset = open_dataset(root)
    report = annotate(root)
    assert report.episodes_changed == (0, 1, 2, 3)
    assert report.shards_written == len(data_files(root))
    for index in range(4):
        rows = make_rows(dataset, index)
        persistent = sort_persistent(row for row in rows if row.column == PERSISTENT)
        start, stop = dataset.rows_of(index)
        table = pq.read_table(dataset.shard_of(index).path).slice(start, stop - start)
        assert table[PERSISTENT].to_pylist() == [_plain(persistent)] * (stop - start)
        for time, stored in zip(table["timestamp"].to_pylist(), table[EVENTS].to_pylist(), strict=True):
            events = [row for row in rows if row.column == EVENTS and row.timestamp == np.float32(time)]
            assert stored == _plain(sort_events(events), timed=False)


def _plain(rows: list[Row], *, timed: bool = True) -> list[dict[str, Any]]:
    """Rows as parquet holds them: tool calls are JSON texts with sorted keys."""
    plain = [row.to_json() for row in rows]
    for row in plain:
        if not timed:
            del row["timestamp"]
        if row["tool_calls"] is not None:
            row["tool_calls"] = [
                json.dumps(call, sort_keys=True, separators=(",", ":")) for call in row["tool_calls"]
            ]
    return plain


def test_source_columns_stay_and_language_comes_last(root: Path) -> None:
    before = {path: pq.read_table(path) for path in data_files(root)}
    annotate(root)
    for path, table in before.items():
        after = pq.read_table(path)
        assert after.column_names == [*table.column_names, PERSISTENT, EVENTS]
        assert after.select(table.column_names).cast(table.schema).equals(table)
        assert after.schema.field(PERSISTENT).type.equals(arrow_type(PERSISTENT))
        assert after.schema.field(EVENTS).type.equals(arrow_type(EVENTS))
    assert why_not_loadable(root) == ""


def test_empty_columns_have_the_exact_types(packed: Path) -> None:
    dataset = open_dataset(packed)
    write_language(dataset, packed, lambda index: None)
    for path in data_files(packed):
        assert column(path, PERSISTENT) == [[]] * pq.read_metadata(path).num_rows
        assert column(path, EVENTS) == [[]] * pq.read_metadata(path).num_rows
    assert why_not_loadable(packed) == ""


@pytest.mark.parametrize("row_group", [None, 4], ids=["one row group", "row groups across episodes"])
def test_one_row_group_per_episode(tmp_path: Path, row_group: int | None) -> None:
    lengths = [6, 9, 5]
    root = make_dataset(tmp_path / "made", episodes=3, frames=lengths, kind=None, row_group=row_group)
    annotate(root)
    footer = pq.read_metadata(data_files(root)[0])
    assert [footer.row_group(number).num_rows for number in range(footer.num_row_groups)] == lengths


def test_compression_and_encoding_are_kept(packed: Path) -> None:
    path = data_files(packed)[0]
    rewrite(path, pq.read_table(path), compression="zstd", use_dictionary=["task_index"], version="1.0")
    annotate(packed)
    footer = pq.read_metadata(path)
    columns = {
        column.path_in_schema: column
        for column in (footer.row_group(0).column(number) for number in range(footer.num_columns))
    }
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert columns["task_index"].has_dictionary_page
    assert not columns["timestamp"].has_dictionary_page
    assert columns[f"{PERSISTENT}.list.element.content"].has_dictionary_page
    assert footer.format_version == "1.0"
    other = pq.read_metadata(data_files(packed)[1])
    assert {other.row_group(0).column(number).compression for number in range(other.num_columns)} == {
        "SNAPPY"
    }


def test_pictures_in_the_files_stay(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "made", episodes=3, frames=5, kind="image")
    before = column(data_files(root)[0], "observation.images.top")
    annotate(root)
    assert column(data_files(root)[0], "observation.images.top") == before


def test_episodes_larger_than_a_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_dataset(tmp_path / "made", episodes=3, frames=[11, 4, 8], kind=None)
    other = shutil.copytree(root, tmp_path / "other")
    annotate(root)
    monkeypatch.setattr("roboscribe.dataset.shards.BATCH_ROWS", 3)
    annotate(other)
    assert digests(other) == digests(root)


def test_metadata_for_datasets_and_pandas_is_extended(packed: Path) -> None:
    path = data_files(packed)[0]
    table = pq.read_table(path)
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    known = {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"}
    metadata = {
        "huggingface": json.dumps(
            {"info": {"features": features, "more": 1}, "fingerprint": "0123456789abcdef"}
        ),
        "pandas": json.dumps({"index_columns": [], "columns": [known], "pandas_version": "2.2.2"}),
        "mine": "kept",
    }
    rewrite(path, table.replace_schema_metadata(metadata))
    annotate(packed)
    after = pq.read_schema(path).metadata
    text = {"dtype": "string", "_type": "Value"}
    event = {"role": text, "content": text, "style": text, "camera": text}
    calls = {"tool_calls": {"feature": {"_type": "Json"}, "_type": "List"}}
    timed = {**event, "timestamp": {"dtype": "float32", "_type": "Value"}}
    assert json.loads(after[b"huggingface"]) == {
        "info": {
            "features": {
                **features,
                PERSISTENT: {"feature": {**timed, **calls}, "_type": "List"},
                EVENTS: {"feature": {**event, **calls}, "_type": "List"},
            },
            "more": 1,
        }
    }
    pandas = json.loads(after[b"pandas"])
    assert pandas["columns"][0] == known
    assert [entry["name"] for entry in pandas["columns"]] == ["task_index", PERSISTENT, EVENTS]
    assert pandas["pandas_version"] == "2.2.2"
    assert after[b"mine"] == b"kept"


def test_no_metadata_is_invented(packed: Path) -> None:
    path = data_files(packed)[0]
    rewrite(path, pq.read_table(path).replace_schema_metadata(None))
    annotate(packed)
    assert not pq.read_schema(path).metadata


def test_subtask_index_is_dropped(packed: Path) -> None:
    for path in data_files(packed):
        table = pq.read_table(path)
        rewrite(path, table.append_column("subtask_index", table["task_index"]))
    declare(packed, "subtask_index")
    annotate(packed)
    assert "subtask_index" not in read_info(packed)["features"]
    assert all("subtask_index" not in pq.read_schema(path).names for path in data_files(packed))


def test_other_episodes_and_styles_survive(root: Path) -> None:
    annotate(root)
    before = stored_rows(root)
    dataset = open_dataset(root)
    new = [Row("assistant", "fold", "subtask", 0.0), Row("user", "Faster!", "interjection", 0.0)]
    styles = frozenset({"subtask", "interjection", "motion"})
    report = write_language(dataset, root, lambda index: EpisodeUpdate(new, styles) if index == 2 else None)
    after = stored_rows(root)
    assert report.episodes_changed == (2,)
    assert {index: rows for index, rows in after.items() if index != 2} == {
        index: rows for index, rows in before.items() if index != 2
    }
    kept = [row for row in before[2] if row.style not in styles]
    assert sorted(after[2], key=repr) == sorted([*kept, *new], key=repr)


def test_a_style_can_be_emptied(packed: Path) -> None:
    annotate(packed)
    write_language(open_dataset(packed), packed, lambda index: EpisodeUpdate([], STYLES))
    assert stored_rows(packed) == {index: [] for index in range(4)}


def test_order_of_rephrasings_is_kept(packed: Path) -> None:
    texts = ["the task as it is", "another way", "a third way", "about it"]
    rows = [Row("user", text, "task_aug", 0.0) for text in texts]
    update = EpisodeUpdate(
        [*rows, Row("assistant", "go", "subtask", 0.0)], frozenset({"task_aug", "subtask"})
    )
    write_language(open_dataset(packed), packed, lambda index: update)
    stored = stored_rows(packed)[0]
    assert [row.content for row in stored if row.style == "task_aug"] == texts


def test_nothing_new_writes_nothing(root: Path) -> None:
    annotate(root)
    before = states(root)
    report = annotate(root)
    assert (report.shards_written, report.episodes_changed, report.files) == (0, (), frozenset())
    assert report.shards_unchanged == len(data_files(root))
    assert states(root) == before


def test_only_the_files_of_changed_episodes_are_written(packed: Path) -> None:
    annotate(packed)
    before = states(packed)
    rows = [Row("assistant", "fold", "subtask", 0.0)]
    report = write_language(
        open_dataset(packed),
        packed,
        lambda index: EpisodeUpdate(rows, frozenset({"subtask"})) if index == 3 else None,
    )
    changed = {path for path, state in states(packed).items() if before[path] != state}
    assert changed == set(report.files) == {"data/chunk-000/file-001.parquet"}


def test_same_input_same_bytes(root: Path, tmp_path: Path) -> None:
    other = shutil.copytree(root, tmp_path / "other")
    annotate(root)
    dataset = open_dataset(other)
    backwards = {index: make_rows(dataset, index)[::-1] for index in range(4)}
    # Rows of one time, style and role keep the order they are given in.
    for rows in backwards.values():
        first, second = (number for number, row in enumerate(rows) if row.style == "task_aug")
        rows[first], rows[second] = rows[second], rows[first]
    write_language(dataset, other, lambda index: EpisodeUpdate(backwards[index], STYLES))
    assert digests(other) == digests(root)


def test_a_time_without_a_frame_is_an_error_and_nothing_is_written(root: Path) -> None:
    before = states(root)
    late = [Row("assistant", "go", "subtask", 0.0), say("Hello.", 0.05)]
    update = EpisodeUpdate(late, frozenset({"subtask", None}))
    with pytest.raises(EpisodeError, match=r"Episode 3 has no frame at 0\.05 s.*speech") as caught:
        write_language(open_dataset(root), root, lambda index: update if index == 3 else None)
    assert caught.value.episode == 3
    assert states(root) == before
    assert not (root / ".roboscribe").exists()


def test_times_are_the_stored_float32(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "made", episodes=1, frames=8, kind=None, timestamp_dtype="float64")
    rows = [Row("assistant", "go", "subtask", 0.0), Row("assistant", "stop", "subtask", 0.3), say("Hm.", 0.3)]
    write_language(open_dataset(root), root, lambda index: EpisodeUpdate(rows, frozenset({"subtask", None})))
    path = data_files(root)[0]
    assert [row["timestamp"] for row in column(path, PERSISTENT)[0]] == [0.0, float(np.float32(0.3))]
    assert [number for number, rows in enumerate(column(path, EVENTS)) if rows] == [3]


def test_rows_of_a_style_that_is_not_named_are_refused() -> None:
    with pytest.raises(ValueError, match="memory"):
        EpisodeUpdate([Row("assistant", "I did it.", "memory", 0.0)], frozenset({"subtask"}))


def test_columns_of_another_writer_get_the_exact_types(packed: Path) -> None:
    """As types are when they are inferred: structs for tool calls, nulls where nothing was."""
    path = data_files(packed)[0]
    table = pq.read_table(path)
    call = {"type": "function", "function": {"name": "say", "arguments": {"text": "Hello."}}}
    subtask = {"role": "assistant", "content": "go", "style": "subtask", "timestamp": 0.0, "camera": None}
    speech = {"role": "assistant", "content": None, "style": None, "camera": None, "tool_calls": [call]}
    first = table["frame_index"].to_pylist()
    table = table.append_column(PERSISTENT, pa.array([[{**subtask, "tool_calls": None}]] * len(table)))
    table = table.append_column(EVENTS, pa.array([[speech] if frame == 0 else [] for frame in first]))
    rewrite(path, table)
    report = write_language(open_dataset(packed), packed, lambda index: None)
    assert report.shards_written == 2
    assert why_not_loadable(packed) == ""
    rows = stored_rows(packed)
    assert rows[1] == [Row("assistant", "go", "subtask", 0.0), say("Hello.", 0.0)]
    assert rows[2] == []


def test_rows_that_the_metadata_does_not_know_are_left_alone(packed: Path) -> None:
    path = data_files(packed)[0]
    table = pq.read_table(path)
    extra = table.slice(0, 3).set_column(
        table.column_names.index("episode_index"), table.schema.field("episode_index"), pa.array([77] * 3)
    )
    rewrite(path, pa.concat_tables([table, extra]))
    annotate(packed)
    after = pq.read_table(path)
    assert after["episode_index"].to_pylist()[-3:] == [77] * 3
    assert after[PERSISTENT].to_pylist()[-3:] == [[]] * 3
    assert len(after[PERSISTENT].to_pylist()[-4]) == 7


def test_info_keeps_order_and_unknown_keys(packed: Path) -> None:
    before = read_info(packed)
    before["mine"] = {"é": [1.5, None]}
    (packed / "meta/info.json").write_text(json.dumps(before, indent=4))
    annotate(packed)
    after = read_info(packed)
    language = {"dtype": "language", "shape": [1], "names": None}
    expected = {**before, "features": {**before["features"], PERSISTENT: language, EVENTS: language}}
    assert after == {**expected, "tools": [SAY_TOOL]}
    assert list(after) == [*before, "tools"]
    assert list(after["features"]) == [*before["features"], *COLUMNS]


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ({"indent": 2}, "\n"),
        ({"indent": "\t"}, ""),
        ({"separators": (",", ":")}, ""),
        ({}, "\n"),
        ({"indent": 4, "ensure_ascii": False}, "\n"),
    ],
    ids=["two spaces", "tabs", "dense", "one line", "not ASCII"],
)
def test_info_keeps_its_style(packed: Path, options: dict[str, Any], end: str) -> None:
    path = packed / "meta/info.json"
    info = {**read_info(packed), "place": "Zürich"}
    path.write_text(json.dumps(info, **options) + end, encoding="utf-8")
    annotate(packed)
    assert path.read_text("utf-8") == json.dumps(read_info(packed), **options) + end


def test_other_tools_are_kept(packed: Path) -> None:
    own = {"type": "function", "function": {"name": "wave"}}
    info = read_info(packed)
    (packed / "meta/info.json").write_text(json.dumps({**info, "tools": [own]}))
    annotate(packed)
    assert read_info(packed)["tools"] == [own, SAY_TOOL]


def test_another_say_is_left_as_it_is(packed: Path) -> None:
    own = {"type": "function", "function": {"name": "say", "description": "Shout."}}
    (packed / "meta/info.json").write_text(json.dumps({**read_info(packed), "tools": [own]}))
    annotate(packed)
    assert read_info(packed)["tools"] == [own]


def test_tools_that_are_no_list_are_an_error(packed: Path) -> None:
    (packed / "meta/info.json").write_text(json.dumps({**read_info(packed), "tools": "say"}))
    before = digests(packed)
    with pytest.raises(DatasetError, match="tools is not a list"):
        annotate(packed)
    assert digests(packed) == before


def test_tools_column(packed: Path) -> None:
    annotate(packed, tools_column=True)
    for path in data_files(packed):
        texts = set(column(path, "tools"))
        assert [json.loads(text) for text in texts] == [[SAY_TOOL]]
    assert read_info(packed)["features"]["tools"] == {"dtype": "string", "shape": [1], "names": None}
    before = states(packed)
    assert annotate(packed, tools_column=True).files == frozenset()
    annotate(packed)
    assert states(packed) == before
    info = read_info(packed)
    own = {"type": "function", "function": {"name": "wave"}}
    (packed / "meta/info.json").write_text(json.dumps({**info, "tools": [own]}, indent=4))
    annotate(packed, tools_column=True)
    assert json.loads(column(data_files(packed)[1], "tools")[0]) == [own, SAY_TOOL]


def test_further_files_are_written_with_the_rest(packed: Path) -> None:
    files = {"meta/roboscribe.json": b"{}", "README.md": b"About."}
    report = annotate(packed, meta_files=files)
    assert {path: (packed / path).read_bytes() for path in files} == files
    assert report.files >= files.keys()
    before = states(packed)
    assert annotate(packed, meta_files=files).files == frozenset()
    assert states(packed) == before


def test_each_file_is_reported_when_done(packed: Path) -> None:
    done: list[str] = []
    annotate(packed, on_shard=lambda shard: done.append(shard.relative))
    assert done == ["data/chunk-000/file-000.parquet", "data/chunk-000/file-001.parquet"]


def test_a_damaged_data_file_is_named_and_nothing_is_written(packed: Path) -> None:
    dataset = open_dataset(packed)
    data = data_files(packed)[1].read_bytes()
    data_files(packed)[1].write_bytes(data[: len(data) // 3])
    before = digests(packed)
    with pytest.raises((DatasetError, EpisodeError), match=r"file-001\.parquet"):
        write_language(dataset, packed, lambda index: None)
    assert digests(packed) == before


def test_shared_datasets(g1: Path, so101: Path) -> None:
    for root, camera in ((g1, "observation.images.cam_high"), (so101, "observation.images.wrist")):
        dataset = open_dataset(root)
        before = {path: pq.read_table(path) for path in data_files(root)}
        rows = {
            index: [
                row if row.camera is None else Row(row.role, row.content, row.style, row.timestamp, camera)
                for row in make_rows(dataset, index)
            ]
            for index in dataset.episode_indices
        }
        write_language(dataset, root, lambda index, rows=rows: EpisodeUpdate(rows[index], STYLES))
        for path, table in before.items():
            assert pq.read_table(path).select(table.column_names).cast(table.schema).equals(table)
        assert why_not_loadable(root) == ""
        stored = stored_rows(root)
        assert {index: sorted(found, key=repr) for index, found in stored.items()} == {
            index: sorted(given, key=repr) for index, given in rows.items()
        }
