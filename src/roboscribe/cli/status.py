"""`roboscribe status`: what is done, what failed and why, of an annotation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.sending import show_job
from roboscribe.config import DatasetSettings, ranges
from roboscribe.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from roboscribe.status import Failure, Status


@dataclass(frozen=True)
class Arguments(DatasetSettings):
    """What is done, what failed and why.

    Reads what is staged beside the dataset; for a run with `--output-dir`, give that folder. Of a run on a
    cluster it also tells how far its tasks are, while they run and when they are gone. `--job` needs no dataset.
    """

    output_dir: Path | None = None
    """Folder of a run with `--output-dir`; the same as naming it with `--root`."""
    watch: bool = False
    """Of a run on a cluster or at Hugging Face: show it again and again until no task runs any more."""
    task: int | Literal["write"] | None = None
    """Of a run on a cluster: what became of this task, or of the last job (write), and the end of its log."""
    job: str | None = None
    """Of a run at Hugging Face: show the end of the log of this job, such as `owner/number`."""

    def __post_init__(self) -> None:
        if self.job is None:
            super().__post_init__()


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe status")
    if arguments.job is not None:
        return show_job(arguments.job, follow_it=arguments.watch)
    from rich.console import Console

    from roboscribe.dataset.hub import locate
    from roboscribe.executors.watch import latest_plan, watch
    from roboscribe.status import read_status

    console = Console()
    folder = latest_plan(arguments.output_dir or locate(arguments))
    if folder is None and (arguments.watch or arguments.task is not None):
        flag = "watch" if arguments.watch else "task"
        raise SettingsError(f"--{flag}: this dataset was not annotated on a cluster.", "Leave it out.")
    planned, whole = frozenset[int](), True
    if folder is not None:
        from roboscribe.cli.tasks import follow, log_of, view

        seen = watch(folder)
        if arguments.task is not None:
            console.print(log_of(seen, arguments.task), highlight=False, soft_wrap=True, markup=False)
            return EXIT_OK
        if arguments.watch:
            seen = follow(console, folder)
        else:
            console.print(view(seen), highlight=False, soft_wrap=True)
        # Which annotators belong to an episode is read off what is staged, which tells only once all of it is.
        planned, whole = seen.plan.episodes, seen.progress.done_tasks == len(seen.plan.tasks)
    show(console, read_status(arguments, planned), whole=whole)
    return EXIT_OK


def show(console: Console, status: Status, *, whole: bool) -> None:
    """Print the state of an annotation, in a sentence, too, where it is staged as a whole."""
    from rich.table import Table

    if whole:
        console.print(status.headline, highlight=False, soft_wrap=True, markup=False)
    if status.annotators:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("annotator")
        headings = ["done", "failed", "missing", "rows"] + ["left out"] * bool(status.left_out)
        for heading in headings:
            table.add_column(heading, justify="right")
        for name, count in status.annotators.items():
            numbers = (count.done, count.failed, count.missing, count.rows, count.left_out)
            table.add_row(name, *map(str, numbers[: len(headings)]))
        console.print(table)

    for line in (*status.empty, *_told(status.failures), *_told(status.left_out, " left out")):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _told(failures: Iterable[Failure], what: str = "") -> Iterator[str]:
    """A line for each reason, with all episodes that have it."""
    episodes: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for failure in failures:
        episodes[failure.annotator, failure.reason].add(failure.episode)
    for (annotator, reason), found in episodes.items():
        yield f"episode{'s' if len(found) > 1 else ''} {ranges(found)}, {annotator}{what}: {reason}"
