"""Plan: subtasks go in, rows that list what is still to do at each boundary come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from roboscribe.annotators.base import Blind, Scene, Upstream
from roboscribe.annotators.spans import spans_of
from roboscribe.language import Row
from roboscribe.models.base import Model


class Plan(Blind):
    """Numbers the remaining subtasks, the one under way first; no ask is needed."""

    name = "plan"
    version = 1
    styles = frozenset[str | None]({"plan"})
    requires = ("subtasks",)
    accompanies: tuple[str, ...] = ()
    asks = ()
    settings: Mapping[str, Any] = {}

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One ``plan`` row at the start of the episode and of every subtask."""
        spans = spans_of(upstream["subtasks"], scene.episode)
        labels = [span.label for span in spans]
        return [
            Row("assistant", plan_text(labels[done:]), "plan", scene.episode.time_of(span.start))
            for done, span in enumerate(spans)
        ]


def plan_text(remaining: Sequence[str]) -> str:
    """The plan that consists of these subtasks: ``1. …``, one line each."""
    return "\n".join(f"{number}. {label}" for number, label in enumerate(remaining, 1))
