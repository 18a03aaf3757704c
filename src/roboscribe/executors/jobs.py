"""What jobs do: settings and the episodes of a task go in, staged results come out; the last job writes them."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from roboscribe.config import AnnotateSettings, ExecutorSettings, ranges
from roboscribe.errors import RoboscribeError
from roboscribe.events import RunFinished
from roboscribe.executors.report import Reporter
from roboscribe.models.select import staged_model
from roboscribe.pipeline import annotate
from roboscribe.prompts import Prompts

OUTCOME = "outcome.json"
"""What the last job tells, in the folder of the plan."""


@dataclass(frozen=True)
class Stage:
    """Stages the episodes of a task.

    Attributes:
        settings: Of the run.
        tasks: Episodes of each task.
        folder: Of the plan.
    """

    settings: AnnotateSettings
    tasks: tuple[tuple[int, ...], ...]
    folder: Path

    def __call__(self, task: int) -> None:
        """Work on one task.

        Raises:
            RoboscribeError: Some of its episodes failed, or no more could be tried; the others are staged.
        """
        settings = replace(self.settings, episodes=(ranges(self.tasks[task]),))
        with _reported(Reporter(self.folder, task)) as reporter:
            finished = annotate(settings, reporter.listen, write=False)
            if finished.stopped:
                raise RoboscribeError(finished.stopped)
            if finished.failed:
                raise RoboscribeError(f"{finished.failed} of {len(self.tasks[task])} episodes failed.")


@dataclass(frozen=True)
class Write:
    """Validates and writes what is staged; asks nobody.

    Attributes:
        settings: Of the run.
        folder: Of the plan.
    """

    settings: AnnotateSettings
    folder: Path

    def __call__(self, task: int = 0) -> None:
        """Write the dataset, and what became of it."""
        finished = write_staged(self.settings)
        (self.folder / OUTCOME).write_text(json.dumps(asdict(finished)))


def write_staged(settings: AnnotateSettings) -> RunFinished:
    """Write the episodes whose results are all staged, and leave the others as they are."""
    model = staged_model(settings.vlm, Prompts(settings.prompts))
    # What was to be made anew has been, by the tasks.
    settings = replace(settings, only=(*settings.only, *settings.redo), redo=())
    return annotate(replace(settings, executor=ExecutorSettings(name="local")), model=model)


@contextmanager
def _reported(reporter: Reporter) -> Generator[Reporter]:
    try:
        yield reporter
    except BaseException as error:
        reporter.end(error)
        raise
    reporter.end()
