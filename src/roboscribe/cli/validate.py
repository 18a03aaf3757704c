"""`roboscribe validate`: check the language of an annotated dataset against every rule."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from roboscribe.cli.app import EXIT_ABORTED, EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.config import DatasetSettings


@dataclass(frozen=True)
class Arguments(DatasetSettings):
    """Check the language columns of a dataset, whoever wrote them, against every rule of the format.

    Exits with 1 when there are errors.
    """

    strict: bool = False
    """Count warnings as errors."""
    log_format: Literal["plain", "json"] = "plain"
    """Findings as text, or one JSON object a line."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe validate")
    from roboscribe.config import parse_episodes
    from roboscribe.dataset import check_episodes, open_dataset
    from roboscribe.dataset.hub import locate
    from roboscribe.errors import DatasetError
    from roboscribe.language import COLUMNS
    from roboscribe.validation import Report
    from roboscribe.validation.files import check_dataset

    dataset = open_dataset(arguments.output_dir or locate(arguments))
    if not any(column in dataset.info.features for column in COLUMNS):
        raise DatasetError(
            f"{dataset.root} has no language columns to validate.", "Annotate it first: roboscribe annotate."
        )
    episodes = check_episodes(dataset, parse_episodes(arguments.episodes))
    report = Report.of(check_dataset(dataset, episodes), len(episodes))
    if arguments.log_format == "json":
        sys.stdout.write(report.to_json_lines())
    else:
        print(report.to_text())
    return EXIT_ABORTED if report.errors or (arguments.strict and report.warnings) else EXIT_OK
