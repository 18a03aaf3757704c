"""`roboscribe subtasks`: divide the episodes of a dataset into atomic skills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.outcome import destination_of, finish
from roboscribe.cli.progress import LogFormat, listener
from roboscribe.cli.sending import send
from roboscribe.config import SkillsSettings


@dataclass(frozen=True)
class Arguments(SkillsSettings):
    """Divide the episodes of a LeRobot dataset into atomic skills of one to three seconds.

    Writes `meta/skills.json`, `meta/subtasks.parquet` and the feature `subtask_index`. Staged results that still
    hold are reused, so the same command goes on after any interruption; names keep their numbers. Short flags are
    `--video-key`, `--model`, `--device`, `--dtype`, `--batch-size` and `--data-dir`.
    """

    log_format: LogFormat = "auto"
    """How progress is told: a live display in a terminal and plain lines when piped (auto), or one of
    rich, plain, json (one JSON object a line)."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe subtasks")
    if arguments.executor.name == "hf-jobs":
        return send("subtasks", arguments)
    from roboscribe.executors.run import run

    destination = destination_of(arguments)
    with listener(arguments.log_format) as listen:
        finished = run(arguments, listen)
    return EXIT_OK if finished is None else finish(arguments, finished, destination)
