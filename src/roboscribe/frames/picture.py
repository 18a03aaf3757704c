"""Pictures in the forms models take: a decoded frame goes in, RGB arrays and JPEGs come out."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

RGB = NDArray[np.uint8]
"""Red, green, blue; uint8, shape [height, width, 3]."""

QUALITY = 75
"""JPEG quality of what models are shown. On decoded 640x480 video it is still within 41 dB of the frame, and a quarter
smaller than quality 84, which adds one decibel."""


@dataclass(frozen=True, eq=False)
class Jpeg:
    """A picture encoded once, ready to be sent.

    Attributes:
        data: The JPEG file's bytes.
        width: Pixels.
        height: Pixels.
        source_width: Pixels before any downscaling; coordinates in datasets are in these.
        source_height: Pixels, likewise.
        origin: Which frames of what it shows; empty when nobody said.
    """

    data: bytes
    width: int
    height: int
    source_width: int
    source_height: int
    origin: str = ""

    @cached_property
    def data_url(self) -> str:
        """The picture as a ``data:`` URL; made at the first use and kept."""
        return "data:image/jpeg;base64," + self.base64

    @property
    def base64(self) -> str:
        """The file's bytes in base64."""
        return b64encode(self.data).decode("ascii")

    @property
    def nbytes(self) -> int:
        """Bytes of memory it takes, its URL included."""
        return len(self.data) + 4 * ((len(self.data) + 2) // 3)


@dataclass(frozen=True, eq=False)
class Clip:
    """Pictures of one camera in order of time, to be shown as a video.

    Attributes:
        frames: The pictures, all of one size, at least one.
        times: Seconds into the episode of each.
    """

    frames: tuple[Jpeg, ...]
    times: tuple[float, ...]

    @property
    def fps(self) -> float:
        """Frames a second, on average; 1 for a single frame."""
        span = self.times[-1] - self.times[0]
        return (len(self.times) - 1) / span if span > 0 else 1.0

    @cached_property
    def data_url(self) -> str:
        """The frames as one ``data:`` URL in the form vLLM reads; made at the first use and kept."""
        return "data:video/jpeg;base64," + ",".join(frame.base64 for frame in self.frames)


Part = str | Jpeg | Clip
"""A piece of what a model is told and shown, in reading order."""


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """A decoded frame of an episode.

    Attributes:
        index: Frame index in the episode.
        picture: The decoded picture in the codec's own pixel format.
        decoded: Pictures that had to be decoded since the frame before to get this one, itself included.
        stored_jpeg: The JPEG the dataset keeps for this frame, when that is how it keeps it.
    """

    index: int
    picture: av.VideoFrame
    decoded: int = 1
    stored_jpeg: bytes | None = None

    def rgb(self, max_side: int | None = None) -> RGB:
        """The picture, its longer side at most ``max_side`` pixels (area-averaged); never enlarged."""
        width, height = fit(self.picture.width, self.picture.height, max_side)
        # Named by string: the enumeration's place differs between PyAV 14 and 18.
        scaled = self.picture.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
        return np.asarray(scaled.to_ndarray(), np.uint8)

    def jpeg(self, quality: int, max_side: int | None = None) -> Jpeg:
        """The picture as JPEG; the dataset's own bytes where it stores a JPEG of the wanted size."""
        source = (self.picture.width, self.picture.height)
        size = fit(*source, max_side)
        if self.stored_jpeg is not None and size == source:
            return Jpeg(self.stored_jpeg, *source, *source)
        return Jpeg(encode(self.rgb(max_side), quality), *size, *source)


def fit(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Width and height in pixels, in proportion, with the longer side at most ``max_side``."""
    if max_side is None or max(width, height) <= max_side:
        return width, height
    scale = max_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def encode(rgb: RGB, quality: int) -> bytes:
    """JPEG bytes of an RGB picture; quality 1 to 95."""
    # Pillow (libjpeg-turbo) takes 0.75 ms for 640x480, FFmpeg's mjpeg from YUV 1.2 ms.
    buffer = io.BytesIO()
    # Huffman tables of its own make it 3 % smaller, and not a pixel different.
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
