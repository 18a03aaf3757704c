"""VQA: an episode goes in, questions about single frames and answers grounded in them come out."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.task import task_of
from roboscribe.annotators.view import cameras_of
from roboscribe.asks import AskAboutFrames, FrameAnswers, Inquiry, Shot
from roboscribe.asks.vqa import Topic
from roboscribe.config import QuestionKind, VqaSettings, answer_settings
from roboscribe.episode import Episode
from roboscribe.frames import EpisodeFrames, FrameNeeds
from roboscribe.frames.sampling import every, windows
from roboscribe.language import Row, canonical_json
from roboscribe.models.base import Model

_TOPICS: tuple[Topic, ...] = ("task", "task", "robot", "scene")
"""What questions are about; half of them about what the task is about."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment at which a camera's frame is looked at.

    Attributes:
        frames: Frames in a row that get a question each; the first is the one looked at.
        kinds: Kinds of question, all different: one for each frame, then a spare where there is another kind.
        about: What the questions had best be about.
    """

    frames: tuple[int, ...]
    kinds: tuple[QuestionKind, ...]
    about: Topic


class Vqa:
    """Asks about frames at a regular rate, for every camera on its own and several frames in one request.

    Kinds of question take turns at random, so that they are in balance. Where one cannot be answered, a spare
    kind of the same request takes its place; where that cannot be answered either there is no row. It builds
    on nothing but the task, so that its requests need not wait for a segmentation. An episode without video
    gets no rows.
    """

    name = "vqa"
    version = 1
    styles = frozenset[str | None]({"vqa"})
    requires = ("task",)
    accompanies: tuple[str, ...] = ()
    asks = (AskAboutFrames,)

    def __init__(self, settings: VqaSettings) -> None:
        self._settings = settings

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        return answer_settings(self._settings)

    def needs(self, episode: Episode) -> FrameNeeds:
        """The frames that are looked at."""
        looked_at = every(episode.timestamps, self._settings.emission_hz)
        return FrameNeeds(jpegs=dict.fromkeys(self._cameras(episode), looked_at))

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """A ``user`` row and an ``assistant`` row for each question."""
        if scene.frames is None:
            return []
        task = task_of(scene, upstream)
        found = await asyncio.gather(
            *(
                self._ask(scene, scene.frames, task, camera, ticks, model)
                for camera in self._cameras(scene.episode)
                for ticks in windows(self._ticks(scene, camera), self._settings.pictures_per_ask)
            )
        )
        return [row for rows in found for row in rows]

    def _cameras(self, episode: Episode) -> tuple[str, ...]:
        return cameras_of(episode, self._settings.cameras, self.name)

    def _ticks(self, scene: Scene, camera: str) -> list[Tick]:
        """When a camera is looked at, and the kinds of question each time: those asked least so far come first."""
        episode = scene.episode
        chance = random.Random(scene.seed_for(f"vqa/{camera}"))
        starts = every(episode.timestamps, self._settings.emission_hz)
        ticks: list[Tick] = []
        asked: Counter[QuestionKind] = Counter()
        last: tuple[QuestionKind, ...] = ()
        for start, end in zip(starts, [*starts[1:], episode.frames], strict=True):
            turns: dict[QuestionKind, tuple[int, bool, float]] = {
                kind: (asked[kind], kind in last, chance.random()) for kind in self._settings.kinds
            }
            order = sorted(turns, key=turns.__getitem__)
            count = min(self._settings.consecutive, end - start, len(order))
            last = tuple(order[:count])
            asked.update(last)
            frames = tuple(range(start, start + count))
            ticks.append(Tick(frames, tuple(order[: count + 1]), chance.choice(_TOPICS)))
        return ticks

    async def _ask(
        self,
        scene: Scene,
        frames: EpisodeFrames,
        task: str,
        camera: str,
        ticks: Sequence[Tick],
        model: Model,
    ) -> list[Row]:
        """Rows of a few ticks, all in one request."""
        answer = await model.answer(
            AskAboutFrames(
                episode=scene.episode.index,
                seed=scene.seed_for(f"vqa/{camera}/{ticks[0].frames[0]}"),
                task=task,
                signals=scene.signals,
                inquiries=tuple(
                    Inquiry(Shot(frames, camera, tick.frames[0]), tick.kinds, len(tick.frames), tick.about)
                    for tick in ticks
                ),
            )
        )
        return [
            row
            for number, tick in enumerate(ticks, 1)
            for row in _rows(scene.episode, camera, tick, answer, str(number))
        ]


def _rows(episode: Episode, camera: str, tick: Tick, answer: FrameAnswers, number: str) -> list[Row]:
    """Question and answer for as many frames of a tick as there are answered kinds."""
    answered = [found for kind in tick.kinds if (found := answer.pictures[number].of(kind)) is not None]
    rows: list[Row] = []
    for frame, question in zip(tick.frames, answered, strict=False):
        time = episode.time_of(frame)
        rows.append(Row("user", question.question, "vqa", time, camera))
        rows.append(Row("assistant", canonical_json(question.content), "vqa", time, camera))
    return rows
