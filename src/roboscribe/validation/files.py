"""Rules for a finished dataset: its files come in, findings about rows and how they are stored come out."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

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
    arrow_type,
    canonical_json,
    sort_events,
    sort_persistent,
)
from roboscribe.validation.base import EpisodeView, Finding, Style, at, named
from roboscribe.validation.content import as_list, as_object
from roboscribe.validation.overall import Overview, Recorded
from roboscribe.validation.rules import check_episode
from roboscribe.validation.stored import EpisodeReader, Stored, repeats

SAY: str = SAY_TOOL["function"]["name"]
REWRITE = (
    "Make any rows with roboscribe, such as with `roboscribe annotate --only motion`; it writes all columns as"
    " LeRobot needs them, and leaves other rows as they are."
)
AGAIN = "Annotate the episode again; roboscribe stores the rows as LeRobot needs them."

FILE_RULES = {
    "file.read": "Every data file can be read, and its language rows are whole.",
    "file.declared": "info.json declares both language columns.",
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
    overview = Overview(recorded)
    schemas: dict[str, pa.Schema] = {}
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
                    schemas[shard.relative] = _language_of(file.schema_arrow)
                if not present:
                    continue
                read = EpisodeReader(file)
                for index in chosen:
                    view = yield from _check_stored(dataset, shard, read, index, overview.expected(index))
                    if view is not None:
                        overview.see(view)
                        speaks = speaks or bool(view.of_style(SPEECH))
        except (pa.ArrowException, OSError) as error:
            message = f"{shard.relative} cannot be read: {error}."
            yield _finding(None, "file.read", message, "Download the file again.")
    yield from declared(dataset, {name for schema in schemas.values() for name in schema.names})
    yield from types(schemas, dataset.info.features)
    yield from overview.findings()
    if speaks:
        yield from tools(dataset)


def _check_stored(
    dataset: Dataset, shard: Shard, read: EpisodeReader, index: int, expected: frozenset[Style]
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
        yield replace(_finding(index, "file.row_group", message, REWRITE), severity="warning")
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


def declared(dataset: Dataset, stored: Collection[str]) -> Iterator[Finding]:
    """Findings of ``file.declared``: LeRobot does without a language column, but not without telling of one.

    Args:
        dataset: The dataset.
        stored: Language columns that any of its data files has.
    """
    features = dataset.info.raw["features"]
    absent = [column for column in COLUMNS if column not in features]
    if absent:
        message = f"{INFO} does not declare {' and '.join(absent)}."
        finding = _finding(None, "file.declared", message, REWRITE)
        harmless = len(absent) == 1 and absent[0] not in stored
        yield replace(finding, severity="warning") if harmless else finding
    for column in COLUMNS:
        if column in features and features[column] != FEATURE:
            message = f"{INFO} declares {column} as {features[column]!r}."
            yield _finding(None, "file.declared", message, f"Declare it as {FEATURE!r}.")


def _language_of(schema: pa.Schema) -> pa.Schema:
    """The language columns of a schema, without what else the footer of a file holds."""
    return pa.schema([field for field in schema if field.name in COLUMNS])


def types(schemas: Mapping[str, pa.Schema], declared: Collection[str]) -> Iterator[Finding]:
    """Findings of ``file.type``: an error where files cannot be loaded together, else a warning.

    Args:
        schemas: Language columns of each data file that ought to have them, by its path.
        declared: Names of the features that info.json declares.
    """
    for column in COLUMNS:
        kinds = {schema.field(column).type if column in schema.names else None for schema in schemas.values()}
        for path, schema in schemas.items():
            if column not in schema.names:
                # Where nothing declares it either, the whole column is missing, which another rule tells.
                if column in declared or len(kinds) > 1:
                    message = f"{path} lacks the column {column}, so LeRobot cannot load it."
                    yield _finding(None, "file.type", message, REWRITE)
            elif difference := _difference(schema.field(column).type, arrow_type(column)):
                message = f"{path} stores {column} otherwise than LeRobot declares it: {difference}."
                finding = _finding(None, "file.type", message, REWRITE)
                # Where all files have it so, LeRobot loads them, until a run that adds rows to one infers another.
                yield finding if len(kinds) > 1 else replace(finding, severity="warning")
    for path, schema in schemas.items():
        present = [name for name in schema.names if name in COLUMNS]
        if sorted(present) == sorted(COLUMNS) and present != list(COLUMNS):
            message = f"{path} has {present[0]} before {present[1]}."
            yield _finding(None, "file.type", message, REWRITE)


def _difference(found: pa.DataType, wanted: pa.ListType) -> str:
    """What of a column's type is not as it should be; "" where all is."""
    if found == wanted:
        return ""
    rows, fields = getattr(found, "value_type", found), wanted.value_type
    names = [field.name for field in rows] if pa.types.is_struct(rows) else []
    if names != [field.name for field in fields]:
        return f"its rows have the fields {', '.join(names)}" if names else f"it is {found}"
    odd = [
        f"{field.name} is {field.type if len(str(field.type)) < 20 else 'of another form'}"
        for field, right in zip(rows, fields, strict=True)
        if field.type != right.type
    ]
    if odd:
        return ", ".join(odd)
    return "its fields may be null where they must not" if pa.types.is_list(found) else f"it is {found}"


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
    if not repeats(stored.column):
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


def _finding(episode: int | None, rule: str, message: str, fix: str, time: float | None = None) -> Finding:
    return Finding(episode, rule, "error", time, message, fix)
