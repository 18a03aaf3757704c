"""`roboscribe annotate` is killed at random moments of an in-place run; the dataset loads and the next run ends it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from make_dataset import make_dataset
from written import digests, stored_rows, why_not_loadable

from roboscribe.cli.app import main

KILLS = 50


def start_annotating(root: Path) -> int:
    """Process id of a run in a process of its own."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        code = 70
        try:
            code = main(["annotate", "--root", str(root)])
        finally:
            os._exit(code)
    return child


@pytest.mark.slow
def test_fifty_kills_of_an_in_place_run(tmp_path: Path) -> None:
    start = make_dataset(tmp_path / "start", episodes=6, frames=60, episodes_per_file=2, kind=None)
    whole = shutil.copytree(start, tmp_path / "whole")
    began = time.monotonic()
    _, status = os.waitpid(start_annotating(whole), 0)
    duration = time.monotonic() - began
    assert os.waitstatus_to_exitcode(status) == 0
    rows = (stored_rows(start), stored_rows(whole))
    assert rows[0] != rows[1]
    chance = random.Random(11)
    interrupted = 0
    for number in range(KILLS):
        root = shutil.copytree(start, tmp_path / f"copy-{number}")
        child = start_annotating(root)
        time.sleep(chance.uniform(0, duration))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        interrupted += os.WIFSIGNALED(status)
        assert why_not_loadable(root) == ""
        assert stored_rows(root) in rows
        _, status = os.waitpid(start_annotating(root), 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert digests(root) == digests(whole)
        shutil.rmtree(root)
    assert interrupted > KILLS / 10
