"""Video files go in; one file with all their packets, byte for byte, one video after the other comes out."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from roboscribe.errors import DatasetError, cause
from roboscribe.frames.video import LENIENT


@dataclass(frozen=True, slots=True)
class Video:
    """What a video file says of itself, and how its frames lie in time.

    Attributes:
        path: The file.
        size: Bytes.
        kind: All that videos must have in common to share a file: codec and its parameters, picture, time base.
        time_base: Seconds in a tick.
        step: Ticks from each frame to the next, where that is the same throughout, the first frame is shown at 0
            and decoding starts with it; else 0.
        frames: Number of frames.
        delay: Ticks by which decoding must run ahead of showing; 0 without B-frames.
        is_mp4: Whether the file is an mp4.
    """

    path: Path
    size: int
    kind: tuple[object, ...]
    time_base: Fraction
    step: int
    frames: int
    delay: int
    is_mp4: bool

    @property
    def seconds(self) -> Fraction:
        """Time from the first frame to the end of the last; 0 where frames do not lie evenly."""
        return self.frames * self.step * self.time_base

    def follows(self, first: Video) -> bool:
        """Whether this video can be in the file that starts with ``first``.

        It can where the frames of both then lie evenly in time: LeRobot's decoder takes the frame at a time for
        the frame of that number.
        """
        even = self.step > 0 and self.step == first.step
        return even and self.kind == first.kind and self.delay <= first.delay


def probe(path: Path) -> Video:
    """What a video is, from its packets; none is decoded.

    Raises:
        DatasetError: It is missing, damaged or no video.
    """
    times: list[int | None] = []
    sound = True
    with _open(path) as (container, stream):
        for packet in _packets(container, stream, path):
            sound &= not packet.is_corrupt
            # Of a packet that is decoded but not shown, no frame would be seen at its time.
            shown = not packet.is_discard and (bool(times) or packet.is_keyframe)
            times.append(packet.pts if shown else None)
        if not times or not sound:
            raise _damaged(path, "it is cut short")
        context = stream.codec_context
        time_base = stream.time_base or Fraction(1)
        form = (context.width, context.height, context.pix_fmt, time_base)
        step, delay = _even(times, _last_step(stream, len(times)))
        return Video(
            path=path,
            size=path.stat().st_size,
            kind=(context.name, context.codec_tag, context.extradata, *form),
            time_base=time_base,
            step=step,
            frames=len(times),
            delay=delay,
            is_mp4="mp4" in container.format.name,
        )


def join(videos: Sequence[Video], path: Path) -> None:
    """Write the packets of the videos, one video after the other, to a new mp4 file.

    Args:
        videos: One, or several of which each follows the first.
        path: The new file.

    Raises:
        DatasetError: A video is damaged, or of a kind that an mp4 cannot hold.
        OSError: The file system refuses.
    """
    first = videos[0]
    options = {"movflags": "+faststart"}
    try:
        # The types that come with PyAV leave these open.
        output: Any
        with av.open(str(path), "w", format="mp4", options=options) as output:
            stream: Any = None
            start = 0
            for video in videos:
                with _open(video.path) as (container, template):
                    if stream is None:
                        stream = output.add_stream_from_template(template, opaque=True)
                        stream.time_base = first.time_base
                        stream.codec_context.codec_tag = template.codec_context.codec_tag
                    for number, packet in enumerate(_packets(container, template, video.path)):
                        if video.step:
                            packet.pts = start + (packet.pts or 0)
                            packet.dts = start + number * video.step - first.delay
                            packet.duration = video.step
                        packet.stream = stream
                        output.mux_one(packet)
                start += video.frames * video.step
    except (FFmpegError, ValueError) as error:
        code: int = getattr(error, "errno", None) or errno.EINVAL
        if code in errno.errorcode and code != errno.EINVAL:
            raise OSError(code, os.strerror(code)) from error
        raise DatasetError(f"{first.path} cannot be put into an mp4 file: {cause(error)}.") from error


def _even(times: Sequence[int | None], alone: int) -> tuple[int, int]:
    """Step and delay of frames that are shown at ``times``, in decoding order; zeros where they are uneven.

    Args:
        times: Ticks.
        alone: Step of a single frame.
    """
    known = np.array([time for time in times if time is not None], dtype=np.int64)
    steps = np.diff(np.sort(known))
    step = int(steps[0]) if len(steps) else alone
    if len(known) < len(times) or known[0] != 0 or known.min() != 0 or step <= 0 or (steps != step).any():
        return 0, 0
    # Decoding times count up one step at a time: how far must they start before 0 to be none too late?
    return step, int((np.arange(len(known)) * step - known).max())


def _last_step(stream: VideoStream, frames: int) -> int:
    """Ticks that a frame is shown by what the stream says of itself, 0 where it says nothing."""
    return (stream.duration or 0) // frames


@contextmanager
def _open(path: Path) -> Generator[tuple[InputContainer, VideoStream]]:
    try:
        container = cast(InputContainer, av.open(str(path), **LENIENT))
    except FFmpegError as error:
        raise _damaged(path, _reason(error)) from error
    with container:
        if not container.streams.video:
            raise _damaged(path, "it holds no video")
        yield container, container.streams.video[0]


def _packets(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[Packet[VideoStream]]:
    """The packets of a stream in decoding order, without the empty one that ends it."""
    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except FFmpegError as error:
        raise _damaged(path, _reason(error)) from error


def _reason(error: FFmpegError) -> str:
    return (error.strerror or "").rstrip(".")


def _damaged(path: Path, problem: str) -> DatasetError:
    return DatasetError(
        f"{path} cannot be read as a video: {problem}.",
        "Fetch it again, or leave its episode out with --episodes.",
    )
