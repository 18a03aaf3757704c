"""A dataset and what was made of it go in; whether both say and show the same comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa

from roboscribe.dataset import Dataset, open_dataset
from roboscribe.episode import Channels, VideoClip
from roboscribe.frames import read_frames

NUMBERED = {"episode_index", "index", "task_index"}
"""Columns whose numbers are those of the dataset they are in."""


def assert_same_episodes(source: Path, target: Path, episodes: Mapping[int, int] | None = None) -> None:
    """Every episode has its tasks, rows and every single frame, pixel for pixel.

    Args:
        source: The one dataset.
        target: The other.
        episodes: Index in the source to that in the target; all, numbered as they were, when None.
    """
    ours, theirs = open_dataset(source), open_dataset(target)
    pairs = {index: index for index in ours.episode_indices} if episodes is None else episodes
    assert tuple(pairs.values()) == theirs.episode_indices
    for old, new in pairs.items():
        one, other = ours.episode(old), theirs.episode(new)
        assert one.tasks == other.tasks
        assert np.array_equal(one.timestamps, other.timestamps)
        assert _same(one.state, other.state)
        assert _same(one.action, other.action)
        assert ours.language_rows(old) == theirs.language_rows(new)
        assert_same_columns(columns(ours, old), columns(theirs, new))
        assert set(one.handles) == set(other.handles)
        for camera in one.handles:
            frames = zip(
                read_frames(one, camera, range(one.frames)),
                read_frames(other, camera, range(other.frames)),
                strict=True,
            )
            for before, after in frames:
                assert np.array_equal(before.rgb(), after.rgb()), f"{camera}, frame {before.index} of {old}"


def columns(dataset: Dataset, index: int) -> pa.Table:
    """The declared columns of an episode as stored."""
    features = dataset.info.features
    names: Sequence[str] = [
        name
        for name in _names(dataset, index)
        if name in features and features[name]["dtype"] != "video" and name not in NUMBERED
    ]
    return dataset.table(index, names)


def assert_same_columns(one: pa.Table, other: pa.Table) -> None:
    """Both have the same values in columns of the same types; columns that the one lacks are let pass."""
    for name in one.column_names:
        assert one.schema.field(name).type == other.schema.field(name).type, name
        assert one[name].combine_chunks().equals(other[name].combine_chunks()), name


def payloads(videos: Sequence[Path]) -> list[bytes]:
    """The packets of videos, one after the other."""
    found: list[bytes] = []
    for path in videos:
        with av.open(str(path)) as container:
            found += [bytes(packet) for packet in container.demux(video=0) if packet.size]
    return found


def shown(video: Path) -> list[int]:
    """Ticks at which the frames of a video are shown, in order."""
    with av.open(str(video)) as container:
        return sorted(packet.pts for packet in container.demux(video=0) if packet.size)


def videos_of(root: Path, camera: str) -> list[Path]:
    """Video files of a camera in the order of the episodes."""
    dataset = open_dataset(root)
    handles = [dataset.episode(index).handles[camera] for index in dataset.episode_indices]
    return list(dict.fromkeys(handle.path for handle in handles if isinstance(handle, VideoClip)))


def _names(dataset: Dataset, index: int) -> list[str]:
    import pyarrow.parquet as pq

    return pq.read_schema(dataset.shard_of(index).path).names


def _same(one: Channels | None, other: Channels | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.names == other.names and np.array_equal(one.values, other.values)


def table_of(root: Path, folder: str) -> Any:
    """All parquet files below a folder of a dataset as one table."""
    import pyarrow.parquet as pq

    files = sorted((root / folder).glob("*/*.parquet"))
    return pa.concat_tables(pq.read_table(path) for path in files)
