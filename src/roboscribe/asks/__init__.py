"""Typed asks: what an annotator wants to know, with the facts it needs and the type of the answer."""

from roboscribe.asks.base import Answer, Ask
from roboscribe.asks.memory import Memories, UpdateMemory
from roboscribe.asks.rephrase import RephraseTask, Rephrasings
from roboscribe.asks.segment import Segment, SegmentEpisode, Segments

__all__ = [
    "Answer",
    "Ask",
    "Memories",
    "RephraseTask",
    "Rephrasings",
    "Segment",
    "SegmentEpisode",
    "Segments",
    "UpdateMemory",
]
