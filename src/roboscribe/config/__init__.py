"""The settings tree: every choice a user can make, from which flags, help and the run record come.

Pure data without heavy imports. Names are the command line's: ``plan.enabled`` is ``--plan.enabled``. A
setting whose field metadata carries ``answers=False`` never changes an answer and stays out of fingerprints.
"""

from roboscribe.config.annotate import AnnotateSettings
from roboscribe.config.annotators import (
    FramesSettings,
    InterjectionsSettings,
    MemorySettings,
    MotionSettings,
    PlanSettings,
    QuestionKind,
    Scenario,
    SubtasksSettings,
    TaskAugSettings,
    TaskSettings,
    TraceSettings,
    VqaSettings,
)
from roboscribe.config.checks import answer_settings, json_object
from roboscribe.config.convert import ConvertSettings
from roboscribe.config.dataset import DatasetSettings, WriterSettings, parse_episodes, ranges
from roboscribe.config.executor import ExecutorName, ExecutorSettings
from roboscribe.config.gpu import GpuSettings
from roboscribe.config.hirobot import DialogueSettings, SkillsSettings
from roboscribe.config.hub import HubSettings
from roboscribe.config.vlm import BackendName, VlmSettings, is_address

__all__ = [
    "AnnotateSettings",
    "BackendName",
    "ConvertSettings",
    "DatasetSettings",
    "DialogueSettings",
    "ExecutorName",
    "ExecutorSettings",
    "FramesSettings",
    "GpuSettings",
    "HubSettings",
    "InterjectionsSettings",
    "MemorySettings",
    "MotionSettings",
    "PlanSettings",
    "QuestionKind",
    "Scenario",
    "SkillsSettings",
    "SubtasksSettings",
    "TaskAugSettings",
    "TaskSettings",
    "TraceSettings",
    "VlmSettings",
    "VqaSettings",
    "WriterSettings",
    "answer_settings",
    "is_address",
    "json_object",
    "parse_episodes",
    "ranges",
]
