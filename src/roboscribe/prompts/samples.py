"""Samples to try templates on: of each kind an ask with all that it may know, and one with as little as may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from roboscribe.asks import (
    Ask,
    AskAboutFrames,
    DeriveTask,
    DescribeEpisode,
    ImagineDialogue,
    ImagineDialogues,
    Inquiry,
    Interject,
    LocateGripper,
    Moment,
    Occasion,
    RelabelSegment,
    RephraseTask,
    SegmentEpisode,
    Sheets,
    Shot,
    UpdateMemory,
)
from roboscribe.config import QuestionKind
from roboscribe.episode import Camera, Episode, VideoClip
from roboscribe.frames import FrameNeeds, FrameStore, Places, SheetLayout
from roboscribe.frames.unseen import UnseenFrames
from roboscribe.signals import GripperEvent, Signals

_TASK = "Put the red cup on the shelf and leave the blue bowl."
_SUBTASKS = ("reach for the red cup", "grasp the red cup", "place the red cup on the shelf")
_CAMERA = "observation.images.top"


def sample_asks() -> list[Ask[Any]]:
    """Asks of every kind; what there is to see has sizes, but no content."""
    times = (np.arange(60) / 10).astype(np.float32)
    camera, clip = Camera(_CAMERA, 640, 480, "video"), VideoClip(Path("sample.mp4"), 0.0)
    episode = Episode(0, (_TASK,), 10.0, times, None, None, (camera,), {_CAMERA: clip})
    frames = UnseenFrames(FrameStore(), episode, FrameNeeds())
    sheets = Sheets(frames, (_CAMERA,), (0, 20, 40), SheetLayout())
    shots = tuple(Shot(frames, _CAMERA, index) for index in (0, 20))
    told, quiet = (
        _signals(GripperEvent("close", 2.0, 2.2, "left", True), GripperEvent("open", 4.0, 4.2)),
        _signals(),
    )
    occasions = tuple(
        Occasion(2.0, _TASK, _SUBTASKS, 1, "specific_object", "confirmation", number, avoid)
        for number, avoid in enumerate(((), ("Take the red cup.",)))
    )
    bare = Occasion(0.0, "", _SUBTASKS[:1], 0, "implicit_request", "clarification")
    y_first = Places(y_first=True)
    kinds: tuple[QuestionKind, ...] = ("bbox", "keypoint", "count", "attribute", "spatial")
    moments = tuple(Moment(2.0 * done, done, "negative_task", sheets) for done in (1, 2))
    stretch: dict[str, Any] = {"episode": 0, "duration": 6.0, "sheets": sheets}
    relabelled: dict[str, Any] = {"episode": 0, "label": _SUBTASKS[1], "start": 2.0, "end": 4.0}
    return [
        DescribeEpisode(**stretch, task=_TASK, signals=told),
        DescribeEpisode(**stretch, task="", signals=quiet),
        SegmentEpisode(
            **stretch,
            task=_TASK,
            signals=told,
            description="A cup is lifted.",
            most=9,
            least_seconds=0.5,
            most_seconds=3.0,
        ),
        SegmentEpisode(**stretch, task="", signals=quiet),
        RelabelSegment(
            **relabelled, task=_TASK, before=_SUBTASKS[0], after=_SUBTASKS[2], sheets=(sheets, sheets, sheets)
        ),
        RelabelSegment(**relabelled, task="", before="", after="", sheets=(None, sheets, None)),
        DeriveTask(episode=0, given="task", sheets=sheets),
        DeriveTask(episode=0, given="", sheets=sheets),
        RephraseTask(episode=0, task=_TASK, count=5, axis="combined"),
        RephraseTask(episode=0, task=_TASK, count=1),
        UpdateMemory(episode=0, task=_TASK, subtasks=_SUBTASKS, boundaries=(1, 2), previous="I reached."),
        UpdateMemory(episode=0, task="", subtasks=_SUBTASKS, boundaries=(1,)),
        Interject(
            episode=0, task=_TASK, subtasks=_SUBTASKS, moments=moments, opens=True, said=("Take the cup.",)
        ),
        Interject(episode=0, task="", subtasks=_SUBTASKS[:1], opens=True),
        AskAboutFrames(
            episode=0,
            task=_TASK,
            signals=told,
            places=y_first,
            inquiries=tuple(Inquiry(shot, kinds, 2) for shot in shots),
        ),
        AskAboutFrames(episode=0, task="", signals=quiet, inquiries=(Inquiry(shots[0], ("count",)),)),
        LocateGripper(
            episode=0,
            task=_TASK,
            signals=told,
            places=y_first,
            seen=shots,
            names=("left gripper", "right gripper"),
        ),
        LocateGripper(episode=0, task="", signals=quiet, seen=shots[:1]),
        ImagineDialogue(episode=0, occasion=occasions[1], shots=shots),
        ImagineDialogue(episode=0, occasion=bare),
        ImagineDialogues(episode=0, occasions=occasions, sheets=sheets),
        ImagineDialogues(episode=0, occasions=(bare,)),
    ]


def _signals(*events: GripperEvent) -> Signals:
    return Signals(events, pauses=(), phases=(), motions=(), speed=np.zeros(0, np.float32), arms=("left",))
