"""The language columns in one place: styles, the column each belongs to, rows, and exact Arrow types.

Source: LeRobot's language columns (lerobot 0.6). Shards whose inferred types differ cannot be loaded
together, so the types here are always written in full, also when a column is empty.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

PERSISTENT = "language_persistent"
EVENTS = "language_events"
COLUMNS = (PERSISTENT, EVENTS)

Column = Literal["language_persistent", "language_events"]
Role = Literal["user", "assistant"]
ToolCall = Mapping[str, Any]

PERSISTENT_STYLES = frozenset({"subtask", "plan", "memory", "motion", "task_aug"})
EVENT_STYLES = frozenset({"interjection", "vqa", "trace"})
STYLES = PERSISTENT_STYLES | EVENT_STYLES
CAMERA_STYLES = frozenset({"vqa", "trace"})
"""Styles whose content is about one camera's image; every other style has ``camera`` null."""

SPEECH: None = None
"""Style of robot speech: an assistant row without content whose ``tool_calls`` say something."""

SAY_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "say",
        "description": "Say a short sentence to the person, aloud.",
        "parameters": {
            "type": "object",
            "properties": {"text": {"type": "string", "description": "The exact words to say."}},
            "required": ["text"],
        },
    },
}
"""OpenAI-style schema of the ``say`` tool, kept in ``info.json["tools"]``."""

FEATURE: dict[str, Any] = {"dtype": "language", "shape": [1], "names": None}
"""How a language column is declared in ``info.json["features"]``."""


def column_of(style: str | None) -> Column:
    """Column in which rows of ``style`` are stored.

    Raises:
        ValueError: The style is not one of LeRobot's.
    """
    if style is None or style in EVENT_STYLES:
        return EVENTS
    if style in PERSISTENT_STYLES:
        return PERSISTENT
    raise ValueError(f"unknown language style {style!r}; known: {', '.join(sorted(STYLES))}, null (speech)")


