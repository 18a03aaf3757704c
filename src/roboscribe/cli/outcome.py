"""What commands that change a dataset share: where it is pushed to when it is finished, and their exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from roboscribe.cli.app import EXIT_ABORTED, EXIT_OK, EXIT_SOME_FAILED
from roboscribe.cli.progress import LogFormat, listener
from roboscribe.config import HubSettings
from roboscribe.events import RunFinished

if TYPE_CHECKING:
    from roboscribe.hub import Destination


class Pushing(Protocol):
    """Arguments of a command that can push what it makes."""

    @property
    def push_to_hub(self) -> bool: ...
    @property
    def hub(self) -> HubSettings: ...
    @property
    def result_id(self) -> str | None: ...
    @property
    def log_format(self) -> LogFormat: ...


def destination_of(arguments: Pushing) -> Destination | None:
    """Where the dataset is pushed to when it is finished, known to be open to us before anything is spent.

    Raises:
        RoboscribeError: It is not, or nobody said where.
    """
    if not arguments.push_to_hub:
        return None
    from roboscribe.hub import Destination, check_push

    destination = Destination.of(arguments.hub, arguments.result_id)
    check_push(destination)
    return destination


def finish(arguments: Pushing, finished: RunFinished, destination: Destination | None) -> int:
    """Push what a run made, where that is wanted; the exit code."""
    if destination is not None and finished.annotated:
        from roboscribe.hub import push

        with listener(arguments.log_format) as listen:
            push(Path(finished.target), destination, listen)
    if not finished.failed and not finished.stopped:
        return EXIT_OK
    return EXIT_SOME_FAILED if finished.annotated else EXIT_ABORTED
