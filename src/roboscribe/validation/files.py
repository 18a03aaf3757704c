"""Rules for a finished dataset: its files come in, findings about rows and how they are stored come out."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from roboscribe.dataset import Dataset, Shard
from roboscribe.dataset.declare import tool_names
from roboscribe.dataset.info import INFO
from roboscribe.dataset.shards import as_float32
from roboscribe.errors import EpisodeError
from roboscribe.language import (
    COLUMNS,
    EVENTS,
    FEATURE,
    PERSISTENT,
    SAY_TOOL,
    SPEECH,
    STYLES,
    Row,
    arrow_type,
    canonical_json,
    sort_events,
    sort_persistent,
)
from roboscribe.validation.base import EpisodeView, Finding, Style, at, named
from roboscribe.validation.content import as_list, as_object
from roboscribe.validation.overall import Overview, Recorded
from roboscribe.validation.rules import check_episode

SAY: str = SAY_TOOL["function"]["name"]
REWRITE = "Annotate the dataset again; roboscribe writes the columns as LeRobot needs them."
AGAIN = "Annotate the episode again; roboscribe stores the rows as LeRobot needs them."

FILE_RULES = {
    "file.read": "Every data file can be read, and its language rows are whole.",
    "file.declared": "info.json declares both language columns, and no `subtask_index` beside them.",
    "file.type": "Every data file has both language columns, in order, of the exact Arrow types.",
    "file.row_group": "Every episode is one row group.",
    "file.column_declared": "info.json declares every column of the data files.",
    "file.empty": "Frames without events hold an empty list.",
    "file.same": "The persistent rows are the same on all frames of an episode.",
    "file.column": "Every row is in the column of its style.",
    "file.order": "Rows are sorted: persistent by timestamp, style, role; events by style, role, camera.",
    "file.tools": "info.json describes the tool that speech rows call, with one required string, text.",
}
"""What each rule about files demands, by its id."""


def check_dataset(
    dataset: Dataset, episodes: Collection[int] | None = None, recorded: Sequence[Recorded] = ()
) -> Iterator[Finding]:
    """All findings about a dataset that has language columns: its declarations, files, and rows.

    Args:
        dataset: The dataset; one episode of it is in memory at a time.
        episodes: Indices of the episodes to check; all when None. Files that hold none of them are left out.
        recorded: What the dataset's run record says was written.
    """
    wanted = frozenset(dataset.episode_indices if episodes is None else episodes)
    yield from declared(dataset)
    overview = Overview(recorded)
    speaks = False
    for shard in dataset.shards():
        chosen = [index for index in shard.episodes if index in wanted]
        if not chosen:
            continue
        try:
            with pq.ParquetFile(shard.path) as file:
                yield from undeclared(dataset, shard, file.schema_arrow)
                present = set(COLUMNS) & set(file.schema_arrow.names)
                if present or set(COLUMNS) & dataset.info.features.keys():
                    yield from types(shard, file.schema_arrow)
                if present != set(COLUMNS):
                    continue
                read = _Reader(file)
                for index in chosen:
                    view = yield from _check_stored(dataset, shard, read, index, overview.expected(index))
                    if view is not None:
                        overview.see(view)
                        speaks = speaks or bool(view.of_style(SPEECH))
        except (pa.ArrowException, OSError) as error:
            message = f"{shard.relative} cannot be read: {error}."
            yield _finding(None, "file.read", message, "Download the file again.")
    yield from overview.findings()
    if speaks:
        yield from tools(dataset)


def _check_stored(
    dataset: Dataset, shard: Shard, read: _Reader, index: int, expected: frozenset[Style]
) -> Generator[Finding, None, EpisodeView | None]:
    """The findings about one episode; returns its view, or None where its rows cannot be read."""
    try:
        start, stop = dataset.rows_of(index)
        table, grouped = read(start, stop)
        stored = Stored.of(index, table)
    except EpisodeError as error:
        yield _finding(index, "file.read", error.message, error.hint or AGAIN)
        return None
    except (KeyError, TypeError, ValueError) as error:
        message = f"The language rows in {shard.relative} are not whole: {error!r}."
        yield _finding(index, "file.read", message, AGAIN)
        return None
    if not grouped:
        message = f"The episode is not one row group of {shard.relative}."
        yield _finding(index, "file.row_group", message, REWRITE)
    yield from empty(stored)
    yield from same(stored)
    yield from columns(stored)
    yield from order(stored)
    view = EpisodeView(
        index=index,
        timestamps=as_float32(table["timestamp"]),
        fps=dataset.info.fps,
        tasks=dataset.episode_tasks(index),
        cameras=dataset.cameras,
        rows=stored.rows,
        expected=expected,
        tools=tool_names(dataset.info.raw.get("tools")),
    )
    yield from check_episode(view)
    return view


class _Reader:
    """Reads ``timestamp`` and the language columns of rows of one open data file."""

    def __init__(self, file: pq.ParquetFile) -> None:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        self._file = file
        self._groups = {span: n for n, span in enumerate(pairwise([0, *accumulate(sizes)]))}
        self._whole: pa.Table | None = None

    def __call__(self, start: int, stop: int) -> tuple[pa.Table, bool]:
        """Rows ``[start, stop)``, and whether they are one row group."""
        names = ["timestamp", *COLUMNS]
        group = self._groups.get((start, stop))
        if group is not None:
            return self._file.read_row_group(group, columns=names), True
        whole = self._whole if self._whole is not None else self._file.read(columns=names)
        self._whole = whole
        return whole.slice(start, stop - start), False


@dataclass(frozen=True, eq=False)
class Stored:
    """The language columns of an episode as they are stored.

    Attributes:
        index: The dataset's episode index.
        column: The persistent column, one list for each frame.
        persistent: The list on the first frame.
        events: Timestamp in seconds and list of each frame that has events.
        nulls: Number of frames that have null in place of a list of events.
    """

    index: int
    column: pa.Array
    persistent: tuple[Row, ...]
    events: tuple[tuple[float, tuple[Row, ...]], ...]
    nulls: int = 0

    @classmethod
    def of(cls, index: int, table: pa.Table) -> Stored:
        """From the columns ``timestamp`` and those of language.

        Raises:
            KeyError, TypeError, ValueError: A row lacks a field, or holds what it cannot.
        """
        persistent, events = (pa.concat_arrays(table[name].chunks) for name in COLUMNS)
        times: list[float] = as_float32(table["timestamp"]).tolist()
        sizes: Any = events.value_lengths().fill_null(0).to_numpy()
        return cls(
            index=index,
            column=persistent,
            persistent=tuple(Row.from_json(data) for data in persistent[0].as_py() or ()),
            events=tuple(
                (
                    float(times[frame]),
                    tuple(Row.from_json(data, times[frame]) for data in events[frame].as_py()),
                )
                for frame in np.flatnonzero(sizes).tolist()
            ),
            nulls=events.null_count,
        )

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows of the episode."""
        return (*self.persistent, *(row for _, rows in self.events for row in rows))


