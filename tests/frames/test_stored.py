"""Frames that a dataset keeps as encoded pictures in its parquet files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frames.barcodes import barcode, make_episode, number_of
from PIL import Image

from roboscribe.episode import StoredImages
from roboscribe.errors import FrameError
from roboscribe.frames import FrameNeeds, FrameSettings, FrameStore, read_frames

CAMERA = "observation.images.top"
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def encoded(number: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(barcode(number)).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def write(path: Path, values: list[Any], *, rows_per_group: int = 7, kind: pa.DataType = STRUCT) -> Path:
    table = pa.table({"index": pa.array(range(len(values))), CAMERA: pa.array(values, kind)})
    pq.write_table(table, path, row_group_size=rows_per_group)
    return path


def episode_of(path: Path, frames: int, first_row: int = 0):
    return make_episode({CAMERA: StoredImages(path, CAMERA, first_row)}, frames)


def read(path: Path, wanted: list[int], frames: int, first_row: int = 0) -> dict[int, int]:
    episode = episode_of(path, frames, first_row)
    return {frame.index: number_of(frame.rgb()) for frame in read_frames(episode, CAMERA, wanted)}


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_rows_of_the_episode_and_no_others(tmp_path: Path, kind: str):
    values = [{"bytes": encoded(row, kind), "path": f"{row}.png"} for row in range(50)]
    path = write(tmp_path / "file-000.parquet", values)
    wanted = [0, 1, 5, 12, 13, 14, 29]
    assert read(path, wanted, 30, first_row=20) == {frame: 20 + frame for frame in wanted}


def test_row_groups_larger_than_what_is_read_at_once(tmp_path: Path):
    values = [{"bytes": encoded(row), "path": None} for row in range(80)]
    path = write(tmp_path / "a.parquet", values, rows_per_group=64)
    assert read(path, [0, 15, 16, 40, 63, 64, 79], 80) == {f: f for f in (0, 15, 16, 40, 63, 64, 79)}


def test_plain_bytes_instead_of_a_struct(tmp_path: Path):
    path = write(tmp_path / "a.parquet", [encoded(row) for row in range(9)], kind=pa.binary())
    assert read(path, [3, 8], 9) == {3: 3, 8: 8}


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
def test_grey_palette_and_transparent_pictures(tmp_path: Path, mode: str):
    path = write(tmp_path / "a.parquet", [{"bytes": encoded(4711, mode=mode), "path": None}])
    assert read(path, [0], 1) == {0: 4711}


def test_a_picture_named_by_path_is_found_from_the_dataset_folder(tmp_path: Path):
    (tmp_path / "images" / "top").mkdir(parents=True)
    (tmp_path / "images" / "top" / "0.png").write_bytes(encoded(99))
    (tmp_path / "data" / "chunk-000").mkdir(parents=True)
    values = [{"bytes": None, "path": "images/top/0.png"}, {"bytes": None, "path": "images/top/1.png"}]
    path = write(tmp_path / "data" / "chunk-000" / "a.parquet", values)
    assert read(path, [0], 2) == {0: 99}
    with pytest.raises(FrameError, match=r"has no picture in column .*top, at 0\.03 s \(frame 1\)"):
        read(path, [1], 2)


def test_a_path_out_of_the_dataset_is_not_followed(tmp_path: Path):
    (tmp_path / "secret.png").write_bytes(encoded(1))
    (tmp_path / "data").mkdir()
    values = [{"bytes": None, "path": str(tmp_path / "secret.png")}, {"bytes": None, "path": "../secret.png"}]
    path = write(tmp_path / "data" / "a.parquet", values)
    for frame in (0, 1):
        with pytest.raises(FrameError, match="has no picture"):
            read(path, [frame], 2)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_damaged_picture_is_an_error_that_names_it(tmp_path: Path, kind: str):
    values = [{"bytes": encoded(row, kind), "path": None} for row in range(5)]
    values[2]["bytes"] = values[2]["bytes"][:-40]
    values[3]["bytes"] = b"no picture"
    path = write(tmp_path / "a.parquet", values)
    for frame, time in ((2, "0.07"), (3, "0.10")):
        with pytest.raises(
            FrameError, match=rf"a\.parquet has a damaged picture .* at {time} s \(frame {frame}\)"
        ):
            read(path, [frame], 5)
    assert read(path, [1, 4], 5) == {1: 1, 4: 4}


def test_a_parquet_file_that_is_missing_damaged_short_or_without_the_column(tmp_path: Path):
    with pytest.raises(FrameError, match=r"a\.parquet does not exist"):
        read(tmp_path / "a.parquet", [0], 5)
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(FrameError, match=r"b\.parquet cannot be read"):
        read(tmp_path / "b.parquet", [0], 5)
    short = write(tmp_path / "c.parquet", [{"bytes": encoded(row), "path": None} for row in range(5)])
    with pytest.raises(FrameError, match=r"c\.parquet ends before frame 5 of the episode"):
        read(short, [4, 5], 9)
    pq.write_table(pa.table({"index": [0, 1]}), tmp_path / "d.parquet")
    with pytest.raises(FrameError, match=r"d\.parquet has no column observation\.images\.top"):
        read(tmp_path / "d.parquet", [0], 2)


def test_stored_jpegs_are_sent_as_they_are_and_png_is_encoded_once(tmp_path: Path):
    stored = [encoded(0, "JPEG"), encoded(1, "PNG"), encoded(2, "JPEG")]
    path = write(tmp_path / "a.parquet", [{"bytes": data, "path": None} for data in stored])
    store = FrameStore()
    with store.episode(episode_of(path, 3), FrameNeeds(jpegs={CAMERA: range(3)})) as frames:
        assert frames.jpeg(CAMERA, 0).data == stored[0]
        assert frames.jpeg(CAMERA, 2).data == stored[2]
        assert frames.jpeg(CAMERA, 1).data.startswith(b"\xff\xd8")
    assert (store.counts.encoded, store.counts.passed_through, store.counts.passes) == (1, 2, 1)


def test_stored_jpegs_larger_than_wanted_are_downscaled(tmp_path: Path):
    path = write(tmp_path / "a.parquet", [{"bytes": encoded(77, "JPEG"), "path": None}])
    with FrameStore(FrameSettings(max_side=32)).episode(episode_of(path, 1)) as frames:
        jpeg = frames.jpeg(CAMERA, 0)
    assert (jpeg.width, jpeg.height, jpeg.source_width, jpeg.source_height) == (32, 32, 64, 64)
    with Image.open(io.BytesIO(jpeg.data)) as image:
        assert image.size == (32, 32)
