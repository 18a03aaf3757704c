"""The annotators of a run: settings go in, the enabled annotators in working order come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from roboscribe.annotators.base import Annotator
from roboscribe.annotators.memory import Memory
from roboscribe.annotators.motion import MotionPrimitives
from roboscribe.annotators.plan import Plan
from roboscribe.annotators.subtasks import Subtasks
from roboscribe.annotators.task import Task
from roboscribe.annotators.task_aug import TaskAug
from roboscribe.annotators.view import View
from roboscribe.asks import Ask, SegmentEpisode
from roboscribe.config import AnnotateSettings


def enabled_annotators(
    settings: AnnotateSettings, looks: Callable[[type[Ask[Any]]], bool]
) -> list[Annotator]:
    """Annotators that the settings turn on, each after those it requires.

    Args:
        settings: What to do.
        looks: Whether the model wants the pictures of a kind of ask.
    """
    view = View(settings.frames) if looks(SegmentEpisode) else None
    choices: list[tuple[bool, Annotator]] = [
        (settings.task_aug.enabled, TaskAug(settings.task_aug)),
        (settings.subtasks.enabled, Subtasks(settings.subtasks, view)),
        (settings.motion.enabled, MotionPrimitives()),
        (settings.plan.enabled, Plan()),
        (settings.memory.enabled, Memory(settings.memory)),
    ]
    chosen = [annotator for enabled, annotator in choices if enabled]
    return [Task(settings.task, view), *chosen]
