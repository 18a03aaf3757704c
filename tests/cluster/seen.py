"""What a run on a cluster has said, asked and written."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fake_openai_server import FakeServer, is_probe, question_digest

from roboscribe.dataset.output import dataset_files

T = TypeVar("T")

SMALL = ("--executor.slurm-mem", "1", "--executor.slurm-cpus", "1", "--log-format", "plain")
"""Flags of tasks that fit side by side on a small machine."""


def said(process: subprocess.Popen[str], code: int = 0) -> str:
    """What a command that ends with a code has said."""
    told, _ = process.communicate(timeout=300)
    assert process.returncode == code, told
    return told


def content(root: Path) -> dict[str, bytes]:
    """Every file of a dataset but what is staged."""
    return {path: file.read_bytes() for path, file in dataset_files(root)}


def asked(server: FakeServer) -> Counter[str]:
    """How often each question was put."""
    return Counter(question_digest(seen.body) for seen in server.seen if not is_probe(seen.body))


def once(look: Callable[[], T | None], seconds: float = 120) -> T:
    """What there is to be seen, once there is something."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.1)
    return found
