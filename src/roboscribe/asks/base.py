"""The base of every ask and answer, and the views of an episode that asks carry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, PrivateAttr

from roboscribe.frames import EpisodeFrames, Part, Places, SheetLayout, contact_sheets, film


class Answer(BaseModel):
    """What a model answers; its JSON schema is what a server is asked to keep to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    _left_out: tuple[str, ...] = PrivateAttr(default=())

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was asked for and is not in it, as all that the model said to it is impossible: each with the reason."""
        return self._left_out

    def leaving_out(self, reasons: Iterable[str]) -> Self:
        """The same, with what is not in it."""
        answer = self.model_copy()
        answer._left_out = tuple(reasons)
        return answer


A = TypeVar("A", bound=Answer)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ask(Generic[A]):
    """A question about one episode.

    Attributes:
        answer: The pydantic type of its answer.
        leads: How many rounds of further asks wait for its answer; of the asks that wait to be put, those that
            lead most go first, so that no episode is left with a chain of asks when all others are done.
        episode: Index of the episode it is about.
        seed: Seed of every random choice made in answering; see ``derive_seed``.
    """

    answer: ClassVar[type[Answer]]
    leads: ClassVar[int] = 0

    episode: int
    seed: int = 0

    def look(self) -> Sequence[Part]:
        """What there is to see: captions, pictures and clips in order; none for an ask about words alone.

        May decode video, so call it from a thread where that matters.

        Raises:
            FrameError: A frame cannot be read.
        """
        return ()

    def narrow(self, schema: dict[str, Any]) -> None:
        """Tighten the JSON schema of the answer type by what this ask knows, in place; nothing by default.

        Args:
            schema: Without references; the caller's own copy.
        """

    def objection(self, answer: A) -> str:
        """What is wrong with an answer that fits its type, in words a model can act on; empty when it will do."""
        return ""

    def remainder(self, answer: A) -> A | None:
        """What will do of an answer with an objection, once asking again has not helped; None for nothing of it."""
        return None

    def typical(self) -> A | None:
        """An answer of the length that models give, to foresee what a run takes; its content means nothing.

        None where the builtin model's answer will do, or where the schema leads to expect the length.
        """
        return None

    def put_in(self, places: Places) -> Self:
        """This ask for a model that names places so; the ask itself where answers hold no places.

        Without it, places in answers are x and y in pixels of the dataset's frames, as the builtin model's are.
        """
        return self

    def settled(self, answer: A) -> A:
        """What will do of an answer, its places in pixels of the dataset's frames; itself where all does."""
        return answer


@dataclass(frozen=True, eq=False)
class Sheets:
    """Frames of an episode as timestamped contact sheets, made once, when they are first looked at.

    Attributes:
        frames: The open episode's frames.
        cameras: Camera keys shown on each sheet.
        indices: Frame indices, ascending.
        layout: Columns and rows of a sheet.
    """

    frames: EpisodeFrames
    cameras: tuple[str, ...]
    indices: tuple[int, ...]
    layout: SheetLayout
    _made: list[Part] = field(default_factory=list[Part], init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def pictures(self) -> list[Part]:
        """The sheets, in order of time.

        Raises:
            FrameError: A frame cannot be read.
        """
        with self._lock:
            if not self._made:
                self._made.extend(self._make())
            return list(self._made)

    def _make(self) -> Sequence[Part]:
        return contact_sheets(self.frames, self.cameras, self.indices, self.layout)


@dataclass(frozen=True, eq=False)
class Film(Sheets):
    """The same frames as a video of each camera, for models that take one."""

    def _make(self) -> Sequence[Part]:
        return film(self.frames, self.cameras, self.indices, self.layout.quality)


def copied(plain: Any) -> Any:
    """A deep copy of plain data, such as a JSON schema; three times as fast as ``copy.deepcopy``."""
    if isinstance(plain, dict):
        return {key: copied(value) for key, value in cast(dict[str, Any], plain).items()}
    return [copied(item) for item in cast(list[Any], plain)] if isinstance(plain, list) else plain


def exactly(properties: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of an object with these properties, all of them and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def derive_seed(seed: int, episode: int, purpose: str) -> int:
    """Seed for one random choice, from the run's seed, the episode and what the choice is for.

    Order and concurrency of the work never enter, so they cannot change the output. Result in [0, 2**32).
    """
    digest = hashlib.sha256(f"{seed}/{episode}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
