"""A dataset and language rows of its episodes go in; the dataset comes out with these in its columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from roboscribe.dataset.declare import LANGUAGE, TOOLS, NewColumn, declare, extend_schema, with_say
from roboscribe.dataset.layout import Shard
from roboscribe.dataset.merge import EpisodeUpdate, language_arrays, merge
from roboscribe.dataset.output import check_target
from roboscribe.dataset.reader import Dataset
from roboscribe.dataset.rewrite import Rewrite, WriteReport, episode_spans
from roboscribe.dataset.shards import ShardFile, write_segments
from roboscribe.language import COLUMNS, EVENTS, PERSISTENT, Row

__all__ = ["EpisodeUpdate", "WriteReport", "check_target", "language_rewrite", "write_language"]

DROPPED = ("subtask_index",)
"""Columns that language columns take the place of."""

Update = Callable[[int], EpisodeUpdate | None]


def write_language(
    source: Dataset,
    target: Path,
    update: Update,
    *,
    meta_files: Mapping[str, bytes] = MappingProxyType({}),
    tools_column: bool = False,
    on_shard: Callable[[Shard], None] | None = None,
    drop: Sequence[str] = DROPPED,
) -> WriteReport:
    """Write language rows into the two columns of every data file.

    The target is the old dataset or the new one at any instant, and loads. Rows of other episodes and of
    styles that no update names survive. Data files that would stay the same are not touched.

    Args:
        source: Where all other columns come from.
        target: Its own root, to change it in place, or another folder (see ``check_target``).
        update: What is new about an episode, by its index; None where nothing is.
        meta_files: Further files to write in the same step, by path relative to the target.
        tools_column: Whether to write the column ``tools``, too; an output folder that has it keeps it.
        on_shard: Called when a data file is done.
        drop: Columns that the language columns take the place of.

    Raises:
        DatasetError: The target cannot be written, or a data file cannot be read; nothing was changed.
        EpisodeError: A row's timestamp is no frame's; nothing was changed.
    """
    rewrite = language_rewrite(source, target, update, tools_column=tools_column, drop=drop)
    return rewrite.commit(meta_files, on_shard)


def language_rewrite(
    source: Dataset,
    target: Path,
    update: Update,
    *,
    tools_column: bool = False,
    drop: Sequence[str] = DROPPED,
) -> Rewrite:
    """What ``write_language`` does to every data file; see there.

    Raises:
        DatasetError: The target cannot be written.
    """
    stored = check_target(source, target, {*COLUMNS, TOOLS.name, *drop})
    had_tools = TOOLS.name in stored.info.features and TOOLS.name not in source.info.features
    columns = (*LANGUAGE, TOOLS) if tools_column or had_tools else LANGUAGE
    tools = json.dumps(with_say(stored.info.raw.get("tools")), ensure_ascii=False)
    return Rewrite(
        source,
        stored,
        target,
        lambda shard: _ShardEdit(source, stored, shard, update, columns, tools, drop),
        lambda info: declare(info, columns, drop, say=True),
    )


class _ShardEdit:
    """A data file, its rows as they are and as they shall be.

    Attributes:
        changed: Episodes whose rows are to be others than they are.
    """

    def __init__(
        self,
        source: Dataset,
        stored: Dataset,
        shard: Shard,
        update: Update,
        columns: Sequence[NewColumn],
        tools: str,
        drop: Sequence[str],
    ) -> None:
        spans = episode_spans(source, shard)
        self._file = ShardFile(shard.path, spans)
        self._old = self._file if stored is source else ShardFile(stored.root / shard.relative, spans)
        self._schema = extend_schema(self._file.schema, columns, drop)
        self._added = {column.name for column in columns}
        self._kept = [name for name in self._schema.names if name not in self._added]
        self._tools = tools
        self._times = self._file.timestamps()
        self._rows: list[list[Row]] = []
        self.changed: list[int] = []
        for segment, times, before in zip(
            self._file.segments, self._times, self._old.language_rows(self._times), strict=True
        ):
            episode = segment.episode
            new = None if episode is None else update(episode)
            after = merge(before, new, times, episode)
            self._rows.append(after)
            if episode is not None and after != merge(before, None, times, episode):
                self.changed.append(episode)

    def close(self) -> None:
        """Close the files that are read."""
        self._file.close()
        self._old.close()

    @property
    def holds_already(self) -> bool:
        """Whether the stored file is what would be written."""
        return (
            not self.changed
            and self._old.grouped
            and self._old.schema.equals(self._schema)
            and self._old.schema.metadata == self._schema.metadata
            and (TOOLS.name not in self._added or self._old.holds_only(TOOLS.name, self._tools))
            and (self._old is self._file or self._old.same(self._file, self._kept))
        )

    def write(self, path: Path) -> None:
        """Write the file as it shall be to ``path``."""
        write_segments(path, self._schema, self._file.options(self._schema), self._tables())

    def _tables(self) -> Iterator[pa.Table]:
        """One table for each segment; their rows go as they are used."""
        tables = self._file.tables(self._kept)
        for table, rows, times in zip(tables, self._rows, self._times, strict=True):
            persistent, events = language_arrays(rows, times)
            new = {PERSISTENT: persistent, EVENTS: events, TOOLS.name: pa.repeat(self._tools, len(times))}
            columns = [new[name] if name in self._added else table[name] for name in self._schema.names]
            yield pa.table(columns, schema=self._schema)
