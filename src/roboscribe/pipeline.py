"""The story on one screen: open a dataset, annotate its episodes, validate the rows, write them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from roboscribe.annotators.registry import select_annotators
from roboscribe.annotators.selection import Selection
from roboscribe.config import AnnotateSettings, parse_episodes
from roboscribe.dataset import Dataset, check_episodes, open_dataset
from roboscribe.dataset.declare import tool_names
from roboscribe.dataset.hub import locate
from roboscribe.dataset.rewrite import WriteReport
from roboscribe.dataset.writer import EpisodeUpdate, check_target, write_language
from roboscribe.events import (
    EpisodeStaged,
    Listener,
    Note,
    RunFinished,
    ShardWritten,
    StagingStarted,
    WritingStarted,
    ignore,
)
from roboscribe.frames import FrameSettings, FrameStore
from roboscribe.language import Row
from roboscribe.models.base import Model
from roboscribe.models.ledger import Budget
from roboscribe.models.select import open_model
from roboscribe.prompts import Prompts
from roboscribe.staging import STAGES, Staging
from roboscribe.staging.ahead import Ahead
from roboscribe.staging.loop import EpisodeLoop
from roboscribe.staging.pace import Pace, PacedModel
from roboscribe.staging.produce import produce
from roboscribe.staging.runrecord import PATH as RUN_RECORD
from roboscribe.staging.runrecord import RunRecord, Written
from roboscribe.validation import Finding
from roboscribe.validation.update import UNWRITABLE, new_findings

VERIFIED = 1000
"""Episodes whose rows are checked before anything is spent; checking all of 40,000 would take minutes."""


def annotate(
    settings: AnnotateSettings, listen: Listener = ignore, model: Model | None = None, *, write: bool = True
) -> RunFinished:
    """Annotate a dataset, and write it where the settings say.

    Episodes that fail, or whose rows do not pass validation, stay as they were; the others are written.
    Staged results that still hold are reused.

    Args:
        settings: What to do.
        listen: Called with every event of the run, from this thread.
        model: Answers the asks; the one that the settings name when left out.
        write: Whether the dataset is written; otherwise results are staged, for another run to write.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand; nothing was written.
    """
    started = time.monotonic()
    opened = open_datasets(settings)
    source, stored, target, episodes = opened.source, opened.stored, opened.target, opened.episodes
    source.verify(episodes[:VERIFIED])

    def say(text: str) -> None:
        listen(Note(text))

    with nullcontext(model) if model else _open_model(settings, say) as model:
        selection = select_annotators(settings, model.looks)
        for note in source.notes:
            say(note)
        if settings.skip_validation:
            say("VALIDATION IS SKIPPED (--skip-validation): rows are written whatever rule they break.")
        staging = Staging(target, len(source.episode_indices))
        frames = FrameStore(FrameSettings(thumbnail_side=settings.frames.thumbnail_side))
        ahead = Ahead(source, stored, selection, model, staging, settings.seed, frames, Pace(model.at_once))
        loop = EpisodeLoop(model, staging, listen, ahead.pace)
        run = Run(source, stored, selection, model, staging, settings, listen, ahead, loop)
        written = tuple(annotator.name for annotator in selection.in_order if annotator.styles)
        listen(StagingStarted(len(episodes), written, model.identity))
        asyncio.run(run.stage(episodes))
        ready = write and run.ready
        report = run.write(target, settings.writer.tools_column) if ready else WriteReport()

    finished = RunFinished(
        annotated=len(run.ready),
        failed=len(loop.failures | loop.left),
        asks=loop.asks,
        rows=sum(ready.rows for ready in run.ready.values()),
        shards_written=report.shards_written,
        files_written=len(report.files),
        seconds=time.monotonic() - started,
        target=str(target),
        spent=loop.spent,
        stopped=loop.stopped,
        warnings=run.warnings,
        left_out=run.left_out,
        validated=not settings.skip_validation,
    )
    listen(finished)
    return finished


@dataclass(frozen=True, slots=True)
class Opened:
    """What a run works on.

    Attributes:
        source: Where episodes come from.
        stored: Where the rows already written are: the output dataset once it exists, else the source.
        target: Folder of the annotated dataset.
        episodes: Indices of the episodes to annotate, ascending.
    """

    source: Dataset
    stored: Dataset
    target: Path
    episodes: tuple[int, ...]


def open_datasets(settings: AnnotateSettings, *, sparse: bool = False) -> Opened:
    """Open what the settings name, and make sure that it can be read and written.

    Args:
        settings: Of the run.
        sparse: Whether few of the episodes will be read.

    Raises:
        RoboscribeError: It cannot be, or there is no such episode or camera.
    """
    wanted = parse_episodes(settings.episodes)
    source = open_dataset(locate(settings), sparse=sparse)
    episodes = check_episodes(source, wanted)
    for section in (settings.frames, settings.vqa, settings.trace):
        for key in section.cameras:
            source.camera(key)
    target = settings.output_dir or source.root
    return Opened(source, check_target(source, target), target, episodes)


def _open_model(settings: AnnotateSettings, say: Callable[[str], None]) -> AbstractContextManager[Model]:
    budget = Budget(settings.max_cost, settings.max_calls)
    return open_model(settings.vlm, budget, Prompts(settings.prompts), say)


@dataclass(frozen=True, slots=True)
class Ready:
    """What is to be written of an episode.

    Attributes:
        annotators: Names of those whose rows take the place of the dataset's.
        rows: Number of rows.
        replaced: Number of rows of each annotator that they take the place of.
    """

    annotators: tuple[str, ...]
    rows: int
    replaced: tuple[int, ...]


@dataclass
class Run:
    """One run over a dataset.

    Attributes:
        source: Where episodes come from.
        stored: Where the rows already written are: the output dataset once it exists, else the source.
        selection: The annotators, and which of them are to be made.
        model: Answers their asks.
        staging: Where their results are kept.
        settings: What to do.
        listen: Told of every event.
        ahead: Prepares episodes before they are asked about.
        loop: Puts episodes through their work.
        ready: What is to be written of each episode that is ready.
        warnings: Warnings about the rows of episodes that are ready.
        left_out: Answers that are missing in them, as all that the model said was impossible.
        strange: Styles met in the dataset that are none of LeRobot's.
    """

    source: Dataset
    stored: Dataset
    selection: Selection
    model: Model
    staging: Staging
    settings: AnnotateSettings
    listen: Listener
    ahead: Ahead
    loop: EpisodeLoop
    ready: dict[int, Ready] = field(default_factory=dict[int, "Ready"])
    warnings: int = 0
    left_out: int = 0
    strange: set[str] = field(default_factory=set[str])

    async def stage(self, episodes: Sequence[int]) -> None:
        """Annotate and validate every episode, in order as far as they start.

        An episode is read, and its frames are decoded, ahead of its asks; it is begun as soon as the model is
        running out of asks and there is memory for its frames. So the model is never without work, and memory
        stays flat however many episodes there are.

        Raises:
            RunStopped: The model cannot be used at all; nothing was done.
        """
        async with self.loop.opened():
            await self.loop.each(episodes, self._stage_one)

    async def _stage_one(self, index: int) -> None:
        async with self.ahead.scene(index) as (scene, stored):
            model = PacedModel(self.model, self.ahead.pace)
            usable = self.loop.usable
            produced = await produce(scene, self.selection, model, self.staging, stored, usable)
        episode = scene.episode
        self._tell_of_strange(stored)
        self.loop.asks += produced.asks
        for stage in STAGES:
            self.staging.forget(index, stage)
        if produced.failure is not None:
            self.loop.fail(index, *produced.failure)
            return
        update = self._update(produced.rows)
        found = new_findings(episode, stored, update, tool_names(self.stored.info.raw.get("tools")))
        breach = next(filter(self._is_breach, found), None)
        if breach is not None:
            self.loop.fail(index, "validate", f"{breach.rule}: {breach.message} {breach.fix}")
            return
        replaced = tuple(len(self._rows_of(name, stored)) for name in produced.written)
        self.ready[index] = Ready(produced.written, len(update.rows), replaced)
        self.left_out += produced.left_out
        self.warnings += sum(finding.severity == "warning" for finding in found)
        self.listen(EpisodeStaged(index, produced.asks, produced.made, produced.reused, self.loop.spent))

    def _tell_of_strange(self, stored: Sequence[Row]) -> None:
        """Say of each style that is none of LeRobot's, once, that its rows stay."""
        for style in sorted({row.style or "" for row in stored if row.found_in} - self.strange):
            self.strange.add(style)
            self.listen(
                Note(f"The dataset has rows of the style {style!r}, which LeRobot does not know; they stay.")
            )

    def _is_breach(self, finding: Finding) -> bool:
        """Whether a finding keeps its episode from being written."""
        if self.settings.skip_validation:
            return finding.rule in UNWRITABLE
        return self.settings.strict or finding.severity == "error"

    def _rows_of(self, annotator: str, rows: Sequence[Row]) -> list[Row]:
        styles = self.selection.annotators[annotator].styles
        return [row for row in rows if row.is_of(styles)]

    def _update(self, made: Mapping[str, Sequence[Row]]) -> EpisodeUpdate:
        """The rows of some annotators, to take the place of an episode's rows of their styles."""
        styles = (self.selection.annotators[name].styles for name in made)
        return EpisodeUpdate(list(chain(*made.values())), frozenset[str | None]().union(*styles))

    def write(self, target: Path, tools_column: bool) -> WriteReport:
        """Write the rows of every episode that is ready."""

        def update(index: int) -> EpisodeUpdate | None:
            if index not in self.ready:
                return None
            names = self.ready[index].annotators
            return self._update({name: self.staging.rows(index, name) for name in names})

        record = RunRecord.read(self.stored.root).after(self._written(), not self.settings.skip_validation)
        self.listen(WritingStarted(len(self.source.shards())))
        return write_language(
            self.source,
            target,
            update,
            meta_files={RUN_RECORD: record.to_bytes(self.staging)},
            tools_column=tools_column,
            on_shard=lambda shard: self.listen(ShardWritten(shard.relative)),
        )

    def _written(self) -> Iterator[Written]:
        """What is to be written, for the run record."""
        for index, ready in sorted(self.ready.items()):
            for name, replaced in zip(ready.annotators, ready.replaced, strict=True):
                if record := self.staging.record(index, name):
                    yield Written(index, record.made_by, record.rows, replaced)
