"""What happens during a run, in plain lines: events go in, sentences for a terminal or a log come out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from math import floor, log10

from roboscribe.events import (
    Answered,
    ConversionFinished,
    ConversionStarted,
    ConversionStep,
    EpisodeFailed,
    EpisodeStaged,
    Event,
    FilesUploaded,
    LineDone,
    LineFailed,
    LinesFinished,
    LinesStarted,
    Note,
    RunFinished,
    ShardWritten,
    Spent,
    StagingStarted,
    TasksProgress,
    UploadFinished,
    UploadStarted,
    WritingStarted,
)


def summary(event: RunFinished) -> list[str]:
    """A finished run in a few sentences."""
    lines = [
        f"{counted(event.annotated, 'episode')} annotated, {counted(event.rows, event.called)},"
        f" {counted(event.asks, 'ask')}, {counted(event.shards_written, 'data file')} rewritten,"
        f" {event.seconds:.1f} s: {event.target}"
    ]
    if event.spent.calls or event.spent.cached:
        lines.append(spending(event.spent))
    if not event.files_written and event.annotated:
        lines.append(f"The dataset already held these {event.called}s; nothing was written.")
    if event.failed:
        lines.append(
            f"{counted(event.failed, 'episode')} failed and stayed as before;"
            f" `roboscribe status --root {event.target}` tells why, and the same command tries again."
        )
    if event.left_out:
        lines.append(
            f"{counted(event.left_out, 'answer')} left out, as all that the model said was impossible;"
            f" `roboscribe status --root {event.target}` tells of each."
        )
    if event.annotated and not event.validated:
        lines.append(
            "NOT VALIDATED, as --skip-validation asks:"
            f" run `roboscribe validate --root {event.target}` before anything is trained on it."
        )
    elif event.warnings:
        lines.append(
            f"{counted(event.warnings, 'warning')}; `roboscribe validate --root {event.target}` tells of each."
        )
    if event.stopped:
        lines.append(f"Stopped early: {event.stopped}")
    return lines


def converted(event: ConversionFinished) -> str:
    """A finished conversion in a sentence."""
    return (
        f"{counted(event.episodes, 'episode')} as {event.form}, {counted(event.files, 'file')} written,"
        f" {event.seconds:.1f} s: {event.target}"
    )


def lines_summary(event: LinesFinished) -> list[str]:
    """A finished file of lines in a few sentences."""
    lines = [
        f"{counted(event.done, 'line')} done, {counted(event.asks, 'ask')}, {event.seconds:.1f} s: {event.target}"
    ]
    if event.spent.calls or event.spent.cached:
        lines.append(spending(event.spent))
    if event.failed:
        lines.append(f"{counted(event.failed, 'line')} failed and left out; the same command tries again.")
    if event.stopped:
        lines.append(f"Stopped early, and the file is not there yet: {event.stopped}")
    return lines


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 episode``, ``2 episodes``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def spending(spent: Spent) -> str:
    """What a run has cost, in a line."""
    parts = [counted(spent.calls, "call")]
    if spent.cached:
        parts.append(f"{counted(spent.cached, 'answer')} from the cache")
    parts.append(f"{spent.prompt_tokens:,} tokens read, {spent.completion_tokens:,} written")
    if spent.images:
        parts.append(f"{counted(spent.images, 'picture')}, {spent.bytes_sent / 1e6:.1f} MB sent")
    if spent.cost:
        parts.append(f"cost {money(spent.cost)}")
    return ", ".join(parts)


def money(cost: float) -> str:
    """An amount with two decimals, or two digits where it is less than 1."""
    if cost >= 1 or not cost:
        return f"{cost:,.2f}"
    return f"{cost:.{1 - floor(log10(cost))}f}"


def duration(seconds: float) -> str:
    """A length of time in its largest units: ``40 s``, ``12 min``, ``3 h 20 min``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(0, seconds):.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def staged_line(event: TasksProgress) -> str:
    """How far a cluster is, in a line."""
    left = f", {duration(event.seconds_left)} left" if event.seconds_left else ""
    return f"{event.done}/{counted(event.episodes, 'episode')}, {event.failed} failed{left}"


