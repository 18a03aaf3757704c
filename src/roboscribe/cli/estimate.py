"""`roboscribe estimate`: what a run would take, before anything is spent."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from roboscribe.cli import annotate
from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.config import GpuSettings
from roboscribe.plain import money

if TYPE_CHECKING:
    from rich.console import Console

    from roboscribe.estimation import Estimate, Part

_HEADINGS = ("episodes", "staged", "calls", "cached", "pictures", "tokens read", "written")


@dataclass(frozen=True)
class Arguments(annotate.Arguments):
    """What `roboscribe annotate` would take with the same flags: calls, pictures, tokens, hours and cost.

    The run is rehearsed on a sample of the episodes. Nothing is written, no model is asked, no video is decoded.
    What is staged or in the request cache already is not counted again. `--log-format json` makes it one JSON
    object.
    """

    sample: int | None = None
    """Episodes to rehearse; the others are taken to be like them. When left out, as many as take a few seconds:
    64, or fewer of long ones."""
    seconds_per_call: float | None = None
    """How long a call lasts while as many are under way as the run has at once; as earlier calls to the same
    model did, when left out, or 5 where nobody has measured."""
    gpu: GpuSettings = field(default_factory=GpuSettings)


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe estimate")
    from rich.console import Console

    from roboscribe.estimation import estimate

    console = Console(highlight=False, soft_wrap=True, markup=False)
    for_machines = arguments.log_format == "json"

    def say(note: str) -> None:
        if not for_machines:
            console.print(f"note: {note}", style="dim")

    found = estimate(
        arguments,
        sample=arguments.sample,
        seconds_per_call=arguments.seconds_per_call,
        gpus=arguments.gpu,
        say=say,
    )
    if for_machines:
        sys.stdout.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
    elif found.asks_nobody:
        console.print(f"{found.target}: {_counted(found.episodes)}, model {found.model}: nothing to pay.")
        console.print("The builtin model reads signals and text; it makes no calls.")
    else:
        _show(found, console)
    return EXIT_OK


def _show(found: Estimate, console: Console) -> None:
    from rich.table import Table

    console.print(f"{found.target}: {_counted(found.episodes)}, model {found.model}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("annotator")
    priced = found.total.cost > 0
    for heading in (*_HEADINGS, *(("cost",) if priced else ())):
        table.add_column(heading, justify="right")
    for part in found.parts:
        table.add_row(*_row(part, priced))
    table.add_section()
    table.add_row(*_row(found.total, priced), style="bold")
    console.print(table)
    gpu_cost = f" for {money(found.gpu_cost)}" if found.gpu_cost else ""
    console.print(
        f"{_duration(found.hours)} of the model's time"
        + f", {found.gpu_hours:,.1f} GPU hours{gpu_cost}" * (found.gpu_hours > 0)
        + f", cost {money(found.total.cost)}" * priced
    )
    for sentence in (found.stopped, *found.failures):
        if sentence:
            console.print(sentence, style="bold")
    for sentence in found.assumptions:
        console.print(f"- {sentence}", style="dim")


def _row(part: Part, priced: bool) -> Iterator[str]:
    yield part.name
    counts = (part.episodes, part.staged, part.calls, part.cached, part.images)
    for count in (*counts, part.prompt_tokens, part.completion_tokens):
        yield _short(count)
    if priced:
        yield money(part.cost)


def _short(count: int) -> str:
    """A count as people read it: to four digits where it is in the millions."""
    for size, name in ((10**9, "G"), (10**6, "M")):
        if count >= 10 * size:
            return f"{count / size:,.{max(0, 4 - len(str(count // size)))}f} {name}"
    return f"{count:,}" if count else "·"


def _counted(episodes: int) -> str:
    return f"{episodes:,} episode{'' if episodes == 1 else 's'}"


def _duration(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.1f} hours"
    return f"{hours * 60:.0f} minutes" if hours >= 1 / 30 else f"{hours * 3600:.0f} seconds"
