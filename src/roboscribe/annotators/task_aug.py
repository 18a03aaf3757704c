"""Task augmentation: the task goes in, rows that ask for it in other words come out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from roboscribe.annotators.base import Blind, Scene, Upstream
from roboscribe.annotators.task import task_of
from roboscribe.asks import AXES, Axis, RephraseTask
from roboscribe.config import TaskAugSettings, answer_settings
from roboscribe.english.task import is_placeholder
from roboscribe.english.texts import distinct
from roboscribe.language import Row
from roboscribe.models.base import Model


class TaskAug(Blind):
    """Asks for rephrasings; the first row is the original task, or the derived one where that is a placeholder."""

    name = "task_aug"
    version = 1
    styles = frozenset[str | None]({"task_aug"})
    requires = ("task",)
    accompanies: tuple[str, ...] = ()
    reads_signals = False
    why_none = "they have no task"
    asks = (RephraseTask,)

    def __init__(self, settings: TaskAugSettings) -> None:
        self._settings = settings

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        return answer_settings(self._settings)

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """The task and its rephrasings, all at the episode's start; none for an episode without a task."""
        task = task_of(scene, upstream)
        if not task:
            return []
        answers = await asyncio.gather(
            *(
                model.answer(
                    RephraseTask(
                        episode=scene.episode.index,
                        seed=scene.seed_for(f"rephrase/{axis}"),
                        task=task,
                        count=count,
                        axis=axis,
                    )
                )
                for axis, count in self._wanted()
            )
        )
        texts = [text for answer in answers for text in answer.texts]
        start = scene.episode.time_of(0)
        given = scene.episode.task
        known = [task] if is_placeholder(given) else [given, task]
        wanted = distinct([*known, *texts])[: self._settings.count + len(distinct(known))]
        return [Row("user", text, "task_aug", start) for text in wanted]

    def _wanted(self) -> list[tuple[Axis, int]]:
        """Axes to ask about, with the number of rephrasings of each."""
        count = self._settings.count
        if not self._settings.axes:
            return [("free", count)] if count else []
        shares = [count // len(AXES) + (at < count % len(AXES)) for at in range(len(AXES))]
        return [(axis, share) for axis, share in zip(AXES, shares, strict=True) if share]
