"""Decode chosen frames: frame indices of an episode's camera go in, those very frames come out in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from roboscribe.episode import Episode, FrameHandle, StoredImages
from roboscribe.errors import EpisodeError
from roboscribe.frames.picture import Frame
from roboscribe.frames.stored import read_images
from roboscribe.frames.video import read_video


def read_frames(episode: Episode, camera: str, frames: Iterable[int]) -> Iterator[Frame]:
    """Decode the frames of one camera, each once, in ascending order; duplicates are ignored.

    A frame of a video is the real one nearest to its timestamp, at most half a frame period away; nothing is
    ever put in place of a frame that cannot be read.

    Args:
        episode: The episode.
        camera: Camera key.
        frames: Frame indices, 0 <= index < episode.frames.

    Raises:
        EpisodeError: The episode has no such camera, or no file for it.
        FrameError: The file is missing, damaged, or does not hold a frame; nothing more comes after it.
        IndexError: A frame index out of range.
    """
    wanted = sorted(set(frames))
    if wanted and not 0 <= wanted[0] <= wanted[-1] < episode.frames:
        raise IndexError(f"frames {wanted[0]} to {wanted[-1]} of an episode of {episode.frames} frames")
    handle = require_handle(episode, camera)
    if not wanted:
        return iter(())
    if isinstance(handle, StoredImages):
        return read_images(episode, camera, handle, wanted)
    return read_video(episode, camera, handle, wanted)


def require_handle(episode: Episode, camera: str) -> FrameHandle:
    """The handle of a camera's frames.

    Raises:
        EpisodeError: The episode has no such camera, or no file for it.
    """
    handle = episode.handles.get(camera)
    if handle is None:
        known = ", ".join(sorted(episode.handles)) or "none"
        raise EpisodeError(
            episode.index,
            f"Episode {episode.index} has no frames for camera {camera}.",
            f"Cameras with frames: {known}.",
        )
    return handle
