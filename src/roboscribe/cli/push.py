"""`roboscribe push`: send a finished dataset to the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from roboscribe.cli.app import EXIT_OK
from roboscribe.cli.flags import parse_flags
from roboscribe.cli.progress import LogFormat, listener
from roboscribe.config import HubSettings
from roboscribe.errors import SettingsError


@dataclass(frozen=True)
class Arguments:
    """Send a dataset with its videos and its card to the Hugging Face Hub, in one commit.

    What the Hub has already is not sent again, so the same command goes on after any interruption.
    """

    root: Path | None = None
    """Folder of the dataset."""
    hub: HubSettings = field(default_factory=HubSettings)
    log_format: LogFormat = "auto"
    """How progress is told: a live display in a terminal and plain lines when piped (auto), or one of
    rich, plain, json (one JSON object a line)."""


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe push")
    if arguments.root is None:
        raise SettingsError("Push which dataset?", "Give its folder with --root.")
    from roboscribe.hub import Destination, push

    destination = Destination.of(arguments.hub, None)
    with listener(arguments.log_format) as listen:
        push(arguments.root, destination, listen)
    return EXIT_OK
