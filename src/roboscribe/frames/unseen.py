"""Frames that nobody looks at: an episode goes in, pictures of the right size without content come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from roboscribe.frames.decode import require_handle
from roboscribe.frames.picture import RGB, Jpeg, fit
from roboscribe.frames.store import EpisodeFrames

_USUAL = (640, 480)
"""Width and height taken for a camera of which the dataset does not say them."""


class UnseenFrames(EpisodeFrames):
    """Frames in the forms in which models would see them, but nothing is decoded and JPEGs hold no data.

    Their sizes follow from what the dataset says of its cameras.
    """

    def jpeg(self, camera: str, frame: int) -> Jpeg:
        """A frame as JPEG without data.

        Raises:
            EpisodeError: The episode has no such camera.
        """
        source = self._source(camera)
        size = fit(*source, self._settings.max_side)
        return Jpeg(b"", *size, *source, self.origin((camera,), (frame,)))

    def thumbnail(self, camera: str, frame: int) -> RGB:
        """A black thumbnail that takes no memory.

        Raises:
            EpisodeError: The episode has no such camera.
        """
        width, height = fit(*self._source(camera), self._settings.thumbnail_side)
        return np.broadcast_to(np.uint8(0), (height, width, 3))

    def drawn(
        self,
        draw: Callable[[], RGB],
        size: tuple[int, int],
        cameras: Sequence[str],
        indices: Sequence[int],
        quality: int,
    ) -> Jpeg:
        """A picture made of frames, without data and never drawn."""
        return Jpeg(b"", *size, *size, self.origin(cameras, indices))

    def _source(self, key: str) -> tuple[int, int]:
        require_handle(self.episode, key)
        for camera in self.episode.cameras:
            if camera.key == key and camera.width and camera.height:
                return camera.width, camera.height
        return _USUAL
