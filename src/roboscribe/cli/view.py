"""`roboscribe view`: what is said of episodes, drawn along their time in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.config import DatasetSettings, parse_episodes
from roboscribe.errors import DatasetError

if TYPE_CHECKING:
    from rich.console import Console

    from roboscribe.dataset import Dataset
    from roboscribe.language import Row

SHOWN = 3
"""Episodes shown where none are named."""


@dataclass(frozen=True)
class Arguments(DatasetSettings):
    """Show what is said of episodes: subtasks and memories beside the robot's own motion, and the other rows in brief.

    Reads language columns, or where there are none index features, whoever wrote them. Changes nothing.
    """

    output_dir: Path | None = None
    """Folder of a run with `--output-dir`; the same as naming it with `--root`."""
    episodes: tuple[str, ...] = ()
    """Episodes to show: `0 1 2`, `0,1,2`, `0-9`, `[0, 1]`. The first three when left out."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe view")
    wanted = parse_episodes(arguments.episodes)
    from rich.console import Console

    from roboscribe.dataset import check_episodes, open_dataset
    from roboscribe.dataset.hub import locate

    dataset = open_dataset(arguments.output_dir or locate(arguments), sparse=True)
    chosen = check_episodes(dataset, wanted)
    shown = chosen if wanted is not None else chosen[:SHOWN]
    console, rows_of = Console(highlight=False), _reader(dataset)
    for index in shown:
        show(console, dataset, index, rows_of(index))
    if len(shown) < len(chosen):
        console.print(f"{len(shown)} of {len(chosen):,} episodes; --episodes shows others.")
    return EXIT_OK


def show(console: Console, dataset: Dataset, index: int, rows: Sequence[Row], *, brief: bool = False) -> None:
    """Print one episode: its timeline and, unless ``brief``, its other rows.

    Raises:
        EpisodeError: It cannot be read.
    """
    from rich.rule import Rule

    from roboscribe.annotators.base import Scene
    from roboscribe.cli.timeline import rest_of_rows, timeline

    episode = dataset.episode(index)
    console.print(timeline(episode, rows, Scene(episode, 0).signals, console.width))
    if not brief:
        console.print(rest_of_rows(rows))
    console.print(Rule(style="dim"))


def _reader(dataset: Dataset) -> Callable[[int], Sequence[Row]]:
    """What gives the rows of an episode, be they stored as language or as numbers.

    Raises:
        DatasetError: The dataset has neither.
    """
    from roboscribe.conversion.to_language import FEATURES, IndexForm
    from roboscribe.language import COLUMNS

    features = dataset.info.features
    if any(column in features for column in COLUMNS):
        return dataset.language_rows
    if not any(feature in features for feature in FEATURES):
        raise DatasetError(
            f"{dataset.root} has nothing to show yet: neither language columns nor index features.",
            "Annotate it first: roboscribe annotate.",
        )
    numbered = IndexForm.of(dataset)
    return lambda index: numbered.told(index).rows
