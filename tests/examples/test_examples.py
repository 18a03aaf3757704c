"""The examples run as they stand, on the bundled sample."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*words: str | Path, **environ: str) -> str:
    """What a program says; it must succeed."""
    return subprocess.run(
        list(map(str, words)), env=os.environ | environ, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def test_annotate_and_read_back(tmp_path: Path) -> None:
    assert "3 episodes" in run(sys.executable, EXAMPLES / "00_annotate.py", tmp_path / "out")
    assert "grasp the pink brick" in run(sys.executable, EXAMPLES / "01_read_back.py", tmp_path / "out")


def test_a_model_of_your_own(tmp_path: Path) -> None:
    assert "get a firm grip on" in run(sys.executable, EXAMPLES / "03_your_own_model.py", tmp_path / "out")
