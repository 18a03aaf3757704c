"""Tiny videos whose frames show their own number, and episodes over them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from roboscribe.episode import Camera, Episode, FrameHandle

SIDE = 64


def barcode(number: int, side: int = SIDE) -> np.ndarray:
    """A picture of 4 x 4 grey squares that spell a 16-bit number; any codec keeps it readable."""
    bits = np.array([number >> bit & 1 for bit in range(16)]).reshape(4, 4)
    squares = np.where(bits, 200, 50).astype(np.uint8)
    grey = np.kron(squares, np.ones((side // 4, side // 4), np.uint8))
    return np.repeat(grey[:, :, None], 3, axis=2)


def number_of(rgb: np.ndarray) -> int:
    """The number that a picture made by ``barcode`` shows, at any size."""
    height, width, _ = rgb.shape
    bits = [
        int(rgb[(2 * row + 1) * height // 8, (2 * column + 1) * width // 8].mean() > 125)
        for row in range(4)
        for column in range(4)
    ]
    return sum(bit << place for place, bit in enumerate(bits))


def write_video(
    path: Path,
    numbers: Sequence[int],
    *,
    fps: Fraction | int = 30,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    ticks: Sequence[int] | None = None,
    side: int = SIDE,
    faststart: bool = False,
) -> Path:
    """A video of barcodes; ``ticks`` places them at multiples of the frame period."""
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV here has no encoder {codec}")
    flags = {"movflags": "faststart"} if faststart else {}
    # libx265 loses a block of a picture in one of a hundred videos: what was written is looked at.
    for _ in range(5):
        with av.open(str(path), "w", options=flags) as container:
            stream = container.add_stream(codec, rate=fps)
            stream.width = stream.height = side
            stream.pix_fmt = pix_fmt
            stream.options = options or {}
            for tick, number in zip(ticks or range(len(numbers)), numbers, strict=True):
                frame = av.VideoFrame.from_ndarray(barcode(number, side), format="rgb24")
                frame.pts = tick
                frame.time_base = 1 / Fraction(fps)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with av.open(str(path)) as container:
            shown = [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
        if shown == list(numbers):
            return path
    raise AssertionError(f"{codec} cannot write {path.name}")


def make_episode(
    handles: dict[str, FrameHandle], frames: int, *, fps: float = 30.0, index: int = 7, side: int = SIDE
) -> Episode:
    """An episode of that many frames at ``fps``, without signals."""
    return Episode(
        index=index,
        tasks=("pick up the cube",),
        fps=fps,
        timestamps=(np.arange(frames) / fps).astype(np.float32),
        state=None,
        action=None,
        cameras=tuple(Camera(key, side, side, "video") for key in handles),
        handles=handles,
    )
