"""Visual questions by rule: an ask about frames goes in, what can be told from colour, motion and signals comes out.

Nothing is answered that is not known: a kind of question that the picture gives no cause for stays unanswered.
"""

from __future__ import annotations

from itertools import zip_longest
from random import Random
from threading import Lock
from weakref import WeakKeyDictionary

from roboscribe.asks import AskAboutFrames, FrameAnswers, Inquiry, PictureAnswers, derive_seed
from roboscribe.episode import Episode
from roboscribe.frames import EpisodeFrames, FrameNeeds
from roboscribe.frames.sampling import every
from roboscribe.models.builtin.vision.mentions import Mention, mentions_of
from roboscribe.models.builtin.vision.questions import Situation, ask
from roboscribe.models.builtin.vision.scene import Scene, study
from roboscribe.signals import Signals

_FEWEST, _MOST = 8, 12
"""How many frames a scene is learnt from."""
_SETTLED = 0.1
"""Seconds around a grasp in which it is not said what the gripper holds."""


def answer_about(question: AskAboutFrames) -> FrameAnswers:
    """Questions of the kinds that are wanted, about what each picture shows without doubt.

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
    scene = _SCENES.of(shot.frames, shot.camera, question.task, mentions, question.signals)
    sight = scene.sight(shot.picture(), shot.time)
    gripper = _holding(question.signals, shot.time)
    one_is_moved = sum(mention.moved for mention in mentions) == 1
    found = {
        kind: ask(
            kind,
            Situation(
                sight=sight,
                gripper=gripper,
                one_is_moved=one_is_moved,
                about=inquiry.about,
                chance=Random(
                    derive_seed(question.seed, question.episode, f"{shot.camera}/{shot.index}/{kind}")
                ),
            ),
        )
        for kind in inquiry.kinds
    }
    return PictureAnswers().model_copy(update=found)


def overview(episode: Episode) -> list[int]:
    """Frames from which a scene is learnt: one a second, as they are asked about anyway; more of a short episode."""
    frames: list[int] = []
    for hz in (1.0, 2.0, 4.0, 8.0):
        frames = every(episode.timestamps, hz)
        if len(frames) >= _FEWEST:
            break
    if len(frames) <= _MOST:
        return frames
    last = len(frames) - 1
    return [frames[round(step * last / (_MOST - 1))] for step in range(_MOST)]


class _Scenes:
    """Scenes of the episodes that are open; each is learnt once, and forgotten with its episode's frames."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: WeakKeyDictionary[EpisodeFrames, _Learnt] = WeakKeyDictionary()

    def of(
        self,
        frames: EpisodeFrames,
        camera: str,
        task: str,
        mentions: tuple[Mention, ...],
        signals: Signals,
    ) -> Scene:
        """The scene before a camera.

        Raises:
            FrameError: A frame cannot be read.
        """
        with self._lock:
            learnt = self._open.setdefault(frames, _Learnt())
        with learnt.lock:
            if (camera, task) not in learnt.scenes:
                learnt.scenes[camera, task] = _learn(frames, camera, mentions, signals)
            return learnt.scenes[camera, task]


class _Learnt:
    """The scenes of one episode by camera and task."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.scenes: dict[tuple[str, str], Scene] = {}


_SCENES = _Scenes()


def _learn(frames: EpisodeFrames, camera: str, mentions: tuple[Mention, ...], signals: Signals) -> Scene:
    indices = overview(frames.episode)
    frames.need(FrameNeeds(jpegs={camera: indices}))
    pictures = [(frames.episode.time_of(index), frames.jpeg(camera, index)) for index in indices]
    return study(camera, pictures, mentions, _held(signals, frames.episode.end))


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
