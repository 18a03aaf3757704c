"""Ask for what a robot should remember at each subtask boundary of an episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from roboscribe.asks.base import Answer, Ask


class Memories(Answer):
    """One memory per boundary asked about, in the same order."""

    memories: Annotated[list[Annotated[str, Field(min_length=2, max_length=600)]], Field(max_length=200)]


@dataclass(frozen=True, kw_only=True, eq=False)
class UpdateMemory(Ask[Memories]):
    """What has been done by each boundary, in the robot's own words?

    First person, past tense; outcomes are kept, attributes that no longer matter are dropped (MEM style).

    Attributes:
        task: The task text; empty when unknown.
        subtasks: Labels of the episode's subtasks in order.
        boundaries: For each memory wanted, how many subtasks are done by then (1 ≤ n < len(subtasks)).
        previous: The memory before the first boundary asked about; empty at the start.
    """

    answer = Memories

    task: str
    subtasks: tuple[str, ...]
    boundaries: tuple[int, ...]
    previous: str = ""

    def typical(self) -> Memories:
        """One or two short sentences at each boundary."""
        text = "I picked up the red cup and put it on the shelf. The drawer is open now."
        return Memories(memories=[text] * len(self.boundaries))

    def narrow(self, schema: dict[str, Any]) -> None:
        """As many memories as boundaries."""
        schema["properties"]["memories"].update(minItems=len(self.boundaries), maxItems=len(self.boundaries))

    def objection(self, answer: Memories) -> str:
        """There must be one memory for each boundary, and none may be blank."""
        if len(answer.memories) != len(self.boundaries):
            return f"{len(self.boundaries)} memories are wanted, but {len(answer.memories)} were given."
        return "" if all(text.strip() for text in answer.memories) else "A memory is blank."
