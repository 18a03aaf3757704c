"""Typed asks: what an annotator wants to know, with the facts it needs and the type of the answer."""

from roboscribe.asks.base import Answer, Ask, Film, Sheets, derive_seed
from roboscribe.asks.derive import DerivedTask, DeriveTask
from roboscribe.asks.dialogue import Exchange, Exchanges, ImagineDialogue, ImagineDialogues, Occasion
from roboscribe.asks.interject import Interject, Interjection, Moment, Talk
from roboscribe.asks.memory import Memories, UpdateMemory
from roboscribe.asks.rephrase import AXES, Axis, RephraseTask, Rephrasings
from roboscribe.asks.segment import (
    DescribeEpisode,
    Description,
    Label,
    RelabelSegment,
    Segment,
    SegmentEpisode,
    Segments,
)
from roboscribe.asks.shots import Shot, gripper_at
from roboscribe.asks.trace import GripperPoints, LocateGripper
from roboscribe.asks.vqa import (
    AskAboutFrames,
    Attribute,
    Boxes,
    Count,
    Detection,
    FrameAnswers,
    Inquiry,
    Keypoint,
    PictureAnswers,
    Question,
    Spatial,
)

__all__ = [
    "AXES",
    "Answer",
    "Ask",
    "AskAboutFrames",
    "Attribute",
    "Axis",
    "Boxes",
    "Count",
    "DeriveTask",
    "DerivedTask",
    "DescribeEpisode",
    "Description",
    "Detection",
    "Exchange",
    "Exchanges",
    "Film",
    "FrameAnswers",
    "GripperPoints",
    "ImagineDialogue",
    "ImagineDialogues",
    "Inquiry",
    "Interject",
    "Interjection",
    "Keypoint",
    "Label",
    "LocateGripper",
    "Memories",
    "Moment",
    "Occasion",
    "PictureAnswers",
    "Question",
    "RelabelSegment",
    "RephraseTask",
    "Rephrasings",
    "Segment",
    "SegmentEpisode",
    "Segments",
    "Sheets",
    "Shot",
    "Spatial",
    "Talk",
    "UpdateMemory",
    "derive_seed",
    "gripper_at",
]
