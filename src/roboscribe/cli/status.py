"""`roboscribe status`: what is done, what failed and why, of an annotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.config import DatasetSettings


@dataclass(frozen=True)
class Arguments(DatasetSettings):
    """What is done, what failed and why.

    Reads what is staged beside the dataset; for a run with `--output-dir`, give that folder.
    """


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe status")
    from rich.console import Console
    from rich.table import Table

    from roboscribe.status import Status, read_status

    status: Status = read_status(arguments)
    console = Console()
    console.print(status.headline, highlight=False, soft_wrap=True, markup=False)
    if status.annotators:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("annotator")
        for heading in ("done", "failed", "missing", "rows"):
            table.add_column(heading, justify="right")
        for name, count in status.annotators.items():
            table.add_row(name, str(count.done), str(count.failed), str(count.missing), str(count.rows))
        console.print(table)
    for failure in status.failures:
        console.print(
            f"episode {failure.episode}, {failure.annotator}: {failure.reason}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    return EXIT_OK
