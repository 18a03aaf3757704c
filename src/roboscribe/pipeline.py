"""The story on one screen: open a dataset, annotate its episodes, validate the rows, write them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path

from roboscribe.annotators.registry import select_annotators, told_of_none
from roboscribe.annotators.selection import Selection
from roboscribe.config import AnnotateSettings
from roboscribe.dataset import Dataset, Shard, open_dataset
from roboscribe.dataset.declare import tool_names
from roboscribe.dataset.prepared import PreparedFile, PreparedFiles
from roboscribe.dataset.rewrite import Rewrite, WriteReport
from roboscribe.dataset.writer import DROPPED, EpisodeUpdate, language_rewrite
from roboscribe.events import (
    EpisodeStaged,
    Event,
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
from roboscribe.memory import give_back
from roboscribe.models.base import Model
from roboscribe.models.builtin import BuiltinModel
from roboscribe.models.ledger import Budget
from roboscribe.models.select import open_model
from roboscribe.models.staged import StagedModel
from roboscribe.opened import VERIFIED, Opened, open_datasets, unread_tasks
from roboscribe.prompts import Prompts
from roboscribe.staging import STAGES, Staging
from roboscribe.staging.account import Account, Piece, Ready
from roboscribe.staging.ahead import Ahead
from roboscribe.staging.basis import Basis
from roboscribe.staging.loop import EpisodeLoop
from roboscribe.staging.pace import PREPARED_AT_ONCE, Pace, PacedModel
from roboscribe.staging.pool import Pool
from roboscribe.staging.produce import produce
from roboscribe.staging.runrecord import PATH as RUN_RECORD
from roboscribe.staging.runrecord import RunRecord, Written
from roboscribe.threads import off_loop
from roboscribe.validation import Finding
from roboscribe.validation.overall import balance
from roboscribe.validation.update import UNWRITABLE, new_findings
from roboscribe.validation.vqa import kinds_in


def annotate(
    settings: AnnotateSettings,
    listen: Listener = ignore,
    model: Model | None = None,
    *,
    write: bool = True,
    processes: int = 1,
) -> RunFinished:
    """Annotate a dataset, and write it where the settings say.

    Episodes that fail, or whose rows do not pass validation, stay as they were; the others are written.
    Staged results that still hold are reused, and so are data files that ``prepare`` made.

    Args:
        settings: What to do.
        listen: Called with every event of the run, from this thread.
        model: Answers the asks; the one that the settings name when left out.
        write: Whether the dataset is written; otherwise results are staged, for another run to write.
        processes: How many share a long run of the builtin model. They are started anew, so a script that wants more
            than one needs ``if __name__ == "__main__"``.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand; nothing was written.
    """
    with _run(settings, listen, model) as run:
        run.announce()
        if write:
            run.recall(run.source.shards())
        run.stage(processes)
        return run.finished(run.write() if write and run.ready else WriteReport())


def prepare(
    settings: AnnotateSettings, files: range, listen: Listener = ignore, model: Model | None = None
) -> RunFinished:
    """Validate what is staged for some data files, and make them as they shall be, for ``annotate`` to put in place.

    Those that are made already and still hold are left as they are.

    Args:
        settings: What to do.
        files: Numbers of the data files.
        listen: Called with every event of the run, from this thread.
        model: As for ``annotate``.

    Raises:
        RoboscribeError: They cannot be made; those that were are kept.
    """
    with _run(settings, listen, model) as run:
        shards = run.source.shards()[files.start : files.stop]
        inside = {index for shard in shards for index in shard.episodes}
        run.episodes = tuple(index for index in run.episodes if index in inside)
        run.announce()
        missing = run.recall(shards)
        run.stage()
        return run.finished(run.prepare(missing) if not run.loop.stopped else WriteReport())


@contextmanager
def _run(settings: AnnotateSettings, listen: Listener, model: Model | None) -> Generator[Run]:
    """The run that the settings describe."""
    started = time.monotonic()
    opened = open_datasets(settings)
    opened.source.verify(opened.episodes[:VERIFIED])

    def say(text: str) -> None:
        listen(Note(text))

    with nullcontext(model) if model else _open_model(settings, say) as model:
        yield Run.of(opened, settings, model, opened.staging(), listen, started)


def _open_model(settings: AnnotateSettings, say: Callable[[str], None]) -> AbstractContextManager[Model]:
    budget = Budget(settings.max_cost, settings.max_calls)
    return open_model(settings.vlm, budget, Prompts(settings.prompts), say)


@dataclass
class Run:
    """One run over a dataset.

    Attributes:
        episodes: Indices of the episodes it is about, ascending.
        target: Folder of the annotated dataset.
        selection: The annotators, and which of them are to be made.
        model: Answers their asks.
        staging: Where their results are kept.
        settings: What to do.
        listen: Told of every event.
        ahead: Prepares episodes before they are asked about.
        loop: Puts episodes through their work.
        started: When it began, in seconds.
        ready: What is to be written of each episode that is ready.
        prepared: Data files that are made already, by path.
        strange: Styles met in the dataset that are none of LeRobot's.
    """

    episodes: tuple[int, ...]
    target: Path
    selection: Selection
    model: Model
    staging: Staging
    settings: AnnotateSettings
    listen: Listener
    ahead: Ahead
    loop: EpisodeLoop
    started: float
    ready: dict[int, Ready] = field(default_factory=dict[int, Ready])
    prepared: dict[str, PreparedFile] = field(default_factory=dict[str, PreparedFile])
    strange: set[str] = field(default_factory=set[str])

    @classmethod
    def of(
        cls,
        opened: Opened,
        settings: AnnotateSettings,
        model: Model,
        staging: Staging,
        listen: Listener,
        started: float,
        prepared: int = PREPARED_AT_ONCE,
    ) -> Run:
        """A run over what was opened, which prepares so many episodes at the same time."""
        selection = select_annotators(settings, model.looks)
        frames = FrameStore(FrameSettings(thumbnail_side=settings.frames.thumbnail_side))
        pace = Pace(model.at_once, prepared)
        seed = settings.seed
        ahead = Ahead(opened.source, opened.stored, selection, model, staging, seed, frames, pace)
        loop = EpisodeLoop(model, staging, listen, pace)
        return cls(
            opened.episodes, opened.target, selection, model, staging, settings, listen, ahead, loop, started
        )

    @property
    def source(self) -> Dataset:
        """Where episodes come from."""
        return self.ahead.source

    @property
    def stored(self) -> Dataset:
        """Where the rows already written are: the output dataset once it exists, else the source."""
        return self.ahead.stored

    @property
    def account(self) -> Account:
        """What became of the episodes so far."""
        return Account(self.ready, self.loop.failures, tuple(sorted(self.loop.left)))

    @cached_property
    def files(self) -> PreparedFiles:
        """Data files that were made ahead for the target."""
        return PreparedFiles(self.target)

    def announce(self) -> None:
        """Tell what is odd about the dataset and the settings, and that the run begins."""
        for note in self.source.notes:
            self.listen(Note(note))
        for column in DROPPED:
            if column in self.stored.info.features:
                self.listen(
                    Note(
                        f"The dataset's {column} is left out of what is written, as language columns take its place;"
                        " `roboscribe convert --to language` makes subtask rows of it."
                    )
                )
        if self.settings.skip_validation:
            self.listen(
                Note("VALIDATION IS SKIPPED (--skip-validation): rows are written whatever rule they break.")
            )
        asks = any(annotator.asks for annotator in self.selection.in_order)
        if asks and (text := unread_tasks(self.source, self.episodes, self.model)):
            self.listen(Note(text))
        written = tuple(annotator.name for annotator in self.selection.in_order if annotator.styles)
        self.listen(StagingStarted(len(self.episodes), written, self.model.identity))

    def recall(self, shards: Sequence[Shard]) -> list[Shard]:
        """Take over what is told of data files that are made already; the others of them.

        A model that can still be asked tries again what failed, so files without some episodes are not for it.
        """
        for shard in shards:
            made = self.files.find(shard.relative, lambda shard=shard: self._made_from(shard))
            if made is None:
                continue
            account, spent = Account.of(made.account), self.loop.spent
            if (account.failed or account.left) and not isinstance(self.model, StagedModel):
                continue
            self.prepared[shard.relative] = made
            told = (EpisodeStaged(i, 0, (), one.annotators, spent) for i, one in account.ready.items())
            self._take_over(account, told)
        return [shard for shard in shards if shard.relative not in self.prepared]

    def stage(self, processes: int = 1) -> None:
        """Annotate and validate every episode that nothing is known of, in order as far as they start.

        An episode is read, and its frames are decoded, ahead of its asks; it is begun as soon as the model is
        running out of asks and there is memory for its frames. So the model is never without work, and memory
        stays flat however many episodes there are.

        Args:
            processes: How many share a long run of the builtin model.

        Raises:
            RunStopped: The model cannot be used at all and nothing was done, or a process has ended unexpectedly.
        """
        known = self.ready.keys() | self.loop.failures.keys() | self.loop.left
        episodes = [index for index in self.episodes if index not in known]
        divided = processes > 1 and isinstance(self.model, BuiltinModel)
        opening = partial(_opened_beside, self.settings, self.source.root, self.stored.root, self.target)
        asyncio.run(self._stage(episodes, Pool(processes, opening) if divided else None))

    async def _stage(self, episodes: Sequence[int], pool: Pool | None) -> None:
        async with self.loop.opened(self.ahead.showing(episodes)):
            left = deque(episodes)
            await self.loop.each(pool.before(left) if pool else episodes, self._stage_one)
            self._let_go()
            if pool and left and self.loop.goes_on():
                await pool.each(tuple(left), self.loop.goes_on, self._take)
            await off_loop(self.staging.seal)

    def _let_go(self) -> None:
        """Give back the memory that staging took, as writing, or other processes, are to have it."""
        self.source.let_go()
        self.stored.let_go()
        give_back()

    async def stage_piece(self) -> None:
        """Annotate and validate the episodes of a run that another process is in charge of."""
        async with self.loop.opened(self.ahead.showing(self.episodes)):
            await self.loop.each(self.episodes, self._stage_one)

    def _take(self, piece: Piece) -> None:
        """Take over what another process has done."""
        self.loop.asks += piece.asks
        self.ahead.pace.answered += piece.asks
        self.loop.stopped = self.loop.stopped or piece.stopped
        self._tell_of_strange(piece.strange)
        self._take_over(piece.account, piece.staged)

    def _take_over(self, account: Account, staged: Iterable[EpisodeStaged]) -> None:
        """Take over what is told of episodes that were worked on elsewhere."""
        self.ready |= account.ready
        self.loop.left |= set(account.left)
        for index, reason in account.failed.items():
            self.loop.fail(index, *reason)
        for event in staged:
            self.listen(event)

    async def _stage_one(self, index: int) -> None:
        async with self.ahead.scene(index) as (scene, stored):
            model = PacedModel(self.model, self.ahead.pace)
            usable = self.loop.usable
            produced = await produce(scene, self.selection, model, self.staging, stored, usable)
        episode = scene.episode
        self._tell_of_strange({row.style or "" for row in stored if row.found_in})
        self.loop.asks += produced.asks
        # Nobody waits any more for what is turned off.
        for name in (*STAGES, *self.selection.off):
            self.staging.forget_failure(index, name)
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
        rows = tuple(len(produced.rows[name]) for name in produced.written)
        warnings = sum(finding.severity == "warning" for finding in found)
        seen = kinds_in(update.rows)
        self.ready[index] = Ready(produced.written, rows, replaced, warnings, produced.left_out, seen)
        self.listen(EpisodeStaged(index, produced.asks, produced.made, produced.reused, self.loop.spent))

    def _tell_of_strange(self, styles: Set[str]) -> None:
        """Say of each style that is none of LeRobot's, once, that its rows stay."""
        for style in sorted(styles - self.strange):
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

    @cached_property
    def _rewrite(self) -> Rewrite:
        """The rows of every episode that is ready."""

        def update(index: int) -> EpisodeUpdate | None:
            if index not in self.ready:
                return None
            names = self.ready[index].annotators
            return self._update({name: self.staging.rows(index, name) for name in names})

        tools_column = self.settings.writer.tools_column
        return language_rewrite(self.source, self.target, update, tools_column=tools_column)

    def write(self) -> WriteReport:
        """Write the rows of every episode that is ready."""
        record = RunRecord.read(self.stored.root).after(self._written(), not self.settings.skip_validation)
        seen = chain.from_iterable(ready.seen for ready in self.ready.values())
        for finding in balance(seen, self.settings.vqa.kinds):
            self.listen(Note(f"{finding.message} {finding.fix}"))
        self._tell_of_none()
        self.listen(WritingStarted(len(self.source.shards())))
        report = self._rewrite.commit(
            {RUN_RECORD: record.to_bytes(self.staging)},
            lambda shard: self.listen(ShardWritten(shard.relative)),
            self.prepared,
        )
        self.files.clear()
        return report

    def _tell_of_none(self) -> None:
        """Say of each annotator in how many episodes it has found nothing to write."""
        made, empty = Counter[str](), Counter[str]()
        for ready in self.ready.values():
            made.update(ready.annotators)
            empty.update(name for name, rows in zip(ready.annotators, ready.rows, strict=True) if not rows)
        for name in made:
            if text := told_of_none(name, empty[name], made[name]):
                self.listen(Note(text))

    def prepare(self, shards: Sequence[Shard]) -> WriteReport:
        """Make data files with the rows of every episode that is ready, for another run to put in place."""
        account = self.account
        self.listen(WritingStarted(len(self.prepared) + len(shards)))
        for relative in self.prepared:
            self.listen(ShardWritten(relative))
        for shard in shards:
            told = account.about(shard.episodes).to_json()
            self._rewrite.prepare(shard, self.files, self._made_from(shard), told)
            self.listen(ShardWritten(shard.relative))
        return WriteReport(shards_written=len(shards), shards_unchanged=len(self.prepared))

    def _made_from(self, shard: Shard) -> str:
        """Digest of all that a data file is made from."""
        return self._basis.digest(shard, self._wanted.intersection(shard.episodes))

    @cached_property
    def _wanted(self) -> frozenset[int]:
        return frozenset(self.episodes)

    @cached_property
    def _basis(self) -> Basis:
        selection, settings = self.selection, self.settings
        how = {
            "annotators": [sorted(names) for names in (selection.chosen, selection.off, selection.redo)],
            "strict": settings.strict,
            "skip_validation": settings.skip_validation,
            "tools_column": settings.writer.tools_column,
        }
        return Basis(self.source, self.stored, self.staging, self.ahead.made_by, how)

    def _written(self) -> Iterator[Written]:
        """What is to be written, for the run record."""
        for index, ready in sorted(self.ready.items()):
            for name, rows, replaced in zip(ready.annotators, ready.rows, ready.replaced, strict=True):
                yield Written(index, self.ahead.made_by[name], rows, replaced)

    def finished(self, report: WriteReport) -> RunFinished:
        """Tell that the run is over."""
        finished = RunFinished(
            annotated=len(self.ready),
            failed=self.loop.failed,
            asks=self.loop.asks,
            rows=sum(sum(ready.rows) for ready in self.ready.values()),
            shards_written=report.shards_written,
            files_written=len(report.files),
            seconds=time.monotonic() - self.started,
            target=str(self.target),
            spent=self.loop.spent,
            stopped=self.loop.stopped,
            warnings=sum(ready.warnings for ready in self.ready.values()),
            left_out=sum(ready.left_out for ready in self.ready.values()),
            validated=not self.settings.skip_validation,
        )
        self.listen(finished)
        return finished


def _opened_beside(
    settings: AnnotateSettings, source: Path, stored: Path, target: Path
) -> Callable[[Sequence[int]], Piece]:
    """What stages episodes of a run in another process; the folders are those of what is opened here."""
    dataset = open_dataset(source)
    opened = Opened(dataset, dataset if stored == source else open_dataset(stored), target, ())
    staging = opened.staging()

    def stage(episodes: Sequence[int]) -> Piece:
        staged: list[EpisodeStaged] = []

        def listen(event: Event) -> None:
            if isinstance(event, EpisodeStaged):
                staged.append(event)

        part = replace(opened, episodes=tuple(episodes))
        run = Run.of(part, settings, BuiltinModel(), staging, listen, time.monotonic(), prepared=1)
        asyncio.run(run.stage_piece())
        loop = run.loop
        return Piece(run.account, tuple(staged), loop.asks, loop.stopped, frozenset(run.strange))

    return stage
