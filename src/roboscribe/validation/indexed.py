"""Rules for index features: a dataset that has them comes in, findings about their tables and numbers come out."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pyarrow as pa

from roboscribe.asks.dialogue import ResponseType, ScenarioType
from roboscribe.dataset import Dataset
from roboscribe.dataset.index_features import INDEX, Indices, read_index
from roboscribe.dataset.info import INFO
from roboscribe.dataset.shards import as_float32
from roboscribe.dialogue import (
    HIGH_LEVEL_TASKS,
    SAMPLES,
    TASK_INDEX_HIGH_LEVEL,
    DialogueBook,
    read_dialogue,
)
from roboscribe.english.texts import wording
from roboscribe.episode import Floats
from roboscribe.errors import DatasetError, EpisodeError
from roboscribe.skills import SKILLS, SUBTASK_INDEX, SUBTASKS, UNLABELLED, SkillBook, read_skills
from roboscribe.tables import read_columns
from roboscribe.validation.base import Finding, Severity, at, quoted
from roboscribe.validation.content import as_object, lacking

INDEX_RULES = {
    "index.declared": "Every index feature is declared as one int64 a frame, and has its table in meta.",
    "index.table": "In a table every text has the number of its row; a skill has one.",
    "index.number": "Every frame has a number that its table has, or -1 for none.",
    "index.skills": "skills.json tells of the skills of an episode one after the other, as its frames are numbered.",
    "index.exchange": "What is said is indexed by both sides' words, with a bar between, and of types that are known.",
    "index.samples": "Every line of syn_annotations.jsonl tells of a frame of the dataset, and what is said there.",
}
"""What each rule about index features demands, by its id."""


class Table(NamedTuple):
    """The table of an index feature.

    Attributes:
        path: Its file, relative to the dataset.
        texts: Name of its column of texts.
        numbers: Name of its column of numbers.
        fix: How both come about.
    """

    path: str
    texts: str
    numbers: str
    fix: str


TABLES = {
    SUBTASK_INDEX: Table(SUBTASKS, "subtask", SUBTASK_INDEX, "Make them anew: roboscribe subtasks."),
    TASK_INDEX_HIGH_LEVEL: Table(
        HIGH_LEVEL_TASKS, "task", "task_index", "Make them anew: roboscribe dialogue."
    ),
}
"""Tables by the name of the index feature."""

_SAMPLE = frozenset(
    {
        *("episode_id", "frame_index", "timestamp", "skill_current", "skill_history", "task_description"),
        *("scenario_type", "response_type", "user_prompt", "robot_utterance"),
    }
)
_FORM = ("dtype", "shape")
"""What of a feature's declaration is its own."""


def indexed(dataset: Dataset) -> bool:
    """Whether a dataset has index features with tables of texts."""
    return not TABLES.keys().isdisjoint(dataset.info.features)


def check_indexed(dataset: Dataset, episodes: Collection[int] | None = None) -> Iterator[Finding]:
    """All findings about the index features of a dataset.

    Args:
        dataset: The dataset; the numbers of one episode are in memory at a time.
        episodes: Indices of the episodes to check; all when None.
    """
    wanted = sorted(dataset.episode_indices if episodes is None else episodes)
    for feature in TABLES:
        if feature in dataset.info.features:
            size = yield from table(dataset, feature)
            if size is not None:
                yield from numbers(dataset, feature, size, wanted)
    try:
        if SUBTASK_INDEX in dataset.info.features and (dataset.root / SKILLS).is_file():
            book = read_skills(dataset.root)
            yield from skills(dataset, book or SkillBook(), wanted)
    except DatasetError as error:
        yield _finding(None, "index.skills", error.message, error.hint or "Correct it.")
    if TASK_INDEX_HIGH_LEVEL in dataset.info.features and (dataset.root / HIGH_LEVEL_TASKS).is_file():
        yield from said(dataset, wanted)


