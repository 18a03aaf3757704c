"""Motion: robot signals go in, rows of motion primitives in the robot's own terms come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roboscribe.annotators.base import Blind, Scene, Upstream
from roboscribe.language import Row
from roboscribe.models.base import Model


class MotionPrimitives(Blind):
    """Writes down what state and action show; no ask is needed, and none for an episode without signals."""

    name = "motion"
    version = 2
    styles = frozenset[str | None]({"motion"})
    requires = ()
    accompanies: tuple[str, ...] = ()
    reads_signals = True
    why_none = "they have no state and no action to read motion off"
    asks = ()
    settings: Mapping[str, Any] = {}

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One ``motion`` row where a primitive starts that differs from the one before."""
        episode = scene.episode
        rows: list[Row] = []
        for motion in scene.signals.motions:
            time = episode.time_of(episode.frame_at(motion.start))
            if not rows or (rows[-1].timestamp < time and rows[-1].content != motion.text):
                rows.append(Row("assistant", motion.text, "motion", time))
        return rows
