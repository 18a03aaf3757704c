"""What became of a launch: the last job tells it, and whoever watches or launches again reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from roboscribe.events import RunFinished

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
