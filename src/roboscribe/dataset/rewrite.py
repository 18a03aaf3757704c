"""A dataset and an edit of each of its data files go in; all of them change in one step, in place or in a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from roboscribe.dataset.filesystem import link
from roboscribe.dataset.info import INFO
from roboscribe.dataset.journal import transaction
from roboscribe.dataset.layout import Shard
from roboscribe.dataset.output import is_same, take_along
from roboscribe.dataset.prepared import PreparedFile, PreparedFiles
from roboscribe.dataset.reader import Dataset
from roboscribe.errors import EpisodeError
from roboscribe.memory import give_back


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a write did.

    Attributes:
        shards_written: Data files that are new or changed.
        shards_unchanged: Data files that were right as they were.
        episodes_changed: Episodes that say something else than before.
        files: Every file that was added or changed, relative to the target.
    """

    shards_written: int = 0
    shards_unchanged: int = 0
    episodes_changed: tuple[int, ...] = ()
    files: frozenset[str] = frozenset()


class ShardEdit(Protocol):
    """A data file as it is, and as it shall be."""

    @property
    def changed(self) -> Sequence[int]:
        """Episodes that say something else than before."""
        ...

    @property
    def holds_already(self) -> bool:
        """Whether the stored file is what would be written."""
        ...

    def write(self, path: Path) -> None:
        """Write the file as it shall be to ``path``."""
        ...

    def close(self) -> None:
        """Close the files that are read."""
        ...


@dataclass(frozen=True)
class Rewrite:
    """How every data file of a dataset is to change, and its ``info.json``.

    Attributes:
        source: The dataset.
        stored: What is there of the target (see ``check_target``).
        target: The root of ``source``, to change it in place, or another folder.
        edit: The edit of a data file of ``source``.
        info: From the stored ``info.json`` to the new one.
    """

    source: Dataset
    stored: Dataset
    target: Path
    edit: Callable[[Shard], ShardEdit]
    info: Callable[[bytes], bytes]

    def prepare(
        self, shard: Shard, prepared: PreparedFiles, made_from: str, account: Mapping[str, Any]
    ) -> None:
        """Make a data file as it shall be ahead of ``commit``; the dataset stays as it is.

        Args:
            shard: The data file.
            prepared: Where it is kept.
            made_from: Digest of all that it is made from.
            account: What is to be told of its episodes, as JSON has it.

        Raises:
            DatasetError: It cannot be read or kept.
            EpisodeError: What is to be written of an episode does not fit it.
        """
        prepared.add(shard.relative, made_from, lambda place: self._make(shard, place), account)

    def commit(
        self,
        meta_files: Mapping[str, bytes],
        on_shard: Callable[[Shard], None] | None,
        prepared: Mapping[str, PreparedFile] = MappingProxyType({}),
    ) -> WriteReport:
        """Change all of them in one step.

        The target is the old dataset or the new one at any instant, and loads. Data files that would stay the
        same are not touched.

        Args:
            meta_files: Further files to write in the same step, by path relative to the target.
            on_shard: Called when a data file is done.
            prepared: Data files that are made already, by path relative to the target; they stay where they are,
                as a run that is killed before the step will want them again.

        Raises:
            DatasetError: The target cannot be written, or a data file cannot be read; nothing was changed.
            EpisodeError: What is to be written of an episode does not fit it; nothing was changed.
        """
        changed: list[int] = []
        shards = self.source.shards()
        with transaction(self.target) as changes:
            old = (self.stored.root / INFO).read_bytes()
            for shard in shards:
                made = prepared.get(shard.relative)
                if made is None:
                    changed += self._make(shard, lambda shard=shard: changes.stage(shard.relative))
                else:
                    changed += made.changed
                    if made.path is not None:
                        link(made.path, changes.stage(shard.relative))
                if on_shard:
                    on_shard(shard)
            if not is_same(self.source.root, self.target):
                take_along(self.source, changes)
            changes.write(INFO, self.info(old))
            for relative, data in meta_files.items():
                changes.write(relative, data)
        written = len(changes.changed.intersection(shard.relative for shard in shards))
        return WriteReport(written, len(shards) - written, tuple(sorted(changed)), changes.changed)

    def _make(self, shard: Shard, place: Callable[[], Path]) -> Sequence[int]:
        """Write a data file as it shall be, unless the target's own is so; episodes that say something else then."""
        edit = self.edit(shard)
        try:
            if not (edit.holds_already and is_same(self.stored.root, self.target)):
                edit.write(place())
            return edit.changed
        finally:
            edit.close()
            if len(shard.episodes) > 1:
                # Each takes as much again, of which allocators keep a little more every time.
                give_back()


def episode_spans(source: Dataset, shard: Shard) -> dict[int, tuple[int, int]]:
    """Rows of the shard's episodes; without those that cannot be read, whose rows stay as they are."""
    spans: dict[int, tuple[int, int]] = {}
    for index in shard.episodes:
        with suppress(EpisodeError):
            spans[index] = source.rows_of(index)
    return spans
