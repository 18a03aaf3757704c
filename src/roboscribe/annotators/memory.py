"""Memory: subtasks go in, rows that say what has been done by each boundary come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.spans import spans_of
from roboscribe.asks import UpdateMemory
from roboscribe.errors import EpisodeError
from roboscribe.language import Row
from roboscribe.models.base import Model


class Memory:
    """Asks for all boundaries of an episode at once."""

    name = "memory"
    version = 1
    styles = frozenset[str | None]({"memory"})
    requires = ("subtasks",)
    asks = (UpdateMemory,)
    settings: Mapping[str, Any] = {}

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One ``memory`` row at every boundary from the second subtask on."""
        episode = scene.episode
        spans = spans_of(upstream["subtasks"], episode)
        boundaries = tuple(range(1, len(spans)))
        if not boundaries:
            return []
        answer = await model.answer(
            UpdateMemory(
                episode=episode.index,
                seed=scene.seed_for("memory"),
                task=episode.task,
                subtasks=tuple(span.label for span in spans),
                boundaries=boundaries,
            )
        )
        if len(answer.memories) != len(boundaries):
            raise EpisodeError(
                episode.index,
                f"Asked for {len(boundaries)} memories, but {len(answer.memories)} were answered.",
            )
        return [
            Row("assistant", " ".join(text.split()), "memory", episode.time_of(span.start))
            for span, text in zip(spans[1:], answer.memories, strict=True)
        ]
