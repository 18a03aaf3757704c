"""A dataset of an older version for all tests of conversion."""

from pathlib import Path

import pytest
from converting import TOP, WRIST
from make_dataset import make_dataset


@pytest.fixture(scope="session")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cameras, one with B-frames, and episodes of all lengths."""
    return make_dataset(
        tmp_path_factory.mktemp("made") / "cameras",
        version="v2.1",
        episodes=6,
        frames=[20, 33, 9, 14, 27, 8],
        cameras=(TOP, WRIST),
        codec={TOP: "h264-b-frames", WRIST: "av1"},
        tasks=["Pick up the cup.", ("Pick up the cup.", "Put it down."), "Wipe the table."],
        chunks_size=4,
    )
