"""What jobs do: settings and the episodes of a task go in, staged results come out; the last job writes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from roboscribe.config import ranges
from roboscribe.errors import RoboscribeError
from roboscribe.events import EpisodeStaged, Event
from roboscribe.executors.commands import Settings, work, write_staged
from roboscribe.executors.outcome import Outcome
from roboscribe.executors.report import WRITE, Log, Reporter, log_path


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
class Write:
    """Validates and writes what is staged.

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
        log = Log(log_path(self.folder, WRITE))

        def listen(event: Event) -> None:
            log.listen(event)
            if isinstance(event, EpisodeStaged):
                staged.append(event.episode)

        try:
            finished = write_staged(self.settings, listen)
        except BaseException as error:
            log.fail(error)
            raise
        Outcome(finished, tuple(sorted(staged))).save(self.folder)
