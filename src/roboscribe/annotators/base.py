"""What every annotator is, and the scene it works from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from roboscribe.asks import Ask
from roboscribe.asks.base import derive_seed
from roboscribe.episode import Episode
from roboscribe.frames import EpisodeFrames, FrameNeeds
from roboscribe.language import Row
from roboscribe.models.base import Model
from roboscribe.signals import Signals, analyse

Upstream = Mapping[str, Sequence[Row]]
"""Rows of the annotators that this one requires, by their name."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One episode and the facts about it, shared by all annotators.

    Attributes:
        episode: The episode.
        seed: The run's seed.
        frames: Its frames, decoded when one is looked at; None where there is nobody to look.
    """

    episode: Episode
    seed: int
    frames: EpisodeFrames | None = None

    @cached_property
    def signals(self) -> Signals:
        """What state and action tell; computed once."""
        return analyse(self.episode)

    def seed_for(self, purpose: str) -> int:
        """Seed for one random choice in this episode."""
        return derive_seed(self.seed, self.episode.index, purpose)


class Blind:
    """Base of annotators that show nothing."""

    def needs(self, episode: Episode) -> FrameNeeds:
        """No frames."""
        return FrameNeeds()


class Annotator(Protocol):
    """Produces the rows of some styles for one episode.

    Attributes:
        name: Flat name: the staged file's, and the settings section's.
        version: Raised when the annotator's own rules change, so that old results are not reused.
        styles: Styles of the rows it produces.
        requires: Names of annotators whose rows it builds on.
        accompanies: Names of annotators whose rows, where there are any, come with rows of this one: it builds
            on these, too, and is made anew wherever they change.
        reads_signals: Whether it builds on ``Scene.signals``, whose version then is part of its fingerprint.
        why_none: Why episodes may have no rows of it, to end a sentence; empty where nobody needs to be told.
        asks: Ask types it may put to the model; with none, the model is no part of its fingerprint.
        settings: Its settings that change the rows, as plain data.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def styles(self) -> frozenset[str | None]: ...
    @property
    def requires(self) -> tuple[str, ...]: ...
    @property
    def accompanies(self) -> tuple[str, ...]: ...
    @property
    def reads_signals(self) -> bool: ...
    @property
    def why_none(self) -> str: ...
    @property
    def asks(self) -> tuple[type[Ask[Any]], ...]: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...

    def needs(self, episode: Episode) -> FrameNeeds:
        """Frames it knows beforehand that it will show, so that one pass over the video serves all.

        Raises:
            EpisodeError: The episode does not have the camera that is to be shown.
        """
        ...

    async def annotate(self, scene: Scene, upstream: Upstream, model: Model) -> list[Row]:
        """Rows of this annotator's styles.

        Raises:
            RoboscribeError: The episode cannot be annotated; the reason is shown to the user.
        """
        ...
