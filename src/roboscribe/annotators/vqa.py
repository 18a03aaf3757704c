"""VQA: an episode goes in, questions about single frames and answers grounded in them come out."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.task import task_of
from roboscribe.annotators.view import cameras_of
from roboscribe.asks import AskAboutFrames, Inquiry, PictureAnswers, Question, Shot
from roboscribe.asks.vqa import Topic
from roboscribe.config import QuestionKind, VqaSettings, answer_settings
from roboscribe.episode import Episode
from roboscribe.errors import AnswerError
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

    Cameras take turns, so that a frame has questions about one of them only, as long as there are frames enough:
    the bindings ``vqa`` and ``vqa_query`` that LeRobot resolves for every recipe do not tell cameras apart, and a
    frame with two answers ends its training.

    Kinds of question take turns at random, so that they are in balance. Where one cannot be answered, a spare
    kind of the same request takes its place; where that cannot be answered either there is no row. A model that
    answers kinds unasked, as a rule does for nothing, keeps those in balance that can seldom be answered. It builds
    on nothing but the task, so that its requests need not wait for a segmentation. A request that gets no answer is
    put again as two with half of its pictures each, down to one. An episode without video gets no rows.
    """

    name = "vqa"
    version = 1
    styles = frozenset[str | None]({"vqa"})
    requires = ("task",)
    accompanies: tuple[str, ...] = ()
    reads_signals = True
    why_none = (
        "no camera shows them, or the model is sure of nothing in the pictures;"
        " a vision-language model (--vlm.model-id) sees more than the builtin one"
    )
    asks = (AskAboutFrames,)

    def __init__(self, settings: VqaSettings) -> None:
        self._settings = settings

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        return answer_settings(self._settings)

    def needs(self, episode: Episode) -> FrameNeeds:
        """The frames that are looked at."""
        return FrameNeeds(jpegs=self._looked_at(episode))

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """A ``user`` row and an ``assistant`` row for each question."""
        if scene.frames is None:
            return []
        task = task_of(scene, upstream)
        found = await asyncio.gather(
            *(
                self._about(scene, scene.frames, task, camera, ticks, model)
                for camera, ticks in self._ticks(scene).items()
            )
        )
        return [row for rows in found for row in rows]

    def _looked_at(self, episode: Episode) -> dict[str, list[int]]:
        """Frames at which each camera is looked at."""
        cameras = cameras_of(episode, self._settings.cameras, self.name)
        hz = self._settings.emission_hz
        # Whole frames apart: rounded one by one, two cameras' times could fall on the same frame.
        apart = [int(turn * episode.fps / (hz * len(cameras))) / episode.fps for turn in range(len(cameras))]
        return {
            camera: every(episode.timestamps, hz, after=after)
            for camera, after in zip(cameras, apart, strict=True)
        }

    def _ticks(self, scene: Scene) -> dict[str, list[Tick]]:
        """When each camera is looked at, and what is asked; frames in a row end where another look begins."""
        looked_at = self._looked_at(scene.episode)
        begins = sorted({frame for frames in looked_at.values() for frame in frames})
        ends = dict(pairwise([*begins, scene.episode.frames]))
        return {
            camera: self._drawn(
                random.Random(scene.seed_for(f"vqa/{camera}")), [range(f, ends[f]) for f in frames]
            )
            for camera, frames in looked_at.items()
        }

    def _drawn(self, chance: random.Random, runs: Sequence[range]) -> list[Tick]:
        """What is asked about frames in a row; kinds that were asked least so far come first."""
        ticks: list[Tick] = []
        asked: Counter[QuestionKind] = Counter()
        last: tuple[QuestionKind, ...] = ()
        for run in runs:
            turns: dict[QuestionKind, tuple[int, bool, float]] = {
                kind: (asked[kind], kind in last, chance.random()) for kind in self._settings.kinds
            }
            order = sorted(turns, key=turns.__getitem__)
            frames = tuple(run[: min(self._settings.consecutive, len(order))])
            last = tuple(order[: len(frames)])
            asked.update(last)
            ticks.append(Tick(frames, tuple(order[: len(frames) + 1]), chance.choice(_TOPICS)))
        return ticks

    async def _about(
        self,
        scene: Scene,
        frames: EpisodeFrames,
        task: str,
        camera: str,
        ticks: Sequence[Tick],
        model: Model,
    ) -> list[Row]:
        """Rows of one camera."""
        looked_at = tuple(tick.frames[0] for tick in ticks)

        async def seen(part: Sequence[Tick]) -> list[PictureAnswers]:
            ask = AskAboutFrames(
                episode=scene.episode.index,
                seed=scene.seed_for(f"vqa/{camera}/{part[0].frames[0]}"),
                task=task,
                signals=scene.signals,
                inquiries=tuple(
                    Inquiry(Shot(frames, camera, tick.frames[0]), tick.kinds, len(tick.frames), tick.about)
                    for tick in part
                ),
                looked_at=looked_at,
            )
            try:
                answer = await model.answer(ask)
            except AnswerError:
                if len(part) == 1:
                    raise
                # Too long to be read, or its answer to be written. One half before the other, so that a model which
                # answers nothing at all is soon found out.
                half = (len(part) + 1) // 2
                return [*await seen(part[:half]), *await seen(part[half:])]
            return [answer.pictures[number] for number in ask.numbers]

        parts = windows(ticks, self._settings.pictures_per_ask)
        pictures = chain.from_iterable(await asyncio.gather(*map(seen, parts)))
        given: Counter[QuestionKind] = Counter()
        rows: list[Row] = []
        for tick, picture in zip(ticks, pictures, strict=True):
            kinds = self._chosen(tick, picture, given)
            given.update(kinds)
            rows += _rows(scene.episode, camera, tick, [picture.of(kind) for kind in kinds])
        return rows

    def _chosen(
        self, tick: Tick, picture: PictureAnswers, given: Counter[QuestionKind]
    ) -> list[QuestionKind]:
        """Kinds of the rows of a tick, one for each frame at most: those that were asked for, if answered.

        A kind that was answered without being asked for fills a gap, or comes in for the one given most so far
        where that has been given more often by two.
        """
        count = len(tick.frames)
        can: dict[QuestionKind, bool] = {kind: picture.of(kind) is not None for kind in self._settings.kinds}
        chosen: list[QuestionKind] = [kind for kind in tick.kinds if can[kind]]
        del chosen[count:]
        unasked: list[QuestionKind] = [kind for kind in can if can[kind] and kind not in tick.kinds]
        for kind in sorted(unasked, key=lambda kind: given[kind]):
            if len(chosen) < count:
                chosen.append(kind)
                continue
            most = max(range(count), key=lambda at: given[chosen[at]])
            if given[chosen[most]] > given[kind] + 1:
                chosen[most] = kind
        return chosen


def _rows(episode: Episode, camera: str, tick: Tick, questions: Sequence[Question | None]) -> list[Row]:
    """Question and answer for each frame of a tick, as far as they go."""
    rows: list[Row] = []
    for frame, question in zip(tick.frames, questions, strict=False):
        if question is not None:
            time = episode.time_of(frame)
            rows.append(Row("user", question.question, "vqa", time, camera))
            rows.append(Row("assistant", canonical_json(question.content), "vqa", time, camera))
    return rows
