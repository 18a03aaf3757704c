"""What validation is made of: an episode as rules see it comes in, findings go out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from roboscribe.episode import Camera, Episode, Floats
from roboscribe.language import Row

Severity = Literal["error", "warning"]
Style = str | None
"""A language style; None for speech."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the data contract has it.

    Attributes:
        episode: Index of the episode; None for something about the whole dataset.
        rule: Id of the rule, such as ``subtask.cover``.
        severity: An ``error`` keeps the episode from being written; a ``warning`` does not.
        time: Seconds into the episode, or None where no one moment is at fault.
        message: What is wrong, and where.
        fix: What to do about it.
    """

    episode: int | None
    rule: str
    severity: Severity
    time: float | None
    message: str
    fix: str


class Problem(NamedTuple):
    """What a rule reports: time in seconds (or None), what is wrong, and what to do about it."""

    time: float | None
    message: str
    fix: str


@dataclass(frozen=True, eq=False)
class EpisodeView:
    """What rules see of an episode.

    Attributes:
        index: The dataset's episode index.
        timestamps: float32 seconds as stored, shape [frames].
        fps: Frames per second.
        tasks: Task texts in the order they occur.
        cameras: Colour cameras; height and width are 0 where unknown.
        rows: Language rows of all styles.
        expected: Styles that were made for the episode; an episode may well be without rows of some.
        tools: Names of the tools that the dataset describes.
    """

    index: int
    timestamps: Floats
    fps: float
    tasks: tuple[str, ...]
    cameras: tuple[Camera, ...]
    rows: tuple[Row, ...]
    expected: frozenset[Style] = frozenset()
    tools: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        episode: Episode,
        rows: Iterable[Row],
        expected: frozenset[Style] = frozenset(),
        tools: frozenset[str] = frozenset(),
    ) -> EpisodeView:
        """The view of an episode with these rows."""
        return cls(
            index=episode.index,
            timestamps=episode.timestamps,
            fps=episode.fps,
            tasks=episode.tasks,
            cameras=episode.cameras,
            rows=tuple(rows),
            expected=expected,
            tools=tools,
        )

    @property
    def task(self) -> str:
        """The episode's task; several are joined as ``Episode.task`` joins them."""
        return "; ".join(self.tasks)

    @property
    def start(self) -> float:
        """Timestamp of the first frame, in seconds."""
        return float(self.timestamps[0])

    @cached_property
    def by_style(self) -> dict[Style, list[Row]]:
        """Rows of each style that is present, by time; those of one moment in the order given.

        Rows that call other tools than ``say`` are not speech, and left out.
        """
        rows: defaultdict[Style, list[Row]] = defaultdict(list)
        for row in sorted(self.rows, key=lambda row: row.timestamp):
            if not row.other_tools:
                rows[row.style].append(row)
        return dict(rows)

    def of_style(self, style: Style) -> Sequence[Row]:
        """Rows of one style by time."""
        return self.by_style.get(style, ())

    def times(self, style: Style) -> list[float]:
        """Distinct times at which there are rows of a style, ascending, in seconds."""
        return list(dict.fromkeys(row.timestamp for row in self.of_style(style)))

    @cached_property
    def cameras_by_key(self) -> dict[str, Camera]:
        """Cameras by their key."""
        return {camera.key: camera for camera in self.cameras}

    @cached_property
    def off_frame(self) -> frozenset[float]:
        """Times of rows that are no frame's exact timestamp; NaN among them where a row has it."""
        times = np.array(sorted({row.timestamp for row in self.rows}), dtype=np.float64)
        frames = self.timestamps.astype(np.float64)
        nearest = frames[np.searchsorted(frames, times).clip(max=len(frames) - 1)]
        return frozenset(times[times != nearest].tolist())

    def nearest_frame(self, seconds: float) -> float:
        """Timestamp nearest to ``seconds``."""
        return float(self.timestamps[int(np.abs(self.timestamps - seconds).argmin())])


Check = Callable[[EpisodeView], Iterator[Problem]]


@dataclass(frozen=True)
class Rule:
    """One rule of the data contract.

    Attributes:
        id: Topic and name, such as ``plan.remaining``.
        severity: Of its findings.
        styles: It is asked only where a row of one of them is present; always where there are none.
        check: Yields a problem for each breach.
    """

    id: str
    severity: Severity
    styles: frozenset[Style]
    check: Check

    @property
    def doc(self) -> str:
        """What the rule demands, in one line."""
        return (self.check.__doc__ or "").split("\n")[0]

    def findings(self, view: EpisodeView) -> Iterator[Finding]:
        """The breaches in one episode."""
        if not self.styles or not self.styles.isdisjoint(view.by_style):
            for problem in self.check(view):
                yield Finding(view.index, self.id, self.severity, *problem)


def rule(id: str, *styles: Style, severity: Severity = "error") -> Callable[[Check], Rule]:
    """Make a rule of a check that is asked where a row of one of ``styles`` is present."""
    return lambda check: Rule(id, severity, frozenset(styles), check)


def at(seconds: float) -> str:
    """A time for messages: ``at 2.77 s``."""
    return f"at {seconds:.2f} s"


def quoted(text: str | None, most: int = 40) -> str:
    """A text for messages, cut to ``most`` characters."""
    shown = " ".join((text or "").split())
    return f"“{shown if len(shown) <= most else shown[: most - 1] + '…'}”"


def named(style: Style) -> str:
    """The name of a style for messages."""
    return style or "speech"
