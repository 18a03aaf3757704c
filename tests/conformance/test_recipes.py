"""Default runs, rendered by LeRobot on every frame: each binding says what is in force there, and nothing else.

What is expected comes from the rows as their annotators staged them, before they were written, and from the contract: a
plan numbers the subtasks from the one under way on, a memory begins at each boundary, the robot speaks at the start and
whenever it is spoken to. So a row that is missing from the dataset, or begins at another frame, is found.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from roboscribe.language import EVENTS, PERSISTENT

TOLERANCE = 0.1
"""Seconds that a persistent row may be away from a frame on which LeRobot's ``emitted_at`` finds it."""

OWN = {
    "subtask_before": "nth_prev(style=subtask, offset=1)",
    "subtask_after": "nth_next(style=subtask, offset=1)",
    "plan_before": "nth_prev(style=plan, offset=1)",
    "new_plan": "emitted_at(t, style=plan)",
    "memory_before": "nth_prev(style=memory, offset=1)",
    "new_memory": "emitted_at(t, style=memory)",
    "motion": "active_at(t, style=motion)",
}
"""Bindings beside LeRobot's default ones, as recipes for memory and replanning declare them."""


def own_bindings(cameras: Sequence[str]) -> dict[str, str]:
    """Those, and the visual questions of each camera."""
    asked = {
        f"{name}_{key.rpartition('.')[2]}": f"emitted_at(t, style=vqa, role={role}, camera={key})"
        for key in cameras
        for name, role in (("vqa_query", "user"), ("vqa", "assistant"))
    }
    return OWN | asked


class Story:
    """An episode as its annotators staged it.

    Args:
        staged: The folder of its staged rows.
    """

    def __init__(self, staged: Path) -> None:
        lines = [line for file in sorted(staged.glob("*.jsonl")) for line in file.read_text().splitlines()]
        self.rows: list[dict[str, Any]] = sorted(map(json.loads, lines), key=lambda row: row["timestamp"])
        self.starts: list[float] = [row["timestamp"] for row in self.rows if row["style"] == "subtask"]
        self._labels = self.texts("subtask")
        self._memories = self.texts("memory")
        self._plans = [
            "\n".join(f"{number}. {label}" for number, label in enumerate(self._labels[done:], 1))
            for done in range(len(self._labels))
        ]

    def texts(self, style: str) -> list[str]:
        """Contents of a style's rows, in order of time."""
        return [row["content"] for row in self.rows if row["style"] == style]

    def told_at(self, time: float) -> dict[str, str]:
        """What each binding is to say on a frame, but for the task; without those that say nothing there."""
        now = bisect_right(self.starts, time) - 1
        near = next((at for at, start in enumerate(self.starts) if abs(start - time) <= TOLERANCE), -1)
        found = {
            "subtask": _at(self._labels, now),
            "subtask_before": _at(self._labels, now - 1),
            "subtask_after": _at(self._labels, now + 1),
            "plan": _at(self._plans, now),
            "plan_before": _at(self._plans, now - 1),
            "new_plan": _at(self._plans, near),
            "memory": _at(self._memories, now - 1),
            "memory_before": _at(self._memories, now - 2),
            "new_memory": _at(self._memories, near - 1),
        }
        for row in self.rows:
            if row["style"] == "motion" and row["timestamp"] <= time:
                found["motion"] = row["content"]
            elif row["timestamp"] != time:
                continue
            elif row["style"] == "vqa":
                name = "vqa_query" if row["role"] == "user" else "vqa"
                found[name] = found[f"{name}_{row['camera'].rpartition('.')[2]}"] = row["content"]
            elif row["style"] == "interjection":
                found["interjection"] = row["content"]
            elif row["style"] is None:
                found["speech"] = row["tool_calls"][0]["function"]["arguments"]["text"]
        return {name: text for name, text in found.items() if text is not None}


def _at(texts: Sequence[str], index: int) -> str | None:
    return texts[index] if 0 <= index < len(texts) else None


def rendered(step: Any, item: dict[str, Any]) -> dict[str, str]:
    """What LeRobot's processor step makes of a frame: the text of each binding that has one."""
    from lerobot.lerobot_types import TransitionKey

    data = {key: item[key] for key in (PERSISTENT, EVENTS, "timestamp", "index")}
    made = step({TransitionKey.COMPLEMENTARY_DATA: data})[TransitionKey.COMPLEMENTARY_DATA]
    texts: dict[str, str] = {}
    for message in made["messages"]:
        binding, _, text = message["content"].partition("=")
        texts[binding] = text
        for call in message.get("tool_calls", ()):
            texts[binding] = call["function"]["arguments"]["text"]
    return texts


@pytest.mark.parametrize("name", ["so101_sim_bricks", "g1_bottle_v21"])
def test_every_binding_says_what_is_in_force_on_every_frame(
    load: Callable[[Path], Any], annotated_shared: Callable[[str], Path], name: str
) -> None:
    from lerobot.configs.recipe import DEFAULT_BINDINGS, MessageTurn, TrainingRecipe
    from lerobot.processor.render_messages_processor import RenderMessagesStep

    root = annotated_shared(name)
    dataset = load(root)
    own = own_bindings(dataset.meta.video_keys)
    turns = [
        MessageTurn(
            role="assistant",
            content=f"{binding}=${{{binding}}}",
            stream="high_level",
            target=True,
            if_present=binding,
            tool_calls_from="speech" if binding == "speech" else None,
        )
        for binding in ("task", *DEFAULT_BINDINGS, *own)
    ]
    step = RenderMessagesStep(TrainingRecipe(messages=turns, bindings=own))
    events = {"interjection", "speech", *(binding for binding in own if binding.startswith("vqa_query_"))}
    kinds = set[str]()
    for number, episode in enumerate(dataset.meta.episodes):
        story = Story(root / f".annotate_staging/episode_{number:06d}")
        frames = range(episode["dataset_from_index"], episode["dataset_to_index"])
        # LeRobot's own reading of the columns; only its videos are left out.
        items = {item["timestamp"].item(): item for item in map(dataset.hf_dataset.__getitem__, frames)}
        assert {row["timestamp"] for row in story.rows} <= items.keys()
        asked_for = set[str]()
        for time, item in items.items():
            texts, told = rendered(step, item), story.told_at(time)
            asked_for.add(texts.pop("task"))
            assert texts == told
            assert ("speech" in told) == ("interjection" in told or time == story.starts[0])
            assert "new_plan" in told or "interjection" not in told
            begun = {*(told.keys() & events), *(["boundary"] if time in story.starts[1:] else [])}
            kinds |= begun or {"plain"}
        assert asked_for == set(story.texts("task_aug"))
        assert story.texts("task_aug")[0] == episode["tasks"][0]
    assert kinds == {"plain", "boundary", *events}
