"""What jobs do: settings and the episodes of a task go in, staged results come out; the last job writes them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from roboscribe.config import ranges
from roboscribe.errors import RoboscribeError
from roboscribe.events import EpisodeStaged, Event, RunFinished
from roboscribe.executors.commands import Settings, work, write_staged
from roboscribe.executors.report import Reporter

OUTCOME = "outcome.json"
"""What the last job tells, in the folder of the plan."""


@dataclass(frozen=True)
class Outcome:
    """What became of a launch.

    Attributes:
        finished: What the last job has done.
        staged: Episodes that it found staged as they should be.
    """

    finished: RunFinished
    staged: tuple[int, ...]

    def save(self, folder: Path) -> None:
        """Leave it in the folder of the plan."""
        (folder / OUTCOME).write_bytes(_OUTCOME.dump_json(self))


_OUTCOME = TypeAdapter(Outcome)


def read_outcome(folder: Path) -> Outcome | None:
    """What the last job of a plan told; None where it has told nothing."""
    try:
        return _OUTCOME.validate_json((folder / OUTCOME).read_bytes())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Stage:
    """Stages the episodes of a task.

    Attributes:
        settings: Of the run.
        tasks: Episodes of each task.
        folder: Of the plan.
    """

    settings: Settings
    tasks: tuple[tuple[int, ...], ...]
    folder: Path

    def __call__(self, task: int) -> None:
        """Work on one task.

        Raises:
            RoboscribeError: Some of its episodes failed, or no more could be tried; the others are staged.
        """
        settings = replace(self.settings, episodes=(ranges(self.tasks[task]),))
        with _reported(Reporter(self.folder, task)) as reporter:
            finished = work(settings, reporter.listen, write=False)
            if finished.stopped:
                raise RoboscribeError(finished.stopped)
            if finished.failed:
                raise RoboscribeError(f"{finished.failed} of {len(self.tasks[task])} episodes failed.")


@dataclass(frozen=True)
class Write:
    """Validates and writes what is staged.

    Attributes:
        settings: Of the run.
        folder: Of the plan.
    """

    settings: Settings
    folder: Path

    def __call__(self, task: int = 0) -> None:
        """Write the dataset, and what became of it."""
        staged: list[int] = []

        def listen(event: Event) -> None:
            if isinstance(event, EpisodeStaged):
                staged.append(event.episode)

        finished = write_staged(self.settings, listen)
        Outcome(finished, tuple(sorted(staged))).save(self.folder)


@contextmanager
def _reported(reporter: Reporter) -> Generator[Reporter]:
    try:
        yield reporter
    except BaseException as error:
        reporter.end(error)
        raise
    reporter.end()
