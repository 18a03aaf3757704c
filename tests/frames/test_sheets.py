"""Contact sheets: what a model can still read on them after shrinking them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from frames.barcodes import make_episode, number_of, write_video
from PIL import Image, ImageDraw, ImageFont

from roboscribe.episode import VideoClip
from roboscribe.frames import FrameNeeds, FrameStore, Jpeg, SheetLayout, contact_sheets
from roboscribe.frames.picture import QUALITY, encode
from roboscribe.frames.sheets import Cell, Sheet, time_labels

TOP = "observation.images.top"
WRIST = "observation.images.wrist"


def shrunk(sheet: Jpeg, side: int = 768) -> np.ndarray:
    """The sheet as grey levels, its longer side at most ``side`` pixels."""
    with Image.open(io.BytesIO(sheet.data)) as image:
        assert image.size == (sheet.width, sheet.height)
        image.thumbnail((side, side), Image.Resampling.BICUBIC)
        return np.asarray(image.convert("L"), np.float64)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture with the contrast of a cluttered scene."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))


def template(character: str) -> np.ndarray:
    """A character's shape, drawn large and on its own, cropped and brought to 20 x 14 pixels."""
    image = Image.new("L", (300, 300))
    ImageDraw.Draw(image).text((50, 20), character, font=ImageFont.load_default(200), fill=255)
    return np.asarray(image.crop(image.getbbox()).resize((14, 20), Image.Resampling.BOX), np.float64)


TEMPLATES = {character: template(character) for character in "0123456789"}


def glyphs(grey: np.ndarray, count: int) -> list[np.ndarray]:
    """The first ``count`` bright shapes from the left, cropped, in a strip that starts with a dark border."""
    bright = grey > 110
    edges = np.flatnonzero(np.diff(np.concatenate([[0], bright.any(axis=0).astype(int), [0]])))
    shapes: list[np.ndarray] = []
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        rows = np.flatnonzero(bright[:, left:right].any(axis=1))
        shapes.append(grey[rows[0] : rows[-1] + 1, left:right])
    return shapes[:count]


def recognise(shape: np.ndarray) -> str:
    """The digit that a shape is most like, or a dot."""
    if len(shape) < 6:
        return "."
    image = Image.fromarray((shape * (255 / shape.max())).astype(np.uint8)).resize(
        (14, 20), Image.Resampling.BICUBIC
    )
    seen = np.asarray(image, np.float64)
    return min(TEMPLATES, key=lambda character: float(np.square(seen - TEMPLATES[character]).sum()))


@pytest.mark.parametrize(
    ("columns", "rows", "height", "width"),
    [
        (1, 1, 192, 256),
        (2, 3, 480, 640),
        (4, 4, 192, 256),
        (5, 6, 192, 256),
        (6, 2, 144, 256),
        (3, 6, 256, 192),
    ],
)
def test_times_can_be_read_on_a_sheet_of_768_pixels(columns: int, rows: int, height: int, width: int):
    times = np.random.default_rng(1).uniform(0, 130, columns * rows)
    labels = [f"{time:.1f}s" for time in times]
    cells = [Cell(label, noise(height, width, seed)) for seed, label in enumerate(labels)]
    drawn = Sheet({TOP: cells}, columns)
    sheet = Jpeg(encode(drawn.draw(), QUALITY), *drawn.size, *drawn.size)
    shown = shrunk(sheet)
    assert max(shown.shape) <= 768
    scale = shown.shape[0] / sheet.height
    for position, label in enumerate(labels):
        row, column = divmod(position, columns)
        top, left = round((4 + row * (height + 4)) * scale), round((4 + column * (width + 4)) * scale)
        number = label.removesuffix("s")
        found = glyphs(shown[top + 1 : top + 21, left + 2 :], len(number))
        assert "".join(recognise(shape) for shape in found) == number
        digits = [shape for shape, character in zip(found, number, strict=True) if character.isdigit()]
        assert min(len(digit) for digit in digits) >= 15
        assert min(digit.max() - digit.min() for digit in digits) >= 150


def test_cells_too_small_for_a_legible_time_are_refused():
    cells = [Cell("100.5s", noise(32, 40))] * 40
    with pytest.raises(ValueError, match=r"'100\.5s', \d+ pixels wide if legible, on a cell of 40 pixels"):
        Sheet({TOP: cells}, 40).draw()


def test_a_sheet_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no frames"):
        Sheet({TOP: []}, 4)


def test_times_get_the_decimals_that_tell_them_apart():
    assert time_labels([0.0, 0.5, 12.5]) == ["0.0s", "0.5s", "12.5s"]
    assert time_labels([1.0, 1.0333, 1.0667]) == ["1.00s", "1.03s", "1.07s"]
    assert time_labels([1.0, 1.004]) == ["1.000s", "1.004s"]
    assert time_labels([]) == []


@pytest.fixture(scope="module")
def two_cameras(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("videos")
    top = write_video(folder / "top.mp4", range(90), side=128)
    wrist = write_video(folder / "wrist.mp4", range(1000, 1090), side=128)
    return make_episode({TOP: VideoClip(top, 0.0), WRIST: VideoClip(wrist, 0.0)}, 90, side=128)


def inside(picture: np.ndarray, row: int, column: int, top: int = 0) -> np.ndarray:
    y, x = 4 + top + row * 132, 4 + column * 132
    return picture[y : y + 128, x : x + 128]


def low_bits(cell: np.ndarray) -> int:
    """The number on a cell without its first bits, which the time covers."""
    return number_of(cell) & ~0b11


def test_cells_follow_each_other_in_rows_and_sheets(two_cameras):
    store = FrameStore()
    indices = list(range(0, 88, 8))
    with store.episode(two_cameras, FrameNeeds(thumbnails={TOP: indices})) as frames:
        sheets = contact_sheets(frames, [TOP], indices, SheetLayout(columns=3, rows=2))
        counts = store.counts
    assert [(sheet.width, sheet.height) for sheet in sheets] == [(400, 268), (400, 268)]
    for number, index in enumerate(indices):
        sheet, place = divmod(number, 6)
        with Image.open(io.BytesIO(sheets[sheet].data)) as image:
            assert low_bits(inside(np.asarray(image), *divmod(place, 3))) == index
    assert (counts.passes, counts.thumbnails, counts.encoded) == (1, 11, 0)


def test_cameras_share_a_sheet_each_under_its_name(two_cameras):
    with FrameStore().episode(two_cameras) as frames:
        [sheet] = contact_sheets(frames, [TOP, WRIST], [0, 8, 16, 24], SheetLayout(columns=4, rows=4))
    with Image.open(io.BytesIO(sheet.data)) as image:
        picture = np.asarray(image)
    header = (sheet.height - 2 * 136) // 2
    assert header >= 20
    for row, first in enumerate((0, 1000)):
        top = header + row * (136 + header)
        assert picture[top - header : top].max() > 200, "no name is printed"
        for column in range(4):
            assert low_bits(inside(picture, 0, column, top)) == (first + 8 * column) & ~0b11


def test_a_whole_episode_of_two_cameras_is_split_over_sheets(two_cameras):
    with FrameStore().episode(two_cameras) as frames:
        sheets = contact_sheets(frames, [TOP, WRIST], list(range(0, 90, 10)), SheetLayout(columns=2, rows=4))
    assert len(sheets) == 3
