"""A dataset and an edit of each of its data files go in; all of them change in one step, in place or in a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from roboscribe.dataset.info import INFO
from roboscribe.dataset.journal import transaction
from roboscribe.dataset.layout import Shard
from roboscribe.dataset.output import is_same, take_along
from roboscribe.dataset.reader import Dataset
from roboscribe.errors import EpisodeError


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


def rewrite(
    source: Dataset,
    stored: Dataset,
    target: Path,
    edit: Callable[[Shard], ShardEdit],
    info: Callable[[bytes], bytes],
    meta_files: Mapping[str, bytes],
    on_shard: Callable[[Shard], None] | None,
) -> WriteReport:
    """Edit every data file of a dataset, and its ``info.json``.

    The target is the old dataset or the new one at any instant, and loads. Data files that would stay the same
    are not touched.

    Args:
        source: The dataset.
        stored: What is there of the target (see ``check_target``).
        target: The root of ``source``, to change it in place, or another folder.
        edit: The edit of a data file of ``source``.
        info: From the stored ``info.json`` to the new one.
        meta_files: Further files to write in the same step, by path relative to the target.
        on_shard: Called when a data file is done.

    Raises:
        DatasetError: The target cannot be written, or a data file cannot be read; nothing was changed.
        EpisodeError: What is to be written of an episode does not fit it; nothing was changed.
    """
    changed: list[int] = []
    with transaction(target) as changes:
        old = (stored.root / INFO).read_bytes()
        for shard in source.shards():
            one = edit(shard)
            try:
                if not (one.holds_already and stored.root.samefile(target)):
                    one.write(changes.stage(shard.relative))
                changed += one.changed
            finally:
                one.close()
            if on_shard:
                on_shard(shard)
        if not is_same(source.root, target):
            take_along(source, changes)
        changes.write(INFO, info(old))
        for relative, data in meta_files.items():
            changes.write(relative, data)
    shards = [shard.relative for shard in source.shards()]
    written = len(changes.changed.intersection(shards))
    return WriteReport(written, len(shards) - written, tuple(sorted(changed)), changes.changed)


def episode_spans(source: Dataset, shard: Shard) -> dict[int, tuple[int, int]]:
    """Rows of the shard's episodes; without those that cannot be read, whose rows stay as they are."""
    spans: dict[int, tuple[int, int]] = {}
    for index in shard.episodes:
        with suppress(EpisodeError):
            spans[index] = source.rows_of(index)
    return spans
