"""LeRobot's recipes render what a person says, what the robot answers and the plan from there on, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roboscribe.config import AnnotateSettings, InterjectionsSettings
from roboscribe.dataset import open_dataset
from roboscribe.language import EVENTS, PERSISTENT, Row, spoken_text
from roboscribe.models.builtin import BuiltinModel
from roboscribe.pipeline import annotate

Load = Callable[[Path], Any]

EPISODES = ("2", "5")


@pytest.fixture
def spoken_to(so101: Path) -> Path:
    """The simulated dataset with a plan and up to five interjections in some episodes."""
    settings = AnnotateSettings(
        root=so101,
        episodes=EPISODES,
        only=("subtasks", "plan", "memory", "interjections"),
        interjections=InterjectionsSettings(most=5, min_seconds=1.0),
    )
    assert annotate(settings, model=BuiltinModel()).failed == 0
    return so101


def test_recipes_render_interjections_with_their_answers(load: Load, spoken_to: Path) -> None:
    """With LeRobot's own bindings, at each interjection, at the start, and on the frames beside them."""
    from lerobot.configs.recipe import MessageTurn, TrainingRecipe
    from lerobot.datasets.language_render import render_sample

    recipe = TrainingRecipe(
        messages=[
            MessageTurn(role="user", content="${task}", stream="high_level"),
            MessageTurn(
                role="user", content="${interjection}", stream="high_level", if_present="interjection"
            ),
            MessageTurn(role="assistant", content="${plan}", stream="high_level", target=True),
            MessageTurn(
                role="assistant",
                tool_calls_from="speech",
                stream="high_level",
                target=True,
                if_present="speech",
            ),
            MessageTurn(role="assistant", content="${subtask}", stream="low_level", target=True),
        ]
    )
    ours, theirs = open_dataset(spoken_to), load(spoken_to)
    assert "say" in [tool["function"]["name"] for tool in theirs.meta.tools]
    first = interjections = 0
    for index in ours.episode_indices:
        episode, rows = ours.episode(index), ours.language_rows(index)
        if str(index) not in EPISODES:
            assert not rows
            first += episode.frames
            continue
        asked = [row for row in rows if row.style == "interjection"]
        interjections += len(asked)
        at = {episode.frame_at(row.timestamp) for row in asked}
        for frame in sorted({0, *at, *(frame + 1 for frame in at)}):
            item = theirs[first + frame]
            rendered = render_sample(
                recipe=recipe,
                persistent=item[PERSISTENT],
                events=item[EVENTS],
                t=item["timestamp"].item(),
                sample_idx=first + frame,
                task=item["task"],
            )
            time = episode.time_of(frame)
            here = [row for row in rows if row.timestamp == time]
            texts = [message.get("content") for message in rendered["messages"]]
            told = [row.content for row in here if row.style == "interjection"]
            answers = [spoken_text(row) for row in here if row.style is None]
            assert len(told) == (frame in at)
            assert len(answers) == (frame in at or frame == 0)
            assert [text for text in texts if text] == [
                item["task"],
                *told,
                _active(rows, "plan", time),
                _active(rows, "subtask", time),
            ]
            assert _said(rendered) == answers
        first += episode.frames
    assert interjections > 3 * len(EPISODES)


def _active(rows: list[Row], style: str, time: float) -> str | None:
    """Content of the style's last row up to ``time``."""
    latest = [row for row in rows if row.style == style and row.timestamp <= time]
    return max(latest, key=lambda row: row.timestamp).content


def _said(rendered: dict[str, Any]) -> list[str]:
    return [
        call["function"]["arguments"]["text"]
        for message in rendered["messages"]
        for call in message.get("tool_calls") or ()
    ]
