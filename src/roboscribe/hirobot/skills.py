"""`roboscribe subtasks`: a dataset goes in, atomic skills of its episodes come out as index features."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from roboscribe.annotators.base import Scene
from roboscribe.annotators.lengths import Lengths
from roboscribe.annotators.selection import Selection
from roboscribe.annotators.skills import Skills
from roboscribe.annotators.spans import spans_of
from roboscribe.annotators.task import Task
from roboscribe.annotators.view import View
from roboscribe.asks import SegmentEpisode
from roboscribe.config import SkillsSettings
from roboscribe.dataset import Dataset
from roboscribe.dataset.index_features import (
    IndexWriter,
    Indices,
    largest_index,
    nameless,
    write_index_features,
)
from roboscribe.dataset.rewrite import WriteReport
from roboscribe.english.task import is_placeholder
from roboscribe.english.texts import distinct
from roboscribe.episode import Episode
from roboscribe.errors import EpisodeError
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
from roboscribe.hirobot.opened import Opened, model_of, open_for_index_features
from roboscribe.language import Row
from roboscribe.models.base import Model
from roboscribe.skills import (
    SUBTASK_INDEX,
    SUBTASKS,
    EpisodeSkills,
    Skill,
    SkillBook,
    read_skills,
    skill_files,
)
from roboscribe.staging import STAGES, Staging
from roboscribe.staging.ahead import Ahead
from roboscribe.staging.loop import EpisodeLoop
from roboscribe.staging.pace import Pace, PacedModel
from roboscribe.staging.produce import produce
from roboscribe.staging.runrecord import PATH as RUN_RECORD
from roboscribe.staging.runrecord import RunRecord, Written
from roboscribe.threads import off_loop

MOST_TASKS_TOLD = 5
"""Tasks named in the description of a dataset."""


def make_skills(
    settings: SkillsSettings,
    listen: Listener = ignore,
    model: Model | None = None,
    *,
    write: bool = True,
    to: IndexWriter = write_index_features,
) -> RunFinished:
    """Divide the episodes of a dataset into atomic skills, and write them where the settings say.

    Episodes that fail stay as they were; the others are written. Staged results that still hold are reused.
    Names that are in the dataset keep their numbers.

    Args:
        settings: What to do.
        listen: Called with every event of the run, from this thread.
        model: Answers the asks; the one that the settings name when left out.
        write: Whether the dataset is written; otherwise results are staged, for another run to write.
        to: Writes it.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand; nothing was written.
    """
    started = time.monotonic()
    opened = open_for_index_features(settings, settings.output_dir)
    with model_of(settings, model, listen) as model:
        opened.tell(listen, model)
        maker = SkillsMaker(settings, opened, model, listen)
        maker.check()
        maker.warn()
        listen(StagingStarted(len(opened.episodes), (maker.annotator.name,), model.identity))
        asyncio.run(maker.run(opened.episodes))
        report = maker.write(to) if write and maker.made else WriteReport()
    loop = maker.loop
    finished = RunFinished(
        annotated=len(maker.made),
        failed=loop.failed,
        asks=loop.asks,
        rows=sum(len(one.skills) for one in maker.made.values()),
        shards_written=report.shards_written,
        files_written=len(report.files),
        seconds=time.monotonic() - started,
        target=str(opened.target),
        spent=loop.spent,
        stopped=loop.stopped,
        called="skill",
    )
    listen(finished)
    return finished


@dataclass
class SkillsMaker:
    """Makes the skills of episodes, one by one.

    Attributes:
        settings: What to do.
        opened: The dataset.
        model: Answers the asks.
        listen: Told of every event.
        made: The skills of each episode that is done.
    """

    settings: SkillsSettings
    opened: Opened
    model: Model
    listen: Listener
    made: dict[int, EpisodeSkills] = field(default_factory=dict[int, EpisodeSkills])

    @cached_property
    def annotator(self) -> Skills:
        """Makes the skills of an episode."""
        return Skills(self.settings.subtasks, self._view, self._lengths)

    @property
    def _lengths(self) -> Lengths:
        return Lengths(self.settings.min_skill_seconds, self.settings.max_skill_seconds)

    @cached_property
    def _view(self) -> View | None:
        return View(self.settings.frames) if self.model.looks(SegmentEpisode) else None

    @cached_property
    def selection(self) -> Selection:
        """What is made: the task where the dataset does not tell it, and the skills."""
        return Selection.of([(True, Task(self.settings.task, self._view)), (True, self.annotator)], (), ())

    @cached_property
    def staging(self) -> Staging:
        """Where results are kept."""
        return Staging(self.opened.target, len(self.opened.source.episode_indices))

    @cached_property
    def loop(self) -> EpisodeLoop:
        """Puts episodes through their work."""
        return EpisodeLoop(self.model, self.staging, self.listen, Pace(self.model.at_once))

    @cached_property
    def ahead(self) -> Ahead:
        """Prepares episodes."""
        opened, frames = self.opened, self.opened.frames(self.settings.frames)
        return Ahead(
            opened.source,
            opened.base,
            self.selection,
            self.model,
            self.staging,
            self.settings.seed,
            frames,
            self.loop.pace,
        )

    def check(self) -> None:
        """Make sure that numbers which the dataset has are named.

        Raises:
            DatasetError: They are not: what is numbered now would give them names that are not theirs.
        """
        base = self.opened.base
        if SUBTASK_INDEX in base.info.features and read_skills(base.root) is None:
            raise nameless(base.root, SUBTASK_INDEX, SUBTASKS)

    def warn(self) -> None:
        """Tell if numbers of another tool, which keeps no file of skills, are about to be replaced."""
        base = self.opened.base
        known = read_skills(base.root)
        if SUBTASK_INDEX in base.info.features and known is not None and not known.episodes:
            self.listen(
                Note(
                    f"The dataset has {SUBTASK_INDEX} of another tool; that of the episodes worked on is replaced."
                    " Names keep their numbers."
                )
            )

    async def run(self, episodes: Sequence[int]) -> None:
        """Make the skills of these episodes.

        Raises:
            RunStopped: The model cannot be used at all; nothing was done.
        """
        async with self.loop.opened(self.ahead.showing(episodes)):
            await self.loop.each(episodes, self._work)
            await off_loop(self.staging.seal)

    async def _work(self, index: int) -> None:
        async with self.ahead.scene(index) as (scene, _):
            await self.loop.usable.wait()
            made = await self.make(scene, self.model)
        if made is not None:
            self.listen(made)

    async def make(self, scene: Scene, model: Model) -> EpisodeStaged | None:
        """Have the skills of one episode made by a model; None where that failed, which has been told.

        Raises:
            NotStaged: The model only stands in for one, and they would have to be made.
        """
        index = scene.episode.index
        paced = PacedModel(model, self.loop.pace)
        produced = await produce(scene, self.selection, paced, self.staging, ())
        self.loop.asks += produced.asks
        for stage in STAGES:
            self.staging.forget_failure(index, stage)
        if produced.failure is not None:
            self.loop.fail(index, *produced.failure)
            return None
        try:
            rows = self._rows(index, self.annotator.name), self._rows(index, "task")
            self.made[index] = skills_of_rows(scene.episode, *rows)
        except EpisodeError as error:
            self.loop.fail(index, "validate", str(error))
            return None
        return EpisodeStaged(index, produced.asks, produced.made, produced.reused, self.loop.spent)

    def _rows(self, index: int, name: str) -> list[Row]:
        return self.staging.rows(index, name)

    @cached_property
    def book(self) -> SkillBook:
        """The dataset's skills with those made in the place of those it has; to be read once all are made."""
        base = self.opened.base
        known = read_skills(base.root) or SkillBook()
        made = [one for _, one in sorted(self.made.items())]
        book = known.with_episodes(made)
        if len(book.names) > len(known.names):
            # A new name must not become that of frames whose number has none.
            book = known.numbered_from(largest_index(base, SUBTASK_INDEX) + 1).with_episodes(made)
        return replace(book, description=book.description or _description(self.opened.source))

    def numbers(self, index: int) -> Indices | None:
        """Number of the skill on each frame of an episode; None where none were made."""
        return self.book.numbers(index, self.opened.times(index)) if index in self.made else None

    @property
    def meta_files(self) -> Mapping[str, bytes]:
        """The files that tell of the skills."""
        return skill_files(self.book)

    def written(self) -> Iterator[Written]:
        """What is written, for the run record."""
        known = read_skills(self.opened.base.root) or SkillBook()
        for index, one in sorted(self.made.items()):
            if record := self.staging.record(index, self.annotator.name):
                before = known.episodes.get(index)
                yield Written(index, record.made_by, len(one.skills), len(before.skills) if before else 0)

    def write(self, to: IndexWriter) -> WriteReport:
        """Write the skills."""
        opened = self.opened
        record = RunRecord.read(opened.base.root).after(self.written())
        self.listen(WritingStarted(len(opened.source.shards())))
        return to(
            opened.source,
            opened.target,
            {SUBTASK_INDEX: self.numbers},
            meta_files={**self.meta_files, RUN_RECORD: record.to_bytes(self.staging)},
            on_shard=lambda shard: self.listen(ShardWritten(shard.relative)),
        )


