"""Rows of any style that break a rule, and some that nearly do."""

from __future__ import annotations

import math
from dataclasses import replace

from validation.valid import BOX, TOP, Cases, call_of, plan, row, t, view, vqa, without

from roboscribe.language import say

EVERYTHING = frozenset(
    {"subtask", "plan", "memory", "motion", "task_aug", "vqa", "interjection", "trace", None}
)

BREACHES: Cases = {
    "episode.expected": [view(without(style), expected=EVERYTHING) for style in ("memory", "task_aug")]
    + [view([], expected=frozenset({"subtask"})), view([], expected=frozenset({None, "plan"}))],
    "row.timestamp": [
        [row("motion", "lift the arm", timestamp=0.0), row("motion", "stop", timestamp=1.23456)],
        [row("motion", "lift the arm"), row("motion", "stop", timestamp=1 / 30)],
        [row("motion", "lift the arm"), row("motion", "stop", timestamp=99.0)],
        [row("motion", "lift the arm"), row("motion", "stop", timestamp=math.inf)],
    ],
    "row.style": [[row("mood", "happy")], [row("", "nothing")]],
    "row.role": [
        [row("subtask", "pick up the cup", role="user")],
        [row("task_aug", "Put the cup in the box.", role="assistant")],
        [row("motion", "lift the arm", role="system")],
        [replace(say("Hello.", t(0)), role="user")],
    ],
    "row.content": [
        [row("subtask", "  ")],
        [row("motion", None)],
        [replace(say("Hello.", t(0)), content="Hello.")],
    ],
    "row.tool_calls": [[row("motion", "lift the arm", tool_calls=({"type": "function"},))]],
    "row.tool": [[call_of({"text": "Hi."}, name="shout")]],
    "row.camera": [
        [row("motion", "lift the arm", camera=TOP)],
        [row("trace", "[[1, 2]]", camera=None)],
        [row("trace", "[[1, 2]]", camera="observation.images.side")],
    ],
    "row.duplicate": [[row("trace", "[[1, 2]]"), row("trace", "[[1, 2]]")]],
}

NEAR_MISSES: Cases = {
    "episode.expected": [
        view(expected=EVERYTHING),
        view([row("subtask", "wait"), row("plan", plan("wait"))], expected=frozenset({"subtask", "memory"})),
        view([], expected=frozenset({"vqa", "motion", "trace", "interjection"})),
        *(view([], expected=frozenset({"task_aug"}), tasks=(task,)) for task in ("", "debug", "test 3")),
    ],
    "row.timestamp": [[row("motion", "lift the arm"), row("motion", "stop", 119)]],
    "row.style": [[row("trace", "[[1, 2]]")]],
    "row.role": [vqa(BOX)],
    "row.content": [[say("Hello.", t(0))], [row("subtask", " wait ")]],
    "row.tool_calls": [[row("motion", "lift the arm", tool_calls=())]],
    "row.tool": [view([call_of({"text": "Hi."}, name="shout")], tools=frozenset({"say", "shout"}))],
    "row.camera": [[*vqa(BOX), *(replace(r, camera="observation.images.wrist") for r in vqa(BOX))]],
    "row.duplicate": [[row("trace", "[[1, 2]]"), row("trace", "[[1, 2]]", 1)]],
}
