"""Task augmentation: the task goes in, rows that ask for it in other words come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.asks import RephraseTask
from roboscribe.config import TaskAugSettings, answer_settings
from roboscribe.language import Row
from roboscribe.models.base import Model


class TaskAug:
    """Asks for rephrasings; the original task is always the first row."""

    name = "task_aug"
    version = 1
    styles = frozenset[str | None]({"task_aug"})
    requires = ()
    asks = (RephraseTask,)

    def __init__(self, settings: TaskAugSettings) -> None:
        self._settings = settings

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        return answer_settings(self._settings)

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """The task and its rephrasings, all at the episode's start; none for an episode without a task."""
        task = scene.episode.task
        if not task.strip():
            return []
        texts: list[str] = []
        if self._settings.count:
            ask = RephraseTask(
                episode=scene.episode.index,
                seed=scene.seed_for("rephrase"),
                task=task,
                count=self._settings.count,
            )
            texts = (await model.answer(ask)).texts
        start = scene.episode.time_of(0)
        wanted = distinct([task, *texts])[: self._settings.count + 1]
        return [Row("user", text, "task_aug", start) for text in wanted]


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts without those that differ from an earlier one only in case, spacing or end punctuation."""
    kept: dict[str, str] = {}
    for text in texts:
        key = " ".join(text.split()).rstrip(".!? ").casefold()
        if key:
            kept.setdefault(key, text)
    return list(kept.values())
