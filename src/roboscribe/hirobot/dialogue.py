"""`roboscribe dialogue`: a dataset with skills goes in, dialogues that lead to each come out as index features."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from pathlib import Path

from roboscribe.annotators.base import Scene
from roboscribe.annotators.view import View
from roboscribe.asks import Occasion, Sheets, Shot
from roboscribe.config import DialogueSettings, answer_settings
from roboscribe.config.hirobot import SUFFIX
from roboscribe.dataset import Dataset
from roboscribe.dataset.index_features import IndexWriter, write_index_features
from roboscribe.dataset.rewrite import WriteReport
from roboscribe.episode import Episode
from roboscribe.errors import AnswerError, DatasetError, EpisodeError, SettingsError
from roboscribe.events import EpisodeStaged, Listener, Note, RunFinished, StagingStarted, ignore
from roboscribe.frames import FrameNeeds, FrameStore
from roboscribe.hirobot.imagine import Imagination, Subject, exchanges, imagine
from roboscribe.hirobot.opened import Opened, model_of, open_for_index_features
from roboscribe.hirobot.samples import Sample, numbering, sample_frames, samples_of
from roboscribe.hirobot.skills import SkillsMaker
from roboscribe.hirobot.twins import twins
from roboscribe.hirobot.writing import Said, read_said, write_dialogue
from roboscribe.models.base import Model
from roboscribe.reading.episodes import AnnotatedDataset
from roboscribe.skills import EpisodeSkills, Skill, read_skills
from roboscribe.staging import STAGES, Record
from roboscribe.staging.answers import AnswerLog, key_of
from roboscribe.staging.pace import PacedModel
from roboscribe.staging.runrecord import Written
from roboscribe.threads import off_loop

NAME = "dialogue"


def make_dialogue(
    settings: DialogueSettings,
    listen: Listener = ignore,
    model: Model | None = None,
    *,
    first: Model | None = None,
    write: bool = True,
    to: IndexWriter = write_index_features,
) -> RunFinished:
    """Imagine dialogues for the skills of a dataset, and write them where the settings say.

    Each answer is kept as soon as it is there, so that the same command goes on after any interruption without
    asking anything twice. Episodes that fail stay as they were; the others are written.

    Args:
        settings: What to do.
        listen: Called with every event of the run, from this thread.
        model: Answers the asks; the one that the settings name when left out.
        first: Answers what is asked for the first time; ``model`` when left out. One that only stands in for it leaves
            episodes out that are not staged.
        write: Whether what is said twice is asked for again, and the dataset is written; otherwise answers are
            staged, for another run to do so.
        to: Writes it.

    Raises:
        RoboscribeError: Nothing can be done as the settings stand; nothing was written.
    """
    started = time.monotonic()
    opened = open_for_index_features(settings, target_of(settings))
    with model_of(_with_batches(settings), model, listen) as model:
        opened.tell(listen, model)
        maker = DialogueMaker(settings, opened, model, first or model, listen)
        maker.check()
        listen(StagingStarted(len(opened.episodes), (NAME,), model.identity))
        asyncio.run(maker.run(whole=write))
        report = maker.write(to) if write and maker.made else WriteReport()
    loop = maker.skills.loop
    finished = RunFinished(
        annotated=len(maker.made),
        failed=loop.failed,
        asks=loop.asks,
        rows=sum(len(made.said) for made in maker.made.values()),
        shards_written=report.shards_written,
        files_written=len(report.files),
        seconds=time.monotonic() - started,
        target=str(opened.target),
        spent=loop.spent,
        stopped=loop.stopped,
        called="dialogue",
    )
    listen(finished)
    return finished


def target_of(settings: DialogueSettings) -> Path:
    """Folder of the result: the one that is named, else beside the dataset under its name and ``SUFFIX``."""
    if settings.output_dir is not None:
        return settings.output_dir
    if settings.root is None:
        # Beside what is in the cache of the Hub nobody would look for it.
        return Path((settings.result_id or "").rpartition("/")[2])
    root = settings.root.expanduser().absolute()
    return root.with_name(root.name + SUFFIX)


def _with_batches(settings: DialogueSettings) -> DialogueSettings:
    """The settings with the batch size of the mode."""
    if not settings.video_mode:
        return settings
    return replace(settings, vlm=replace(settings.vlm, batch_size=settings.video_batch_size))


@dataclass(frozen=True)
class Made:
    """The dialogue of one episode, no more of it than it takes to write it: a dataset may have millions of samples.

    Attributes:
        skills: Its skills.
        said: What is said at each of its samples, in order.
        keys: Under which the answers are kept.
    """

    skills: EpisodeSkills
    said: Sequence[Said]
    keys: tuple[str, ...]


@dataclass
class DialogueMaker:
    """Makes the dialogues of a dataset.

    Attributes:
        settings: What to do.
        opened: The dataset.
        model: Imagines them.
        first: Imagines them the first time: the same model, or one that stands in for it.
        listen: Told of every event.
        made: The dialogue of each episode that is done.
    """

    settings: DialogueSettings
    opened: Opened
    model: Model
    first: Model
    listen: Listener
    made: dict[int, Made] = field(default_factory=dict[int, Made])

    @cached_property
    def skills(self) -> SkillsMaker:
        """Makes skills where there are none, and has the staging and the loop of the run."""
        return SkillsMaker(self.settings, self.opened, self.model, self.listen)

    @cached_property
    def _given(self) -> Mapping[int, EpisodeSkills]:
        """Skills that the dataset's file of skills has, by episode index."""
        return _skills_in(self.opened.source)

    @cached_property
    def _copied(self) -> Mapping[int, EpisodeSkills]:
        """The same of what was written before."""
        return _skills_in(self.opened.base)

    @cached_property
    def _told(self) -> tuple[AnnotatedDataset, AnnotatedDataset]:
        """What the dataset, and what was written before, tell of their frames."""
        return AnnotatedDataset(self.opened.source), AnnotatedDataset(self.opened.base)

    @cached_property
    def _first(self) -> Mapping[int, int]:
        return numbering(self.opened.source, self.settings.sample_interval)

    @cached_property
    def _store(self) -> FrameStore:
        return self.opened.frames(self.settings.frames)

    @cached_property
    def _view(self) -> View:
        return View(self.settings.frames)

    @cached_property
    def how(self) -> Imagination:
        """How dialogues are imagined."""
        whole = self.settings.video_mode
        how = Imagination(self.model, self.settings.seed, {}, whole)
        shown = {}
        if how.looks:
            shown = answer_settings(self.settings.frames) if whole else {"image_key": list(self._cameras)}
        mode = "video" if whole else "image"
        return replace(
            how, settings={"mode": mode, "sample_interval": self.settings.sample_interval, **shown}
        )

    @cached_property
    def _cameras(self) -> tuple[str, ...]:
        """Cameras to show at each sample: those that are named, then others."""
        named = self.settings.image_key
        known = tuple(dict.fromkeys((*named, *(camera.key for camera in self.opened.source.cameras))))
        wanted = self.settings.num_image_views_per_sample or max(1, len(named))
        if wanted > len(known):
            raise SettingsError(
                f"{wanted} cameras are to be shown, but the dataset has {len(known)}:"
                f" {', '.join(known) or 'none'}.",
                "--num-image-views-per-sample says how many, --image-key which.",
            )
        return known[:wanted]

    def check(self) -> None:
        """Make sure that there are skills, and the cameras that are wanted.

        Raises:
            DatasetError: There are none, or the dataset's numbers have no names beside which new ones could be put.
            SettingsError: More cameras are wanted than there are.
        """
        for key in self.settings.image_key:
            self.opened.source.camera(key)
        if self.how.looks and not self.settings.video_mode:
            _ = self._cameras
        if self.settings.skills == "auto":
            self.skills.check()
        elif not any(map(self._known_skills, self.opened.episodes)):
            raise DatasetError(
                f"{self.opened.source.root} has no skills to imagine dialogue for.",
                f"Make them first: roboscribe subtasks --root {self.opened.source.root}; or have them made with"
                " --skills auto.",
            )

    def _known_skills(self, index: int) -> EpisodeSkills | None:
        """Skills that are there of an episode: in a file of skills, else as numbers or in language columns.

        The dataset comes before what was made of it, as it may have got skills since.
        """
        source, base = self._told
        given = self._given.get(index) or _told_skills(source, index)
        return given or self._copied.get(index) or _told_skills(base, index)

    async def run(self, *, whole: bool = True) -> None:
        """Imagine the dialogues, and once more those that say again what others say.

        Args:
            whole: Whether these are all episodes, so that one knows what is said in others.

        Raises:
            RunStopped: The model cannot be used at all; nothing was done.
        """
        loop = self.skills.loop
        async with loop.opened((NAME,) if self.how.looks else ()):
            await loop.each(self.opened.episodes, self._make)
            if whole and not loop.stopped:
                again = self._twins()
                await loop.each(sorted(again), lambda index: self._make_again(index, again[index]))
        for index, made in self.made.items() if whole else ():
            self._keep(index, made)

    async def _make(self, index: int) -> None:
        async with self._scene(index) as (scene, log):
            loop = self.skills.loop
            await loop.usable.wait()
            found = await self._skills_of(scene)
            if found is None:
                return
            skills, asks = found
            samples = self._samples(scene.episode, skills)
            try:
                said, keys, asked = await self._imagine(self.first, scene, log, samples)
            except AnswerError as error:
                self.skills.staging.fail(index, "", self.how.made_by, str(error))
                loop.fail(index, NAME, str(error))
                return
        for stage in STAGES:
            self.skills.staging.forget_failure(index, stage)
        self.made[index] = Made(skills, said, keys)
        asks += asked
        made, reused = ((NAME,), ()) if asks else ((), (NAME,))
        self.listen(EpisodeStaged(index, asks, made, reused, loop.spent))

    async def _skills_of(self, scene: Scene) -> tuple[EpisodeSkills, int] | None:
        """The skills of an episode, and how many asks they took; None where they could not be made.

        Raises:
            EpisodeError: It has none, and none are to be made.
        """
        index = scene.episode.index
        known = await off_loop(self._known_skills, index)
        if known is not None:
            if index in self._given and known != self._copied.get(index):
                self.skills.made[index] = known
            return known, 0
        if self.settings.skills == "given":
            raise EpisodeError(
                index, "It has no skills.", "Make them with roboscribe subtasks, or with --skills auto."
            )
        staged = await self.skills.make(scene, self.first)
        return None if staged is None else (self.skills.made[index], staged.asks)

    async def _make_again(self, index: int, avoid: Mapping[int, tuple[str, ...]]) -> None:
        """Ask once more for some of an episode's exchanges, by their place; the old ones stay where that fails."""
        made = self.made[index]
        async with self._scene(index) as (scene, log):
            samples = self._samples(scene.episode, made.skills)
            again = {
                place: replace(samples[place], occasion=replace(samples[place].occasion, avoid=earlier))
                for place, earlier in sorted(avoid.items())
            }
            try:
                said, keys, _ = await self._imagine(self.model, scene, log, list(again.values()))
            except (AnswerError, EpisodeError) as error:
                self.listen(Note(f"Episode {index} says again what others say: {error}"))
                return
        merged = dict(enumerate(made.said)) | dict(zip(again, said, strict=True))
        self.made[index] = Made(made.skills, [merged[place] for place in sorted(merged)], made.keys + keys)

    def _samples(self, episode: Episode, skills: EpisodeSkills) -> list[Sample]:
        first = self._first[episode.index]
        return samples_of(episode, skills, self.settings.sample_interval, first, self.settings.seed)

    async def _imagine(
        self, model: Model, scene: Scene, log: AnswerLog, samples: Sequence[Sample]
    ) -> tuple[list[Said], tuple[str, ...], int]:
        """What is said at samples, the keys of the answers, and how many asks it took to have those that were missing.

        Raises:
            RoboscribeError: One of the asks got no answer.
        """
        frame_at = {sample.occasion.number: sample.frame for sample in samples}

        def shots(occasion: Occasion) -> tuple[Shot, ...]:
            assert scene.frames is not None
            return tuple(Shot(scene.frames, key, frame_at[occasion.number]) for key in self._cameras)

        index, loop = scene.episode.index, self.skills.loop
        wishes = self.how.wishes(scene.episode.digest, [sample.occasion for sample in samples])
        subject = Subject(index, log, shots, self._sheets(scene))
        paced = PacedModel(model, loop.pace)
        try:
            await imagine(self.how, paced, subject, wishes)
        finally:
            loop.asks += paced.asks
        spoken = zip(samples, exchanges(log, wishes), strict=True)
        said = [Said.of(index, sample, exchange) for sample, exchange in spoken]
        return said, tuple(key for wish in wishes for key in wish.keys), paced.asks

    def _sheets(self, scene: Scene) -> Sheets | None:
        if scene.frames is None or not (self.how.whole and self.how.looks):
            return None
        return self._view.sheets(scene.frames, self._view.overview(scene.episode))

    @asynccontextmanager
    async def _scene(self, index: int) -> AsyncGenerator[tuple[Scene, AnswerLog]]:
        """An episode with its frames, once there is room for them, and the answers that are there of it.

        Raises:
            EpisodeError: It cannot be read, or has no camera that is to be shown.
        """
        skills = self.skills
        async with AsyncExitStack() as stack:
            with skills.loop.pace.preparing():
                episode = await off_loop(self.opened.source.episode, index)
                log = await off_loop(AnswerLog, skills.staging.path(index, NAME))
                needs = self._needs(episode)
                frames = await stack.enter_async_context(self._store.admit(episode, needs))
            yield Scene(episode, self.settings.seed, frames), log

    def _needs(self, episode: Episode) -> FrameNeeds:
        """Frames that may be shown; those that need not be are never decoded."""
        needs = FrameNeeds()
        if self.settings.skills == "auto":
            for annotator in self.skills.selection.in_order:
                needs |= annotator.needs(episode)
        if not self.how.looks:
            return needs
        if self.how.whole:
            return needs | self._view.needs(episode, self._view.overview(episode))
        for key in self._cameras:
            if key not in episode.handles:
                raise EpisodeError(
                    episode.index, f"There is no video of {key}.", "Name others with --image-key."
                )
        frames = sample_frames(episode, self.settings.sample_interval)
        return needs | FrameNeeds(jpegs=dict.fromkeys(self._cameras, frames))

    def _twins(self) -> dict[int, dict[int, tuple[str, ...]]]:
        """For each episode with exchanges to be asked for again, their places and what they must not say again."""
        others = read_said(self.opened.base.root, without=self.made)
        prompts = [((one.episode_id, -1), one.user_prompt) for one in others]
        for index, made in self.made.items():
            prompts += (((index, place), one.user_prompt) for place, one in enumerate(made.said))
        prompts.sort(key=itemgetter(0))
        found: dict[int, dict[int, tuple[str, ...]]] = {}
        for (index, place), earlier in twins(prompts).items():
            if index in self.made:
                found.setdefault(index, {})[place] = earlier
        return found

    def _keep(self, index: int, made: Made) -> None:
        """Put the answers of an episode in order, and record that they are whole."""
        staging = self.skills.staging
        digest = AnswerLog(staging.path(index, NAME)).settle(made.keys)
        record = Record(key_of(keys=made.keys), self.how.made_by, len(made.said), digest)
        if staging.record(index, NAME) != record:
            staging.vouch(index, record)

    def write(self, to: IndexWriter) -> WriteReport:
        """Write the dialogues."""
        made = self.how.made_by
        before = Counter(one.episode_id for one in read_said(self.opened.base.root))
        written = [
            Written(index, made, len(one.said), before[index]) for index, one in sorted(self.made.items())
        ]
        return write_dialogue(
            self.opened,
            [one for _, made in sorted(self.made.items()) for one in made.said],
            self.skills if self.skills.made else None,
            written,
            self.skills.staging,
            append_tasks=self.settings.tasks == "append",
            listen=self.listen,
            to=to,
        )


def _skills_in(dataset: Dataset) -> Mapping[int, EpisodeSkills]:
    """What a dataset's file of skills has, by episode index."""
    book = read_skills(dataset.root)
    return book.episodes if book is not None else {}


def _told_skills(dataset: AnnotatedDataset, index: int) -> EpisodeSkills | None:
    """The subtasks of an episode, by the numbers of its frames or by language rows; None where it has none."""
    if "subtask" not in dataset.texts:
        return None
    told = dataset.episode(index)
    skills = tuple(Skill(span.text, span.start, span.end) for span in told.subtasks)
    return EpisodeSkills(index, told.task, skills) if skills else None
