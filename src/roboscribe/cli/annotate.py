"""`roboscribe annotate`: fill the language columns of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from roboscribe.cli.app import EXIT_ABORTED, EXIT_OK, EXIT_SOME_FAILED
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.progress import LogFormat, listener
from roboscribe.config import AnnotateSettings

if TYPE_CHECKING:
    from roboscribe.hub import Destination


@dataclass(frozen=True)
class Arguments(AnnotateSettings):
    """Fill the language columns of a LeRobot dataset: subtasks, plan, memory, rephrasings, motion.

    Staged results that still hold are reused, so the same command goes on after any interruption.
    """

    log_format: LogFormat = "auto"
    """How progress is told: a live display in a terminal and plain lines when piped (auto), or one of
    rich, plain, json (one JSON object a line)."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe annotate")
    from roboscribe.executors.run import run

    destination = _destination(arguments)
    with listener(arguments.log_format) as listen:
        finished = run(arguments, listen)
    if finished is None:
        return EXIT_OK
    if destination is not None and finished.annotated:
        from roboscribe.hub import push

        with listener(arguments.log_format) as listen:
            push(Path(finished.target), destination, listen)
    if not finished.failed and not finished.stopped:
        return EXIT_OK
    return EXIT_SOME_FAILED if finished.annotated else EXIT_ABORTED


def _destination(arguments: Arguments) -> Destination | None:
    """Where the dataset is pushed to when it is finished, known to be open to us before anything is spent."""
    if not arguments.push_to_hub:
        return None
    from roboscribe.hub import Destination, check_push

    destination = Destination.of(arguments.hub, arguments.repo_id)
    check_push(destination)
    return destination
