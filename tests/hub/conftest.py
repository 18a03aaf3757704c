"""A Hub of our own for the tests, and the command as a user of it runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hub.fake_hub import TOKEN, FakeHub

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def hub() -> Generator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def run(hub: FakeHub, tmp_path: Path) -> Run:
    """Runs a command for a user who is logged in; its exit code and what it says."""
    user = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_LEROBOT_HOME": str(tmp_path / "lerobot"),
        "HF_TOKEN": TOKEN,
    }

    def command(*words: str, **environ: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "roboscribe", *words],
            env=os.environ | user | environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout

    return command
