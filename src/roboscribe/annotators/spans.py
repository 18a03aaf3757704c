"""Spans of subtasks: from a model's segments, or from stored rows, to a gap-free cover in frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from roboscribe.asks import Segment
from roboscribe.episode import Episode
from roboscribe.errors import EpisodeError
from roboscribe.language import Row
from roboscribe.signals import Signals
from roboscribe.signals.boundaries import snap

_MOST = 0.8
"""Share of the time of a subtask in which anything acts that the arm which does it acts at least."""


@dataclass(frozen=True, slots=True)
class Span:
    """One subtask on the frames ``[start, end)`` of an episode."""

    start: int
    end: int
    label: str


def tile(
    segments: Sequence[Segment], episode: Episode, signals: Signals, min_seconds: float, snap_seconds: float
) -> list[Span]:
    """Gap-free cover of the episode by the given segments.

    A segment lasts until the next one starts, so gaps and overlaps close at the later segment's start;
    starts are moved onto physical events near them, then onto frames. Spans shorter than ``min_seconds``
    join the neighbour before them (the first joins the one after), equal labels in a row become one span.

    Args:
        segments: Segments in any order, at least one.
        episode: The episode they are about.
        signals: Its physical events.
        min_seconds: Shortest span kept.
        snap_seconds: How far a start may move onto an event.

    Raises:
        EpisodeError: No segment starts within the episode.
    """
    inside = sorted((s for s in segments if s.start < episode.end), key=lambda s: (s.start, s.end))
    if not inside:
        raise EpisodeError(episode.index, "No segment starts within the episode.")
    starts = snap([segment.start for segment in inside], signals, snap_seconds)
    frames = [0, *(episode.frame_at(start) for start in starts[1:]), episode.frames]
    labels = [tidy_label(segment.label) for segment in inside]
    # Two starts may meet on one frame after snapping; the later label is the one in force from there on.
    spans = [Span(a, b, label) for a, b, label in zip(frames, frames[1:], labels, strict=False) if b > a]
    return join_equal(_join_short(spans, episode, min_seconds))


def _join_short(spans: list[Span], episode: Episode, min_seconds: float) -> list[Span]:
    least = min_seconds * episode.fps
    kept: list[Span] = []
    for span in spans:
        if kept and span.end - span.start < least:
            kept[-1] = Span(kept[-1].start, span.end, kept[-1].label)
        elif kept and kept[-1].end - kept[-1].start < least:
            kept[-1] = Span(kept[-1].start, span.end, span.label)
        else:
            kept.append(span)
    return kept


def join_equal(spans: Sequence[Span]) -> list[Span]:
    """The spans with neighbours of one label made one."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].label == span.label:
            joined[-1] = Span(joined[-1].start, span.end, span.label)
        else:
            joined.append(span)
    return joined


def tidy_label(label: str) -> str:
    """A label as stored: one line, no closing full stop, no capital on a first word that needs none."""
    text = " ".join(label.split()).rstrip(".;, ")
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first[1:] == first[1:].lower() else text


def arms_of(spans: Sequence[Span], episode: Episode, signals: Signals) -> tuple[str, ...]:
    """The arm that acts in each subtask: ``left`` or ``right`` where it acts most of the time, else ""."""

    def arm(span: Span) -> str:
        start = episode.time_of(span.start)
        end = episode.time_of(span.end) if span.end < episode.frames else episode.end
        seconds: defaultdict[str, float] = defaultdict(float)
        for phase in signals.phases:
            if phase.verb != "wait":
                seconds[phase.arm] += max(0.0, min(end, phase.end) - max(start, phase.start))
        most = max(seconds, key=seconds.__getitem__, default="")
        return most if seconds[most] > _MOST * sum(seconds.values()) else ""

    return tuple(map(arm, spans))


def spans_of(rows: Iterable[Row], episode: Episode) -> list[Span]:
    """Spans from the ``subtask`` rows of an episode: each lasts until the next starts."""
    subtasks = sorted((row for row in rows if row.style == "subtask"), key=lambda row: row.timestamp)
    starts = [episode.frame_at(row.timestamp) for row in subtasks]
    return [
        Span(start, end, row.content or "")
        for row, start, end in zip(subtasks, starts, [*starts[1:], episode.frames], strict=False)
    ]