def skills_of_rows(episode: Episode, rows: Sequence[Row], task: Sequence[Row] = ()) -> EpisodeSkills:
    """The skills of an episode from the rows that name them.

    Args:
        episode: The episode.
        rows: One ``subtask`` row at the start of each.
        task: The task as it was derived, if it was.

    Raises:
        EpisodeError: One has no name.
    """
    spans = spans_of(rows, episode)
    for span in spans:
        if not span.label.strip():
            raise EpisodeError(
                episode.index, f"The skill at {episode.time_of(span.start):.2f} s has no name."
            )
    ends = [*(episode.time_of(span.start) for span in spans[1:]), episode.end]
    description = next((row.content for row in task if row.content), episode.task)
    return EpisodeSkills(
        episode.index,
        description,
        tuple(
            Skill(span.label, episode.time_of(span.start), end) for span, end in zip(spans, ends, strict=True)
        ),
    )


def _description(dataset: Dataset) -> str:
    """What is done in a dataset: its tasks, as far as they are few."""
    texts = (text for index in dataset.episode_indices for text in dataset.episode_tasks(index))
    tasks = [text.rstrip(".") for text in distinct(text for text in texts if not is_placeholder(text))]
    more = f"; and {len(tasks) - MOST_TASKS_TOLD} more" if len(tasks) > MOST_TASKS_TOLD else ""
    return "; ".join(tasks[:MOST_TASKS_TOLD]) + more
