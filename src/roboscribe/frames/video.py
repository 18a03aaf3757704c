"""Read frames from video: a clip and ascending frame indices go in, the nearest real frames come out.

Seeking or not, measured on 640x480 AV1 with one decoding thread: a frame costs 0.4 ms, a seek with the
keyframe it lands on 1.9 ms, finding out where a seek would land 0.02 ms. So it is first found out which seeks
skip enough frames to pay, and only those are made. One thread per decoder costs a quarter less CPU than
several, and episodes are decoded side by side anyway; PyAV lets other threads run while it decodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias, cast

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.stream import VideoStream

from roboscribe.episode import Episode, VideoClip
from roboscribe.errors import DatasetError, FrameError
from roboscribe.frames.picture import Frame

SEEK_GAIN = 4
"""Frames that a seek has to skip to be worth its cost."""

LENIENT: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
"""PyAV before 19 refuses a file with a title that is no UTF-8, unless it is told not to."""

ROUNDING = 0.002
"""Seconds by which equal times may differ: millisecond time bases, float32 timestamps."""

Wanted: TypeAlias = tuple[int, float]
"""Frame index and the time in the file, in seconds, at which it lies."""


@dataclass(slots=True)
class _Run:
    """Frames decoded in one go, after a seek to ``offset`` (in the stream's time base)."""

    offset: int
    wanted: list[Wanted] = field(default_factory=list[Wanted])


def read_video(episode: Episode, camera: str, clip: VideoClip, frames: Sequence[int]) -> Iterator[Frame]:
    """Decode ``frames`` (ascending, at least one) of a clip.

    Raises:
        FrameError: The file is missing or no video, or a frame is damaged or not there.
    """
    reader = _Reader(episode, camera, clip)
    if not clip.path.is_file():
        if clip.remote is None:
            raise reader.error("does not exist", "Restore it, or leave this camera or episode out.")
        try:
            clip.remote.fetch()
        except DatasetError as error:
            raise FrameError(episode.index, camera, clip.path, error.message, error.hint) from error
    try:
        container = cast(InputContainer, av.open(str(clip.path), **LENIENT))
    except (FFmpegError, OSError) as error:
        raise reader.error(f"cannot be opened as a video ({_reason(error)})") from error
    with closing(container):
        if not container.streams.video:
            raise reader.error("holds no video stream")
        yield from reader.read(container, container.streams.video[0], frames)


class _Reader:
    """What reading one camera of one episode needs to know to say what went wrong."""

    def __init__(self, episode: Episode, camera: str, clip: VideoClip) -> None:
        self.episode = episode
        self.camera = camera
        self.clip = clip

    def error(
        self, problem: str, hint: str = "Fetch or record it again, or leave this episode out."
    ) -> FrameError:
        message = f"Episode {self.episode.index}, camera {self.camera}: {self.clip.path} {problem}."
        return FrameError(self.episode.index, self.camera, self.clip.path, message, hint)

    def read(self, container: InputContainer, stream: VideoStream, frames: Sequence[int]) -> Iterator[Frame]:
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"err_detect": "explode"}
        period = 1.0 / self.episode.fps
        if stream.average_rate:
            period = max(period, float(1 / stream.average_rate))
        wanted = [(frame, self.clip.start + self.episode.time_of(frame)) for frame in frames]
        seconds = wanted[0][1]
        try:
            for run in _plan(container, stream, wanted, SEEK_GAIN * period):
                container.seek(run.offset, stream=stream)
                for frame, seconds, picture, decoded in _nearest(container, stream, run.wanted):
                    if picture is None or abs(_time(picture) - seconds) > 0.5 * period + ROUNDING:
                        raise self.missing(frame, seconds, None if picture is None else _time(picture))
                    yield Frame(frame, picture, decoded)
        except FFmpegError as error:
            raise self.error(f"is damaged at or after {seconds:.2f} s ({_reason(error)})") from error

    def missing(self, frame: int, seconds: float, nearest: float | None) -> FrameError:
        there = "nothing follows" if nearest is None else f"the nearest is at {nearest:.2f} s"
        return self.error(f"has no frame at {seconds:.2f} s, where frame {frame} should be; {there}")


def _plan(
    container: InputContainer, stream: VideoStream, wanted: Sequence[Wanted], gain: float
) -> list[_Run]:
    """Group frames into runs between the seeks that skip more than ``gain`` seconds of frames."""
    runs: list[_Run] = []
    reached = float("-inf")
    for frame, seconds in wanted:
        if seconds - reached > gain:
            offset, keyframe = _keyframe(container, stream, seconds)
            if keyframe - reached > gain:
                runs.append(_Run(offset))
        runs[-1].wanted.append((frame, seconds))
        reached = seconds
    return runs


def _keyframe(container: InputContainer, stream: VideoStream, seconds: float) -> tuple[int, float]:
    """Where to seek to decode the frame at ``seconds``, and the time of the keyframe this lands on.

    A seek goes by decoding time. With B-frames the keyframe found so may be shown only after ``seconds``; the
    frame is then decoded from the keyframe before.
    """
    scale = _scale(stream)
    latest = seconds + ROUNDING
    offset = int(latest // scale)
    landed: int | None = None
    while True:
        container.seek(offset, stream=stream)
        keyframe, *following = islice(container.demux(stream), 2)
        if keyframe.pts is None or keyframe.dts is None:
            return offset, latest
        shown = keyframe.pts * scale
        if keyframe.pts == landed or (shown <= latest and not _needs_before(stream, keyframe, following)):
            return offset, shown
        landed = keyframe.pts
        offset = keyframe.dts - 1


def _needs_before(
    stream: VideoStream, keyframe: Packet[VideoStream], following: Sequence[Packet[VideoStream]]
) -> bool:
    """Whether decoding cannot start at this keyframe: it opens an open group of pictures in H.264.

    What follows it may refer to pictures from before, without need; FFmpeg then reports damage.
    """
    shown = keyframe.pts or 0
    leading = any(packet.pts is not None and packet.pts < shown for packet in following)
    return leading and stream.codec_context.name == "h264"


def _nearest(
    container: InputContainer, stream: VideoStream, wanted: Sequence[Wanted]
) -> Iterator[tuple[int, float, av.VideoFrame | None, int]]:
    """Decode on from where the container stands: for each wanted frame the picture nearest to its time.

    Yields frame index, time in seconds, picture (None when there is none at all) and the number of pictures
    decoded since the last.
    """
    before: av.VideoFrame | None = None
    decoded = 0
    position = 0
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise InvalidDataError(1, "incomplete packet")
        for picture in packet.decode():
            if picture.pts is None:
                continue
            decoded += 1
            now = _time(picture)
            while position < len(wanted) and now >= wanted[position][1] - ROUNDING:
                frame, seconds = wanted[position]
                # A picture at the wanted time is taken at once, so the next need not be decoded to compare.
                closer = before is not None and seconds - _time(before) < now - seconds
                yield frame, seconds, before if closer else picture, decoded
                decoded = 0
                position += 1
            before = picture
            if position == len(wanted):
                return
    for frame, seconds in wanted[position:]:
        yield frame, seconds, before, decoded
        decoded = 0


def _scale(stream: VideoStream) -> float:
    return float(stream.time_base) if stream.time_base else 1e-6


def _time(picture: av.VideoFrame) -> float:
    return float(picture.time or 0.0)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
