"""`roboscribe annotate`: fill the language columns of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.outcome import destination_of, finish
from roboscribe.cli.progress import LogFormat, listener
from roboscribe.cli.sending import send
from roboscribe.config import AnnotateSettings


@dataclass(frozen=True)
class Arguments(AnnotateSettings):
    """Fill the language columns of a LeRobot dataset: subtasks, plan, memory, rephrasings, motion, what people say
    and what the robot answers, and questions about pictures.

    Staged results that still hold are reused, so the same command goes on after any interruption.
    """

    log_format: LogFormat = "auto"
    """How progress is told: a live display in a terminal and plain lines when piped (auto), or one of
    rich, plain, json (one JSON object a line)."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe annotate")
    if arguments.executor.name == "hf-jobs":
        return send("annotate", arguments)
    from roboscribe.executors.run import run

    destination = destination_of(arguments)
    with listener(arguments.log_format) as listen:
        finished = run(arguments, listen)
    return EXIT_OK if finished is None else finish(arguments, finished, destination)
