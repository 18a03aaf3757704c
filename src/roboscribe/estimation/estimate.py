"""The estimate of a run: it is rehearsed on some of its episodes, and what all of them would take comes out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping

from roboscribe.annotators.registry import select_annotators
from roboscribe.asks.base import derive_seed
from roboscribe.config import AnnotateSettings, GpuSettings
from roboscribe.errors import SettingsError
from roboscribe.estimation.rehearse import Rehearsed, Stage
from roboscribe.estimation.result import Estimate
from roboscribe.estimation.sample import draw
from roboscribe.estimation.sums import ENOUGH, Sums
from roboscribe.estimation.telling import tell
from roboscribe.frames import FrameSettings, FrameStore
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.ledger import Budget, Ledger, Prices
from roboscribe.models.select import rehearse_model
from roboscribe.opened import Opened, open_datasets
from roboscribe.prompts import Prompts
from roboscribe.staging import Staging
from roboscribe.staging.ahead import showing
from roboscribe.staging.unsaved import UnsavedStaging

_SAMPLE = 64
"""Most episodes to rehearse: what differs from one to the next by half is then known to some 6 % of all."""
_FRAMES = 25_000
"""Frames of episodes that are rehearsed in a few seconds. Of long episodes fewer will do: a long one is many asks,
which are much the same number in another of its length."""
_LEAST = 6
"""Fewest episodes to rehearse, however long."""

_LEARNING = 8
"""Finished episodes whose replies are compared with what would have been foreseen of them."""


def estimate(
    settings: AnnotateSettings,
    *,
    sample: int | None = None,
    seconds_per_call: float | None = None,
    gpus: GpuSettings | None = None,
    say: Callable[[str], None] = lambda note: None,
    environ: Mapping[str, str] = os.environ,
) -> Estimate:
    """Foresee what a run with these settings would take.

    Nothing is written, no model is asked and no frame is decoded. Replies that the request cache keeps of
    earlier runs correct what is foreseen.

    Args:
        settings: Of the run.
        sample: Episodes to rehearse; the others are taken to be like them. As many as take a few seconds when
            left out.
        seconds_per_call: How long a call lasts; as earlier calls did, or as assumed, when left out.
        say: Told what a user should know besides.
        environ: Environment variables.

    Raises:
        RoboscribeError: The run could not be done as the settings stand.
    """
    for flag, value in (("sample", sample), ("seconds-per-call", seconds_per_call)):
        if value is not None and not value > 0:
            raise SettingsError(f"--{flag} is {value:g}, but must be more than 0.")
    gpus = gpus or GpuSettings()
    if gpus.reads is not None and seconds_per_call is not None:
        raise SettingsError(
            "--seconds-per-call and --gpu.reads both tell how long a run takes.", "Leave one of the two out."
        )
    opened = open_datasets(settings, sparse=True)
    prices, budget = Prices.of(settings.vlm), Budget(settings.max_cost, settings.max_calls)
    # Refuses a limit that cannot be kept, as in a run.
    Ledger(prices, budget)
    for note in opened.source.notes:
        say(note)
    with rehearse_model(settings.vlm, Prompts(settings.prompts), say, environ=environ) as model:
        if model is None:
            return Estimate(str(opened.target), BuiltinModel.identity, True, len(opened.episodes))
        selection = select_annotators(settings, model.looks)
        frames = FrameStore(FrameSettings(thumbnail_side=settings.frames.thumbnail_side))
        stage = Stage(opened.source, opened.stored, selection, model, settings.seed, frames)
        size = _enough(opened) if sample is None else sample
        groups = draw(_by_what_is_staged(opened), size, derive_seed(settings.seed, 0, "estimate"))
        drawn = [index for group in groups for index in group.drawn]
        staging = UnsavedStaging(opened.target)
        rehearsed = {index: stage.rehearse(index, staging) for index in drawn}
        if settings.vlm.cache:
            _learn(stage, opened, rehearsed)
        shown = showing(opened.source, opened.stored, selection, Staging(opened.target), opened.episodes)
        probes = asyncio.run(model.probe(shown))
    sums = Sums(selection, model.lessons, opened.source.episode_length).over(groups, rehearsed, probes)
    return tell(opened, model, prices, budget, rehearsed, sums, seconds_per_call, gpus)


def _enough(opened: Opened) -> int:
    """How many episodes to rehearse."""
    frames = sum(map(opened.source.episode_length, opened.episodes)) / len(opened.episodes)
    return max(_LEAST, min(_SAMPLE, round(_FRAMES / frames)))


def _by_what_is_staged(opened: Opened) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Episodes with what is recorded of them: those that are begun take something else than the others."""
    recorded = Staging(opened.target).recorded()
    for index in opened.episodes:
        yield index, recorded.get(index, ())


def _learn(stage: Stage, opened: Opened, rehearsed: Mapping[int, Rehearsed]) -> None:
    """Rehearse finished episodes from their beginning, so that the replies they once got teach something.

    What is asked of episodes that were annotated before is staged, and so it is not rehearsed otherwise.
    """
    lessons = stage.model.lessons
    asked = {foreseen.name for episode in rehearsed.values() for foreseen in episode.foreseen}
    if all(name in lessons and lessons[name].replies >= ENOUGH for name in asked):
        return
    finished = [index for index, episode in rehearsed.items() if episode.reused]
    staging = UnsavedStaging(opened.target, reuse=False)
    for index in finished[:_LEARNING]:
        stage.rehearse(index, staging)
