"""From occasions to exchanges: those imagined before are taken from where they are kept, others are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from roboscribe.asks import (
    Ask,
    Exchange,
    ImagineDialogue,
    ImagineDialogues,
    Occasion,
    Sheets,
    derive_seed,
)
from roboscribe.asks.dialogue import Pictured
from roboscribe.frames.sampling import windows
from roboscribe.models.base import Model
from roboscribe.staging.answers import AnswerLog, key_of

VERSION = 2
"""Raised when what is asked changes, or how answers are judged, so that old ones are not reused."""

TOGETHER = 40
"""Most occasions in one answer; an episode with more of them is asked about in several."""


@dataclass(frozen=True)
class Imagination:
    """How dialogues are imagined.

    Attributes:
        model: Who imagines them.
        seed: The run's seed.
        settings: What else changes the answers, as plain data.
        whole: Whether an episode is seen as a whole, and its occasions are answered together.
    """

    model: Model
    seed: int
    settings: Mapping[str, Any]
    whole: bool = False

    @property
    def kind(self) -> type[Ask[Any]]:
        """The kind of ask."""
        return ImagineDialogues if self.whole else ImagineDialogue

    @property
    def looks(self) -> bool:
        """Whether pictures are wanted."""
        return self.model.looks(self.kind)

    @property
    def made_by(self) -> dict[str, Any]:
        """Who imagines and how, readable by a person; concurrency, ports and paths are not in it."""
        return {
            "annotator": "dialogue",
            "version": VERSION,
            "styles": [],
            "settings": dict(self.settings),
            "model": self.model.identity,
            "prompts": {self.kind.__name__: self.model.prompt_digest(self.kind)},
            "seed": self.seed,
        }

    def wishes(self, source: str, occasions: Sequence[Occasion]) -> list[Wish]:
        """What is asked at once.

        Args:
            source: Digest of what the occasions are in, such as the episode.
            occasions: In order of time.
        """
        made_by = self.made_by
        groups = windows(occasions, TOGETHER) if self.whole else [[occasion] for occasion in occasions]
        return [
            Wish(
                tuple(group),
                key_of(made_by=made_by, source=source, occasions=list(map(asdict, group))),
            )
            for group in groups
        ]


@dataclass(frozen=True)
class Wish:
    """Occasions that are answered together.

    Attributes:
        occasions: In order of time.
        key: Under which the answer for the first of them is kept.
    """

    occasions: tuple[Occasion, ...]
    key: str

    @property
    def keys(self) -> list[str]:
        """Under which the answer for each is kept."""
        return [f"{self.key}/{place}" for place in range(len(self.occasions))]


@dataclass(frozen=True)
class Subject:
    """What dialogues are imagined about: an episode, or a sample that stands alone.

    Attributes:
        index: Its number.
        log: Where answers are kept.
        shots: The pictures of an occasion.
        sheets: Frames of the whole; None where nobody looks, or single pictures are shown.
    """

    index: int
    log: AnswerLog
    shots: Callable[[Occasion], tuple[Pictured, ...]]
    sheets: Sheets | None = None


async def imagine(how: Imagination, model: Model, subject: Subject, wishes: Sequence[Wish]) -> None:
    """Have what is not there yet answered; each answer is kept as soon as it is there.

    Args:
        how: How dialogues are imagined.
        model: The same model as in ``how``, as it is to be asked.
        subject: What they are about.
        wishes: What is wanted.

    Raises:
        RoboscribeError: One of them got no answer; the others are kept.
    """
    asks = (_answered(how, model, subject, wish) for wish in wishes)
    for outcome in await asyncio.gather(*asks, return_exceptions=True):
        if outcome is not None:
            raise outcome


def exchanges(log: AnswerLog, wishes: Sequence[Wish]) -> list[Exchange]:
    """The exchange for each occasion, where all are there."""
    return [Exchange(**log[key]) for wish in wishes for key in wish.keys]


async def _answered(how: Imagination, model: Model, subject: Subject, wish: Wish) -> None:
    """Have answered what is not there yet of a wish, until all is.

    Raises:
        RoboscribeError: An ask got no answer; what was answered before is kept.
    """
    while missing := [place for place, key in enumerate(wish.keys) if key not in subject.log]:
        found = await _ask(how, model, subject, [wish.occasions[place] for place in missing])
        made = {wish.keys[place]: one for place, one in zip(missing, found, strict=True) if one is not None}
        subject.log.add({key: one.model_dump() for key, one in made.items()})


async def _ask(
    how: Imagination, model: Model, subject: Subject, occasions: Sequence[Occasion]
) -> Sequence[Exchange | None]:
    """An exchange for each occasion, or None; at least one exchange."""
    first = occasions[0]
    again = "again/" if any(occasion.avoid for occasion in occasions) else ""
    seed = derive_seed(how.seed, subject.index, f"dialogue/{again}{first.number}")
    if how.whole:
        of_all = ImagineDialogues(
            episode=subject.index, seed=seed, occasions=tuple(occasions), sheets=subject.sheets
        )
        return (await model.answer(of_all)).exchanges
    shots = subject.shots(first) if how.looks else ()
    return [
        await model.answer(ImagineDialogue(episode=subject.index, seed=seed, occasion=first, shots=shots))
    ]
