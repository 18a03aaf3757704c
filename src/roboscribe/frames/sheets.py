"""Contact sheets: thumbnails and their times go in, JPEGs of grids with the time on each cell come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from roboscribe.frames.picture import QUALITY, RGB, Jpeg
from roboscribe.frames.store import EpisodeFrames

MODEL_SIDE = 768
"""Pixels to which a model may shrink the longer side of a sheet; times stay legible at this size."""

DIGIT_HEIGHT = 16
"""Pixels that a digit is high once the sheet is shrunk to ``MODEL_SIDE``, at least."""

GAP = 4
BACKGROUND = 40

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """How frames are laid out.

    Attributes:
        columns: Cells beside each other.
        rows: Rows of cells on a sheet, those of all its cameras together.
        quality: JPEG quality, 1 to 95.
    """

    columns: int = 4
    rows: int = 4
    quality: int = QUALITY


@dataclass(frozen=True, eq=False, slots=True)
class Cell:
    """A picture of a sheet.

    Attributes:
        label: What is printed on it, for example ``12.5s``.
        picture: uint8, shape [height, width, 3].
    """

    label: str
    picture: RGB


def contact_sheets(
    frames: EpisodeFrames, cameras: Sequence[str], indices: Sequence[int], layout: SheetLayout | None = None
) -> list[Jpeg]:
    """Sheets of an episode's frames in order of time; each shows the same frames of all cameras.

    Args:
        frames: The episode's frames; its thumbnails are used as they are.
        cameras: Camera keys; with more than one, each camera's cells have its name above.
        indices: Frame indices, ascending.
        layout: Columns and rows; each camera has at least one row on a sheet.

    Raises:
        FrameError: A frame cannot be read.
        ValueError: The cells are too small to print a legible time on.
    """
    layout = layout or SheetLayout()
    per_sheet = layout.columns * max(1, layout.rows // max(1, len(cameras)))
    labels = time_labels([frames.episode.time_of(index) for index in indices])
    sheets: list[Jpeg] = []
    for start in range(0, len(indices), per_sheet):
        part = slice(start, start + per_sheet)
        sections = {
            camera: [
                Cell(label, frames.thumbnail(camera, index))
                for label, index in zip(labels[part], indices[part], strict=True)
            ]
            for camera in cameras
        }
        sheet = Sheet(sections, layout.columns)
        sheets.append(frames.drawn(sheet.draw, sheet.size, cameras, indices[part], layout.quality))
    return sheets


class Sheet:
    """One sheet: the cells of each camera in rows, left to right.

    With more than one camera, each camera's rows stand under its name.

    Attributes:
        size: Width and height in pixels; known before the sheet is drawn.

    Raises:
        ValueError: There is no cell.
    """

    def __init__(self, cameras: Mapping[str, Sequence[Cell]], columns: int) -> None:
        self._sections = [_Section(name, cells, columns) for name, cells in cameras.items() if cells]
        if not self._sections:
            raise ValueError("a contact sheet of no frames")
        self._columns = columns
        width = max(section.width for section in self._sections)
        height, self._digit, self._header = _measure(self._sections, width)
        self.size = (width, height)

    def draw(self) -> RGB:
        """The sheet, uint8, shape [height, width, 3].

        Raises:
            ValueError: Cells are too small to print a legible label on.
        """
        width, height = self.size
        canvas = np.full((height, width, 3), BACKGROUND, np.uint8)
        top = 0
        places: list[tuple[int, int, int, str]] = []
        for section in self._sections:
            if self._header:
                name_top = top + (self._header - _tag_height(self._digit)) // 2
                places.append((GAP, name_top, width, camera_name(section.name)))
                top += self._header
            for position, cell in enumerate(section.cells):
                row, column = divmod(position, self._columns)
                y = top + GAP + row * (section.cell_height + GAP)
                x = GAP + column * (section.cell_width + GAP)
                canvas[y : y + cell.picture.shape[0], x : x + cell.picture.shape[1]] = cell.picture
                places.append((x, y, section.cell_width, cell.label))
            top += section.height
        for x, y, room, text in places:
            tag = _tag(text, self._digit)
            height, width, _ = tag.shape
            if width > room:
                raise ValueError(f"{text!r}, {width} pixels wide if legible, on a cell of {room} pixels")
            canvas[y : y + height, x : x + width] = tag
        return canvas


def time_labels(seconds: Sequence[float]) -> list[str]:
    """Times as they are printed, with one decimal, or more where two would else look alike."""
    labels: list[str] = []
    for decimals in (1, 2, 3):
        labels = [f"{time:.{decimals}f}s" for time in seconds]
        if len(set(labels)) == len(labels):
            break
    return labels


def camera_name(key: str) -> str:
    """A camera key without what all camera keys have in common."""
    return key.removeprefix("observation.").removeprefix("images.")


class _Section:
    """Rows of one camera's cells, all of the size of its largest."""

    def __init__(self, name: str, cells: Sequence[Cell], columns: int) -> None:
        self.name = name
        self.cells = cells
        self.cell_height = max(cell.picture.shape[0] for cell in cells)
        self.cell_width = max(cell.picture.shape[1] for cell in cells)
        self.height = ceil(len(cells) / columns) * (self.cell_height + GAP) + GAP
        self.width = min(columns, len(cells)) * (self.cell_width + GAP) + GAP


def _measure(sections: Sequence[_Section], width: int) -> tuple[int, int, int]:
    """Height of the sheet, of its digits and of a camera's header, in pixels."""
    height = sum(section.height for section in sections)
    digit = header = 0
    # Headers make the sheet higher and so the print larger, which makes headers higher: this soon settles.
    for _ in range(3):
        digit = ceil(DIGIT_HEIGHT * max(1.0, max(width, height) / MODEL_SIDE))
        header = 2 * digit if len(sections) > 1 else 0
        height = sum(section.height + header for section in sections)
    return height, digit, header


@lru_cache(maxsize=1024)
def _tag(text: str, digit: int) -> RGB:
    """``text`` in white on black; kept, as the times of one episode are those of others."""
    font = _font(digit)
    padding = _padding(digit)
    left, _, right, bottom = font.getbbox(text, anchor="ls")
    height = max(_tag_height(digit), padding + digit + ceil(bottom))
    tag = Image.new("RGB", (ceil(right - left) + 2 * padding, height))
    corner = (padding - left, padding + digit)
    ImageDraw.Draw(tag).text(corner, text, font=font, anchor="ls", fill=(255, 255, 255))
    return np.asarray(tag)


def _padding(digit: int) -> int:
    return ceil(digit / 5)


def _tag_height(digit: int) -> int:
    return digit + 2 * _padding(digit)


@lru_cache(maxsize=32)
def _font(digit: int) -> Font:
    """Pillow's own font at the size at which a digit is ``digit`` pixels high."""
    _, top, _, bottom = ImageFont.load_default(200).getbbox("0", anchor="ls")
    return ImageFont.load_default(ceil(200 * digit / (bottom - top)))
