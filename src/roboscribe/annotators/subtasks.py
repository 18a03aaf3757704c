"""Subtasks: an episode goes in, rows that name what the robot is doing from each boundary on come out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.lengths import Lengths
from roboscribe.annotators.spans import Span, join_equal, tidy_label, tile
from roboscribe.annotators.task import task_of
from roboscribe.annotators.view import View, Window
from roboscribe.asks import Ask, DescribeEpisode, RelabelSegment, Segment, SegmentEpisode, Sheets
from roboscribe.config import SubtasksSettings, answer_settings
from roboscribe.episode import Episode
from roboscribe.frames import EpisodeFrames, FrameNeeds
from roboscribe.language import Row
from roboscribe.models.base import Model


class Subtasks:
    """Asks for segments, and makes them a gap-free cover with boundaries on physical events and frames.

    A model that looks is shown contact sheets, window by window: it describes what it sees, then segments,
    and may check each label beside its neighbours.
    """

    name = "subtasks"
    version = 1
    styles = frozenset[str | None]({"subtask"})
    requires = ("task",)
    accompanies: tuple[str, ...] = ()
    reads_signals = True
    why_none = ""

    def __init__(self, settings: SubtasksSettings, view: View | None) -> None:
        self._settings = settings
        self._view = view
        asks: list[type[Ask[Any]]] = [SegmentEpisode]
        if view and settings.describe:
            asks.append(DescribeEpisode)
        if view and settings.relabel:
            asks.append(RelabelSegment)
        self.asks = tuple(asks)

    @property
    def _wanted(self) -> Lengths:
        """How long a model is told to make subtasks."""
        return Lengths(self._settings.min_seconds, inf)

    def _shaped(self, spans: list[Span], scene: Scene) -> list[Span]:
        """The spans as they are written."""
        return spans

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        return answer_settings(self._settings) | (answer_settings(self._view.settings) if self._view else {})

    def needs(self, episode: Episode) -> FrameNeeds:
        """The frames of all windows, and those that labels may be checked with."""
        if self._view is None:
            return FrameNeeds()
        indices = [i for window in self._view.windows(episode) for i in window.indices]
        if RelabelSegment in self.asks:
            indices = sorted({*indices, *self._view.close_by(episode)})
        return self._view.needs(episode, indices)

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """One ``subtask`` row at the start of each span."""
        episode = scene.episode
        task = task_of(scene, upstream)
        windows = self._view.windows(episode) if self._view else [Window(0.0, episode.end, ())]
        found = await asyncio.gather(
            *(self._segment(scene, task, number, window, model) for number, window in enumerate(windows))
        )
        segments = [segment for segments in found for segment in segments]
        spans = tile(
            segments, episode, scene.signals, self._settings.min_seconds, self._settings.snap_seconds
        )
        if RelabelSegment in self.asks and self._view and scene.frames:
            spans = await self._relabelled(scene, task, spans, model, self._view, scene.frames)
        return [
            Row("assistant", span.label, "subtask", episode.time_of(span.start))
            for span in self._shaped(spans, scene)
        ]

    async def _segment(
        self, scene: Scene, task: str, number: int, window: Window, model: Model
    ) -> list[Segment]:
        """Segments that start within one window, in seconds of the episode."""
        sheets = self._view.sheets(scene.frames, window.indices) if self._view and scene.frames else None
        facts: dict[str, Any] = {
            "episode": scene.episode.index,
            "task": task,
            "duration": scene.episode.end,
            "signals": scene.signals,
            "start": window.start,
            "end": window.end,
            "hints": self._settings.hints,
            "sheets": sheets,
        }
        description = ""
        if DescribeEpisode in self.asks:
            seed = scene.seed_for(f"describe/{number}")
            description = (await model.answer(DescribeEpisode(seed=seed, **facts))).text
        answer = await model.answer(
            SegmentEpisode(
                seed=scene.seed_for(f"segment/{number}"),
                description=description,
                most=self._settings.most,
                least_seconds=self._wanted.least,
                most_seconds=self._wanted.most,
                **facts,
            )
        )
        inside = [s for s in answer.segments if window.start <= s.start < window.end]
        # What a model dates before its window began was under way there.
        early = [s for s in answer.segments if s.start < window.start < s.end]
        return [s.model_copy(update={"start": window.start}) for s in early[-1:]] + inside

    async def _relabelled(
        self, scene: Scene, task: str, spans: Sequence[Span], model: Model, view: View, frames: EpisodeFrames
    ) -> list[Span]:
        """The spans with each label checked beside its neighbours."""
        episode = scene.episode

        def sheets(span: Span) -> Sheets:
            start, end = episode.time_of(span.start), episode.time_of(span.end - 1) + 0.5 / episode.fps
            return view.sheets(frames, view.closely(episode, self._settings.relabel_frames, start, end))

        shown = [None, *map(sheets, spans), None]
        labels = ["", *(span.label for span in spans), ""]
        answers = await asyncio.gather(
            *(
                model.answer(
                    RelabelSegment(
                        episode=episode.index,
                        seed=scene.seed_for(f"relabel/{at}"),
                        task=task,
                        label=span.label,
                        before=labels[at],
                        after=labels[at + 2],
                        start=episode.time_of(span.start),
                        end=episode.time_of(span.end - 1) + 1 / episode.fps,
                        sheets=(shown[at], shown[at + 1], shown[at + 2]),
                    )
                )
                for at, span in enumerate(spans)
            )
        )
        relabelled = [
            Span(span.start, span.end, tidy_label(answer.label))
            for span, answer in zip(spans, answers, strict=True)
        ]
        return join_equal(relabelled)
