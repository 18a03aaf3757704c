"""Fixtures that all tests share: the shared datasets, to look at or as copies to change."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# No test is about how fast this machine is. Every run tries the same examples; ROBOSCRIBE_EXPLORE=1 looks for new ones.
settings.register_profile(
    "roboscribe", deadline=None, derandomize=os.environ.get("ROBOSCRIBE_EXPLORE") != "1"
)
settings.load_profile("roboscribe")

# In the background of a script nobody heeds Ctrl-C, nor do programs that are begun there; some tests interrupt theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the shared datasets, to be read only; tests that need it are skipped where it is missing."""
    if not SHARED.is_dir():
        reason = f"the shared datasets are not beside the repository ({SHARED.name} folder missing)"
        if os.environ.get("ROBOSCRIBE_REQUIRE_SHARED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED


@pytest.fixture
def g1(shared_data: Path, tmp_path: Path) -> Path:
    """A copy of the v2.1 dataset of four real episodes, free to be changed."""
    return _copy(shared_data / "g1_bottle_v21", tmp_path)


@pytest.fixture
def so101(shared_data: Path, tmp_path: Path) -> Path:
    """A copy of the v3.0 dataset of ten simulated episodes and two cameras, free to be changed."""
    return _copy(shared_data / "so101_sim_bricks", tmp_path)


def _copy(source: Path, folder: Path) -> Path:
    target = folder / source.name
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target
