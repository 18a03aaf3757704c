"""Frames: which ones to look at, decoding them at exact times, and the forms in which models see them."""

from roboscribe.frames.decode import read_frames
from roboscribe.frames.film import film
from roboscribe.frames.picture import RGB, Clip, Frame, Jpeg, Part
from roboscribe.frames.places import Places
from roboscribe.frames.sheets import SheetLayout, contact_sheets
from roboscribe.frames.store import EpisodeFrames, FrameCounts, FrameNeeds, FrameSettings, FrameStore

__all__ = [
    "RGB",
    "Clip",
    "EpisodeFrames",
    "Frame",
    "FrameCounts",
    "FrameNeeds",
    "FrameSettings",
    "FrameStore",
    "Jpeg",
    "Part",
    "Places",
    "SheetLayout",
    "contact_sheets",
    "film",
    "read_frames",
]
