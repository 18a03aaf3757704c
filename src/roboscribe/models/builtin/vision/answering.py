"""Visual questions by rule: an ask about frames goes in, what can be told from colour, motion and signals comes out.

Nothing is answered that is not known: a kind of question that the picture gives no cause for stays unanswered.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from random import Random
from threading import Lock
from typing import get_args
from weakref import WeakKeyDictionary

from roboscribe.asks import AskAboutFrames, FrameAnswers, Inquiry, PictureAnswers, Shot, derive_seed
from roboscribe.config import QuestionKind
from roboscribe.episode import Episode
from roboscribe.frames import EpisodeFrames, FrameNeeds
from roboscribe.frames.sampling import evenly
from roboscribe.models.builtin.vision.mentions import Mention, mentions_of
from roboscribe.models.builtin.vision.questions import Situation, ask
from roboscribe.models.builtin.vision.scene import Scene, study
from roboscribe.signals import Signals

_FEWEST, _MOST = 6, 12
"""How many frames a scene is learnt from."""
_SETTLED = 0.1
"""Seconds around a grasp in which it is not said what the gripper holds."""


def answer_about(question: AskAboutFrames) -> FrameAnswers:
    """Questions of every kind that can be answered without doubt about a picture, wanted or not.

    Decodes video, and takes some milliseconds for each picture.

    Raises:
        FrameError: A frame cannot be read.
    """
    mentions = mentions_of(question.task)
    pictures = {
        number: _answers(question, inquiry, mentions)
        for number, inquiry in zip(question.numbers, question.inquiries, strict=True)
    }
    return FrameAnswers(pictures=pictures)


def _answers(question: AskAboutFrames, inquiry: Inquiry, mentions: tuple[Mention, ...]) -> PictureAnswers:
    shot = inquiry.shot
    scene = _SCENES.of(shot, question, mentions)
    sight = scene.sight(shot.picture(), shot.time)
    gripper = _holding(question.signals, shot.time)
    moved = frozenset(mention for mention in mentions if mention.moved)
    found = {
        kind: ask(
            kind,
            Situation(
                sight=sight,
                gripper=gripper,
                moved=moved,
                about=inquiry.about,
                chance=Random(
                    derive_seed(question.seed, question.episode, f"{shot.camera}/{shot.index}/{kind}")
                ),
            ),
        )
        for kind in get_args(QuestionKind)
    }
    return PictureAnswers().model_copy(update=found)


class _Scenes:
    """Scenes of the episodes that are open; each is learnt once, and forgotten with its episode's frames."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: WeakKeyDictionary[EpisodeFrames, _Learnt] = WeakKeyDictionary()

    def of(self, shot: Shot, question: AskAboutFrames, mentions: tuple[Mention, ...]) -> Scene:
        """The scene that a picture is of.

        Raises:
            FrameError: A frame cannot be read.
        """
        with self._lock:
            learnt = self._open.setdefault(shot.frames, _Learnt())
        key = shot.camera, question.task, question.looked_at
        with learnt.lock:
            if key not in learnt.scenes:
                learnt.scenes[key] = _learn(shot, question, mentions)
            return learnt.scenes[key]


class _Learnt:
    """The scenes of one episode by camera, task and the frames that are looked at anyway."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.scenes: dict[tuple[str, str, tuple[int, ...]], Scene] = {}


_SCENES = _Scenes()


def _learn(shot: Shot, question: AskAboutFrames, mentions: tuple[Mention, ...]) -> Scene:
    frames, camera, episode = shot.frames, shot.camera, shot.frames.episode
    indices = overview(episode, question.looked_at)
    frames.need(FrameNeeds(jpegs={camera: indices}))
    pictures = [(episode.time_of(index), frames.jpeg(camera, index)) for index in indices]
    return study(camera, pictures, mentions, _held(question.signals, episode.end))


def overview(episode: Episode, looked_at: Sequence[int]) -> list[int]:
    """Frames from which a scene is learnt: of those that are looked at anyway, if they are enough."""
    if len(looked_at) < _FEWEST:
        return evenly(episode.timestamps, _MOST)
    last, count = len(looked_at) - 1, min(len(looked_at), _MOST)
    return [looked_at[round(step * last / (count - 1))] for step in range(count)]


def _held(signals: Signals, end: float) -> list[tuple[float, float]]:
    """From when to when each gripper may hold something, in seconds and in order."""
    spans: list[tuple[float, float]] = []
    for arm in signals.arms:
        events = [event for event in signals.events if event.arm == arm]
        for event, following in zip_longest(events, events[1:]):
            if event.kind == "close" and event.holding is not False:
                spans.append((event.start, following.end if following else end))
    return sorted(spans)


def _holding(signals: Signals, seconds: float) -> str:
    """What the gripper is called that is known to hold something just then; empty for none, and for several."""
    holding: list[str] = []
    for arm in signals.arms:
        begun = [event for event in signals.events if event.arm == arm and event.start <= seconds + _SETTLED]
        if begun and begun[-1].kind == "close" and begun[-1].holding and begun[-1].end + _SETTLED <= seconds:
            holding.append(f"{arm} gripper".strip())
    return holding[0] if len(holding) == 1 else ""
