"""The tasks of a cluster, as a person reads them: what is watched goes in, lines and a table come out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from roboscribe.errors import RoboscribeError
from roboscribe.plain import asked_line, counted, tasks_line

if TYPE_CHECKING:
    from rich.console import Console, Group

    from roboscribe.executors.watch import Watch

_REASONS = 8
_LINES = 60
_EVERY_SECONDS = 2.0


def view(seen: Watch) -> Group:
    """How far a plan is: all together, machine by machine, and why episodes and tasks failed."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    nodes = Table(box=None, pad_edge=False, header_style="bold")
    nodes.add_column("node")
    for heading in ("running", "done", "failed", "asks/s", "tokens/s"):
        nodes.add_column(heading, justify="right")
    for node in seen.nodes:
        rates = (f"{node.asks_per_second:.1f}", f"{node.tokens_per_second:,.0f}")
        nodes.add_row(node.name, str(node.running), str(node.done), str(node.failed), *rates)
    progress = seen.progress
    lines = [Text(f"plan {seen.plan.fingerprint}: {tasks_line(progress)}"), Text(asked_line(progress)), nodes]
    lines += [Text(f"{counted(count, 'episode')}: {reason}") for reason, count in seen.reasons[:_REASONS]]
    lines += [
        Text(f"task {report.task} on {report.node}: {report.ended}; --task {report.task} shows its log")
        for report in seen.reports
        if report.ended not in ("", "done")
    ]
    return Group(*lines)


def follow(console: Console, folder: Path) -> None:
    """Show how far a plan is, again and again, until no task runs any more."""
    from rich.live import Live

    from roboscribe.executors.watch import watch

    with Live(console=console, auto_refresh=False) as live:
        while True:
            seen = watch(folder)
            live.update(view(seen), refresh=True)
            if seen.is_over:
                return
            time.sleep(_EVERY_SECONDS)


def log_of(folder: Path, task: int) -> str:
    """The end of a task's log.

    Raises:
        RoboscribeError: There is none.
    """
    path = folder / "tasks" / "logs" / f"task_{task:05d}.log"
    if not path.is_file():
        raise RoboscribeError(
            f"--task {task}: there is no log {path}.",
            f"The scheduler's own are in {folder / 'tasks' / 'slurm_logs'}.",
        )
    lines = path.read_text(errors="replace").splitlines()[-_LINES:]
    return "\n".join([f"{path}:", *lines])
