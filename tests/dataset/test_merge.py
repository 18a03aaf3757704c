"""Stored rows and new ones are merged: what is replaced, what survives, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roboscribe.dataset.merge import EpisodeUpdate, language_arrays, merge
from roboscribe.errors import EpisodeError
from roboscribe.language import (
    EVENTS,
    PERSISTENT,
    STYLES,
    Row,
    rows_from_frames,
    say,
    sort_events,
    sort_persistent,
)

FRAMES = 12
TIMES: NDArray[np.float32] = (np.arange(FRAMES) / 30).astype(np.float32)


@st.composite
def a_row(draw: st.DrawFn, styles: frozenset[str | None] = STYLES | {None}) -> Row:
    style = draw(st.sampled_from(sorted(styles, key=str)))
    text = draw(st.text(max_size=8))
    return Row(
        role=draw(st.sampled_from(["user", "assistant"])),
        content=None if style is None else text,
        style=style,
        timestamp=float(TIMES[draw(st.integers(0, FRAMES - 1))]),
        camera=draw(st.sampled_from(["top", "wrist"])) if style in ("vqa", "trace") else None,
        tool_calls=({"type": "function", "function": {"name": "say", "arguments": {"text": text}}},)
        if style is None
        else None,
    )


rows = st.lists(a_row(), max_size=12)
some_styles = st.frozensets(st.sampled_from([*sorted(STYLES), None]))


def as_set(rows: list[Row]) -> list[str]:
    return sorted(map(repr, rows))


@given(rows, rows, some_styles)
def test_named_styles_are_replaced_and_others_survive(
    stored: list[Row], new: list[Row], styles: frozenset[str | None]
) -> None:
    new = [row for row in new if row.style in styles]
    merged = merge(stored, EpisodeUpdate(new, styles), TIMES, 0)
    assert as_set(merged) == as_set([row for row in stored if row.style not in styles] + new)


@given(rows, rows)
def test_merging_again_changes_nothing(stored: list[Row], new: list[Row]) -> None:
    update = EpisodeUpdate(new, frozenset(row.style for row in new))
    once = merge(stored, update, TIMES, 0)
    assert merge(once, update, TIMES, 0) == once
    assert merge(once, None, TIMES, 0) == once


@given(rows)
def test_columns_hold_the_rows_in_stored_order(new: list[Row]) -> None:
    merged = merge(new, None, TIMES, 0)
    persistent, events = language_arrays(merged, TIMES)
    lists: list[Any] = persistent.to_pylist()
    assert len(lists) == len(events) == FRAMES
    assert all(held == lists[0] for held in lists)
    on_frames = list(zip(TIMES.tolist(), events.to_pylist(), strict=True))
    assert rows_from_frames(lists[0], on_frames) == merged
    assert merged == [
        *sort_persistent(row for row in new if row.column == PERSISTENT),
        *(
            row
            for time in TIMES.tolist()
            for row in sort_events(row for row in new if row.column == EVENTS and row.timestamp == time)
        ),
    ]


@given(a_row(), st.integers(0, FRAMES - 1))
def test_new_rows_get_the_exact_time_of_their_frame(row: Row, frame: int) -> None:
    update = EpisodeUpdate([replace(row, timestamp=frame / 30)], frozenset({row.style}))
    (merged,) = merge([], update, TIMES, 0)
    assert merged.timestamp == float(TIMES[frame])


@given(a_row(), st.floats(-1, 2).filter(lambda time: np.float32(time) not in TIMES))
def test_a_time_without_a_frame_is_an_error(row: Row, time: float) -> None:
    update = EpisodeUpdate([replace(row, timestamp=time)], frozenset({row.style}))
    with pytest.raises(EpisodeError, match="Episode 7 has no frame"):
        merge([], update, TIMES, 7)


def test_times_that_do_not_ascend_keep_their_rows() -> None:
    times = np.array([0.0, 0.2, 0.1], dtype=np.float32)
    row = Row("user", "Hello", "interjection", float(times[2]))
    _, events = language_arrays([row], times)
    assert [len(held) for held in events.to_pylist()] == [0, 0, 1]


def test_speech_is_replaced_and_calls_of_other_tools_stay() -> None:
    beep = Row("assistant", None, None, 0.0, tool_calls=({"type": "function", "function": {"name": "beep"}},))
    merged = merge([say("Hello.", 0.0), beep], EpisodeUpdate([say("Hi.", 0.0)], frozenset({None})), TIMES, 0)
    assert sorted(map(repr, merged)) == sorted(map(repr, [beep, say("Hi.", 0.0)]))


def test_a_row_that_says_something_and_calls_another_tool_stays_whole() -> None:
    spoken = say("Mind the arm.", 0.0).tool_calls or ()
    beep = {"type": "function", "function": {"name": "beep"}}
    both = Row("assistant", None, None, float(TIMES[1]), tool_calls=(*spoken, beep))
    merged = merge([say("Hello.", 0.0), both], EpisodeUpdate([say("Hi.", 0.0)], frozenset({None})), TIMES, 0)
    assert merged == [say("Hi.", 0.0), both]


def test_rows_of_a_style_that_nobody_knows_stay_in_their_column() -> None:
    stored = rows_from_frames(
        [{"role": "user", "content": "hm", "style": "mood", "timestamp": 0.0}],
        [(float(TIMES[2]), [{"role": "user", "content": "aha", "style": "mood"}])],
    )
    merged = merge(stored, EpisodeUpdate([], STYLES | {None}), TIMES, 0)
    assert [(row.content, row.column) for row in merged] == [("hm", PERSISTENT), ("aha", EVENTS)]
    persistent, events = language_arrays(merged, TIMES)
    assert persistent[5].as_py()[0]["content"] == "hm"
    assert [len(frame.as_py()) for frame in events] == [0, 0, 1] + [0] * (FRAMES - 3)
