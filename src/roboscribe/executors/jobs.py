"""What jobs do: settings and the episodes of a task go in, staged results come out; later ones write the dataset."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from roboscribe.config import ranges
from roboscribe.errors import RoboscribeError
from roboscribe.events import EpisodeStaged, Event
from roboscribe.executors.commands import Settings, prepare_files, work, write_staged
from roboscribe.executors.outcome import Outcome
from roboscribe.executors.report import FILES, NUMBER, WRITE, Log, Reporter, log_path
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
        with _logged(self.folder, NUMBER) as log:
            write_staged(self.settings, log.listen, numbers_of(self.folder).keep)


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
        staged: list[int] = []
        with _logged(self.folder, WRITE) as log:

            def listen(event: Event) -> None:
                log.listen(event)
                if isinstance(event, EpisodeStaged):
                    staged.append(event.episode)

            finished = write_staged(self.settings, listen)
        Outcome(finished, tuple(sorted(staged))).save(self.folder)
        numbers_of(self.folder).path.unlink(missing_ok=True)


def numbers_of(folder: Path) -> Numbers:
    """The numbers of a plan's index features."""
    return Numbers(folder / "numbers.parquet")


@contextmanager
def _logged(folder: Path, name: str) -> Generator[Log]:
    """Around the work of a job that is one of its kind, whose log has its name."""
    log = Log(log_path(folder, name))
    try:
        yield log
    except BaseException as error:
        log.fail(error)
        raise
