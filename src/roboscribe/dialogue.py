"""Dialogue, the index-feature form of requests and speech: what ``meta`` says of it comes in, and goes out again.

``tasks_high_level.parquet`` has what a person said and the robot answered; the place of a row in it is the number
that the feature ``task_index_high_level`` gives each frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from roboscribe.errors import DatasetError
from roboscribe.tables import indexed_by_text, read_columns, to_bytes

HIGH_LEVEL_TASKS = "meta/tasks_high_level.parquet"
SAMPLES = "meta/syn_annotations.jsonl"
TASK_INDEX_HIGH_LEVEL = "task_index_high_level"

COLUMNS = ("user_prompt", "robot_utterance", "skill", "scenario_type", "response_type")


@dataclass(frozen=True, slots=True)
class HighLevelTask:
    """What a person said, and what the robot answered.

    Attributes:
        user_prompt: The person's words.
        robot_utterance: The robot's.
        skill: What the robot does next; "" where nobody said.
        scenario_type: What kind of thing the person said; "" where nobody said.
        response_type: What kind of answer it is; "" where nobody said.
    """

    user_prompt: str
    robot_utterance: str
    skill: str = ""
    scenario_type: str = ""
    response_type: str = ""

    @property
    def text(self) -> str:
        """Both, as the index of the table."""
        return f"{self.user_prompt} | {self.robot_utterance}"


@dataclass(frozen=True)
class DialogueBook:
    """The exchanges of a dataset. Extending a book never changes a number.

    Attributes:
        tasks: The place is the number.
    """

    tasks: tuple[HighLevelTask, ...] = ()

    @cached_property
    def _numbers(self) -> dict[HighLevelTask, int]:
        numbers: dict[HighLevelTask, int] = {}
        for number, task in enumerate(self.tasks):
            numbers.setdefault(task, number)
            # Where nobody says the types, or not even the skill, the first row of the same words is meant.
            words = task.user_prompt, task.robot_utterance
            numbers.setdefault(HighLevelTask(*words, task.skill), number)
            numbers.setdefault(HighLevelTask(*words), number)
        return numbers

    def number_of(self, task: HighLevelTask) -> int:
        """Number of an exchange with these words, and this skill and these types as far as they are told; or -1."""
        return self._numbers.get(task, -1)

    def with_tasks(self, tasks: Iterable[HighLevelTask]) -> DialogueBook:
        """The book with the exchanges that it does not have yet added at its end."""
        new = dict.fromkeys(task for task in tasks if self.number_of(task) < 0)
        return DialogueBook((*self.tasks, *new))

    def task_of(self, number: int) -> HighLevelTask | None:
        """The exchange of this number, None where there is none."""
        return self.tasks[number] if 0 <= number < len(self.tasks) else None


def read_dialogue(root: Path) -> DialogueBook | None:
    """The exchanges of the dataset at ``root``; None where it has no table of them.

    Raises:
        DatasetError: The table cannot be read, or lacks a column.
    """
    path = root / HIGH_LEVEL_TASKS
    if not path.is_file():
        return None
    columns = read_columns(path)
    for name in ("user_prompt", "robot_utterance"):
        if name not in columns:
            raise DatasetError(f"{path} has no column {name!r}.", "Correct it, or remove it.")
    rows = len(columns["user_prompt"])
    values = [[str(value or "") for value in columns.get(name, [""] * rows)] for name in COLUMNS]
    return DialogueBook(tuple(HighLevelTask(*row) for row in zip(*values, strict=True)))


def dialogue_files(book: DialogueBook) -> dict[str, bytes]:
    """The table, by path relative to the dataset's root."""
    import pyarrow as pa

    columns = {name: pa.array([getattr(task, name) for task in book.tasks], pa.string()) for name in COLUMNS}
    numbers = pa.array(range(len(book.tasks)), type=pa.int64())
    texts = [task.text for task in book.tasks]
    return {HIGH_LEVEL_TASKS: to_bytes(indexed_by_text("task", texts, {"task_index": numbers, **columns}))}
