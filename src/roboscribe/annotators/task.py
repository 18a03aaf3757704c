"""Task: an episode whose dataset does not tell its task goes in, what the model sees it to be comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.view import View
from roboscribe.asks import DeriveTask
from roboscribe.config import TaskSettings, answer_settings
from roboscribe.english.task import is_placeholder
from roboscribe.episode import Episode
from roboscribe.frames import FrameNeeds
from roboscribe.language import Row
from roboscribe.models.base import Model


class Task:
    """Derives the task where that is wanted. Its row is for other annotators; it is not written itself."""

    name = "task"
    version = 1
    styles = frozenset[str | None]()
    requires = ()
    accompanies: tuple[str, ...] = ()
    reads_signals = False
    why_none = ""
    asks = (DeriveTask,)

    def __init__(self, settings: TaskSettings, view: View | None) -> None:
        self._settings = settings
        self._view = view

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the row."""
        return answer_settings(self._settings) | (answer_settings(self._view.settings) if self._view else {})

    def needs(self, episode: Episode) -> FrameNeeds:
        """An overview of the episode, if the task is to be derived."""
        if self._view is None or not self._wanted(episode):
            return FrameNeeds()
        return self._view.needs(episode, self._view.overview(episode))

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One ``task_aug`` row with the derived task, or none where the dataset's own holds."""
        if self._view is None or scene.frames is None or not self._wanted(scene.episode):
            return []
        answer = await model.answer(
            DeriveTask(
                episode=scene.episode.index,
                seed=scene.seed_for("derive"),
                given=scene.episode.task,
                sheets=self._view.sheets(scene.frames, self._view.overview(scene.episode)),
            )
        )
        return [Row("user", " ".join(answer.task.split()), "task_aug", scene.episode.time_of(0))]

    def _wanted(self, episode: Episode) -> bool:
        match self._settings.derive:
            case "off":
                return False
            case "always":
                return True
            case "if-missing":
                return is_placeholder(episode.task)


def task_of(scene: Scene, upstream: Upstream) -> str:
    """The task to go by: the derived one if there is one, else the dataset's; empty for a placeholder."""
    for row in upstream["task"]:
        return row.content or ""
    return "" if is_placeholder(scene.episode.task) else scene.episode.task
