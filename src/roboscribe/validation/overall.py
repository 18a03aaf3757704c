"""Rules about all episodes together: they are seen one after the other, findings about the dataset come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from roboscribe.config import ranges
from roboscribe.validation.base import EpisodeView, Finding, Style
from roboscribe.validation.vqa import kinds_in

OVERALL_RULES = {
    "vqa.balance": "No kind of visual question is less than half, or more than twice, as common as is usual.",
    "dataset.bare": "Where some episodes have language rows, all have.",
    "record.rows": "There are as many rows of each style as the run record says were written.",
}
"""What each rule about the whole dataset demands, by its id."""

ENOUGH = 20
"""Answers of each kind, on average, from which on their numbers tell more than chance does."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run record says of rows that were made in one way.

    Attributes:
        annotator: Name of the annotator that made them.
        styles: Their styles.
        episodes: Indices of the episodes that they were written into.
        rows: Their number.
        kinds: Kinds of visual question that were asked.
    """

    annotator: str
    styles: frozenset[Style]
    episodes: frozenset[int]
    rows: int
    kinds: tuple[str, ...] = ()


@dataclass
class Overview:
    """What is counted of the episodes seen.

    Attributes:
        recorded: What the run record says.
        seen: Indices of the episodes.
        bare: Indices of those without any language row.
        kinds: Visual answers of each kind.
        rows: Rows of what each of ``recorded`` tells of.
    """

    recorded: Sequence[Recorded] = ()
    seen: set[int] = field(default_factory=set[int])
    bare: set[int] = field(default_factory=set[int])
    kinds: Counter[str] = field(default_factory=Counter[str])
    rows: Counter[int] = field(default_factory=Counter[int])

    def expected(self, episode: int) -> frozenset[Style]:
        """Styles that were made for an episode."""
        made = (entry.styles for entry in self.recorded if episode in entry.episodes)
        return frozenset[Style]().union(*made)

    def see(self, view: EpisodeView) -> None:
        """Count what an episode has."""
        self.seen.add(view.index)
        if not view.rows:
            self.bare.add(view.index)
        self.kinds.update(kinds_in(view))
        for at, entry in enumerate(self.recorded):
            if view.index in entry.episodes:
                self.rows[at] += sum(len(view.of_style(style)) for style in entry.styles)

    def findings(self) -> Iterator[Finding]:
        """The findings about all episodes that were seen."""
        yield from bare_episodes(self.bare, len(self.seen))
        yield from balance(self.kinds, {kind for entry in self.recorded for kind in entry.kinds})
        for at, entry in enumerate(self.recorded):
            if entry.episodes <= self.seen:
                yield from rows_recorded(entry, self.rows[at])


def balance(answers: Mapping[str, int], wanted: Collection[str] = ()) -> Iterator[Finding]:
    """Findings of ``vqa.balance``.

    Args:
        answers: Number of answers of each kind.
        wanted: Kinds that were asked for, also where none was answered.
    """
    counts = {kind: answers.get(kind, 0) for kind in sorted({*answers, *wanted})}
    usual = sum(counts.values()) / max(1, len(counts))
    odd = [kind for kind, count in counts.items() if not usual / 2 <= count <= 2 * usual]
    if usual >= ENOUGH and odd:
        numbers = ", ".join(f"{kind} {count}" for kind, count in counts.items())
        yield Finding(
            None,
            "vqa.balance",
            "warning",
            None,
            f"Visual answers are out of balance ({numbers}).",
            "Ask for others with --vqa.kinds, or ask a model that can answer more of them.",
        )


def bare_episodes(bare: Collection[int], episodes: int) -> Iterator[Finding]:
    """Findings of ``dataset.bare``.

    Args:
        bare: Indices of the episodes without language rows.
        episodes: Number of episodes in all.
    """
    if 0 < len(bare) < episodes:
        yield Finding(
            None,
            "dataset.bare",
            "warning",
            None,
            f"{len(bare)} of {episodes} episodes have no language rows: {ranges(bare)}.",
            "Annotate them, too: roboscribe annotate does what is missing.",
        )


def rows_recorded(entry: Recorded, present: int) -> Iterator[Finding]:
    """Findings of ``record.rows``."""
    if present != entry.rows:
        yield Finding(
            None,
            "record.rows",
            "warning",
            None,
            f"The run record says that {entry.annotator} wrote {entry.rows} rows, but there are {present}.",
            f"If nobody edited them on purpose, write them again: roboscribe annotate --only {entry.annotator}.",
        )
