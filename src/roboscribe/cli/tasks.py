"""The tasks of a cluster, as a person reads them: what is watched goes in, lines and a table come out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from roboscribe.errors import RoboscribeError
from roboscribe.plain import asked_line, counted, duration, staged_line, tasks_line

if TYPE_CHECKING:
    from rich.console import Console, Group

    from roboscribe.executors.report import TaskReport
    from roboscribe.executors.watch import TaskState, Watch

_LISTED = 8
_LINES = 40
_EVERY_SECONDS = 2.0


def view(seen: Watch) -> Group:
    """How far a plan is: all together, machine by machine, and why episodes and tasks failed or wait."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    progress = seen.progress
    parts: list[Text | Table] = [
        Text(f"plan {seen.plan.fingerprint}: {staged_line(progress)}"),
        Text(tasks_line(progress)),
        Text(asked_line(progress)),
    ]
    if seen.nodes:
        nodes = Table(box=None, pad_edge=False, header_style="bold")
        nodes.add_column("node")
        for heading in ("tasks running", "episodes done", "failed", "asks/s", "tokens/s"):
            nodes.add_column(heading, justify="right")
        for node in seen.nodes:
            rates = (f"{node.asks_per_second:.1f}", f"{node.tokens_per_second:,.0f}")
            nodes.add_row(node.name, str(node.running), str(node.done), str(node.failed), *rates)
        parts.append(nodes)
    return Group(*parts, *map(Text, _notes(seen)))


def follow(console: Console, folder: Path) -> Watch:
    """Show how far a plan is, again and again, until no task runs any more; how it stands then."""
    from rich.live import Live

    from roboscribe.executors.watch import watch

    with Live(console=console, auto_refresh=False) as live:
        while True:
            seen = watch(folder)
            live.update(view(seen), refresh=True)
            if seen.is_over:
                return seen
            time.sleep(_EVERY_SECONDS)


def log_of(seen: Watch, task: int | Literal["write"]) -> str:
    """What became of a task, or of the last job, and the end of its log.

    Raises:
        RoboscribeError: There is no such task.
    """
    from roboscribe.executors.report import WRITE, log_path

    if isinstance(task, int) and task not in range(len(seen.plan.tasks)):
        last = len(seen.plan.tasks) - 1
        raise RoboscribeError(
            f"--task {task}: the last launch has no such task.",
            f"Its tasks are 0 to {last}." if last >= 0 else "All episodes were staged before it.",
        )
    lines = [seen.writing] if task == WRITE else list(_story(seen, task))
    path = log_path(seen.folder / WRITE, 0) if task == WRITE else log_path(seen.folder, task)
    lines += _tail("log", path) or ["It has no log yet."]
    slurm = seen.slurm_log(task)
    is_well = seen.outcome is not None if task == WRITE else seen.states[task].state == "done"
    if slurm is not None and not is_well:
        lines += _tail("what Slurm and the shell say", slurm)
    return "\n".join(lines)


def _notes(seen: Watch) -> Iterator[str]:
    """What a person has to know beside the numbers."""
    for what, count in seen.waits[:_LISTED]:
        yield f"{counted(count, 'task')} waiting: {what}"
    for reason, count in seen.reasons[:_LISTED]:
        yield f"{counted(count, 'episode')} failed: {reason}"
    ended = [state for state in seen.states if state.state in ("failed", "lost")]
    nodes = {report.task: report.node for report in seen.reports}
    for state in ended[:_LISTED]:
        where = f" on {nodes[state.task]}" if state.task in nodes else ""
        yield f"task {state.task}{where} {_in_words(state)}; --task {state.task} shows its log"
    if len(ended) > _LISTED:
        yield f"and {counted(len(ended) - _LISTED, 'task')} more"
    yield from seen.between_ended[:_LISTED]
    yield seen.writing
    if seen.is_over and (ended or seen.outcome is None):
        yield "The command that launched it goes on with what is left, with as many tasks as you like."


def _in_words(state: TaskState) -> str:
    verb = {"lost": "was lost", "waiting": "waits", "running": "runs"}.get(state.state, state.state)
    return f"{verb}: {state.why.rstrip('.')}" if state.why else verb


def _story(seen: Watch, task: int) -> Iterator[str]:
    """How a task stands, and what it has done."""
    episodes = seen.plan.tasks[task]
    state = seen.states[task]
    report = next((report for report in seen.reports if report.task == task), None)
    yield f"task {task}, {counted(len(episodes), 'episode')}, {episodes[0]} to {episodes[-1]}: {_in_words(state)}"
    if report is not None:
        yield _done(report)
        yield from (f"episode {episode} failed: {reason}" for episode, reason in report.failed.items())


def _done(report: TaskReport) -> str:
    again = f", started {report.starts} times" if report.starts > 1 else ""
    return (
        f"on {report.node} for {duration(report.updated - report.started)}{again}: {report.done} staged,"
        f" {len(report.failed)} failed, {counted(report.earlier_asks + report.asks, 'ask')}"
    )


def _tail(what: str, path: Path) -> list[str]:
    from roboscribe.executors.queue import tail_of

    if not (lines := tail_of(path).splitlines()):
        return []
    more = f", its last {_LINES} lines" if len(lines) > _LINES else ""
    return ["", f"{what}, {path}{more}:", *lines[-_LINES:]]
