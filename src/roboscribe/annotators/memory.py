"""Memory: subtasks go in, rows that say what has been done by each boundary come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roboscribe.annotators.base import Blind, Scene, Upstream
from roboscribe.annotators.spans import spans_of
from roboscribe.annotators.task import task_of
from roboscribe.asks import UpdateMemory
from roboscribe.config import MemorySettings, answer_settings
from roboscribe.language import Row
from roboscribe.models.base import Model

_AT_ONCE = 30
"""Boundaries in one ask: memories of many more are longer than a reply may be."""


class Memory(Blind):
    """Asks for all boundaries of an episode at once, some dozens each in a long one; chained, one after the other."""

    name = "memory"
    version = 1
    styles = frozenset[str | None]({"memory"})
    requires = ("subtasks", "task")
    accompanies: tuple[str, ...] = ()
    reads_signals = False
    why_none = "they have one subtask, before which nothing was done"
    asks = (UpdateMemory,)

    def __init__(self, settings: MemorySettings) -> None:
        self._settings = settings

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        return answer_settings(self._settings)

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One ``memory`` row at every boundary from the second subtask on."""
        episode = scene.episode
        spans = spans_of(upstream["subtasks"], episode)
        boundaries = tuple(range(1, len(spans)))
        if not boundaries:
            return []
        task = task_of(scene, upstream)
        subtasks = tuple(span.label for span in spans)
        memories: list[str] = []
        each = 1 if self._settings.chained else _AT_ONCE
        for asked in (boundaries[at : at + each] for at in range(0, len(boundaries), each)):
            answer = await model.answer(
                UpdateMemory(
                    episode=episode.index,
                    seed=scene.seed_for(f"memory/{asked[0]}"),
                    task=task,
                    subtasks=subtasks,
                    boundaries=asked,
                    previous=memories[-1] if memories else "",
                )
            )
            memories += (" ".join(text.split()) for text in answer.memories)
        return [
            Row("assistant", text, "memory", episode.time_of(span.start))
            for span, text in zip(spans[1:], memories, strict=True)
        ]
