"""The timeline of an episode for a terminal: rows and robot signals go in, a drawing in text comes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from roboscribe.annotators.spans import Span, spans_of
from roboscribe.episode import Episode, Floats
from roboscribe.language import SPEECH, Row, spoken_text
from roboscribe.signals import Signals

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
FEW = 4
"""Of many texts of a kind, how many are shown."""
LEVELS = " ▁▂▃▄▅▆▇█"


def timeline(episode: Episode, rows: Sequence[Row], signals: Signals, width: int) -> Group:
    """An episode's subtasks along its time, above the robot's own speed and gripper.

    Args:
        episode: The episode.
        rows: Its language rows.
        signals: Its signals, drawn where there are any.
        width: Columns of the terminal.
    """
    bar = max(30, min(width - 14, 96))
    spans = spans_of(rows, episode)
    colour = {
        label: COLOURS[i % len(COLOURS)] for i, label in enumerate(dict.fromkeys(s.label for s in spans))
    }
    drawing = Table.grid(padding=(0, 2))
    drawing.add_column(justify="right", style="dim")
    drawing.add_column()
    drawing.add_row("", _ruler(episode.end, bar))
    if len(signals.speed):
        drawing.add_row("arm speed", Text(_spark(signals.speed, bar), style="bright_black"))
    if signals.events:
        drawing.add_row("gripper", _gripper(signals, episode.end, bar))
        drawing.add_row("", Text("▶ closes  ◁ opens", style="dim"))
    if spans:
        drawing.add_row("subtask", _blocks(spans, episode.frames, bar, colour))

    listing = Table.grid(padding=(0, 2))
    listing.add_column(justify="right", style="dim")
    listing.add_column()
    listing.add_column(style="dim italic")
    memory = {row.timestamp: row.content or "" for row in rows if row.style == "memory"}
    for span in spans:
        start = episode.time_of(span.start)
        listing.add_row(
            f"{start:.2f} s", Text("■ " + span.label, style=colour[span.label]), Text(memory.get(start, ""))
        )
    title = Text.assemble(
        (f"Episode {episode.index}", "bold"), f"  {episode.end:.1f} s  ", (episode.task, "italic")
    )
    return Group(title, Padding(drawing, (1, 0, 1, 0)), listing)


def _ruler(end: float, width: int) -> Text:
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600) if end / s <= width / 8)
    line = [" "] * (width + 8)
    for tick in range(int(end / step) + 1):
        at = round(tick * step / end * width)
        line[at : at + 1] = ["┴"] if at < width else []
        for offset, char in enumerate(f"{tick * step:g}"):
            line[at + 1 + offset : at + 2 + offset] = [char]
    return Text("".join(line[:width]), style="dim")


def _spark(speed: Floats, width: int) -> str:
    chunks = (
        np.array_split(speed, width) if len(speed) >= width else [speed[i : i + 1] for i in range(len(speed))]
    )
    peaks = np.array([float(chunk.max()) for chunk in chunks])
    top = float(np.percentile(speed, 99)) or 1.0
    levels = np.clip(np.round(peaks / top * (len(LEVELS) - 1)), 0, len(LEVELS) - 1).astype(int)
    return "".join(LEVELS[level] for level in levels)


def _gripper(signals: Signals, end: float, width: int) -> Text:
    line = ["·"] * width
    for event in signals.events:
        a, b = (min(width - 1, int(t / end * width)) for t in (event.start, event.end))
        line[a : b + 1] = ("▶" if event.kind == "close" else "◁") * (b + 1 - a)
    return Text("".join(line), style="bright_black")


def _blocks(spans: Sequence[Span], frames: int, width: int, colour: dict[str, str]) -> Text:
    text = Text()
    for span in spans:
        a, b = round(span.start / frames * width), round(span.end / frames * width)
        text.append(_fitted(span.label, b - a), style=f"black on {colour[span.label]}")
    return text


def _fitted(label: str, width: int) -> str:
    """The label, or its first word, or nothing, in exactly ``width`` columns."""
    for words in (label, label.split(" ", 1)[0]):
        if len(words) + 1 <= width:
            return f"{words:<{width}}"
    return " " * width


def rest_of_rows(rows: Sequence[Row]) -> Group:
    """What the timeline leaves out, in brief: the first plan, what is said, rephrasings, motions, questions."""
    by_style: dict[str | None, list[str]] = {}
    for row in rows:
        by_style.setdefault(row.style, []).append(row.content or "")
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim")
    table.add_column()
    plans = by_style.get("plan", [])
    if plans:
        table.add_row("plan at 0 s", Text(plans[0].replace("\n", "  ")))
    asked = {row.timestamp: row.content or "" for row in rows if row.style == "interjection"}
    for row in rows:
        if row.style is SPEECH and (text := spoken_text(row)):
            request = asked.get(row.timestamp)
            said = f"“{request}”  “{text}”" if request else f"“{text}”"
            table.add_row(f"said at {row.timestamp:.1f} s", Text(said))
    for name, style in (("task_aug", "task_aug"), ("motion", "motion")):
        texts = by_style.get(style, [])
        if texts:
            more = f"  … {len(texts)} in all" if len(texts) > FEW else ""
            table.add_row(name, Text(" · ".join(texts[:FEW])).append(more, style="dim"))
    seen = [row for row in rows if row.style == "vqa"]
    answers = {(row.timestamp, row.camera): row.content for row in seen if row.role == "assistant"}
    questions = [row for row in seen if row.role == "user"]
    for row in questions[:FEW]:
        answer = answers.get((row.timestamp, row.camera)) or ""
        table.add_row(f"vqa at {row.timestamp:.1f} s", Text(f"{row.content}  {answer}", overflow="fold"))
    if len(questions) > FEW:
        table.add_row("", Text(f"… {len(questions)} questions in all", style="dim"))
    return Group("", table)
