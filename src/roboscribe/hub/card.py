"""The dataset card: a dataset and its run record go in, the card with a section on its language comes out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from roboscribe import __version__
from roboscribe.config import ranges
from roboscribe.dataset import Dataset
from roboscribe.dialogue import HIGH_LEVEL_TASKS, TASK_INDEX_HIGH_LEVEL, DialogueBook, read_dialogue
from roboscribe.language import Row
from roboscribe.reading import AnnotatedDataset, AnnotatedEpisode
from roboscribe.reading.texts import INDEX_FEATURES
from roboscribe.skills import SUBTASK_INDEX, SUBTASKS, read_names
from roboscribe.staging.runrecord import Entry, RunRecord

BEGIN, END = "<!-- roboscribe: begin -->", "<!-- roboscribe: end -->"
"""What stands around our section, so that the next push replaces it."""

PREVIEW_ROWS = 12
_CELL = 120
_FRONT_MATTER = """\
---
task_categories:
- robotics
tags:
- LeRobot
- roboscribe
configs:
- config_name: default
  data_files: data/*/*.parquet
---

# {title}

A [LeRobot](https://github.com/huggingface/lerobot) dataset.
"""


def with_section(card: str | None, title: str, section: str) -> str:
    """A card with our section, in the place of an earlier one or at the end.

    Args:
        card: The card so far; None for a new one.
        title: Title of a new card.
        section: Text of ``describe``.
    """
    text = _FRONT_MATTER.format(title=title) if card is None else card
    block = f"{BEGIN}\n{section.strip()}\n{END}"
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda _: block, text, count=1)
    return f"{text.rstrip()}\n\n{block}\n"


def describe(dataset: Dataset) -> str:
    """What was annotated, by whom and how, with some rows to look at; Markdown.

    Raises:
        DatasetError: The dataset's rows cannot be read.
    """
    record = RunRecord.read(dataset.root)
    lines = ["## Language", ""]
    if record.entries:
        lines += [
            f"Written with Roboscribe {__version__} into {_counted(len(record.episodes), 'episode')} "
            f"of {len(dataset.episode_indices)}.",
            "",
            *_table(("what", "count", "episodes", "made by", "seed", "prompts"), map(_made, record.entries)),
        ]
    if record.unchecked:
        lines += ["", f"Rows of episodes {ranges(record.unchecked)} were written without validation."]
    shown = _preview(dataset, record)
    if shown:
        episode, rows = shown
        lines += ["", f"Episode {episode} begins:", ""]
        lines += _table(("time", "style", "who", "what"), map(_shown, rows))
    lines += _index_features(dataset, record)
    return "\n".join(lines) + "\n"


def _made(entry: Entry) -> tuple[str, ...]:
    made: Mapping[str, Any] = entry.made_by
    prompts: Mapping[str, str | None] = made.get("prompts", {})
    told = "; ".join(f"{kind} {digest}" for kind, digest in sorted(prompts.items()) if digest)
    return (
        # What is not in rows of the language columns goes by who made it: skills, dialogue.
        ", ".join(made["styles"]) or entry.annotator,
        str(entry.rows),
        ranges(entry.episodes),
        str(made.get("model", "state and action, or other rows")),
        str(made.get("seed", "")),
        told,
    )


def _preview(dataset: Dataset, record: RunRecord) -> tuple[int, list[Row]] | None:
    """The first rows in time of the first episode that has some; those of one style in turn."""
    for index in sorted(record.episodes)[:1] or dataset.episode_indices[:1]:
        rows = sorted(dataset.language_rows(index), key=lambda row: row.timestamp)
        kinds: dict[str | None, int] = {}
        shown: list[Row] = []
        for row in rows:
            kinds[row.style] = kinds.get(row.style, 0) + 1
            if kinds[row.style] <= max(1, PREVIEW_ROWS // 4):
                shown.append(row)
        if shown:
            return index, shown[:PREVIEW_ROWS]
    return None


def _index_features(dataset: Dataset, record: RunRecord) -> list[str]:
    """What the index features are, and what they say of the first episode that has some."""
    present = [name for name in INDEX_FEATURES if name in dataset.info.features]
    if not present:
        return []
    tables = {
        SUBTASK_INDEX: (SUBTASKS, len(read_names(dataset.root).names), "skill"),
        TASK_INDEX_HIGH_LEVEL: (
            HIGH_LEVEL_TASKS,
            len((read_dialogue(dataset.root) or DialogueBook()).tasks),
            "exchange",
        ),
    }
    lines = [""]
    for name in present:
        table, count, noun = tables[name]
        lines += [f"- `{name}` numbers the {_counted(count, noun)} of `{table}` for each frame."]
    read = AnnotatedDataset(dataset)
    episodes = map(read.episode, sorted(record.episodes) or dataset.episode_indices)
    shown = next((episode for episode in episodes if any(episode.spans.values())), None)
    if shown is not None:
        lines += ["", f"Frame by frame, episode {shown.index} begins:", ""]
        lines += _table(("time", "skill", "person", "robot"), islice(_moments(shown), PREVIEW_ROWS))
    return lines


def _moments(episode: AnnotatedEpisode) -> Iterator[tuple[str, ...]]:
    """What is in force whenever something new is: the time, the skill, the person's words and the robot's."""
    names = ("subtask", "user_prompt", "robot_utterance")
    before: tuple[str | None, ...] = ()
    for time, *said in zip(episode.timestamps, *map(episode.texts, names), strict=True):
        if tuple(said) != before:
            before = tuple(said)
            yield f"{time:.2f} s", *(text or "" for text in said)


def _shown(row: Row) -> tuple[str, ...]:
    spoken = [str(call["function"]["arguments"].get("text", "")) for call in row.tool_calls or ()]
    said = " ".join(spoken) if row.content is None else row.content
    return f"{row.timestamp:.2f} s", row.style or "speech", row.role, said


def _table(head: Sequence[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(_cell(text) for text in row) + " |" for row in rows),
    ]


def _cell(text: str) -> str:
    plain = " ".join(text.split()).replace("|", "\\|")
    return plain if len(plain) <= _CELL else plain[: _CELL - 1] + "…"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
