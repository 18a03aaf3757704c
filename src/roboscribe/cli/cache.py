"""`roboscribe cache`: how large the request cache is, and making it smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roboscribe.cli.app import EXIT_OK, EXIT_USAGE
from roboscribe.cli.flags import parse_flags
from roboscribe.errors import SettingsError


@dataclass(frozen=True)
class Arguments:
    """How large the request cache is.

    The cache holds replies of models by what they were asked, so that no run pays twice for the same question.
    """

    prune: bool = False
    """Forget replies, as told by the two flags below; all of them when neither is given."""
    older_than_days: float | None = None
    """Forget replies that were not used for so many days."""
    max_mb: float | None = None
    """Forget the least recently used replies until so many megabytes are left."""
    cache_dir: Path | None = None
    """Folder of the cache; in the user's cache folder when left out."""

    def __post_init__(self) -> None:
        for flag, value in (("older-than-days", self.older_than_days), ("max-mb", self.max_mb)):
            if value is not None and not value >= 0:
                raise SettingsError(f"--{flag} is {value:g}, but must be at least 0.")
            if value is not None and not self.prune:
                raise SettingsError(f"--{flag} says what to forget.", "Add --prune to do so.")


def main(words: Sequence[str]) -> int:
    """Run the command."""
    arguments = parse_flags(Arguments, words, "roboscribe cache")
    from rich.console import Console

    from roboscribe.models.cache import RequestCache, default_folder

    console = Console(highlight=False, soft_wrap=True)
    cache = RequestCache(arguments.cache_dir or default_folder(), lambda text: console.print(f"note: {text}"))
    if not cache.path.exists():
        console.print(f"{cache.path}: empty")
        return EXIT_OK
    if arguments.prune:
        everything = arguments.older_than_days is None and arguments.max_mb is None
        removed = cache.prune(
            older_than_days=arguments.older_than_days, max_mb=0 if everything else arguments.max_mb
        )
        if cache.usable:
            console.print(f"{_replies(removed)} forgotten")
    count = cache.count
    cache.close()
    if not cache.usable:
        return EXIT_USAGE
    console.print(f"{cache.path}: {_replies(count)}, {cache.nbytes / 1e6:.1f} MB")
    return EXIT_OK


def _replies(count: int) -> str:
    return "1 reply" if count == 1 else f"{count} replies"
