"""`roboscribe convert`: bring a dataset into another form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.progress import LogFormat, listener
from roboscribe.config import ConvertSettings


@dataclass(frozen=True)
class Arguments(ConvertSettings):
    """Bring a LeRobot dataset into another form.

    With `--to v3.0`, which LeRobot 0.6 reads, a new dataset goes to `--output-dir`: data files put together, videos
    joined without encoding them anew. Cut short, the same command goes on. With `--to index-features` and, the other
    way round, `--to language`, subtasks and dialogue turn from rows into numbers per frame.
    """

    log_format: LogFormat = "auto"
    """How progress is told: a live display in a terminal and plain lines when piped (auto), or one of
    rich, plain, json (one JSON object a line)."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe convert")
    from roboscribe.conversion.convert import convert

    with listener(arguments.log_format) as listen:
        convert(arguments, listen)
    return EXIT_OK
