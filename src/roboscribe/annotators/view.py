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
        wanted = (
            self.settings.cameras or tuple(c.key for c in episode.cameras if c.key in episode.handles)[:1]
        )
        missing = [key for key in wanted if key not in episode.handles]
        if missing or not wanted:
            raise EpisodeError(
                episode.index,
                f"There is no video of {missing[0]}." if missing else "There is no camera to look through.",
                "Name others with --frames.cameras, or use --vlm.backend builtin, which does not look.",
            )
        return wanted

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

    def needs(self, episode: Episode, indices: Sequence[int]) -> FrameNeeds:
        """These frames as thumbnails for sheets, of every camera shown."""
        return FrameNeeds(thumbnails=dict.fromkeys(self.cameras(episode), indices))

    def sheets(self, frames: EpisodeFrames, indices: Sequence[int]) -> Sheets:
        """These frames in the form in which they are shown."""
        layout = SheetLayout(self.settings.columns, self.settings.rows)
        form = Film if self.settings.form == "video" else Sheets
        return form(frames, self.cameras(frames.episode), tuple(indices), layout)
