"""Typed asks: what an annotator wants to know, with the facts it needs and the type of the answer."""

from roboscribe.asks.base import Answer, Ask, Sheets, derive_seed
from roboscribe.asks.derive import DerivedTask, DeriveTask
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

__all__ = [
    "AXES",
    "Answer",
    "Ask",
    "Axis",
    "DeriveTask",
    "DerivedTask",
    "DescribeEpisode",
    "Description",
    "Label",
    "Memories",
    "RelabelSegment",
    "RephraseTask",
    "Rephrasings",
    "Segment",
    "SegmentEpisode",
    "Segments",
    "Sheets",
    "UpdateMemory",
    "derive_seed",
]
