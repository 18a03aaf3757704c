"""A dataset of any version goes in; the same dataset in LeRobot's v3.0 layout comes out, in a folder of its own.

Rows keep their values and types, videos their packets: nothing is decoded or encoded. Finished files are kept
in the target's staging folder until all are there; only then does the dataset appear, whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from roboscribe.conversion.data import convert_data
from roboscribe.conversion.kept import Kept
from roboscribe.conversion.meta import Described, further_columns, new_info, write_episodes
from roboscribe.conversion.plan import Plan, Sizes, check_same, folder_of, make_plan
from roboscribe.conversion.renumber import NUMBERED, renumbered
from roboscribe.conversion.stats import (
    EPISODES_STATS,
    STATS,
    Stats,
    StoredStats,
    Total,
    dataset_stats,
    parse_stats,
    stats_json,
    stored_stats,
)
from roboscribe.conversion.tasks import write_tasks
from roboscribe.conversion.videos import Placement, convert_videos
from roboscribe.dataset import Dataset
from roboscribe.dataset.info import INFO, VISUAL
from roboscribe.dataset.journal import Transaction, transaction
from roboscribe.dataset.layout import is_of_camera
from roboscribe.dataset.metadata import EPISODES_FOLDER, EPISODES_JSONL, TASKS_JSONL, TASKS_PARQUET
from roboscribe.dataset.output import check_new, take_along
from roboscribe.dataset.reader import BOOKKEEPING
from roboscribe.dataset.remote import VIDEO_SUFFIXES
from roboscribe.errors import DatasetError
from roboscribe.events import ConversionStarted, ConversionStep, Listener, Note

CONVERTED = (EPISODES_JSONL, TASKS_JSONL, EPISODES_STATS, STATS, TASKS_PARQUET)
"""Files whose content is in others of the new dataset."""


def to_v3(
    source: Dataset, target: Path, episodes: Sequence[int], listen: Listener, sizes: Sizes | None = None
) -> int:
    """Write episodes of a dataset as a v3.0 dataset to a new folder.

    A run that is cut short leaves no dataset there; the same call goes on where it was.

    Args:
        source: The dataset, which stays as it is.
        target: The new folder.
        episodes: Indices of the episodes; the new dataset numbers them from 0 on.
        listen: Told of what is found and done.
        sizes: Of the new files.

    Returns:
        The number of files written: 0 where the folder already holds the dataset.

    Raises:
        DatasetError: The folder holds something else or cannot be written to, there is no room, or a file of the
            source cannot be read or converted.
        EpisodeError: The rows of an episode cannot be read.
    """
    there = check_new(source, target)
    plan = make_plan(source, episodes, sizes or Sizes())
    if there is not None:
        check_same(plan, there)
        Kept(target, "").clear()
        listen(Note(f"{target} holds these episodes as v3.0 already; delete it to convert them again."))
        return 0
    for note in plan.notes():
        listen(Note(note))
    kept = Kept(target, plan.purpose)
    _check_space(plan, kept, target)
    listen(ConversionStarted("v3.0", plan.steps))
    with transaction(target) as changes:
        made = _make_files(plan, kept, listen)
        notes = _write_meta(plan, made, kept, changes)
        for relative in kept.files:
            _put(kept.path(relative), changes.stage(relative))
        _take_along(plan, changes)
    kept.clear()
    for note in notes:
        listen(Note(note))
    return len(changes.changed)


def _check_space(plan: Plan, kept: Kept, target: Path) -> None:
    folder = folder_of(target)
    needed = plan.bytes_needed(linked=folder.stat().st_dev == plan.source.root.stat().st_dev) - kept.size
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DatasetError(
            f"Converting needs about {_bytes(needed)} at {target}, where {_bytes(free)} are free.",
            "Make room, or name a folder on another disk with --output-dir.",
        )


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


@dataclass(frozen=True)
class _Made:
    """The files there are now.

    Attributes:
        data: Data files in order, relative to the target.
        videos: Where each episode's frames are, by camera key and index in the source.
        stats: Statistics that the source has of its episodes.
    """

    data: Sequence[str]
    videos: Mapping[str, Mapping[int, Placement]]
    stats: StoredStats


def _make_files(plan: Plan, kept: Kept, listen: Listener) -> _Made:
    def step(what: str) -> None:
        listen(ConversionStep(what))

    stats = stored_stats(plan.source.root)
    data = convert_data(
        plan.source,
        plan.parts,
        plan.form,
        stats,
        kept,
        plan.sizes.data,
        lambda part: step(f"episode {part.source}"),
    )
    videos = {
        key: convert_videos(key, sources, kept, plan.sizes.video, lambda video: step(video.relative))
        for key, sources in plan.videos.items()
    }
    return _Made(data, videos, stats)


def _write_meta(plan: Plan, made: _Made, kept: Kept, changes: Transaction) -> list[str]:
    """Stage the metadata; what there is to say about it."""
    computed: set[str] = set()

    def described() -> Iterator[Described]:
        for number, relative in enumerate(made.data):
            for entry in kept.facts(relative)["episodes"]:
                index: int = entry["index"]
                part = plan.parts[index]
                new = parse_stats(entry["stats"])
                computed.update(new)
                videos = {key: places[part.source] for key, places in made.videos.items()}
                known = _declared(plan, made.stats.of(part.source))
                yield Described(part, number, videos, {**known, **new})

    total = Total()
    for one in described():
        total.add(one.stats)
    root, info = plan.source.root, plan.source.info
    further, left_out = further_columns(root, [part.source for part in plan.parts])
    write_episodes(described, total, list(plan.videos), further, plan.sizes.data, changes.stage)
    write_tasks(plan.tasks, changes.stage(TASKS_PARQUET))
    overall = total.result()
    if not plan.renumbered:
        overall = {**_declared(plan, dataset_stats(root)), **overall}
    changes.write(STATS, json.dumps(stats_json(overall), indent=4).encode())
    counts = len(plan.tasks.texts), plan.sizes.data, plan.sizes.video
    changes.write(INFO, new_info(info, plan.features, plan.parts, *counts))
    pictures = [key for key, feature in plan.features.items() if feature["dtype"] in VISUAL]
    return [
        f"{what}: {', '.join(sorted(names))}."
        for what, names in (
            (
                "The source has no statistics of these, so they were computed",
                computed.difference(BOOKKEEPING),
            ),
            ("Of these the source has none, and there are none now", set(pictures).difference(overall)),
            (f"Left out of {EPISODES_JSONL}, as no column can hold them", left_out),
        )
        if names
    ]


def _declared(plan: Plan, stats: Stats) -> Stats:
    """The statistics of features that the new dataset has."""
    return {key: named for key, named in stats.items() if key in plan.features}


def _put(path: Path, place: Path) -> None:
    """Put a finished file in its place, leaving it where it is, too, where the file system can do so."""
    try:
        os.link(path, place)
    except OSError:
        os.replace(path, place)


def _take_along(plan: Plan, changes: Transaction) -> None:
    """Stage whatever else belongs to the dataset: its card and licence, and what says what numbers mean."""
    source = plan.source
    keys = [camera for camera, feature in source.info.features.items() if feature["dtype"] == "video"]
    pictures = any(feature["dtype"] == "image" for feature in source.info.features.values())
    new = {part.source: part.index for part in plan.parts}

    def leave(path: str) -> bool:
        if path in CONVERTED or path.startswith((f"{EPISODES_FOLDER}/", "data/", "videos/")):
            return True
        if path.endswith(VIDEO_SUFFIXES):
            return any(is_of_camera(path, key, keys) for key in keys)
        return (pictures and path.startswith("images/")) or (plan.renumbered and path in NUMBERED)

    take_along(source, changes, leave)
    if plan.renumbered:
        for relative, data in renumbered(source, changes.root, new):
            changes.write(relative, data)
