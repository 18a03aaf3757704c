"""Film: thumbnails and their times go in, a clip of each camera under a line that tells the times comes out."""

from __future__ import annotations

from collections.abc import Sequence

from roboscribe.frames.picture import Clip, Jpeg, Part
from roboscribe.frames.sheets import camera_name
from roboscribe.frames.store import EpisodeFrames


def film(frames: EpisodeFrames, cameras: Sequence[str], indices: Sequence[int], quality: int) -> list[Part]:
    """An episode's frames as a video, camera by camera.

    Args:
        frames: The episode's frames; its thumbnails are used as they are.
        cameras: Camera keys.
        indices: Frame indices, ascending.
        quality: JPEG quality of each frame, 1 to 95.

    Raises:
        FrameError: A frame cannot be read.
    """
    times = tuple(frames.episode.time_of(index) for index in indices)
    told = ", ".join(f"{time:.2f}" for time in times)
    parts: list[Part] = []
    for camera in cameras:
        name = f" of {camera_name(camera)}" if len(cameras) > 1 else ""
        parts += [
            f"Video{name}; its frames are at {told} s:",
            Clip(tuple(_small(frames, camera, index, quality) for index in indices), times),
        ]
    return parts


def _small(frames: EpisodeFrames, camera: str, index: int, quality: int) -> Jpeg:
    thumbnail = frames.thumbnail(camera, index)
    height, width, _ = thumbnail.shape
    return frames.drawn(lambda: thumbnail, (width, height), (camera,), (index,), quality)
