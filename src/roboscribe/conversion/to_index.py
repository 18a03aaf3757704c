"""Language rows go in; the numbers of skills and exchanges per frame that say the same come out.

``subtask`` rows become ``subtask_index``; an interjection with a speech row at the same time becomes an exchange of
``task_index_high_level``, in force until the next; so does speech at the start, as the answer to the task itself.
Other styles have no index form: a dataset that has them is
converted to another folder only, so that nothing is lost. A plan that lists the remaining subtasks says nothing
else than they do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from roboscribe.dataset import Dataset
from roboscribe.dataset.declare import TOOLS
from roboscribe.dataset.index_features import Indices, Values, write_index_features
from roboscribe.dataset.output import is_same
from roboscribe.dataset.shards import as_float32
from roboscribe.dialogue import (
    TASK_INDEX_HIGH_LEVEL,
    DialogueBook,
    HighLevelTask,
    dialogue_files,
    read_dialogue,
)
from roboscribe.episode import Floats
from roboscribe.errors import DatasetError
from roboscribe.events import ConversionStarted, ConversionStep, Listener, Note
from roboscribe.language import COLUMNS, SPEECH, Row, spoken_text
from roboscribe.skills import (
    SUBTASK_INDEX,
    UNLABELLED,
    EpisodeSkills,
    Skill,
    SkillBook,
    read_skills,
    skill_files,
)
from roboscribe.staging import Staging
from roboscribe.staging.runrecord import PATH as RUN_RECORD
from roboscribe.staging.runrecord import RunRecord


def to_index_features(source: Dataset, target: Path, listen: Listener) -> int:
    """Write the subtasks and the dialogue in the language columns of a dataset as index features.

    Args:
        source: The dataset.
        target: Its own folder, to change it in place, or another one.
        listen: Told of what is found and done.

    Returns:
        The number of files written.

    Raises:
        DatasetError: The dataset has no language columns or no subtasks, it has rows that would be lost, or the
            target cannot be written to.
        EpisodeError: The rows of an episode cannot be read.
    """
    if not any(column in source.info.features for column in COLUMNS):
        raise DatasetError(
            f"{source.root} has no language columns.", "Annotate it first: roboscribe annotate."
        )
    read = _Read(source)
    for index in source.episode_indices:
        read.add(index)
    if not read.skills:
        raise DatasetError(f"The language columns of {source.root} have no subtasks.", "Annotate it first.")
    _tell_of_lost(source, target, read.lost, listen)
    skills = (read_skills(source.root) or SkillBook()).with_episodes(read.skills)
    read.name_skills(skills)
    dialogue = (read_dialogue(source.root) or DialogueBook()).with_tasks(read.tasks())
    features: dict[str, Values] = {SUBTASK_INDEX: lambda index: skills.numbers(index, _times(source, index))}
    files = skill_files(skills)
    if read.exchanges:
        features[TASK_INDEX_HIGH_LEVEL] = lambda index: _numbers(source, index, read, dialogue)
        files |= dialogue_files(dialogue)
    if (source.root / RUN_RECORD).is_file():
        files[RUN_RECORD] = RunRecord().to_bytes(Staging(target))
    listen(ConversionStarted("index features", len(source.shards())))
    report = write_index_features(
        source,
        target,
        features,
        drop=(*COLUMNS, TOOLS.name),
        meta_files=files,
        on_shard=lambda shard: listen(ConversionStep(shard.relative)),
    )
    return len(report.files)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a person said at a time, and what the robot answered."""

    time: float
    task: HighLevelTask


@dataclass
class _Read:
    """What the language columns say.

    Attributes:
        source: The dataset.
        skills: Of the episodes that have subtasks.
        exchanges: By episode index, in order of time.
        lost: Rows that have no index form, by style.
    """

    source: Dataset
    skills: list[EpisodeSkills] = field(default_factory=list[EpisodeSkills])
    exchanges: dict[int, list[Exchange]] = field(default_factory=dict[int, list[Exchange]])
    lost: Counter[str] = field(default_factory=Counter[str])

    def tasks(self) -> Iterator[HighLevelTask]:
        """The exchanges of all episodes."""
        return (exchange.task for exchanges in self.exchanges.values() for exchange in exchanges)

    def name_skills(self, skills: SkillBook) -> None:
        """Give the skills of exchanges the names they have in the book."""
        for exchanges in self.exchanges.values():
            for place, exchange in enumerate(exchanges):
                name = skills.name_of(skills.number_of(exchange.task.skill)) or ""
                exchanges[place] = replace(exchange, task=replace(exchange.task, skill=name))

    def add(self, index: int) -> None:
        """Read an episode."""
        rows = self.source.language_rows(index)
        subtasks = sorted((row for row in rows if row.style == "subtask"), key=lambda row: row.timestamp)
        if subtasks:
            times = _times(self.source, index)
            end = float(times[-1]) + 1 / self.source.info.fps
            starts = [row.timestamp for row in subtasks]
            spans = zip(subtasks, starts, [*starts[1:], end], strict=True)
            skills = tuple(Skill(row.content or "", start, stop) for row, start, stop in spans)
            self.skills.append(EpisodeSkills(index, "; ".join(self.source.episode_tasks(index)), skills))
        exchanges, left = _exchanges(rows, subtasks, "; ".join(self.source.episode_tasks(index)))
        if exchanges:
            self.exchanges[index] = exchanges
        self.lost.update(left)


def _exchanges(rows: Sequence[Row], subtasks: Sequence[Row], task: str) -> tuple[list[Exchange], list[str]]:
    """The exchanges of an episode, and the style of each row that has no index form."""
    spoken = {row.timestamp: row for row in rows if row.is_of({SPEECH}) and spoken_text(row)}
    asked = {row.timestamp: row.content or "" for row in rows if row.style == "interjection"}
    start = min((row.timestamp for row in subtasks), default=0.0)
    asked.setdefault(start, task)
    exchanges: list[Exchange] = []
    for time in sorted(asked.keys() & spoken.keys()):
        under_way = [row.content or "" for row in subtasks if row.timestamp <= time]
        words = asked[time], spoken_text(spoken[time]) or ""
        exchanges.append(Exchange(time, HighLevelTask(*words, under_way[-1] if under_way else "")))
    told = {exchange.time for exchange in exchanges}
    left = [
        row.style or "speech"
        for row in rows
        if row.style not in ("subtask", "plan")
        and not (row.is_of({"interjection", SPEECH}) and row.timestamp in told)
    ]
    return exchanges, left


def _tell_of_lost(source: Dataset, target: Path, lost: Counter[str], listen: Listener) -> None:
    """Refuse to lose rows for good, or say which are left behind."""
    if not lost:
        return
    what = ", ".join(f"{count} {style}" for style, count in sorted(lost.items()))
    if is_same(source.root, target):
        raise DatasetError(
            f"{source.root} has language rows without an index form, which would be lost: {what}.",
            "Keep them here, and write the index features to another folder with --output-dir.",
        )
    listen(Note(f"Rows without an index form stay behind in {source.root}: {what}."))


def _numbers(source: Dataset, index: int, read: _Read, dialogue: DialogueBook) -> Indices:
    """Number of the exchange in force at each frame: the last one so far, -1 before the first."""
    times = _times(source, index)
    numbers = np.full(len(times), UNLABELLED, dtype=np.int64)
    for exchange in read.exchanges.get(index, ()):
        numbers[times >= np.float32(exchange.time)] = dialogue.number_of(exchange.task)
    return numbers


def _times(source: Dataset, index: int) -> Floats:
    return as_float32(source.table(index, ["timestamp"])["timestamp"])
