"""Ask for other ways to say an episode's task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from roboscribe.asks.base import Answer, Ask

Axis = Literal["free", "synonym", "omit_arm", "omit_orientation", "omit_grasp", "combined"]
"""How a rephrasing may differ: freely, by synonyms, or by leaving out which arm, orientation or grasp to use
(one at a time, or several: combined)."""

AXES: tuple[Axis, ...] = ("synonym", "omit_arm", "omit_orientation", "omit_grasp", "combined")


class Rephrasings(Answer):
    """Texts that ask for the same task in other words."""

    texts: Annotated[list[Annotated[str, Field(min_length=2, max_length=300)]], Field(max_length=100)]


@dataclass(frozen=True, kw_only=True, eq=False)
class RephraseTask(Ask[Rephrasings]):
    """How else could a person ask for this task?

    Attributes:
        task: The task as the dataset has it.
        count: How many rephrasings are wanted; a model that knows fewer gives fewer.
        axis: How they may differ.
    """

    answer = Rephrasings

    task: str
    count: int
    axis: Axis = "free"

    def typical(self) -> Rephrasings:
        """As many as are wanted, each about as long as the task, and as a person would put it."""
        return Rephrasings(texts=[f"Could you {self.task}"[:300]] * min(self.count, 100))

    def narrow(self, schema: dict[str, Any]) -> None:
        """No more texts than wanted."""
        schema["properties"]["texts"]["maxItems"] = self.count
