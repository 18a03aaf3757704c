"""What is told of a cluster from the reports of its tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from roboscribe.config import AnnotateSettings
from roboscribe.events import Spent
from roboscribe.executors.report import TaskReport
from roboscribe.executors.run import plan_of
from roboscribe.executors.watch import Watch


def test_a_node_is_as_fast_as_its_tasks_are_together() -> None:
    spent = Spent(prompt_tokens=900, completion_tokens=100)
    reports = [
        TaskReport(0, "a", started=0, updated=10, asks=50, spent=spent),
        TaskReport(1, "a", started=0, updated=10, asks=50, spent=spent),
        # It was idle for a while.
        TaskReport(2, "a", started=90, updated=100, asks=100, spent=spent),
        TaskReport(3, "b", started=0, updated=10, asks=20, spent=spent),
    ]
    plan = plan_of(AnnotateSettings(root=Path("d")), tuple(range(8)))
    a, b = Watch(Path("d"), plan, reports, None, now=100).nodes
    assert (a.asks_per_second, a.tokens_per_second) == (pytest.approx(10), pytest.approx(150))
    assert (b.asks_per_second, b.tokens_per_second) == (pytest.approx(2), pytest.approx(100))
