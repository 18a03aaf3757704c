"""Numbers of skills and exchanges per frame go in; the language rows that say the same come out.

``subtask_index`` becomes ``subtask`` rows. ``task_index_high_level`` becomes an interjection and a speech row where
its number changes, each with the plan of what remains, as language columns need it; at the first frame, where the
person asks for the task itself, there is only the speech. The features go; what ``meta`` says of skills and exchanges
stays, so that they have the same numbers when they are made features again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roboscribe.annotators.plan import plan_text
from roboscribe.dataset import Dataset
from roboscribe.dataset.index_features import nameless, read_index, runs
from roboscribe.dataset.merge import EpisodeUpdate
from roboscribe.dataset.shards import as_float32
from roboscribe.dataset.writer import write_language
from roboscribe.dialogue import HIGH_LEVEL_TASKS, TASK_INDEX_HIGH_LEVEL, DialogueBook, read_dialogue
from roboscribe.errors import DatasetError, EpisodeError
from roboscribe.events import ConversionStarted, ConversionStep, Listener, Note
from roboscribe.language import SPEECH, Row, say
from roboscribe.skills import SUBTASK_INDEX, SUBTASKS, UNLABELLED, SkillBook, read_skills

FEATURES = (SUBTASK_INDEX, TASK_INDEX_HIGH_LEVEL)


def to_language(source: Dataset, target: Path, listen: Listener) -> int:
    """Write the index features of a dataset as language columns.

    Args:
        source: The dataset.
        target: Its own folder, to change it in place, or another one.
        listen: Told of what is found and done.

    Returns:
        The number of files written.

    Raises:
        DatasetError: The dataset has no index features, or the target cannot be written to.
        EpisodeError: A number has no name, or the rows of an episode cannot be read.
    """
    index = IndexForm.of(source)
    gaps = 0

    def update(episode: int) -> EpisodeUpdate | None:
        nonlocal gaps
        told = index.told(episode)
        gaps += told.unlabelled
        return EpisodeUpdate(told.rows, told.styles) if told.rows else None

    listen(ConversionStarted("language", len(source.shards())))
    report = write_language(
        source, target, update, drop=FEATURES, on_shard=lambda shard: listen(ConversionStep(shard.relative))
    )
    if gaps:
        listen(Note(f"{gaps} frames without a subtask of their own are now under the subtask before them."))
    return len(report.files)


@dataclass(frozen=True, slots=True)
class Told:
    """What index features tell of an episode.

    Attributes:
        rows: As language rows.
        styles: Styles that they are all of.
        unlabelled: Frames after the first subtask that are in none.
    """

    rows: Sequence[Row] = ()
    styles: frozenset[str | None] = frozenset()
    unlabelled: int = 0


@dataclass(frozen=True)
class IndexForm:
    """The index features of a dataset."""

    source: Dataset
    skills: SkillBook
    dialogue: DialogueBook | None

    @classmethod
    def of(cls, source: Dataset) -> IndexForm:
        """Those that the dataset has.

        Raises:
            DatasetError: It has none, or a file in ``meta`` cannot be read.
        """
        skills, dialogue = read_skills(source.root), read_dialogue(source.root)
        declared = [feature for feature in FEATURES if feature in source.info.features]
        if not declared and not (skills and skills.episodes):
            raise DatasetError(
                f"{source.root} has no index features: neither {' nor '.join(FEATURES)}.",
                "Make them first: roboscribe subtasks.",
            )
        for feature, known, file in (
            (SUBTASK_INDEX, skills, SUBTASKS),
            (TASK_INDEX_HIGH_LEVEL, dialogue, HIGH_LEVEL_TASKS),
        ):
            if feature in declared and known is None:
                raise nameless(source.root, feature, file)
        return cls(source, skills or SkillBook(), dialogue if TASK_INDEX_HIGH_LEVEL in declared else None)

    def told(self, episode: int) -> Told:
        """What they tell of an episode.

        Raises:
            EpisodeError: A number has no name, or the rows cannot be read.
        """
        times = as_float32(self.source.table(episode, ["timestamp"])["timestamp"])
        numbers = read_index(self.source, episode, SUBTASK_INDEX)
        if numbers is None:
            numbers = self.skills.numbers(episode, times)
        subtasks: list[Row] = []
        unlabelled = 0
        spans = runs(numbers)
        for (start, number), (stop, _) in zip(spans, [*spans[1:], (len(times), 0)], strict=True):
            if number == UNLABELLED:
                unlabelled += (stop - start) if subtasks else 0
            else:
                name = self._name(episode, number)
                if not subtasks or subtasks[-1].content != name:
                    subtasks.append(Row("assistant", name, "subtask", float(times[start])))
        rows, styles = list(subtasks), {"subtask"} if subtasks else set[str | None]()
        exchanges = self._exchanges(episode, [float(time) for time in times])
        if exchanges:
            rows += [*exchanges, *_plans(subtasks, exchanges)]
            styles |= {"interjection", SPEECH, *(["plan"] if subtasks else [])}
        return Told(rows, frozenset(styles), unlabelled)

    def _name(self, episode: int, number: int) -> str:
        name = self.skills.name_of(number)
        if name is None:
            raise EpisodeError(
                episode,
                f"Episode {episode} has the {SUBTASK_INDEX} {number}, which {SUBTASKS} does not name.",
            )
        return name

    def _exchanges(self, episode: int, times: Sequence[float]) -> list[Row]:
        """An interjection and a speech row at each frame from which on another exchange is in force."""
        numbers = read_index(self.source, episode, TASK_INDEX_HIGH_LEVEL)
        whole = "; ".join(self.source.episode_tasks(episode))
        rows: list[Row] = []
        for start, number in runs(numbers) if numbers is not None and self.dialogue is not None else ():
            if number == UNLABELLED:
                continue
            task = self.dialogue.task_of(number) if self.dialogue else None
            if task is None:
                raise EpisodeError(
                    episode,
                    f"Episode {episode} has the {TASK_INDEX_HIGH_LEVEL} {number}, which {HIGH_LEVEL_TASKS} lacks.",
                )
            if start > 0 or task.user_prompt != whole:
                rows.append(Row("user", task.user_prompt, "interjection", times[start]))
            rows.append(say(task.robot_utterance, times[start]))
        return rows


def _plans(subtasks: Sequence[Row], exchanges: Sequence[Row]) -> list[Row]:
    """The plan at the start of each subtask and at each exchange: the subtask under way and those after it."""
    if not subtasks:
        return []
    times = sorted({row.timestamp for row in (*subtasks, *exchanges)})
    plans: list[Row] = []
    for time in times:
        under_way = max(0, sum(row.timestamp <= time for row in subtasks) - 1)
        remaining = [row.content or "" for row in subtasks[under_way:]]
        plans.append(Row("assistant", plan_text(remaining), "plan", time))
    return plans