def declared(dataset: Dataset) -> Iterator[Finding]:
    """Findings of ``file.declared``."""
    features = dataset.info.raw["features"]
    absent = [column for column in COLUMNS if column not in features]
    if absent:
        message = f"{INFO} does not declare {' and '.join(absent)}."
        yield _finding(None, "file.declared", message, "Annotate the dataset first.")
    for column in COLUMNS:
        if column in features and features[column] != FEATURE:
            message = f"{INFO} declares {column} as {features[column]!r}."
            yield _finding(None, "file.declared", message, f"Declare it as {FEATURE!r}.")
    if "subtask_index" in features and not absent:
        message = f"{INFO} declares subtask_index beside the language columns, which replace it."
        yield _finding(None, "file.declared", message, REWRITE)


def types(shard: Shard, schema: pa.Schema) -> Iterator[Finding]:
    """Findings of ``file.type``, from the schema in a data file's footer."""
    present = [name for name in schema.names if name in COLUMNS]
    for column in COLUMNS:
        if column not in present:
            message = (
                f"{shard.relative} lacks the column {column}; files that differ cannot be loaded together."
            )
            yield _finding(None, "file.type", message, REWRITE)
        elif schema.field(column).type != arrow_type(column):
            message = (
                f"{shard.relative} stores {column} as {schema.field(column).type}, not {arrow_type(column)}."
            )
            yield _finding(None, "file.type", message, REWRITE)
    if sorted(present) == sorted(COLUMNS) and present != list(COLUMNS):
        message = f"{shard.relative} has {present[0]} before {present[1]}."
        yield _finding(None, "file.type", message, REWRITE)


