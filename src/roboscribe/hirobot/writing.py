"""What is said in a dataset goes in; its files and the feature that tells it of each frame come out, in one step."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from roboscribe.asks import Exchange
from roboscribe.dataset.index_features import IndexWriter, Indices, Values
from roboscribe.dataset.rewrite import WriteReport
from roboscribe.dialogue import (
    SAMPLES,
    TASK_INDEX_HIGH_LEVEL,
    DialogueBook,
    HighLevelTask,
    dialogue_files,
    read_dialogue,
)
from roboscribe.errors import DatasetError, cause
from roboscribe.events import Listener, ShardWritten, WritingStarted
from roboscribe.hirobot.opened import Opened
from roboscribe.hirobot.samples import Sample
from roboscribe.hirobot.skills import SkillsMaker
from roboscribe.hirobot.tasks import appended_tasks
from roboscribe.skills import SUBTASK_INDEX
from roboscribe.staging import Staging
from roboscribe.staging.runrecord import PATH as RUN_RECORD
from roboscribe.staging.runrecord import RunRecord, Written


@dataclass(frozen=True, slots=True)
class Said:
    """An exchange and where it belongs, as a line of ``syn_annotations.jsonl`` has it.

    Attributes:
        episode_id: Index of the episode.
        frame_index: Frame from which on it is in force.
        timestamp: Seconds.
        skill_current: What the robot does then.
        skill_history: What it has done, in order.
        task_description: The task text; empty when unknown.
        scenario_type: What kind of thing the person said.
        response_type: What kind of answer it is.
        user_prompt: The person's words.
        robot_utterance: The robot's.
    """

    episode_id: int
    frame_index: int
    timestamp: float
    skill_current: str
    skill_history: tuple[str, ...]
    task_description: str
    scenario_type: str
    response_type: str
    user_prompt: str
    robot_utterance: str

    @classmethod
    def of(cls, episode: int, sample: Sample, exchange: Exchange) -> Said:
        """What is said in an episode at a sample."""
        occasion = sample.occasion
        return cls(
            episode,
            sample.frame,
            occasion.time,
            occasion.skill,
            occasion.history,
            occasion.task,
            occasion.scenario,
            occasion.response,
            exchange.user_prompt,
            exchange.robot_utterance,
        )

    @property
    def task(self) -> HighLevelTask:
        """The exchange alone."""
        return HighLevelTask(
            self.user_prompt, self.robot_utterance, self.skill_current, self.scenario_type, self.response_type
        )


_LINE = TypeAdapter(Said)


def read_said(root: Path, without: Container[int] = ()) -> Iterator[Said]:
    """What is said in a dataset, but for some episodes; nothing where it has no such file.

    Raises:
        DatasetError: A line of the file is not what it must be.
    """
    path = root / SAMPLES
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    said = _LINE.validate_json(line)
                except ValidationError as error:
                    raise DatasetError(
                        f"{path}, line {number}: {error.errors()[0]['msg']}.",
                        "Correct it, or remove the file.",
                    ) from error
                if said.episode_id not in without:
                    yield said
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {cause(error)}.") from error


def lines_of(said: Iterable[Said]) -> bytes:
    """The file that holds what is said."""
    return "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in said).encode()


def write_dialogue(
    opened: Opened,
    said: Sequence[Said],
    skills: SkillsMaker | None,
    written: Iterable[Written],
    staging: Staging,
    *,
    append_tasks: bool,
    listen: Listener,
    to: IndexWriter,
) -> WriteReport:
    """Write what is said in some episodes; other episodes keep what they have.

    Args:
        opened: The dataset.
        said: In order; every frame from one on is numbered as it, to the next one.
        skills: Skills made in the same run; None where the dataset had them.
        written: For the run record.
        staging: For the run record.
        append_tasks: Whether the exchanges become tasks of the dataset, too.
        listen: Told of every data file.
        to: Writes it.

    Raises:
        DatasetError: The target cannot be written, or a file of the dataset cannot be read.
    """
    root = opened.base.root
    of_episode: dict[int, list[Said]] = {}
    for one in said:
        of_episode.setdefault(one.episode_id, []).append(one)
    book = (read_dialogue(root) or DialogueBook()).with_tasks(one.task for one in said)
    kept = read_said(root, without=of_episode)
    everything = sorted([*kept, *said], key=lambda one: (one.episode_id, one.frame_index))
    record = RunRecord.read(root).after([*written, *(skills.written() if skills else ())])

    def numbers(index: int) -> Indices | None:
        own = of_episode.get(index)
        return None if own is None else _numbers(own, book, opened.source.episode_length(index))

    features: dict[str, Values] = {TASK_INDEX_HIGH_LEVEL: numbers}
    files: dict[str, bytes] = {**dialogue_files(book), SAMPLES: lines_of(everything)}
    if skills is not None:
        features[SUBTASK_INDEX] = skills.numbers
        files |= skills.meta_files
    total_tasks = None
    if append_tasks:
        tasks = appended_tasks(opened.base, [task.text for task in book.tasks])
        files |= tasks.files
        total_tasks = tasks.total
    listen(WritingStarted(len(opened.source.shards())))
    return to(
        opened.source,
        opened.target,
        features,
        meta_files={**files, RUN_RECORD: record.to_bytes(staging)},
        total_tasks=total_tasks,
        on_shard=lambda shard: listen(ShardWritten(shard.relative)),
    )


def _numbers(said: Sequence[Said], book: DialogueBook, frames: int) -> Indices:
    """Number of the exchange in force at each frame."""
    starts = np.array([one.frame_index for one in said])
    each = np.array([book.number_of(one.task) for one in said], dtype=np.int64)
    return np.repeat(each, np.diff([*starts.tolist(), frames]))
