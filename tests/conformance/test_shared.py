"""The shared datasets, annotated by the command, are LeRobot's: it loads, converts and iterates them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from roboscribe.dataset import open_dataset
from roboscribe.language import PERSISTENT, sort_persistent

Load = Callable[[Path], Any]


def check_frames(theirs: Any, root: Path) -> None:
    """First, middle and last frame of each episode carry its rows, beside its pictures."""
    ours, first = open_dataset(root), 0
    for index in ours.episode_indices:
        rows = sort_persistent(row for row in ours.language_rows(index) if row.column == PERSISTENT)
        length = ours.episode_length(index)
        for frame in (0, length // 2, length - 1):
            item = theirs[first + frame]
            assert item[PERSISTENT] == [row.to_json() for row in rows]
            assert all(item[key].shape == (3, 480, 640) for key in theirs.meta.video_keys)
        first += length
    assert len(theirs) == first


def test_the_simulated_dataset(load: Load, annotated_shared: Callable[[str], Path]) -> None:
    import torch
    from lerobot.utils.collate import lerobot_collate_fn

    root = annotated_shared("so101_sim_bricks")
    theirs = load(root)
    check_frames(theirs, root)
    loader = torch.utils.data.DataLoader(theirs, batch_size=32, collate_fn=lerobot_collate_fn)
    assert sum(len(batch["index"]) for batch in loader) == len(theirs)


def test_the_real_dataset_through_lerobots_own_converter(
    load: Load, annotated_shared: Callable[[str], Path]
) -> None:
    root = annotated_shared("g1_bottle_v21")
    check_frames(load(root), root)
