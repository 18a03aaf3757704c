"""Skills, the index-feature form of subtasks: what ``meta`` says of them comes in, what it shall say goes out.

Two files hold them. ``skills.json`` has the spans of every episode in seconds; ``subtasks.parquet`` has the names,
whose place in the table is the number that the feature ``subtask_index`` gives each frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roboscribe.english.texts import wording
from roboscribe.errors import DatasetError, cause
from roboscribe.tables import indexed_by_text, read_texts, to_bytes

SKILLS = "meta/skills.json"
SUBTASKS = "meta/subtasks.parquet"
SUBTASK_INDEX = "subtask_index"

UNLABELLED = -1
"""Number of a frame that has none."""


@dataclass(frozen=True, slots=True)
class Skill:
    """What the robot does for a while.

    Attributes:
        name: What it does, as a short command.
        start: Seconds from the start of the episode.
        end: Seconds at which the next one may start.
    """

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class EpisodeSkills:
    """The skills of an episode.

    Attributes:
        episode: Index of the episode.
        description: What is done in it, such as its task.
        skills: In order of time.
    """

    episode: int
    description: str
    skills: tuple[Skill, ...]


@dataclass(frozen=True)
class SkillBook:
    """The skills of a dataset.

    Names that read the same have one number. Extending a book never changes a number.

    Attributes:
        names: The place is the number; "" where a number has no name.
        episodes: Skills of the episodes that have any, by episode index.
        description: What is done in the dataset, in a sentence.
    """

    names: tuple[str, ...] = ()
    episodes: Mapping[int, EpisodeSkills] = field(default_factory=dict[int, EpisodeSkills])
    description: str = ""

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        numbers: dict[str, int] = {}
        for number, name in enumerate(self.names):
            numbers.setdefault(wording(name), number)
        return numbers

    def number_of(self, name: str) -> int:
        """Number of a skill by its name, or -1; case, spacing and end punctuation do not matter."""
        return self._numbers.get(wording(name), UNLABELLED)

    def numbered_from(self, number: int) -> SkillBook:
        """The book whose next new name gets this number, or a larger one; numbers skipped have no name."""
        return replace(self, names=self.names + ("",) * (number - len(self.names)))

    def with_episodes(self, episodes: Iterable[EpisodeSkills]) -> SkillBook:
        """The book with the skills of these episodes in the place of those it has; new names come last."""
        added = {one.episode: one for one in episodes}
        names = list(self.names)
        known = set(self._numbers)
        for one in added.values():
            for skill in one.skills:
                if wording(skill.name) not in known:
                    known.add(wording(skill.name))
                    names.append(tidy_name(skill.name))
        book = SkillBook(tuple(names), {}, self.description)
        named = {
            index: replace(
                one,
                skills=tuple(replace(skill, name=names[book.number_of(skill.name)]) for skill in one.skills),
            )
            for index, one in added.items()
        }
        merged = {**self.episodes, **named}
        return replace(book, episodes={index: merged[index] for index in sorted(merged)})

    def numbers(self, episode: int, times: NDArray[np.float32]) -> NDArray[np.int64]:
        """Number of the skill at each time, int64, shape [frames]; -1 where there is none.

        Args:
            episode: Index of the episode.
            times: Seconds, ascending, shape [frames].
        """
        numbers = np.full(len(times), UNLABELLED, dtype=np.int64)
        one = self.episodes.get(episode)
        for skill in one.skills if one is not None else ():
            numbers[(times >= np.float32(skill.start)) & (times < skill.end)] = self.number_of(skill.name)
        return numbers

    def name_of(self, number: int) -> str | None:
        """Name of the skill of this number, None where there is none."""
        return (self.names[number] or None) if 0 <= number < len(self.names) else None


def tidy_name(name: str) -> str:
    """A name as it is stored: one line, without the punctuation that ends a sentence."""
    return " ".join(name.split()).rstrip(".;,!? ")


def read_skills(root: Path) -> SkillBook | None:
    """The skills of the dataset at ``root``; None where it has neither of the two files.

    Raises:
        DatasetError: A file cannot be read.
    """
    book = _read_json(root / SKILLS) if (root / SKILLS).is_file() else None
    if not (root / SUBTASKS).is_file():
        return book
    names = _table_of_names(root)
    return (
        SkillBook(names) if book is None else replace(book, names=names).with_episodes(book.episodes.values())
    )


def read_names(root: Path) -> SkillBook:
    """The names of skills alone, where nobody needs the spans: those of 40,000 episodes take much memory.

    Raises:
        DatasetError: A file cannot be read.
    """
    if (root / SUBTASKS).is_file():
        return SkillBook(_table_of_names(root))
    book = read_skills(root)
    return SkillBook() if book is None else SkillBook(book.names)


def _table_of_names(root: Path) -> tuple[str, ...]:
    """Names by number. The table has the last word on them: it is what trainers look them up in."""
    return read_texts(root / SUBTASKS, "subtask", SUBTASK_INDEX)


def skill_files(book: SkillBook) -> dict[str, bytes]:
    """The two files, by path relative to the dataset's root."""
    data: dict[str, Any] = {
        "coarse_description": book.description,
        "skill_to_subtask_index": {name: number for number, name in enumerate(book.names) if name},
        "episodes": {
            str(index): {
                "episode_index": index,
                "description": one.description,
                "skills": [
                    {"name": s.name, "start": _short(s.start), "end": _short(s.end)} for s in one.skills
                ],
            }
            for index, one in book.episodes.items()
        },
    }
    import pyarrow as pa

    numbers = pa.array(range(len(book.names)), type=pa.int64())
    table = indexed_by_text("subtask", book.names, {SUBTASK_INDEX: numbers})
    return {
        SKILLS: (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode(),
        SUBTASKS: to_bytes(table),
    }


def _short(seconds: float) -> float:
    """A time that is a dataset's, in 32 bits, with no more digits than tell it from others."""
    return float(str(np.float32(seconds)))


def _read_json(path: Path) -> SkillBook:
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        # Older scripts numbered skills as tasks.
        numbers: Mapping[str, int] = (
            data.get("skill_to_subtask_index") or data.get("skill_to_task_index") or {}
        )
        episodes = [_episode(int(key), value) for key, value in data["episodes"].items()]
        names = [""] * (max(numbers.values(), default=-1) + 1)
        for name, number in numbers.items():
            names[number] = name
        book = SkillBook(tuple(names), {}, str(data.get("coarse_description") or ""))
        return book.with_episodes(episodes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DatasetError(
            f"{path} is not a file of skills: {cause(error)}.", "Correct it, or remove it."
        ) from error


def _episode(index: int, data: Mapping[str, Any]) -> EpisodeSkills:
    skills: Sequence[Mapping[str, Any]] = data["skills"]
    return EpisodeSkills(
        index,
        str(data.get("description") or ""),
        tuple(Skill(str(s["name"]), float(s["start"]), float(s["end"])) for s in skills),
    )
