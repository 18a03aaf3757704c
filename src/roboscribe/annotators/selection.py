"""Which annotators a run makes: all of them and what is wanted go in, each one's part in the run comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from roboscribe.annotators.base import Annotator
from roboscribe.episode import Episode
from roboscribe.errors import EpisodeError


@dataclass(frozen=True)
class Selection:
    """The annotators of a run, and what becomes of each.

    Attributes:
        annotators: All there are, by name, each after those it builds on.
        chosen: Names of those whose rows are made and written.
        off: Names of those that never run; the dataset's rows stand in for theirs.
        redo: Names of the chosen ones that are made anew although a staged result holds.
    """

    annotators: Mapping[str, Annotator]
    chosen: frozenset[str]
    off: frozenset[str] = frozenset()
    redo: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, annotators: Sequence[tuple[bool, Annotator]], only: Collection[str], redo: Collection[str]
    ) -> Selection:
        """The selection of these annotators.

        Args:
            annotators: Whether each is turned on, and the annotator, in working order.
            only: Names of those to make, also of one that is turned off; all that are on when empty.
            redo: Names of those to make anew.
        """
        named = frozenset(only) | frozenset(redo)
        on = frozenset(annotator.name for enabled, annotator in annotators if enabled)
        by_name = {annotator.name: annotator for _, annotator in annotators}
        chosen = named or on
        return cls(by_name, chosen, frozenset(by_name) - on - chosen, frozenset(redo))

    @cached_property
    def following(self) -> frozenset[str]:
        """Names of those that are not chosen, but made anew in episodes where what they build on changes."""
        moved = set(self.chosen)
        for name, annotator in self.annotators.items():
            causes = annotator.requires + annotator.accompanies
            if name not in self.off and annotator.styles and not moved.isdisjoint(causes):
                moved.add(name)
        return frozenset(moved - self.chosen)

    def showing(self, episode: Episode, known: Collection[str]) -> tuple[str, ...]:
        """Names of those that may show pictures of an episode, as far as can be seen beforehand.

        Args:
            episode: The episode.
            known: Names of those of which there are rows that others can build on.
        """
        due = set(self.chosen)
        for name in reversed(list(self.annotators)):
            if name in due:
                due |= set(self.annotators[name].requires).difference(known, self.off)
        return tuple(
            name for name, annotator in self.annotators.items() if name in due and _shows(annotator, episode)
        )

    @property
    def in_order(self) -> list[Annotator]:
        """The chosen annotators in working order."""
        return [annotator for name, annotator in self.annotators.items() if name in self.chosen]


def _shows(annotator: Annotator, episode: Episode) -> bool:
    try:
        return bool(annotator.needs(episode))
    except EpisodeError:
        # Other episodes may well have the camera.
        return True
