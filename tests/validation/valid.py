"""Valid episodes for tests of validation: a simple one by hand, and a hypothesis strategy for any."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from roboscribe.episode import Camera
from roboscribe.language import Row, say
from roboscribe.validation import EpisodeView

CAMERAS = (
    Camera("observation.images.top", 480, 640, "video"),
    Camera("observation.images.wrist", 0, 0, "image"),
)
TOP = CAMERAS[0].key
TIMES = np.arange(120, dtype=np.float32) / np.float32(30)


Case = EpisodeView | Sequence[Row]
"""An episode, or rows for the valid one."""

Cases = dict[str, list[Case]]
"""Cases by the rule that they are about."""


def t(frame: int) -> float:
    """Exact timestamp of a frame."""
    return float(TIMES[frame])


def row(style: str, content: str | None, frame: int = 0, **fields: Any) -> Row:
    """A row with the role and camera its style asks for, unless given."""
    role = "user" if style in ("task_aug", "interjection") else "assistant"
    camera = TOP if style in ("vqa", "trace") else None
    return Row(
        **{
            "role": role,
            "content": content,
            "style": style,
            "timestamp": t(frame),
            "camera": camera,
            **fields,
        }
    )


def vqa(answer: Any, frame: int = 10, question: str = "What is it?") -> list[Row]:
    """A question and its answer."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return [row("vqa", question, frame, role="user"), row("vqa", text, frame)]


def speech(**call: Any) -> Row:
    """A row at the start that calls a tool; of the call for ``say``, these keys are others."""
    function = {"name": "say", "arguments": {"text": "Hello."}}
    return replace(say("", t(0)), tool_calls=({"type": "function", "function": function} | call,))


def call_of(arguments: Any, name: str = "say") -> Row:
    """A row at the start that calls a tool with these arguments."""
    return speech(function={"name": name, "arguments": arguments})


def plan(*steps: str) -> str:
    """The text of a plan."""
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


BOX = {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [0, 10, 640, 480]}]}

ROWS: tuple[Row, ...] = (
    row("subtask", "pick up the cup", 0),
    row("subtask", "put the cup in the box", 60),
    row("plan", plan("pick up the cup", "put the cup in the box"), 0),
    row("plan", plan("pick up the cup", "put the cup in the box"), 30),
    row("plan", plan("put the cup in the box"), 60),
    row("memory", "I picked up the cup.", 60),
    row("task_aug", "Put the cup in the box."),
    row("task_aug", "Please put the cup in the box."),
    row("motion", "close the gripper", 0),
    row("motion", "lift the arm", 40),
    say("On it.", t(0)),
    row("interjection", "Careful, it is full.", 30),
    say("I will be careful.", t(30)),
    *vqa(BOX, 10),
    *vqa({"label": "cup", "point_format": "xy", "point": [639.5, 0]}, 11),
    *vqa({"label": "cup", "count": 0, "note": "none in view"}, 12),
    *vqa({"label": "cup", "attribute": "colour", "value": "red"}, 13),
    *vqa({"subject": "the cup", "relation": "left of", "object": "the box"}, 14),
    row("trace", "[[1, 2], [3.5, 4]]", 20),
    row(
        "trace", '{"paths": [{"label": "gripper", "point_format": "xy", "points": [[1, 2], [639, 479]]}]}', 21
    ),
)


def view(rows: Sequence[Row] = ROWS, **fields: Any) -> EpisodeView:
    """The episode with these rows."""
    valid = EpisodeView(3, TIMES, 30.0, ("Put the cup in the box.",), CAMERAS, tuple(rows))
    return replace(valid, **fields)


def without(*styles: str | None) -> list[Row]:
    """The valid rows but those of some styles."""
    return [row for row in ROWS if row.style not in styles]


LABELS = ("pick up the cup", "wipe the table", "bring the pot", "open the drawer", "wait")


@st.composite
def episodes(draw: st.DrawFn) -> EpisodeView:
    """Any valid episode: some styles or all, any number of subtasks, interjections and questions."""
    frames = draw(st.integers(2, 200))
    fps = draw(st.sampled_from([10.0, 29.97, 30.0, 50.0]))
    times = (np.arange(frames) / fps).astype(np.float32)
    at = [float(time) for time in times]
    choose = st.lists(st.integers(1, frames - 1), max_size=6, unique=True).map(sorted)
    starts = [0, *draw(choose)]
    labels = [draw(st.sampled_from(LABELS)) for _ in starts]
    labels = [f"{label} again" if n % 2 else label for n, label in enumerate(labels)]
    asked = draw(choose)
    rows = [
        Row("assistant", label, "subtask", at[start]) for start, label in zip(starts, labels, strict=True)
    ]
    for frame in sorted({*starts, *asked}):
        done = sum(start <= frame for start in starts) - 1
        rows.append(Row("assistant", plan(*labels[done:]), "plan", at[frame]))
    rows += [
        Row("assistant", f"I did {n} things.", "memory", at[start]) for n, start in enumerate(starts[1:], 1)
    ]
    rows += [say("Sure.", at[frame]) for frame in (0, *asked)]
    rows += [Row("user", f"Not so fast, {n}.", "interjection", at[frame]) for n, frame in enumerate(asked)]
    for frame in draw(choose):
        x, y = draw(st.floats(0, 600)), draw(st.integers(0, 400))
        kind = draw(st.integers(0, 2))
        answer: Any = (
            {"detections": [{"label": "cup", "bbox_format": "xyxy", "bbox": [x, y, x + 40, y + 80]}]},
            {"label": "cup", "point_format": "xy", "point": [x, y]},
            {"label": "cup", "count": y},
        )[kind]
        question = ("Where are the cups?", "Where is it?", "How many cups are there?")[kind]
        rows.append(Row("user", question, "vqa", at[frame], TOP))
        rows.append(Row("assistant", json.dumps(answer), "vqa", at[frame], TOP))
    dropped = draw(st.sets(st.sampled_from(["memory", "vqa", "motion", "subtask"])))
    kept = [row for row in rows if row.style not in dropped]
    return EpisodeView(0, times, fps, (), CAMERAS, tuple(draw(st.permutations(kept))))
