"""What jobs do: settings and the episodes of a task go in, staged results come out; later ones write the dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from roboscribe.config import ranges
from roboscribe.errors import RoboscribeError
from roboscribe.executors.commands import Settings, prepare_files, work, write_staged
from roboscribe.executors.outcome import Outcome
from roboscribe.executors.report import FILES, NUMBER, WRITE, Reporter
from roboscribe.hirobot.numbers import Numbers


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
        with Reporter(self.folder, task) as reporter:
            finished = work(settings, reporter.listen, write=False)
            if finished.stopped:
                raise RoboscribeError(finished.stopped)
            if finished.failed:
                raise RoboscribeError(f"{finished.failed} of {len(self.tasks[task])} episodes failed.")


@dataclass(frozen=True)
class Number:
    """Numbers what is staged, for index features, once there is all of it.

    Attributes:
        settings: Of the run.
        folder: Of the plan.
    """

    settings: Settings
    folder: Path

    def __call__(self, task: int = 0) -> None:
        """Keep the numbers of all frames in the folder of the plan.

        Raises:
            RoboscribeError: There is nothing to number.
        """
        with Reporter(self.folder / NUMBER, task) as reporter:
            write_staged(self.settings, reporter.listen, numbers_of(self.folder).keep)


@dataclass(frozen=True)
class Prepare:
    """Makes the data files of a task, for the last job to put in place.

    Attributes:
        settings: Of the run.
        files: For each task, number of its first data file, and of the one after its last.
        folder: Of the plan.
    """

    settings: Settings
    files: tuple[tuple[int, int], ...]
    folder: Path

    def __call__(self, task: int) -> None:
        """Work on one task.

        Raises:
            RoboscribeError: Some of the data files cannot be made; the others are kept.
        """
        with Reporter(self.folder / FILES, task) as reporter:
            files = range(*self.files[task])
            prepare_files(self.settings, files, numbers_of(self.folder), reporter.listen)


@dataclass(frozen=True)
class Write:
    """Writes what is staged, with the data files that are made already.

    Attributes:
        settings: Of the run.
        folder: Of the plan.
    """

    settings: Settings
    folder: Path

    def __call__(self, task: int = 0) -> None:
        """Write the dataset, and what became of it.

        Raises:
            RoboscribeError: Nothing can be written.
        """
        # Whoever needed them has ended, however this ends.
        numbers_of(self.folder).path.unlink(missing_ok=True)
        with Reporter(self.folder / WRITE, task) as reporter:
            finished = write_staged(self.settings, reporter.listen)
            Outcome(finished, tuple(sorted(reporter.report.staged))).save(self.folder)


def numbers_of(folder: Path) -> Numbers:
    """The numbers of a plan's index features."""
    return Numbers(folder / NUMBER / "numbers.parquet")