def undeclared(dataset: Dataset, shard: Shard, schema: pa.Schema) -> Iterator[Finding]:
    """Findings of ``file.column_declared``: LeRobot refuses a v3.0 dataset with a column that it does not know."""
    unknown = [name for name in schema.names if name not in {*dataset.info.raw["features"], *COLUMNS}]
    if dataset.info.version == "v3.0" and unknown:
        message = f"{shard.relative} has the column {unknown[0]}, which {INFO} does not declare."
        fix = "Declare it, or take it out of the file; LeRobot cannot load the dataset otherwise."
        yield _finding(None, "file.column_declared", message, fix)


def empty(stored: Stored) -> Iterator[Finding]:
    """Findings of ``file.empty``."""
    if stored.nulls:
        message = f"{stored.nulls} frames have null in place of an empty list of events."
        yield replace(_finding(stored.index, "file.empty", message, AGAIN), severity="warning")


def same(stored: Stored) -> Iterator[Finding]:
    """Findings of ``file.same``."""
    if not _repeats(stored.column):
        message = "The persistent rows are not the same on all frames."
        yield _finding(stored.index, "file.same", message, AGAIN)


def columns(stored: Stored) -> Iterator[Finding]:
    """Findings of ``file.column``."""
    events = [row for _, rows in stored.events for row in rows]
    for column, rows in ((PERSISTENT, stored.persistent), (EVENTS, events)):
        for row in rows:
            if row.style in STYLES | {SPEECH} and row.column != column:
                message = f"A {named(row.style)} row {at(row.timestamp)} is stored in {column}."
                fix = f"Move it to {row.column}."
                yield _finding(stored.index, "file.column", message, fix, row.timestamp)


def order(stored: Stored) -> Iterator[Finding]:
    """Findings of ``file.order``."""
    if list(stored.persistent) != sort_persistent(stored.persistent):
        message = "The persistent rows are not sorted by timestamp, style and role."
        yield _finding(stored.index, "file.order", message, AGAIN)
    for time, rows in stored.events:
        if list(rows) != sort_events(rows):
            message = f"The event rows {at(time)} are not sorted by style, role and camera."
            yield _finding(stored.index, "file.order", message, AGAIN, time)


def tools(dataset: Dataset) -> Iterator[Finding]:
    """Findings of ``file.tools``, for a dataset with speech rows."""
    described = dataset.info.raw.get("tools")
    if SAY not in tool_names(described):
        message = f"Speech rows call the tool say, which {INFO} does not describe."
        yield _finding(None, "file.tools", message, REWRITE)
        return
    for tool in map(as_object, as_list(described)):
        if as_object(tool.get("function")).get("name") == SAY and not _takes_text(tool):
            message = f"{INFO} describes the tool say otherwise than with one required text."
            yield _finding(None, "file.tools", message, f"Describe it as {canonical_json(SAY_TOOL)}.")


def _takes_text(tool: dict[str, Any]) -> bool:
    """Whether the one parameter of a tool is the string ``text``, which is required."""
    parameters = as_object(as_object(tool.get("function")).get("parameters"))
    properties = as_object(parameters.get("properties"))
    kinds = {name: as_object(field).get("type") for name, field in properties.items()}
    return kinds == {"text": "string"} and parameters.get("required") == ["text"]


def _repeats(column: pa.Array) -> bool:
    """Whether a list column holds the same list in every row."""
    sizes: Any = column.value_lengths()
    if column.null_count or len(sizes.unique()) != 1:
        return len(column) == column.null_count
    # Lists of equal length are all the same where the flat values repeat after one list's length.
    values, size = column.flatten(), sizes[0].as_py()
    return bool(values.slice(0, len(values) - size).equals(values.slice(size)))


def _finding(episode: int | None, rule: str, message: str, fix: str, time: float | None = None) -> Finding:
    return Finding(episode, rule, "error", time, message, fix)