def table(dataset: Dataset, feature: str) -> Generator[Finding, None, int | None]:
    """Findings of ``index.declared`` and ``index.table``; returns the number of rows of the feature's table."""
    path, text, number, fix = TABLES[feature]
    declared = dataset.info.raw["features"][feature]
    if any(declared.get(key) != INDEX[key] for key in _FORM):
        message = f"{INFO} declares {feature} as {declared!r}."
        yield _finding(None, "index.declared", message, f"Declare it as {dict(INDEX)!r}, and store int64.")
    if not (dataset.root / path).is_file():
        message = f"There is no {path}, which has the texts of {feature}."
        yield _finding(None, "index.declared", message, fix)
        return None
    try:
        columns = read_columns(dataset.root / path)
    except DatasetError as error:
        yield _finding(None, "index.table", error.message, fix)
        return None
    texts = next((columns[name] for name in (text, "__index_level_0__", "index") if name in columns), None)
    if texts is None or number not in columns:
        message = f"{path} has the columns {', '.join(columns)}, not {text} and {number}."
        yield _finding(None, "index.table", message, fix)
        return None
    if wrong := [(row, found) for row, found in enumerate(columns[number]) if row != found]:
        row, found = wrong[0]
        message = f"{path} gives row {row} the number {found}; readers go by the row."
        yield _finding(None, "index.table", message, fix)
    if feature == SUBTASK_INDEX and (twice := _repeated(list(map(str, texts)))):
        yield _finding(None, "index.table", f"{path} has the skill {quoted(twice)} twice.", fix)
    return len(texts)


def _repeated(texts: Sequence[str]) -> str | None:
    """A text that says what an earlier one says, or None."""
    seen: set[str] = set()
    for text in texts:
        if wording(text) in seen:
            return text
        seen.add(wording(text))
    return None


def numbers(dataset: Dataset, feature: str, size: int, episodes: Collection[int]) -> Iterator[Finding]:
    """Findings of ``index.number``.

    Args:
        dataset: The dataset.
        feature: Name of the index feature.
        size: Number of rows of its table.
        episodes: Indices of the episodes to check.
    """
    path, _, _, fix = TABLES[feature]
    for index in episodes:
        try:
            values = _numbers_of(dataset, feature, index)
        except EpisodeError as error:
            yield _finding(index, "index.number", error.message, fix)
            continue
        outside = np.flatnonzero((values < UNLABELLED) | (values >= size))
        if len(outside):
            time = float(_times_of(dataset, index)[outside[0]])
            message = (
                f"{feature} is {values[outside[0]]} {at(time)}, which {path} with its {size} rows does not have;"
                f" so on {len(outside)} frames."
            )
            yield _finding(index, "index.number", message, fix, time)


def skills(dataset: Dataset, book: SkillBook, episodes: Collection[int]) -> Iterator[Finding]:
    """Findings of ``index.skills``."""
    fix = TABLES[SUBTASK_INDEX].fix
    for index in episodes:
        one = book.episodes.get(index)
        if one is None:
            continue
        end = float("-inf")
        for skill in one.skills:
            if skill.start < end or skill.end <= skill.start:
                message = (
                    f"The skill {quoted(skill.name)} {at(skill.start)} is empty, or overlaps the one before."
                )
                yield _finding(index, "index.skills", message, fix, skill.start)
            end = skill.end
        try:
            times = _times_of(dataset, index)
            stored = _numbers_of(dataset, SUBTASK_INDEX, index)
        except EpisodeError:
            continue  # Another rule tells.
        told = book.numbers(index, times)
        # Ends may be rounded, and readers differ on whom the frame at an end belongs to.
        edges = np.flatnonzero(np.diff(told, prepend=told[:1]))
        inner = np.ones(len(told), bool)
        for edge in edges.tolist():
            inner[max(0, edge - 1) : edge + 1] = False
        known = (stored >= UNLABELLED) & (stored < len(book.names))
        other = np.flatnonzero((stored != told) & inner & known & (told != UNLABELLED))
        if len(other):
            frame = int(other[0])
            message = (
                f"subtask_index is {stored[frame]} {at(float(times[frame]))}, where {SKILLS} tells of"
                f" {quoted(book.name_of(int(told[frame])))}, number {told[frame]}."
            )
            yield _finding(index, "index.skills", message, fix, float(times[frame]), "warning")


