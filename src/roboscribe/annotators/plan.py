"""Plan: subtasks go in, rows that list what is still to do at each boundary come out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from roboscribe.annotators.base import Blind, Scene, Upstream
from roboscribe.annotators.spans import spans_of
from roboscribe.language import Row
from roboscribe.models.base import Model


class Plan(Blind):
    """Numbers the remaining subtasks, the one under way first; no ask is needed."""

    name = "plan"
    version = 2
    styles = frozenset[str | None]({"plan"})
    requires = ("subtasks",)
    accompanies = ("interjections",)
    reads_signals = False
    why_none = ""
    asks = ()
    settings: Mapping[str, Any] = {}

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One ``plan`` row at the start of the episode, of every subtask, and at every interjection.

        Ours lie on subtask boundaries, where one row does for both; those of other tools may lie anywhere.
        """
        spans = spans_of(upstream["subtasks"], scene.episode)
        starts = [scene.episode.time_of(span.start) for span in spans]
        asked = [row.timestamp for row in upstream.get("interjections", ()) if row.style == "interjection"]
        labels = [span.label for span in spans]
        return [
            Row("assistant", plan_text(labels[max(0, bisect_right(starts, time) - 1) :]), "plan", time)
            for time in sorted({*starts, *asked})
        ]


def plan_text(remaining: Sequence[str]) -> str:
    """The plan that consists of these subtasks: ``1. …``, one line each."""
    return "\n".join(f"{number}. {label}" for number, label in enumerate(remaining, 1))
