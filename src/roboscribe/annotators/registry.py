"""The annotators there are: settings go in, the selection of those that a run makes comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from roboscribe.annotators.base import Annotator
from roboscribe.annotators.interjections import Interjections
from roboscribe.annotators.memory import Memory
from roboscribe.annotators.motion import MotionPrimitives
from roboscribe.annotators.plan import Plan
from roboscribe.annotators.selection import Selection
from roboscribe.annotators.subtasks import Subtasks
from roboscribe.annotators.task import Task
from roboscribe.annotators.task_aug import TaskAug
from roboscribe.annotators.trace import Trace, calibration_of
from roboscribe.annotators.view import View
from roboscribe.annotators.vqa import Vqa
from roboscribe.asks import Ask, AskAboutFrames, LocateGripper, SegmentEpisode
from roboscribe.config import AnnotateSettings
from roboscribe.errors import SettingsError
from roboscribe.plain import counted

WHY_NONE: Mapping[str, str] = {
    kind.name: kind.why_none
    for kind in (Task, TaskAug, Subtasks, MotionPrimitives, Interjections, Plan, Memory, Vqa, Trace)
}
"""Why episodes may have no rows of an annotator, by its name; empty where nobody needs to be told."""


def told_of_none(name: str, empty: int, episodes: int) -> str:
    """That episodes have no rows of an annotator and why, in a sentence; empty where nobody needs to be told.

    Args:
        name: Name of the annotator.
        empty: Number of episodes without rows.
        episodes: Number of all that it has worked on.
    """
    if not empty or not WHY_NONE.get(name):
        return ""
    return f"{name}: no rows in {empty} of {counted(episodes, 'episode')}: {WHY_NONE[name]}."


def select_annotators(settings: AnnotateSettings, looks: Callable[[type[Ask[Any]]], bool]) -> Selection:
    """The annotators that the settings choose.

    Args:
        settings: What to do.
        looks: Whether the model wants the pictures of a kind of ask.

    Raises:
        SettingsError: Traces are wanted, but nothing can tell where the grippers are.
    """
    view = View(settings.frames) if looks(SegmentEpisode) else None
    annotators: list[tuple[bool, Annotator]] = [
        (True, Task(settings.task, view)),
        (settings.task_aug.enabled, TaskAug(settings.task_aug)),
        (settings.subtasks.enabled, Subtasks(settings.subtasks, view)),
        (settings.motion.enabled, MotionPrimitives()),
        (settings.interjections.enabled, Interjections(settings.interjections, view)),
        (settings.plan.enabled, Plan()),
        (settings.memory.enabled, Memory(settings.memory)),
        (settings.vqa.enabled and looks(AskAboutFrames), Vqa(settings.vqa)),
        (settings.trace.enabled, Trace(settings.trace, calibration_of(settings.trace))),
    ]
    selection = Selection.of(annotators, settings.only_names, settings.redo_names)
    if "trace" in selection.chosen and settings.trace.calibration is None and not looks(LocateGripper):
        raise SettingsError(
            "--trace.enabled needs a model that looks, or to be told where the cameras stand.",
            "Name a model with --vlm.model-id, or a file with --trace.calibration.",
        )
    return selection
