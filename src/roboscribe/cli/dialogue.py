"""`roboscribe dialogue`: imagine what people say for the skills of a dataset, and what the robot answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roboscribe.cli.app import EXIT_ABORTED, EXIT_OK, EXIT_SOME_FAILED
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.outcome import destination_of, finish
from roboscribe.cli.progress import LogFormat, listener
from roboscribe.cli.sending import send
from roboscribe.config import DialogueSettings


@dataclass(frozen=True)
class Arguments(DialogueSettings):
    """Imagine what a person could have said for the robot to do each of its skills, and what it answers.

    Needs skills: those of `roboscribe subtasks`, the subtasks of `roboscribe annotate`, or `--skills auto`. Writes
    `meta/tasks_high_level.parquet`, `meta/syn_annotations.jsonl` and the feature `task_index_high_level`, to
    `--output-dir` or beside the dataset under its name and `_with_high_level_tasks`. Every answer is kept as soon as
    it is there, so the same command goes on after any interruption. Short flags are `--video-key`, `--model`,
    `--device`, `--dtype`, `--temperature`, `--batch-size` and `--data-dir`.
    """

    log_format: LogFormat = "auto"
    """How progress is told: a live display in a terminal and plain lines when piped (auto), or one of
    rich, plain, json (one JSON object a line)."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe dialogue")
    if arguments.executor.name == "hf-jobs":
        return send("dialogue", arguments)
    destination = destination_of(arguments)
    with listener(arguments.log_format) as listen:
        if arguments.jsonl is not None:
            from roboscribe.hirobot.lines import imagine_lines

            lines = imagine_lines(arguments, listen)
            if not lines.failed and not lines.stopped:
                return EXIT_OK
            return EXIT_SOME_FAILED if lines.done else EXIT_ABORTED
        from roboscribe.executors.run import run

        finished = run(arguments, listen)
    return EXIT_OK if finished is None else finish(arguments, finished, destination)
