"""Stored columns of every kind become matrices; what is not a number per channel is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from roboscribe.dataset.columns import channels, timestamps, to_matrix
from roboscribe.errors import EpisodeError


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1.5, 2.5]), [[1.5], [2.5]]),
        (pa.array([1, 2], type=pa.uint8()), [[1], [2]]),
        (pa.array([True, False]), [[1], [0]]),
        (pa.array([[1, 2], [3, 4]], type=pa.list_(pa.float64())), [[1, 2], [3, 4]]),
        (pa.array([[1, 2], [3, 4]], type=pa.large_list(pa.int32())), [[1, 2], [3, 4]]),
        (pa.array([[1, 2], [3, 4]], type=pa.list_(pa.float32(), 2)), [[1, 2], [3, 4]]),
        (pa.array([[[1], [2]], [[3], [4]]], type=pa.list_(pa.list_(pa.float32(), 1))), [[1, 2], [3, 4]]),
    ],
)
def test_numbers_of_every_kind(array: Any, expected: list[list[float]]) -> None:
    around = pa.concat_arrays([array, array, array])
    for column in (pa.chunked_array([array]), pa.chunked_array([around]).slice(2, 2)):
        matrix = to_matrix(column)
        assert matrix is not None
        assert matrix.dtype == np.float32
        assert matrix.tolist() == expected


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.0, None]),
        pa.array([[1.0], None]),
        pa.array([[1.0, None], [2.0, 3.0]]),
        pa.array([[1.0, 2.0], [3.0]]),
        pa.array(["1", "2"]),
    ],
)
def test_what_is_not_a_number_per_channel(values: Any) -> None:
    assert to_matrix(pa.chunked_array([values])) is None
    with pytest.raises(EpisodeError, match=r"f.parquet: column 'state' of episode 4"):
        channels(pa.table({"state": values}), ("state",), ("a",), 4, "f.parquet")


def test_more_channels_than_declared() -> None:
    table = pa.table({"state": pa.array([[1.0, 2.0]])})
    with pytest.raises(EpisodeError, match=r"state has 2 channels, but meta/info.json declares 3"):
        channels(table, ("state",), ("", "", ""), 0, "f.parquet")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0.0, 0.1, 0.1], r"do not increase at frame 2 \(0.1000 s, then 0.1000 s\)"),
        ([0.0, 0.2, 0.1], "do not increase at frame 2"),
        ([0.0, float("nan"), 0.2], "frames without a timestamp"),
        ([0.0, None, 0.2], "frames without a timestamp"),
        ([5.0, 5.1, 5.2], r"start at 5.0000 s, not 0"),
        ([1e9, 1e9 + 0.1], "do not increase"),
        ([0.0, 100.0, 200.0], "are 100 apart, where 10 frames a second make it 0.1 seconds"),
        ([0.0, 0.0001, 0.0002], "are 0.0001 apart"),
    ],
)
def test_timestamps_that_cannot_be(times: list[Any], message: str) -> None:
    with pytest.raises(EpisodeError, match=message) as caught:
        timestamps(pa.chunked_array([pa.array(times, type=pa.float64())]), 10, 3, "f.parquet")
    assert caught.value.episode == 3


def test_a_slow_recorder_and_a_long_gap_are_let_pass() -> None:
    for times in ([0.0, 0.3, 0.6], [0.0, 0.1, 60.0, 60.1]):
        assert len(timestamps(pa.chunked_array([pa.array(times)]), 10, 0, "f.parquet")) == len(times)


def test_a_first_frame_may_be_dropped() -> None:
    times = timestamps(pa.chunked_array([pa.array([0.1, 0.2])]), 10, 0, "f.parquet")
    assert times.tolist() == np.array([0.1, 0.2], dtype=np.float32).tolist()