def tasks_line(event: TasksProgress) -> str:
    """How its tasks stand, in a line."""
    states = (
        (event.running, "running"),
        (event.waiting, "waiting"),
        (event.done_tasks, "done"),
        (event.failed_tasks, "failed"),
        (event.lost, "lost"),
    )
    told = ", ".join(f"{number} {state}" for number, state in states if number)
    files = f"; {event.files_made}/{counted(event.files, 'data file')} made" if event.files_made else ""
    return f"{counted(event.tasks, 'task')}{': ' if told else ''}{told}{files}"


def asked_line(event: TasksProgress) -> str:
    """What its tasks have asked, and what that has cost, in a line."""
    return counted(event.asks, "ask") + (f", {spending(event.spent)}" if event.spent.calls else "")


class PlainLines:
    """One line per thing worth knowing, for logs: each failure, and progress at most every few seconds.

    Args:
        every: Seconds between lines on progress.
        say: Takes each line; they go to standard output when left out.
    """

    def __init__(self, every: float = 5.0, say: Callable[[str], None] | None = None) -> None:
        self._every = every
        self._say = say or _print
        self._started = self._last = time.monotonic()
        self._total = self._done = self._failed = self._asks = 0
        self._files = self._sent = 0
        self._called = "episode"
        self._spent = Spent()
        self._states: tuple[int, ...] = ()

    def show(self, event: Event) -> None:
        """Print what the event tells."""
        match event:
            case Note(text):
                self._say(f"note: {text}")
            case StagingStarted(episodes, annotators, model):
                self._total = episodes
                self._say(f"{counted(episodes, 'episode')}, {', '.join(annotators)}, model {model}")
            case LinesStarted(lines, model):
                self._total, self._called = lines, "line"
                self._say(f"{counted(lines, 'line')}, model {model}")
            case LineFailed(line, reason):
                self._failed += 1
                self._say(f"line {line} failed: {reason}")
                self._progress()
            case LinesFinished():
                for text in lines_summary(event):
                    self._say(text)
            case Answered(asks, spent):
                self._asks, self._spent = asks, spent
                self._progress(at_once=self._done + self._failed == self._total)
            case EpisodeStaged() | LineDone():
                self._done += 1
                self._progress()
            case EpisodeFailed(episode, stage, reason):
                self._failed += 1
                self._say(f"episode {episode} failed in {stage}: {reason}")
                self._progress()
            case WritingStarted(shards):
                self._say(f"writing: {counted(shards, 'data file')}")
            case ShardWritten():
                pass
            case TasksProgress():
                self._tasks(event)
            case UploadStarted(files, nbytes, repo_id):
                self._files, self._sent = files, 0
                self._say(f"pushing {counted(files, 'file')}, {nbytes / 1e6:,.1f} MB, to {repo_id}")
            case FilesUploaded(files):
                self._sent += files
                self._say(f"{self._sent}/{self._files} files are there")
            case UploadFinished(url):
                self._say(f"pushed: {url}")
            case ConversionStarted(form, steps):
                self._total = steps
                self._say(f"converting to {form}: {counted(steps, 'step')}")
            case ConversionStep(what):
                self._done += 1
                self._step(what)
            case ConversionFinished():
                self._say(converted(event))
            case RunFinished():
                for line in summary(event):
                    self._say(line)

    def _tasks(self, event: TasksProgress) -> None:
        """Where tasks of a cluster are, when one begins or ends, and else every few seconds."""
        states = (
            event.running,
            event.waiting,
            event.done_tasks,
            event.failed_tasks,
            event.lost,
            event.files_made,
        )
        now = time.monotonic()
        if now - self._last >= self._every or states != self._states:
            self._last, self._states = now, states
            self._say(f"{staged_line(event)}; {tasks_line(event)}; {asked_line(event)}")

    def _step(self, what: str) -> None:
        now = time.monotonic()
        if now - self._last >= self._every:
            self._last = now
            self._say(f"{self._done}/{self._total} done, the last was {what}")

    def _progress(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        settled = self._done + self._failed
        if now - self._last < self._every and not at_once:
            return
        self._last = now
        spent = f", {spending(self._spent)}" if self._spent.calls else ""
        left = f", {(now - self._started) / settled * (self._total - settled):.0f} s left" if settled else ""
        self._say(
            f"{settled}/{self._total} {self._called}s, {self._failed} failed,"
            f" {counted(self._asks, 'ask')}{spent}{left}"
        )


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
