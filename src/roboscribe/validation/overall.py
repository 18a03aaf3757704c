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
    "record.rows": "Every episode has as many rows of each annotator as the run record says were written into it.",
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
        rows: Their number in each episode of which it is known.
        kinds: Kinds of visual question that were asked.
    """

    annotator: str
    styles: frozenset[Style]
    episodes: frozenset[int]
    rows: Mapping[int, int]
    kinds: tuple[str, ...] = ()


@dataclass
class Overview:
    """What is counted of the episodes seen.

    Attributes:
        recorded: What the run record says.
        seen: Indices of the episodes.
        bare: Indices of those without any language row.
        kinds: Visual answers of each kind.
        astray: Rows that each of ``recorded`` tells of in an episode, and rows that are there, where these differ.
    """

    recorded: Sequence[Recorded] = ()
    seen: set[int] = field(default_factory=set[int])
    bare: set[int] = field(default_factory=set[int])
    kinds: Counter[str] = field(default_factory=Counter[str])
    astray: dict[int, dict[int, tuple[int, int]]] = field(
        default_factory=dict[int, dict[int, tuple[int, int]]]
    )

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
            present = sum(len(view.of_style(style)) for style in entry.styles)
            if entry.rows.get(view.index, present) != present:
                self.astray.setdefault(at, {})[view.index] = entry.rows[view.index], present

    def findings(self) -> Iterator[Finding]:
        """The findings about all episodes that were seen."""
        yield from bare_episodes(self.bare, len(self.seen))
        yield from balance(self.kinds, {kind for entry in self.recorded for kind in entry.kinds})
        for at, astray in sorted(self.astray.items()):
            yield from rows_recorded(self.recorded[at].annotator, astray)


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


def rows_recorded(annotator: str, astray: Mapping[int, tuple[int, int]]) -> Iterator[Finding]:
    """Findings of ``record.rows``.

    Args:
        annotator: Who made the rows.
        astray: Rows that were written into an episode, and those that are there, of each where these differ.
    """
    first = min(astray)
    written, present = astray[first]
    where = f"episode {first}" if len(astray) == 1 else f"episodes {ranges(astray)}, in {first} for one"
    yield Finding(
        None,
        "record.rows",
        "warning",
        None,
        f"There are other rows of {annotator} than the run record says were written in {where}:"
        f" {present}, not {written}.",
        f"If nobody edited them on purpose, write them again: roboscribe annotate --only {annotator}.",
    )
