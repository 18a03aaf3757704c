"""How annotators look at an episode: settings go in, the frames to decode and the sheets to show come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roboscribe.asks import Film, Sheets
from roboscribe.config import FramesSettings
from roboscribe.episode import Episode
from roboscribe.errors import EpisodeError
from roboscribe.frames import EpisodeFrames, FrameNeeds, SheetLayout
from roboscribe.frames.sampling import evenly, every, windows

_CLOSER = 2
"""How many times the usual frames a second there are to choose from for a closer look."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of an episode that is shown in one request.

    Attributes:
        start: Seconds, inclusive.
        end: Seconds, exclusive.
        indices: Frame indices to show, ascending.
    """

    start: float
    end: float
    indices: tuple[int, ...]


@dataclass(frozen=True)
class View:
    """The frames a model is shown of an episode.

    Attributes:
        settings: Cameras, rate and layout.
    """

    settings: FramesSettings

    def cameras(self, episode: Episode) -> tuple[str, ...]:
        """Camera keys to show.

        Raises:
            EpisodeError: The episode has no video of a camera that is wanted, or none at all.
        """
        found = cameras_of(episode, self.settings.cameras, "frames")
        if not found:
            raise EpisodeError(
                episode.index,
                "There is no camera to look through.",
                "Use --vlm.backend builtin, which does without.",
            )
        return found if self.settings.cameras else found[:1]

    def windows(self, episode: Episode) -> list[Window]:
        """The whole episode, in as few windows as the frames per request allow."""
        parts = windows(every(episode.timestamps, self.settings.hz), self.settings.per_ask)
        starts = [episode.time_of(part[0]) for part in parts]
        ends = [*starts[1:], episode.end]
        return [Window(a, b, tuple(part)) for a, b, part in zip(starts, ends, parts, strict=True)]

    def overview(self, episode: Episode) -> tuple[int, ...]:
        """Frames spread over the whole episode, as many as one request takes."""
        regular = every(episode.timestamps, self.settings.hz)
        return tuple(
            regular
            if len(regular) <= self.settings.per_ask
            else evenly(episode.timestamps, self.settings.per_ask)
        )

    def closely(self, episode: Episode, count: int, start: float, end: float) -> tuple[int, ...]:
        """At most ``count`` frames spread over a stretch, out of those in ``close_by``; the nearest in a short one."""
        close = self.close_by(episode)
        picked = evenly([episode.time_of(index) for index in close], count, start, end)
        return tuple(close[at] for at in picked)

    def close_by(self, episode: Episode) -> list[int]:
        """Frames for a closer look at stretches that are yet to be found, so that they are decoded with the others."""
        return every(episode.timestamps, _CLOSER * self.settings.hz)

    def needs(self, episode: Episode, indices: Sequence[int]) -> FrameNeeds:
        """These frames as thumbnails for sheets, of every camera shown."""
        return FrameNeeds(thumbnails=dict.fromkeys(self.cameras(episode), indices))

    def sheets(self, frames: EpisodeFrames, indices: Sequence[int]) -> Sheets:
        """These frames in the form in which they are shown."""
        layout = SheetLayout(self.settings.columns, self.settings.rows)
        form = Film if self.settings.form == "video" else Sheets
        return form(frames, self.cameras(frames.episode), tuple(indices), layout)


def cameras_of(episode: Episode, wanted: Sequence[str], section: str) -> tuple[str, ...]:
    """Camera keys of an episode: those that are wanted, or all with video when none is named.

    Args:
        episode: The episode.
        wanted: Keys the user named.
        section: Section of the settings that names them.

    Raises:
        EpisodeError: It has no video of one that is wanted.
    """
    for key in wanted:
        if key not in episode.handles:
            raise EpisodeError(
                episode.index, f"There is no video of {key}.", f"Name others with --{section}.cameras."
            )
    return tuple(wanted) or tuple(c.key for c in episode.cameras if c.key in episode.handles)
