"""What a dataset stores of an episode goes in; the texts in force, as spans of its frames, come out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from roboscribe.dataset.index_features import Indices, runs
from roboscribe.dialogue import TASK_INDEX_HIGH_LEVEL, DialogueBook, read_dialogue
from roboscribe.episode import Floats
from roboscribe.language import COLUMNS, SPEECH, Row, spoken_text
from roboscribe.skills import SUBTASK_INDEX, SkillBook, read_names

TEXTS = ("subtask", "plan", "memory", "user_prompt", "robot_utterance")
"""What can be said of a moment: one text each, or none."""

PERSISTENT_TEXTS = ("subtask", "plan", "memory")

INDEX_FEATURES = (SUBTASK_INDEX, TASK_INDEX_HIGH_LEVEL)

Starts = Iterable[tuple[int, str | None]]
"""Frames from which on a text, or none, is in force."""


@dataclass(frozen=True, slots=True)
class Span:
    """A text that is in force for a while.

    Attributes:
        text: The text.
        start: Seconds of the first frame.
        end: Seconds at which the last frame ends.
        first: The first frame.
        stop: The frame after the last.
    """

    text: str
    start: float
    end: float
    first: int
    stop: int


@dataclass(frozen=True, eq=False)
class Stored:
    """What a dataset stores of one episode.

    Attributes:
        task: Its task; several are joined with "; ".
        timestamps: Seconds of its frames, float32, shape [frames].
        rows: Its language rows.
        numbers: Of each index feature that there is, the number of each frame, shape [frames].
    """

    task: str
    timestamps: Floats
    rows: Sequence[Row]
    numbers: Mapping[str, Indices]


@dataclass(frozen=True)
class Texts:
    """What a dataset can say of its frames.

    Attributes:
        features: Names of its features.
        fps: Frames per second.
        skills: Names of ``subtask_index``.
        dialogue: Exchanges of ``task_index_high_level``.
    """

    features: frozenset[str]
    fps: float
    skills: SkillBook
    dialogue: DialogueBook

    @classmethod
    def of(cls, root: Path, features: Collection[str], fps: float) -> Texts:
        """Those of the dataset in a folder.

        Raises:
            DatasetError: A table that names index features cannot be read.
        """
        return cls(frozenset(features), fps, read_names(root), read_dialogue(root) or DialogueBook())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Those of ``TEXTS`` that it can say, by the columns it has."""
        told: set[str] = set(TEXTS) if self.features.intersection(COLUMNS) else set()
        told |= {"subtask"} if SUBTASK_INDEX in self.features else set()
        told |= {"user_prompt", "robot_utterance"} if TASK_INDEX_HIGH_LEVEL in self.features else set()
        return tuple(name for name in TEXTS if name in told)

    def spans(self, stored: Stored) -> dict[str, tuple[Span, ...]]:
        """The spans of each of ``names`` in an episode, in order of time."""
        return {name: _spans(self._starts(name, stored), stored.timestamps, self.fps) for name in self.names}

    def _starts(self, name: str, stored: Stored) -> Starts:
        """Where a text begins; a feature of its own has the last word."""
        times, rows, numbers = stored.timestamps, stored.rows, stored.numbers
        if name == "subtask" and SUBTASK_INDEX in numbers:
            return [(start, self.skills.name_of(number)) for start, number in runs(numbers[SUBTASK_INDEX])]
        if name in PERSISTENT_TEXTS:
            return _frames([(row.timestamp, row.content) for row in rows if row.style == name], times)
        if TASK_INDEX_HIGH_LEVEL in numbers:
            found = runs(numbers[TASK_INDEX_HIGH_LEVEL])
            tasks = [(start, self.dialogue.task_of(number)) for start, number in found]
            return [(start, None if one is None else getattr(one, name)) for start, one in tasks]
        spoken = [(row.timestamp, spoken_text(row)) for row in rows if row.is_of({SPEECH})]
        if name == "robot_utterance":
            return _frames(spoken, times)
        first = float(times[0])
        asked: dict[float, str | None] = {first: stored.task} if spoken and spoken[0][0] == first else {}
        asked |= {row.timestamp: row.content for row in rows if row.style == "interjection"}
        return _frames(sorted(asked.items()), times)


def _frames(starts: Iterable[tuple[float, str | None]], times: Floats) -> Starts:
    """Starts in seconds as frames: the first that is not before."""
    return [(int(np.searchsorted(times, np.float32(start))), text) for start, text in starts]


def _spans(starts: Starts, times: Floats, fps: float) -> tuple[Span, ...]:
    """Spans from each start to the next; of two at one frame the later holds, and None is no span."""
    spans: list[Span] = []
    for (first, text), (stop, _) in pairwise([*starts, (len(times), None)]):
        if text and first < stop:
            end = float(times[stop]) if stop < len(times) else float(times[-1]) + 1 / fps
            spans.append(Span(text, float(times[first]), end, first, stop))
    return tuple(spans)
