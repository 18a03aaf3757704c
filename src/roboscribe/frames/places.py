"""Places in pictures: how a model names a point goes in, pixels of the dataset's own frames come out, and back.

Some models name a place by thousandths of the picture, some by pixels of the picture as their processor has
resized it, some with y before x. The dataset has x and y in pixels of its own frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from roboscribe.frames.picture import Jpeg

Size = tuple[int, int]
"""Width and height in pixels."""
Point = tuple[float, float]
"""Two coordinates: x, y, or as a model orders them."""
Box = tuple[float, float, float, float]
"""Two corners of a rectangle: x, y, x, y, or as a model orders them."""

_GRID = 1000


@dataclass(frozen=True, slots=True)
class Resizing:
    """How a processor resizes a picture: sides are multiples of a step, and the area is within bounds.

    Attributes:
        step: Pixels.
        least: Fewest pixels of a picture.
        most: Most pixels of a picture.
    """

    step: int
    least: int
    most: int

    def size(self, sent: Size) -> Size:
        """Size that a picture has for the model, from its size as it was sent."""
        area = sent[0] * sent[1]
        width, height = (max(self.step, round(side / self.step) * self.step) for side in sent)
        if width * height > self.most:
            shrink = math.sqrt(self.most / area)
            width, height = (
                max(self.step, math.floor(side * shrink / self.step) * self.step) for side in sent
            )
        elif width * height < self.least:
            grow = math.sqrt(self.least / area)
            width, height = (math.ceil(side * grow / self.step) * self.step for side in sent)
        return width, height


@dataclass(frozen=True, slots=True)
class Places:
    """How a model names places in a picture.

    Attributes:
        unit: ``thousandths`` of the picture's width and height, ``resized`` for pixels of the picture as its
            processor has resized it, or ``source`` for pixels of the dataset's frame.
        y_first: Whether y stands before x.
        resizing: How its processor resizes pictures; needed for ``resized`` only.
    """

    unit: Literal["thousandths", "resized", "source"] = "source"
    y_first: bool = False
    resizing: Resizing | None = None

    def __post_init__(self) -> None:
        if self.unit == "resized" and self.resizing is None:
            raise ValueError("pixels of a picture whose size nobody knows")

    def extent(self, picture: Jpeg) -> Size:
        """Right and bottom edge of a picture in the model's numbers."""
        if self.unit == "thousandths":
            return _GRID, _GRID
        if self.resizing is None or self.unit == "source":
            return picture.source_width, picture.source_height
        return self.resizing.size((picture.width, picture.height))

    def to_source(self, point: Point, picture: Jpeg) -> Point:
        """A place a model named, as x and y in pixels of the dataset's frame; kept inside of it."""
        x, y = (point[1], point[0]) if self.y_first else point
        across, down = self.extent(picture)
        width, height = picture.source_width, picture.source_height
        return _within(x / across * width, width), _within(y / down * height, height)

    def box_to_source(self, box: Box, picture: Jpeg) -> Box:
        """A rectangle a model named, as left, top, right, bottom in pixels of the dataset's frame.

        Corners in the wrong order are put right, and what lies outside is cut off.
        """
        one = self.to_source((box[0], box[1]), picture)
        other = self.to_source((box[2], box[3]), picture)
        return (
            min(one[0], other[0]),
            min(one[1], other[1]),
            max(one[0], other[0]),
            max(one[1], other[1]),
        )


def _within(value: float, side: int) -> float:
    return min(max(value, 0.0), float(side))
