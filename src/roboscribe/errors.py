"""Errors a user can act on: what went wrong in one sentence, what to do in another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class RoboscribeError(Exception):
    """A problem the user can fix; the command line prints it without a traceback and exits with 2.

    Args:
        message: What is wrong, naming the file, key or flag.
        hint: What to do about it; empty when the message already says it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def cause(error: Exception) -> str:
    """What a library says went wrong, on one line and without its full stop, to go into a sentence of ours."""
    return " ".join(str(error).split()).rstrip(".")


def first_line(error: Exception) -> str:
    """Only the beginning of it, where pages may follow."""
    return str(error).strip().partition("\n")[0].rstrip(". ")


def closest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """`` Did you mean …?`` for a misspelt name, or nothing when no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {prefix}{near[0]}?" if near else ""


class SettingsError(RoboscribeError):
    """A flag or setting that cannot be used as given."""


class DatasetError(RoboscribeError):
    """A dataset that cannot be read, or cannot be written to, as it is."""


class EpisodeError(RoboscribeError):
    """One episode that cannot be processed; the others go on.

    Args:
        episode: Index of the episode.
    """

    def __init__(self, episode: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.episode = episode


class FrameError(EpisodeError):
    """Frames of one episode and camera that cannot be read.

    Args:
        episode: Index of the episode.
        camera: Camera key, for example ``observation.images.top``.
        path: The video or parquet file at fault.
    """

    def __init__(self, episode: int, camera: str, path: Path, message: str, hint: str = "") -> None:
        super().__init__(episode, message, hint)
        self.camera = camera
        self.path = path


class AnswerError(RoboscribeError):
    """An ask that a model could not answer; the annotator of that episode fails with it."""


class RunStopped(RoboscribeError):  # noqa: N818 - it ends a run, which is not always a mistake
    """No further ask can be answered in this run; what is finished is kept, and the same command goes on."""


class ServerError(RunStopped):
    """A model server that cannot be used: unreachable, wrong key, unknown model, or without images."""


class BudgetSpent(RunStopped):
    """The run has used up its calls or its money."""


class Terminated(RunStopped):
    """The system wants the program to end (SIGTERM): a cluster whose time limit is reached, or that needs the node."""


class NotStaged(RoboscribeError):  # noqa: N818 - nothing is wrong: its time has not come
    """A result that is not staged, where results are only to be written; its episode is left for another run."""
