"""Rules for every row, whatever its style: where it lies, whose it is, what it holds."""

from __future__ import annotations

import math
from collections.abc import Iterator

from roboscribe.english.task import is_placeholder
from roboscribe.language import CAMERA_STYLES, SPEECH, STYLES, canonical_json
from roboscribe.validation.base import EpisodeView, Problem, at, named, quoted, rule

ROLES: dict[str | None, tuple[str, ...]] = {
    "subtask": ("assistant",),
    "plan": ("assistant",),
    "memory": ("assistant",),
    "motion": ("assistant",),
    "trace": ("assistant",),
    "task_aug": ("user",),
    "interjection": ("user",),
    "vqa": ("user", "assistant"),
    SPEECH: ("assistant",),
}
"""Roles that rows of each style may have."""


@rule("episode.expected")
def expected(view: EpisodeView) -> Iterator[Problem]:
    """Styles that were made for the episode, and that no such episode can be without, have rows."""
    absent = {"subtask", "plan", SPEECH} & view.expected - view.by_style.keys()
    if "task_aug" in view.expected and not view.of_style("task_aug") and not is_placeholder(view.task):
        absent |= {"task_aug"}
    if "memory" in view.expected and not view.of_style("memory") and len(view.times("subtask")) > 1:
        absent |= {"memory"}
    for style in sorted(map(named, absent)):
        yield Problem(
            None, f"There are no {style} rows.", f"Annotate the episode again with {style} enabled."
        )


@rule("row.timestamp")
def timestamp(view: EpisodeView) -> Iterator[Problem]:
    """Every timestamp is exactly that of a frame, as float32: consumers match by equality."""
    if not view.off_frame:
        return
    for row in view.rows:
        if row.timestamp in view.off_frame or not math.isfinite(row.timestamp):
            yield Problem(
                row.timestamp if math.isfinite(row.timestamp) else None,
                f"The {named(row.style)} row {quoted(row.content)} is at {row.timestamp!r} s,"
                " which is no frame's timestamp.",
                f"Copy the timestamp of a frame; the nearest is {view.nearest_frame(row.timestamp)!r}.",
            )


@rule("row.style", severity="warning")
def style(view: EpisodeView) -> Iterator[Problem]:
    """Every style is one that LeRobot knows; rows of others are kept, but no recipe of its own reads them."""
    for unknown, rows in view.by_style.items():
        if unknown is not None and unknown not in STYLES:
            yield Problem(
                rows[0].timestamp,
                f"{len(rows)} rows have the style {unknown!r}, which LeRobot does not know.",
                f"If it is no style of your own, use one of {', '.join(sorted(STYLES))}, or null for speech.",
            )


@rule("row.role")
def role(view: EpisodeView) -> Iterator[Problem]:
    """Every row is said by whom its style belongs to."""
    for row in view.rows:
        allowed = ROLES.get(row.style, ("user", "assistant"))
        if row.role not in allowed:
            yield Problem(
                row.timestamp,
                f"The {named(row.style)} row {at(row.timestamp)} has the role {row.role!r}.",
                f"Give it the role {' or '.join(allowed)}.",
            )


@rule("row.content")
def content(view: EpisodeView) -> Iterator[Problem]:
    """Every row has a text; speech has none, its words are in the tool call."""
    for row in view.rows:
        if row.style is SPEECH and row.content is not None:
            yield Problem(
                row.timestamp,
                f"The row without style {at(row.timestamp)} has the content {quoted(row.content)}.",
                "Put spoken words into a say tool call and leave the content null, or give the row a style.",
            )
        elif row.style is not SPEECH and not (row.content or "").strip():
            yield Problem(
                row.timestamp,
                f"The {row.style} row {at(row.timestamp)} has no text.",
                "Write its text, or remove the row.",
            )


@rule("row.tool_calls")
def tool_calls(view: EpisodeView) -> Iterator[Problem]:
    """Only speech calls tools."""
    for row in view.rows:
        if row.style is not SPEECH and row.tool_calls:
            yield Problem(
                row.timestamp,
                f"The {row.style} row {at(row.timestamp)} has tool calls.",
                "Move them to a speech row (style null) at the same timestamp.",
            )


@rule("row.tool")
def tool(view: EpisodeView) -> Iterator[Problem]:
    """A row that calls other tools than `say` calls such as the dataset describes."""
    for row in view.rows:
        if unknown := [name for name in row.other_tools if name not in view.tools]:
            yield Problem(
                row.timestamp,
                f"The row without style {at(row.timestamp)} calls the tool {unknown[0]!r}, which the dataset does"
                " not describe.",
                "Describe it under tools in meta/info.json, or call say to speak.",
            )


@rule("row.camera")
def camera(view: EpisodeView) -> Iterator[Problem]:
    """`vqa` and `trace` name a camera of the dataset; no other style names one."""
    known = ", ".join(view.cameras_by_key) or "none"
    for row in view.rows:
        where = f"The {named(row.style)} row {at(row.timestamp)}"
        if row.style not in CAMERA_STYLES:
            if row.camera is not None:
                yield Problem(
                    row.timestamp, f"{where} names the camera {row.camera!r}.", "Set its camera to null."
                )
        elif row.camera is None:
            yield Problem(
                row.timestamp, f"{where} names no camera.", f"Name the one it is about; there are: {known}."
            )
        elif row.camera not in view.cameras_by_key:
            yield Problem(
                row.timestamp,
                f"{where} names the camera {row.camera!r}, which the dataset does not have.",
                f"Name one of its cameras: {known}.",
            )


@rule("row.duplicate")
def duplicate(view: EpisodeView) -> Iterator[Problem]:
    """No row stands twice."""
    keys = {(row.timestamp, row.style, row.role, row.camera, row.content) for row in view.rows}
    if len(keys) == len(view.rows):
        return
    seen: set[str] = set()
    for row in view.rows:
        key = canonical_json(row.to_json())
        if key in seen:
            yield Problem(
                row.timestamp,
                f"The {named(row.style)} row {quoted(row.content)} {at(row.timestamp)} stands twice.",
                "Remove one of them.",
            )
        seen.add(key)


RULES = (expected, timestamp, style, role, content, tool_calls, tool, camera, duplicate)
