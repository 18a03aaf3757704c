"""A dataset and the folder to write go in; whether that can be, and the files to take along, come out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from roboscribe.dataset.declare import with_say
from roboscribe.dataset.filesystem import link
from roboscribe.dataset.info import INFO
from roboscribe.dataset.journal import OWN_FOLDERS, Transaction, check_writable, recover
from roboscribe.dataset.reader import Dataset, open_dataset
from roboscribe.dataset.remote import REMOTE, VIDEO_SUFFIXES
from roboscribe.errors import DatasetError
from roboscribe.language import COLUMNS

LEFT_OUT = (*OWN_FOLDERS, ".git", ".cache")
"""What belongs to a folder, not to the dataset in it."""

FLAG = "--output-dir"


WRITTEN = frozenset({*COLUMNS, "tools", "subtask_index"})
"""Features that language columns bring and take the place of."""


def check_target(source: Dataset, target: Path, written: Collection[str] = WRITTEN) -> Dataset:
    """The dataset whose stored language rows a write to ``target`` starts from.

    Args:
        source: The dataset to be written.
        target: Its own folder, to change it in place; else one that is missing, empty, or holds what an
            earlier write of the same source made.
        written: Features in which the two may differ.

    Returns:
        The dataset in ``target`` where there is one, else ``source``.

    Raises:
        DatasetError: ``target`` cannot be written to, holds something else, or one folder holds the other; or
            the source has tools that ``say`` cannot be added to.
    """
    with_say(source.info.raw.get("tools"))
    if is_same(source.root, target):
        check_writable(source.root, (*_shards(source), INFO))
        return source
    _check_apart(source.root, target)
    if _is_free(target):
        return source
    try:
        copy = open_dataset(target)
    except DatasetError as error:
        raise _other(source, target, str(error)) from error
    difference = _difference(source, copy, written)
    if difference:
        raise _other(source, target, difference)
    check_writable(target, (*_shards(source), INFO))
    return copy


def check_new(source: Dataset, target: Path) -> Dataset | None:
    """The dataset that is in ``target`` already; None where the folder is free for a new one.

    Args:
        source: What the new dataset is to be made of.
        target: Another folder, missing, empty or with a dataset in it.

    Raises:
        DatasetError: ``target`` is the source's own folder, one holds the other, or it cannot be written to or
            holds something else.
    """
    if is_same(source.root, target):
        raise DatasetError(
            f"{FLAG} {target} is the dataset itself, which is never changed by this.", "Name another folder."
        )
    _check_apart(source.root, target)
    if _is_free(target):
        return None
    try:
        return open_dataset(target)
    except DatasetError as error:
        raise DatasetError(f"{FLAG} {target} is not empty.", "Name a new folder.") from error


def _check_apart(root: Path, target: Path) -> None:
    here, there = root.resolve(), target.resolve()
    if here in there.parents or there in here.parents:
        raise DatasetError(
            f"One of {FLAG} {target} and the dataset {root} holds the other.", "Name another folder."
        )


def _is_free(target: Path) -> bool:
    """Whether the folder is missing or holds nothing of a dataset; an interrupted write of it is completed."""
    if target.is_dir():
        recover(target)
    check_writable(target)
    return not target.is_dir() or not {entry.name for entry in target.iterdir()}.difference(LEFT_OUT)


def is_same(root: Path, target: Path) -> bool:
    """Whether ``target`` is the folder ``root``."""
    return target.exists() and target.samefile(root)


def take_along(
    source: Dataset, changes: Transaction, leave: Callable[[str], bool] = lambda path: False
) -> None:
    """Stage what the target lacks of the source besides its data and ``info.json``.

    Videos are hard-linked, copied where links cannot be; everything else is copied, as others may change it. Where
    videos are still on the Hub, the target can fetch them as well.

    Args:
        source: The dataset.
        changes: What is to become of the target.
        leave: Whether a further file, by its path relative to the root, is not to be taken along.
    """
    if source.remote is not None and source.remote.missing(source.root):
        changes.write(REMOTE, source.remote.to_bytes())
    written = {*_shards(source), INFO}
    for relative, path in dataset_files(source.root):
        if relative not in written and not leave(relative) and not (changes.root / relative).exists():
            staged = changes.stage(relative)
            if path.suffix.lower() in VIDEO_SUFFIXES:
                link(path.resolve(), staged)
            else:
                shutil.copyfile(path, staged)


def dataset_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Files of a dataset with their relative paths, also behind links to files and folders; without staging."""
    seen: set[Path] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = Path(folder).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and name not in LEFT_OUT:
                yield path.relative_to(root).as_posix(), path


def _shards(source: Dataset) -> list[str]:
    return [shard.relative for shard in source.shards()]


def _difference(source: Dataset, copy: Dataset, written: Collection[str]) -> str:
    """What tells a dataset from being made of ``source`` by writing some of its features, or ""."""
    if copy.info.version != source.info.version or copy.info.fps != source.info.fps:
        return f"it is {copy.info.version} at {copy.info.fps:g} fps"
    if copy.episode_indices != source.episode_indices or _lengths(copy) != _lengths(source):
        return f"{copy.range_text}, of other lengths"
    if _shards(copy) != _shards(source):
        return "its data files are named otherwise"
    ours, theirs = (
        {key: feature for key, feature in dataset.info.features.items() if key not in written}
        for dataset in (source, copy)
    )
    return "" if ours == theirs else "its features are others"


def _lengths(dataset: Dataset) -> list[int]:
    return [dataset.episode_length(index) for index in dataset.episode_indices]


def _other(source: Dataset, target: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"{FLAG} {target} is not empty, and is no annotated copy of {source.root}: {reason.rstrip('.')}.",
        "Name a new folder.",
    )
