"""Subtasks: an episode goes in, rows that name what the robot is doing from each boundary on come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.spans import tile
from roboscribe.asks import SegmentEpisode
from roboscribe.config import SubtasksSettings, answer_settings
from roboscribe.language import Row
from roboscribe.models.base import Model


class Subtasks:
    """Asks for segments, and makes them a gap-free cover with boundaries on physical events and frames."""

    name = "subtasks"
    version = 1
    styles = frozenset[str | None]({"subtask"})
    requires = ()
    asks = (SegmentEpisode,)

    def __init__(self, settings: SubtasksSettings) -> None:
        self._settings = settings

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        return answer_settings(self._settings)

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One ``subtask`` row at the start of each span."""
        episode = scene.episode
        answer = await model.answer(
            SegmentEpisode(
                episode=episode.index,
                seed=scene.seed_for("segment"),
                task=episode.task,
                duration=episode.end,
                signals=scene.signals,
            )
        )
        spans = tile(
            answer.segments,
            episode,
            scene.signals,
            self._settings.min_seconds,
            self._settings.snap_seconds,
        )
        return [Row("assistant", span.label, "subtask", episode.time_of(span.start)) for span in spans]
