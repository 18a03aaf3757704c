"""Ask for other ways to say an episode's task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from roboscribe.asks.base import Answer, Ask


class Rephrasings(Answer):
    """Texts that ask for the same task in other words."""

    texts: Annotated[list[Annotated[str, Field(min_length=2, max_length=300)]], Field(max_length=100)]


@dataclass(frozen=True, kw_only=True, eq=False)
class RephraseTask(Ask[Rephrasings]):
    """How else could a person ask for this task?

    Attributes:
        task: The task as the dataset has it.
        count: How many rephrasings are wanted; a model that knows fewer gives fewer.
    """

    answer = Rephrasings

    task: str
    count: int