def said(dataset: Dataset, episodes: Collection[int]) -> Iterator[Finding]:
    """Findings of ``index.exchange`` and ``index.samples``."""
    fix = TABLES[TASK_INDEX_HIGH_LEVEL].fix
    try:
        book = read_dialogue(dataset.root) or DialogueBook()
        texts = read_columns(dataset.root / HIGH_LEVEL_TASKS).get("task", [])
    except DatasetError as error:
        yield _finding(None, "index.exchange", error.message, fix)
        return
    for row, (task, text) in enumerate(zip(book.tasks, texts, strict=False)):
        if task.text != text:
            message = f"{HIGH_LEVEL_TASKS} indexes row {row} by {quoted(text)}, not by {quoted(task.text)}."
            yield _finding(None, "index.exchange", message, fix)
        for kind, known in ((task.scenario_type, ScenarioType), (task.response_type, ResponseType)):
            if kind and kind not in get_args(known):
                message = f"Row {row} of {HIGH_LEVEL_TASKS} is of the type {kind!r}."
                one_of = f"Known are {', '.join(get_args(known))}."
                yield _finding(None, "index.exchange", message, one_of, severity="warning")
    if (dataset.root / SAMPLES).is_file():
        yield from samples(dataset, book, frozenset(episodes))


def samples(dataset: Dataset, book: DialogueBook, episodes: frozenset[int]) -> Iterator[Finding]:
    """Findings of ``index.samples``."""
    fix = TABLES[TASK_INDEX_HIGH_LEVEL].fix
    # Samples come in order of episodes.
    numbers_of = lru_cache(maxsize=1)(partial(_numbers_of, dataset, TASK_INDEX_HIGH_LEVEL))
    known = frozenset(dataset.episode_indices)
    for number, line in enumerate(_lines(dataset.root / SAMPLES), 1):
        where = f"Line {number} of {SAMPLES}"
        try:
            sample: dict[str, Any] = as_object(json.loads(line))
        except ValueError:
            sample = {}
        if fault := lacking(sample, _SAMPLE) if sample else "is no JSON object":
            yield _finding(None, "index.samples", f"{where} {fault}.", fix)
            continue
        index, frame = sample["episode_id"], sample["frame_index"]
        if type(index) is not int or index not in known:
            yield _finding(None, "index.samples", f"{where} is about episode {index!r}, which is none.", fix)
            continue
        if index not in episodes:
            continue
        if type(frame) is not int or not 0 <= frame < dataset.episode_length(index):
            yield _finding(index, "index.samples", f"{where} is about frame {frame!r}, which is none.", fix)
            continue
        try:
            task = book.task_of(int(numbers_of(index)[frame]))
        except EpisodeError:
            continue  # Another rule tells.
        if task is None or (task.user_prompt, task.robot_utterance) != (
            sample["user_prompt"],
            sample["robot_utterance"],
        ):
            message = f"{where} says otherwise than the exchange that its frame {frame} is numbered as."
            yield _finding(index, "index.samples", message, fix, severity="warning")


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        yield from lines


def _times_of(dataset: Dataset, index: int) -> Floats:
    """Timestamps of an episode's frames, seconds, shape [frames]."""
    return as_float32(dataset.table(index, ["timestamp"])["timestamp"])


def _numbers_of(dataset: Dataset, feature: str, index: int) -> Indices:
    """The numbers of an episode's frames.

    Raises:
        EpisodeError: They cannot be read.
    """
    try:
        values = read_index(dataset, index, feature)
        whole = pa.types.is_integer(dataset.table(index, [feature])[feature].type)
    except KeyError:
        values, whole = None, False
    if values is None or not whole or len(values) != dataset.episode_length(index):
        raise EpisodeError(index, f"{feature} of episode {index} is not one whole number for every frame.")
    return values


def _finding(
    episode: int | None,
    rule: str,
    message: str,
    fix: str,
    time: float | None = None,
    severity: Severity = "error",
) -> Finding:
    return Finding(episode, rule, severity, time, message, fix)
