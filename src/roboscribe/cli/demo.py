"""`roboscribe demo`: annotate the bundled sample on this machine and show what came out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from roboscribe.cli.app import EXIT_OK, EXIT_SOME_FAILED
from roboscribe.cli.flags import parse_flags


@dataclass(frozen=True)
class Arguments:
    """Annotate the bundled sample (a simulated SO-101 arm, 3 episodes, 2 cameras) and show the result.

    Needs no GPU, no network and no model: the builtin model reads the robot's own signals.
    """

    output_dir: Path = Path("roboscribe-demo")
    """Where the annotated sample goes; a demo that is there already is gone on with."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    folder = parse_flags(Arguments, words, "roboscribe demo").output_dir
    from rich.console import Console

    from roboscribe.cli.view import show
    from roboscribe.config import AnnotateSettings
    from roboscribe.dataset import open_dataset
    from roboscribe.pipeline import annotate

    with as_file(files("roboscribe") / "sample") as sample:
        finished = annotate(AnnotateSettings(root=sample, output_dir=folder))

    console = Console(highlight=False)
    console.print()
    dataset = open_dataset(folder)
    for index in dataset.episode_indices:
        show(console, dataset, index, dataset.language_rows(index), brief=index != dataset.episode_indices[0])
    program = _program()
    console.print(
        f"[bold]{finished.annotated} episodes annotated, {finished.rows} rows, in {finished.seconds:.1f} s[/]:"
        f" {folder} is a LeRobot dataset with language.\n"
        "\n[bold]Next[/]\n"
        f"  {program} validate --root {folder}    check it against every rule\n"
        f"  {program} annotate --root YOUR_DATASET --output-dir ANNOTATED\n"
        f"  {program} view --root ANNOTATED    look at it as above\n",
        soft_wrap=True,
    )
    return EXIT_SOME_FAILED if finished.failed else EXIT_OK


def _program() -> str:
    """How this command can be called again from where the user is."""
    if shutil.which("roboscribe") is not None:
        return "roboscribe"
    path = Path(sys.executable).with_name("roboscribe")
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