@dataclass(frozen=True, slots=True)
class Row:
    """One language row of an episode.

    Attributes:
        role: Who speaks.
        content: The text; null for speech, whose words are in ``tool_calls``.
        style: One of ``STYLES``, or null for speech.
        timestamp: Seconds from the episode's start; the float32 value of a frame, held as a Python float.
        camera: Camera key for ``vqa`` and ``trace``, else null.
        tool_calls: OpenAI-style calls, or null.
        found_in: Column that a row of a style which is none of LeRobot's was found in; others' follows from
            their style.
    """

    role: Role
    content: str | None
    style: str | None
    timestamp: float
    camera: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    found_in: Column | None = None

    @property
    def column(self) -> Column:
        """The column this row is stored in.

        Raises:
            ValueError: The style is not one of LeRobot's, and the row was found nowhere.
        """
        return self.found_in or column_of(self.style)

    @property
    def other_tools(self) -> tuple[str, ...]:
        """Names of the tools other than ``say`` that a row without style calls; none for speech alone."""
        if self.style is not None:
            return ()
        names = [_tool_name(call) for call in self.tool_calls or ()]
        return () if None in names else tuple(name for name in names if name and name != "say")

    def is_of(self, styles: Collection[str | None]) -> bool:
        """Whether the row is of one of these styles; one that calls another tool than ``say`` is of none."""
        return self.style in styles and not self.other_tools

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON data, every field present."""
        return {
            "role": self.role,
            "content": self.content,
            "style": self.style,
            "timestamp": self.timestamp,
            "camera": self.camera,
            "tool_calls": None if self.tool_calls is None else [dict(call) for call in self.tool_calls],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], timestamp: float | None = None) -> Row:
        """Row from JSON data; ``timestamp`` is that of the frame for event rows, which carry none.

        A project may have styles of its own, which LeRobot leaves alone; so do we.

        Raises:
            KeyError: A required field is missing.
        """
        calls = data.get("tool_calls")
        style = data.get("style")
        known = style is None or style in STYLES
        return cls(
            role=data["role"],
            content=data.get("content"),
            style=style,
            timestamp=float(data["timestamp"] if timestamp is None else timestamp),
            camera=data.get("camera"),
            tool_calls=None
            if calls is None
            else tuple(json.loads(call) if isinstance(call, str) else call for call in calls),
            found_in=None if known else PERSISTENT if timestamp is None else EVENTS,
        )


def say(text: str, timestamp: float) -> Row:
    """Robot speech: the row whose ``say`` tool call speaks ``text`` at ``timestamp`` seconds."""
    call = {"type": "function", "function": {"name": "say", "arguments": {"text": text}}}
    return Row("assistant", None, SPEECH, timestamp, tool_calls=(call,))


def _tool_name(call: Any) -> str | None:
    function = _as_object(_as_object(call).get("function"))
    return function["name"] if isinstance(function.get("name"), str) else None


def _as_object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def spoken_text(row: Row) -> str | None:
    """What a speech row says, or None when it calls no ``say`` tool."""
    for call in row.tool_calls or ():
        function = call.get("function", {})
        if function.get("name") == "say":
            return function.get("arguments", {}).get("text")
    return None


def sort_persistent(rows: Iterable[Row]) -> list[Row]:
    """Persistent rows in stored order: timestamp, style, role (stable within)."""
    return sorted(rows, key=lambda row: (row.timestamp, row.style or "", row.role))


def sort_events(rows: Iterable[Row]) -> list[Row]:
    """Event rows of one frame in stored order: style (null first), role, camera (stable within)."""
    return sorted(rows, key=lambda row: (row.style or "", row.role, row.camera or ""))


def sort_rows(rows: Iterable[Row]) -> list[Row]:
    """Rows of one annotator in the order in which a dataset gives them back (stable within)."""
    return sorted(rows, key=lambda row: (row.timestamp, row.style or "", row.role, row.camera or ""))


def canonical_json(data: Any) -> str:
    """JSON with sorted keys and no spare whitespace: equal data gives equal bytes."""
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def arrow_type(column: Column) -> pa.ListType:
    """Exact Arrow type of a language column."""
    import pyarrow as pa

    fields: list[Any] = [
        pa.field("role", pa.string(), nullable=False),
        pa.field("content", pa.string()),
        pa.field("style", pa.string()),
    ]
    if column == PERSISTENT:
        fields.append(pa.field("timestamp", pa.float32(), nullable=False))
    fields += [pa.field("camera", pa.string()), pa.field("tool_calls", pa.list_(pa.json_()))]
    return pa.list_(pa.struct(fields))


def persistent_array(rows: Sequence[Row], frames: int) -> pa.Array:
    """The ``language_persistent`` column of an episode: the same rows, in the given order, on every frame."""
    indices = np.tile(np.arange(len(rows), dtype=np.int32), frames)
    return _list_array(PERSISTENT, rows, indices, np.arange(frames + 1, dtype=np.int32) * len(rows))


def events_array(rows: Mapping[int, Sequence[Row]], frames: int) -> pa.Array:
    """The ``language_events`` column of an episode.

    Args:
        rows: Rows by frame index, each list in stored order; frames without rows get an empty list.
        frames: Number of frames.
    """
    counts = np.zeros(frames, dtype=np.int32)
    flat: list[Row] = []
    for frame in sorted(rows):
        counts[frame] = len(rows[frame])
        flat.extend(rows[frame])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return _list_array(EVENTS, flat, np.arange(len(flat), dtype=np.int32), offsets)


def _list_array(
    column: Column, rows: Sequence[Row], indices: NDArray[np.int32], offsets: NDArray[np.int32]
) -> pa.Array:
    """List array whose flat values are ``rows[indices]``; built by column, as Arrow cannot infer JSON types."""
    import pyarrow as pa

    take = pa.array(indices)
    calls = pa.array(
        [
            None if row.tool_calls is None else [canonical_json(call) for call in row.tool_calls]
            for row in rows
        ],
        type=pa.list_(pa.string()),
    ).take(take)
    json_calls = pa.ListArray.from_arrays(
        calls.offsets,
        pa.ExtensionArray.from_storage(pa.json_(), calls.values),
        type=pa.list_(pa.json_()),
        mask=calls.is_null(),
    )
    values: dict[str, Any] = {
        "role": pa.array([row.role for row in rows], type=pa.string()).take(take),
        "content": pa.array([row.content for row in rows], type=pa.string()).take(take),
        "style": pa.array([row.style for row in rows], type=pa.string()).take(take),
        "timestamp": pa.array([row.timestamp for row in rows], type=pa.float32()).take(take),
        "camera": pa.array([row.camera for row in rows], type=pa.string()).take(take),
        "tool_calls": json_calls,
    }
    kind = arrow_type(column)
    struct = kind.value_type
    children = [values[field.name] for field in struct]
    flat = pa.StructArray.from_arrays(children, fields=list(struct))
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=kind)


def rows_from_frames(
    persistent: Sequence[Mapping[str, Any]],
    events: Iterable[tuple[float, Sequence[Mapping[str, Any]]]],
) -> list[Row]:
    """Rows of an episode from the values stored in its two columns.

    Args:
        persistent: The list stored on any frame of the episode.
        events: Timestamp and stored list of each frame.
    """
    rows = [Row.from_json(data) for data in persistent]
    for timestamp, stored in events:
        rows += [Row.from_json(data, timestamp) for data in stored]
    return rows
