"""What a run has to tell of episodes: what is to be written of them, which failed and why; as plain data and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from roboscribe.events import EpisodeStaged


@dataclass(frozen=True, slots=True)
class Ready:
    """What is to be written of an episode.

    Attributes:
        annotators: Names of those whose rows take the place of the dataset's.
        rows: Number of rows of each of them.
        replaced: Number of rows that they take the place of, of each.
        warnings: Number of warnings about them.
        left_out: Number of answers that are missing in them, as all that the model said was impossible.
        seen: Camera, kind and number of the visual answers among them.
    """

    annotators: tuple[str, ...]
    rows: tuple[int, ...]
    replaced: tuple[int, ...]
    warnings: int
    left_out: int
    seen: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """What became of some episodes.

    Attributes:
        ready: What is to be written of each episode that is ready.
        failed: Stage and reason of each that failed.
        left: Those that have not been tried, as something of theirs is not staged.
    """

    ready: Mapping[int, Ready]
    failed: Mapping[int, tuple[str, str]]
    left: tuple[int, ...]

    @classmethod
    def of(cls, data: object) -> Account:
        """The account that is in plain data.

        Raises:
            ValueError: There is none.
        """
        return _ACCOUNT.validate_python(data, strict=False)

    def about(self, episodes: Collection[int]) -> Account:
        """What it tells of some episodes."""
        return Account(
            {index: self.ready[index] for index in episodes if index in self.ready},
            {index: self.failed[index] for index in episodes if index in self.failed},
            tuple(index for index in self.left if index in episodes),
        )

    def to_json(self) -> dict[str, Any]:
        """It as plain data."""
        return asdict(self)


_ACCOUNT = TypeAdapter(Account)


@dataclass(frozen=True, slots=True)
class Piece:
    """What another process has done of a run.

    Attributes:
        account: What became of its episodes.
        staged: What is told of those that are ready.
        asks: Asks put to the model.
        stopped: Why no more episodes are to be tried; empty while they are.
        strange: Styles met in the dataset that are none of LeRobot's.
    """

    account: Account
    staged: tuple[EpisodeStaged, ...]
    asks: int
    stopped: str
    strange: frozenset[str]
