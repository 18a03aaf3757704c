"""The shared datasets, annotated by the command, are LeRobot's: it loads, converts, iterates and renders them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roboscribe.dataset import open_dataset
from roboscribe.language import PERSISTENT, Row, sort_persistent

Load = Callable[[Path], Any]


@pytest.fixture(scope="session")
def annotate_shared(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Annotates a shared dataset into a folder of its own, with the interpreter that has Roboscribe."""
    python = os.environ.get("ROBOSCRIBE_PYTHON")
    if python is None:
        if os.environ.get("ROBOSCRIBE_REQUIRE_LEROBOT") == "1":
            pytest.fail("ROBOSCRIBE_PYTHON is not set")
        pytest.skip("ROBOSCRIBE_PYTHON names no interpreter that has Roboscribe")

    def run(name: str) -> Path:
        out = tmp_path_factory.mktemp("shared") / name
        words = ["annotate", "--root", str(shared_data / name), "--output-dir", str(out)]
        subprocess.run([python, "-m", "roboscribe", *words], check=True)
        return out

    return run


def persistent_of(root: Path) -> list[list[dict[str, Any]]]:
    """Persistent rows of each episode, as LeRobot hands them out."""
    dataset = open_dataset(root)
    rows = [dataset.language_rows(index) for index in dataset.episode_indices]
    return [[r.to_json() for r in sort_persistent(x for x in e if x.column == PERSISTENT)] for e in rows]


def check_frames(theirs: Any, expected: list[list[dict[str, Any]]], lengths: list[int]) -> None:
    """First, middle and last frame of each episode carry its rows, beside its pictures."""
    assert len(theirs) == sum(lengths)
    first = 0
    for rows, length in zip(expected, lengths, strict=True):
        for frame in (0, length // 2, length - 1):
            item = theirs[first + frame]
            assert item[PERSISTENT] == rows
            assert all(item[key].shape == (3, 480, 640) for key in theirs.meta.video_keys)
        first += length


def lengths_of(root: Path) -> list[int]:
    dataset = open_dataset(root)
    return [dataset.episode_length(index) for index in dataset.episode_indices]


def test_the_simulated_dataset(load: Load, annotate_shared: Callable[[str], Path]) -> None:
    import torch
    from lerobot.configs.recipe import MessageTurn, TrainingRecipe
    from lerobot.datasets.language_render import render_sample
    from lerobot.utils.collate import lerobot_collate_fn

    root = annotate_shared("so101_sim_bricks")
    ours, theirs = open_dataset(root), load(root)
    check_frames(theirs, persistent_of(root), lengths_of(root))

    recipe = TrainingRecipe(
        messages=[
            MessageTurn(role="user", content="${task}", stream="high_level"),
            MessageTurn(role="assistant", content="${subtask}", stream="low_level", target=True),
        ]
    )
    first = 0
    for index in ours.episode_indices:
        spans: list[Row] = [row for row in ours.language_rows(index) if row.style == "subtask"]
        for row in spans:
            frame = first + ours.episode(index).frame_at(row.timestamp)
            item = theirs[frame]
            rendered = render_sample(
                recipe=recipe,
                persistent=item["language_persistent"],
                events=item["language_events"],
                t=item["timestamp"].item(),
                sample_idx=frame,
                task=item["task"],
            )
            assert rendered["messages"][1]["content"] == row.content
        first += ours.episode_length(index)

    loader = torch.utils.data.DataLoader(theirs, batch_size=32, collate_fn=lerobot_collate_fn)
    assert sum(len(batch["index"]) for batch in loader) == len(theirs)


def test_the_real_dataset_through_lerobots_own_converter(
    load: Load, annotate_shared: Callable[[str], Path]
) -> None:
    from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset

    root = annotate_shared("g1_bottle_v21")
    expected, lengths = persistent_of(root), lengths_of(root)
    shutil.rmtree(root / ".annotate_staging")
    convert_dataset("nobody/nothing", root=str(root), push_to_hub=False)
    check_frames(load(root), expected, lengths)
