"""The frames of a dataset as LeRobot gives them go in; each with the texts in force at it comes out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lerobot.datasets.lerobot_dataset import LeRobotDataset

from roboscribe.dataset.columns import indices, language_rows
from roboscribe.dataset.shards import as_float32
from roboscribe.language import COLUMNS
from roboscribe.reading.texts import INDEX_FEATURES, TEXTS, Span, Stored, Texts

EPISODES = 4096
"""Episodes whose texts are kept, some ten kilobytes each; the others are read again when they are met again."""


class AnnotatedFrames(LeRobotDataset):
    """A ``LeRobotDataset`` whose items say what is going on; use ``roboscribe.load``.

    Items have each of ``TEXTS`` as a string, "" where there is none. Language columns are left out of them, unless
    they are wanted: they are the same list on each frame of an episode, and take longer to read than all the rest.

    Args:
        root: Folder of the dataset, version 3.0, with all of its videos.
        language_rows: Whether items have the language columns, too.
        options: Those of ``LeRobotDataset``.
    """

    def __init__(self, root: Path, *, language_rows: bool = False, **options: Any) -> None:
        options.setdefault("repo_id", f"local/{root.resolve().name}")
        super().__init__(root=root, **options)
        self._texts = Texts.of(root, self.meta.features, self.meta.fps)
        self._spans: dict[int, Mapping[str, tuple[Span, ...]]] = {}
        said = [name for name in (*COLUMNS, *INDEX_FEATURES) if name in self.hf_dataset.column_names]
        # LeRobot has mapped all data files into memory: to read an episode's rows from there takes no time.
        self._said = self.hf_dataset.with_format("arrow").select_columns(["timestamp", "task_index", *said])
        if not language_rows:
            columns = [name for name in COLUMNS if name in said]
            self.reader.hf_dataset = self.hf_dataset.remove_columns(columns)

    def __getitem__(self, idx: Any) -> Any:
        """One frame as a dictionary; a list of them for a slice."""
        item = super().__getitem__(idx)
        if isinstance(idx, slice):
            return item
        frame = int(item["frame_index"])
        first = int(idx) % len(self) - frame
        spans = self._spans_of(int(item["episode_index"]), first)
        return {**item, **{name: _at(spans.get(name, ()), frame) for name in TEXTS}}

    def _spans_of(self, episode: int, first: int) -> Mapping[str, tuple[Span, ...]]:
        """The spans of an episode, whose frames begin at row ``first``."""
        known = self._spans.get(episode)
        if known is None:
            known = self._texts.spans(self._stored(episode, first))
            if len(self._spans) == EPISODES:
                del self._spans[next(iter(self._spans))]
            self._spans[episode] = known
        return known

    def _stored(self, episode: int, first: int) -> Stored:
        length: int = self.meta.episodes[episode]["length"]
        table = self._said[first : first + length]
        tasks = dict.fromkeys(self.meta.tasks.iloc[number].name for number in table["task_index"].to_pylist())
        numbers = {name: indices(table[name]) for name in INDEX_FEATURES if name in table.column_names}
        return Stored(
            "; ".join(task for task in tasks if task),
            as_float32(table["timestamp"]),
            language_rows(table),
            {name: values for name, values in numbers.items() if values is not None},
        )


def _at(spans: tuple[Span, ...], frame: int) -> str:
    """The text in force at a frame."""
    place = bisect_right(spans, frame, key=lambda span: span.first)
    return spans[place - 1].text if place and frame < spans[place - 1].stop else ""
