"""How a run is shown: events go in, a live display, plain lines or JSON lines come out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Literal

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
    Listener,
    Note,
    RunFinished,
    ShardWritten,
    StagingStarted,
    TasksProgress,
    UploadFinished,
    UploadStarted,
    WritingStarted,
)
from roboscribe.plain import PlainLines, converted, counted, lines_summary, summary, tasks_line

LogFormat = Literal["auto", "rich", "plain", "json"]


@contextmanager
def listener(log_format: LogFormat) -> Generator[Listener]:
    """A listener that shows events on standard output until the context ends."""
    if log_format == "auto":
        log_format = "rich" if sys.stdout.isatty() else "plain"
    if log_format == "json":
        yield _json_line
    elif log_format == "plain":
        yield PlainLines().show
    else:
        with live_display() as show:
            yield show


def _json_line(event: Event) -> None:
    data = {"event": type(event).__name__, "time": round(time.time(), 3), **asdict(event)}
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    sys.stdout.flush()


@contextmanager
def live_display() -> Generator[Listener]:
    """A listener that draws progress bars in a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(highlight=False)
    bars = Progress(
        TextColumn("[bold]{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(compact=True),
        console=console,
    )
    failed = 0
    asked = ""
    staging = writing = pushing = None

    def detail() -> str:
        return " · ".join(filter(None, (asked, f"[red]{failed} failed[/]" if failed else "")))

    def show(event: Event) -> None:
        nonlocal failed, asked, staging, writing, pushing
        match event:
            case Note(text):
                console.print(f"note: {text}", style="dim", markup=False)
            case StagingStarted(episodes, annotators, model):
                console.print(f"{', '.join(annotators)} · model {model}", style="dim", markup=False)
                staging = bars.add_task("annotate", total=episodes, detail="")
            case LinesStarted(lines, model):
                console.print(f"model {model}", style="dim", markup=False)
                staging = bars.add_task("imagine", total=lines, detail="")
            case Answered():
                tokens = event.spent.prompt_tokens + event.spent.completion_tokens
                asked = counted(event.asks, "ask") + (f" · {tokens / 1000:,.0f}k tokens" if tokens else "")
                if staging is not None:
                    bars.update(staging, detail=detail())
            case EpisodeStaged() | EpisodeFailed() | LineDone() | LineFailed():
                if isinstance(event, EpisodeFailed | LineFailed):
                    failed += 1
                    what = (
                        f"episode {event.episode} failed in {event.stage}"
                        if isinstance(event, EpisodeFailed)
                        else f"line {event.line} failed"
                    )
                    console.print(f"[red]{what}:[/] {escape(event.reason)}", markup=True)
                if staging is not None:
                    bars.update(staging, advance=1, detail=detail())
            case WritingStarted(shards):
                writing = bars.add_task("write", total=shards, detail="data files")
            case ShardWritten():
                if writing is not None:
                    bars.update(writing, advance=1)
            case TasksProgress():
                if staging is None:
                    staging = bars.add_task("annotate", total=event.episodes, detail="")
                bars.update(staging, completed=event.done + event.failed, detail=tasks_line(event))
            case UploadStarted(files, nbytes, repo_id):
                pushing = bars.add_task("push", total=files, detail=f"{nbytes / 1e6:,.1f} MB to {repo_id}")
            case FilesUploaded(files):
                if pushing is not None:
                    bars.update(pushing, advance=files)
            case UploadFinished(url):
                bars.stop()
                console.print(f"pushed: {url}", highlight=False, soft_wrap=True, markup=False)
            case ConversionStarted(form, steps):
                writing = bars.add_task("convert", total=steps, detail=f"to {form}")
            case ConversionStep(what):
                if writing is not None:
                    bars.update(writing, advance=1, detail=escape(what))
            case ConversionFinished():
                bars.stop()
                console.print(converted(event), highlight=False, soft_wrap=True, markup=False)
            case LinesFinished():
                bars.stop()
                for text in lines_summary(event):
                    console.print(text, highlight=False, soft_wrap=True, markup=False)
            case RunFinished():
                bars.stop()
                for line in summary(event):
                    console.print(line, highlight=False, soft_wrap=True, markup=False)

    with bars:
        # A second Ctrl-C ends the program at once, and would leave a terminal without it.
        console.show_cursor(True)
        yield show
