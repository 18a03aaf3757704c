"""The base of every ask and answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """What a model answers; its JSON schema is what a server is asked to keep to."""

    model_config = ConfigDict(frozen=True, extra="forbid")


A = TypeVar("A", bound=Answer)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ask(Generic[A]):
    """A question about one episode.

    Attributes:
        answer: The pydantic type of its answer.
        episode: Index of the episode it is about.
        seed: Seed of every random choice made in answering; see ``derive_seed``.
    """

    answer: ClassVar[type[Answer]]

    episode: int
    seed: int = 0


def derive_seed(seed: int, episode: int, purpose: str) -> int:
    """Seed for one random choice, from the run's seed, the episode and what the choice is for.

    Order and concurrency of the work never enter, so they cannot change the output. Result in [0, 2**32).
    """
    digest = hashlib.sha256(f"{seed}/{episode}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
