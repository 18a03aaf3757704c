"""Rules about all episodes together: they are seen one after the other, findings about the dataset come out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from roboscribe.config import QuestionKind, ranges
from roboscribe.english.task import is_placeholder
from roboscribe.language import SPEECH
from roboscribe.validation.base import EpisodeView, Finding, Style, named
from roboscribe.validation.vqa import kinds_in

OVERALL_RULES = {
    "vqa.balance": "Of each camera no kind of visual question is less than half, or over twice, as common as is usual.",
    "dataset.bare": "Where some episodes have language rows, all have.",
    "dataset.style": "Where most episodes have rows of a style that any can have, all have.",
    "record.rows": "Every episode has as many rows of each annotator as the run record says were written into it.",
}
"""What each rule about the whole dataset demands, by its id."""

KINDS: tuple[str, ...] = get_args(QuestionKind)
"""Kinds of visual question that are expected of rows of which nothing tells what was asked."""

ANY: tuple[Style, ...] = ("subtask", "plan", "motion", "task_aug", SPEECH)
"""Styles that any episode can have rows of; of the others some may have nothing to tell."""

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
        without: Indices of those without rows of a style, by each of ``ANY``; where rows were made, another rule
            tells of it.
        kinds: Visual answers by camera and kind.
        asked: Kinds of visual question that were asked; empty where nothing tells.
        astray: Rows that each of ``recorded`` tells of in an episode, and rows that are there, where these differ.
    """

    recorded: Sequence[Recorded] = ()
    seen: set[int] = field(default_factory=set[int])
    bare: set[int] = field(default_factory=set[int])
    without: defaultdict[Style, set[int]] = field(default_factory=lambda: defaultdict(set))
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    asked: set[str] = field(default_factory=set[str])
    astray: dict[int, dict[int, tuple[int, int]]] = field(
        default_factory=dict[int, dict[int, tuple[int, int]]]
    )

    def expected(self, episode: int) -> frozenset[Style]:
        """Styles that were made for an episode."""
        made = (entry.styles for entry in self.recorded if episode in entry.episodes)
        return frozenset[Style]().union(*made)

    def see(self, view: EpisodeView, *, missed: bool = False) -> None:
        """Count what an episode has; ``missed`` where another rule tells what it lacks."""
        self.seen.add(view.index)
        if not view.rows:
            self.bare.add(view.index)
        for style in ANY:
            excused = style == "task_aug" and is_placeholder(view.task)
            if not (missed or excused or view.of_style(style) or style in view.expected):
                self.without[style].add(view.index)
        for camera, kind, number in kinds_in(view.rows):
            self.kinds[camera, kind] += number
        for at, entry in enumerate(self.recorded):
            present = sum(len(view.of_style(style)) for style in entry.styles)
            if entry.rows.get(view.index, present) != present:
                self.astray.setdefault(at, {})[view.index] = entry.rows[view.index], present

    def findings(self) -> Iterator[Finding]:
        """The findings about all episodes that were seen."""
        yield from bare_episodes(self.bare, len(self.seen))
        for style, episodes in self.without.items():
            yield from style_missing(style, episodes - self.bare, len(self.seen) - len(self.bare))
        answers = ((camera, kind, number) for (camera, kind), number in self.kinds.items())
        yield from balance(answers, self.asked.union(*(entry.kinds for entry in self.recorded)) or KINDS)
        for at, astray in sorted(self.astray.items()):
            yield from rows_recorded(self.recorded[at].annotator, astray)


def balance(answers: Iterable[tuple[str, str, int]], wanted: Collection[str]) -> Iterator[Finding]:
    """Findings of ``vqa.balance``, one for each camera.

    Args:
        answers: Camera, kind and number; those of one camera and kind are added up.
        wanted: Kinds that were asked for, also where none was answered.
    """
    of_cameras: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for camera, kind, number in answers:
        of_cameras[camera][kind] += number
    for camera, present in sorted(of_cameras.items()):
        counts = {kind: present[kind] for kind in sorted({*present, *wanted})}
        usual = sum(counts.values()) / len(counts)
        if usual >= ENOUGH and not all(usual / 2 <= count <= 2 * usual for count in counts.values()):
            numbers = ", ".join(f"{kind} {count}" for kind, count in counts.items())
            yield Finding(
                None,
                "vqa.balance",
                "warning",
                None,
                f"Visual answers of {camera or 'no camera'} are out of balance ({numbers}).",
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


def style_missing(style: Style, without: Collection[int], episodes: int) -> Iterator[Finding]:
    """Findings of ``dataset.style``.

    Args:
        style: The style.
        without: Indices of the episodes without rows of it, of those with any rows.
        episodes: Number of episodes with any rows.
    """
    if 0 < len(without) < episodes / 2:
        yield Finding(
            None,
            "dataset.style",
            "warning",
            None,
            f"{len(without)} of {episodes} annotated episodes have no {named(style)} rows: {ranges(without)}.",
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
    rest = astray.keys() - {first}
    others = f"; they differ in {ranges(rest)}, too" if rest else ""
    yield Finding(
        None,
        "record.rows",
        "warning",
        None,
        f"In episode {first} the run record counts {written} rows of {annotator}, the data {present}{others}.",
        f"If nobody edited them on purpose, write them again: roboscribe annotate --only {annotator}.",
    )
