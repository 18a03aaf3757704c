"""Interjections: subtasks go in; what a person says meanwhile, and the robot's speech from the start on, come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from roboscribe.annotators.base import Scene, Upstream
from roboscribe.annotators.moments import moments_of
from roboscribe.annotators.spans import Span, arms_of, spans_of
from roboscribe.annotators.task import task_of
from roboscribe.annotators.view import View
from roboscribe.asks import Interject, Interjection, Moment, Sheets, Talk
from roboscribe.config import InterjectionsSettings, answer_settings
from roboscribe.episode import Episode
from roboscribe.errors import AnswerError
from roboscribe.frames import FrameNeeds
from roboscribe.language import Row, say
from roboscribe.models.base import Model

_BEFORE = _AFTER = 3
"""Frames shown before and after a moment; they are among those that are shown for segmentation."""

_PER_ASK = 50
"""Most moments in one request, whether they come with frames or not."""


class Interjections:
    """Asks in one request for the robot's first words and for what is said at a few subtask boundaries.

    The robot's motion is recorded, so a person's words must fit what it does next. They lie on subtask
    boundaries, where the plan is stated anew as well.
    """

    name = "interjections"
    version = 4
    styles = frozenset[str | None]({"interjection", None})
    requires = ("subtasks", "task")
    accompanies: tuple[str, ...] = ()
    reads_signals = True
    why_none = ""
    asks = (Interject,)

    def __init__(self, settings: InterjectionsSettings, view: View | None) -> None:
        self._settings = settings
        self._view = view

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that change the rows."""
        return answer_settings(self._settings) | (answer_settings(self._view.settings) if self._view else {})

    def needs(self, episode: Episode) -> FrameNeeds:
        """The frames that segmentation shows: it is not known yet which of them lie at boundaries."""
        if self._view is None or not self._settings.most:
            return FrameNeeds()
        return self._view.needs(episode, _shown(self._view, episode))

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """A speech row at the start, and at each moment an ``interjection`` row and a speech row."""
        spans = spans_of(upstream["subtasks"], scene.episode)
        task = task_of(scene, upstream)
        moments = self._moments(scene, task, spans)
        said = await self._talk(scene, task, spans, moments, model)
        rows = [say(_line(said.opening or ""), scene.episode.time_of(0))]
        for moment, interjection in zip(moments, said.interjections, strict=True):
            if interjection is None:
                continue
            rows.append(Row("user", _line(interjection.request), "interjection", moment.time))
            rows.append(say(_line(interjection.speech), moment.time))
        return rows

    def _moments(self, scene: Scene, task: str, spans: Sequence[Span]) -> list[Moment]:
        """When and what for, with the frames around each moment for a model that looks."""
        episode = scene.episode
        times = [episode.time_of(span.start) for span in spans]
        labels = [span.label for span in spans]
        moments = moments_of(task, labels, times, self._settings, scene.seed_for("interjections/moments"))
        if self._view is None or scene.frames is None:
            return moments
        cameras = len(self._view.cameras(episode))
        # One row of cells for the frames before, one for those after.
        settings = self._view.settings
        view = View(replace(settings, columns=_BEFORE, rows=max(settings.rows, 2 * cameras)))
        shown = _shown(self._view, episode)

        def around(moment: Moment) -> Sheets | None:
            start = spans[moment.done].start
            before = [index for index in shown if index < start][-_BEFORE:]
            after = [index for index in shown if index >= start][:_AFTER]
            return view.sheets(scene.frames, [*before, *after]) if scene.frames else None

        return [replace(moment, sheets=around(moment)) for moment in moments]

    async def _talk(
        self, scene: Scene, task: str, spans: Sequence[Span], moments: Sequence[Moment], model: Model
    ) -> Talk:
        """First words, and what is said at each moment, None where nothing fits.

        Where nothing of one kind fits, another kind is tried once.
        """
        whole = Interject(
            episode=scene.episode.index,
            task=task,
            subtasks=tuple(span.label for span in spans),
            arms=arms_of(spans, scene.episode, scene.signals),
            opens=True,
        )
        first = await self._asked(scene, "interjections", whole, moments, model)
        made = dict(zip(moments, first.interjections, strict=True))
        again = {moment: other for moment in moments if not made[moment] and (other := moment.redrawn)}
        if again:
            rest = replace(whole, opens=False, said=_requests(made.values()))
            # What cannot be answered at all leaves these moments as they are: nobody has to speak there.
            with suppress(AnswerError):
                second = await self._asked(scene, "interjections/again", rest, [*again.values()], model)
                made |= zip(again, second.interjections, strict=True)
        return Talk(opening=first.opening, interjections=[*made.values()])

    async def _asked(
        self, scene: Scene, purpose: str, whole: Interject, moments: Sequence[Moment], model: Model
    ) -> Talk:
        """An ask about these moments, in few requests by the frames they show; the first words come with the first."""
        frames = self._view.settings.per_ask // (_BEFORE + _AFTER) if self._view else _PER_ASK
        size = max(1, min(_PER_ASK, frames))
        said = Talk()
        for start in range(0, max(1, len(moments)), size):
            answer = await model.answer(
                replace(
                    whole,
                    seed=scene.seed_for(f"{purpose}/{start}"),
                    moments=tuple(moments[start : start + size]),
                    opens=whole.opens and start == 0,
                    said=(*whole.said, *_requests(said.interjections)),
                )
            )
            said = Talk(
                opening=said.opening or answer.opening,
                interjections=[*said.interjections, *answer.interjections],
            )
        return said


def _requests(made: Iterable[Interjection | None]) -> tuple[str, ...]:
    return tuple(interjection.request for interjection in made if interjection)


def _shown(view: View, episode: Episode) -> list[int]:
    """Indices of the frames that segmentation shows."""
    return [index for window in view.windows(episode) for index in window.indices]


def _line(text: str) -> str:
    return " ".join(text.split())
