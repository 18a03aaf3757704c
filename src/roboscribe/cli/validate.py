"""`roboscribe validate`: check the language of an annotated dataset, or what is staged, against every rule."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from roboscribe.cli.app import EXIT_ABORTED, EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.config import DatasetSettings


@dataclass(frozen=True)
class Arguments(DatasetSettings):
    """Check the language columns and index features of a dataset, whoever wrote them, against every rule of the format.

    A dataset without either is checked as it would be with what is staged for it. Exits with 1 when there are errors.
    """

    output_dir: Path | None = None
    """Folder of a run with `--output-dir`; the same as naming it with `--root`."""
    staging: bool = False
    """Check what is staged, also where the dataset has language columns already."""
    strict: bool = False
    """Count warnings as errors."""
    all: bool = False
    """Tell every finding; otherwise at most five of each rule, and how many more there are."""
    log_format: Literal["plain", "json"] = "plain"
    """Findings as text, or all of them as one JSON object a line."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe validate")
    from roboscribe.checking import validate

    checked = validate(arguments, arguments.staging)
    report = checked.report
    if arguments.log_format == "json":
        sys.stdout.write(report.to_json_lines())
    else:
        if checked.staged:
            print(f"Checking what is staged in {checked.root}, as if it were written.")
        print(report.to_text(arguments.all))
    return EXIT_ABORTED if report.errors or (arguments.strict and report.warnings) else EXIT_OK
