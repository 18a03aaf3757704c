"""Ask for the task of an episode whose dataset has none, or only a placeholder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from roboscribe.asks.base import Answer, Ask, Sheets
from roboscribe.asks.segment import pictures_of
from roboscribe.frames import Part


class DerivedTask(Answer):
    """What a person would have asked the robot to do."""

    task: Annotated[str, Field(min_length=3, max_length=300)]


@dataclass(frozen=True, kw_only=True, eq=False)
class DeriveTask(Ask[DerivedTask]):
    """What was the robot asked to do, as far as can be seen?

    Attributes:
        given: The text the dataset has in the task's place; may be empty.
        sheets: Frames of the whole episode.
    """

    answer = DerivedTask
    leads = 4

    given: str
    sheets: Sheets

    def look(self) -> Sequence[Part]:
        """The contact sheets of the episode."""
        return pictures_of(self.sheets, self.episode)
