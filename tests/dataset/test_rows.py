"""Rows are read by row group, each once; files that changed are read anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from roboscribe.dataset import rows as rows_module
from roboscribe.dataset.rows import RowReader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.parquet"
    pq.write_table(pa.table({"a": np.arange(100), "b": np.arange(100) * 2.0}), path, row_group_size=10)
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the row groups read from disk, in order."""
    numbers: list[int] = []

    class Counting(pq.ParquetFile):
        def read_row_group(self, i: int, *args: Any, **kwargs: Any) -> Any:
            numbers.append(i)
            return super().read_row_group(i, *args, **kwargs)

    monkeypatch.setattr(rows_module.pq, "ParquetFile", Counting)
    return numbers


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("start", "stop"), [(0, 10), (5, 25), (99, 100), (0, 100), (30, 31)])
def test_any_span(path: Path, start: int, stop: int, sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "STREAMED", 3)
    table = RowReader(sparse=sparse).read(path, ["b"], start, stop)
    assert table.column_names == ["b"]
    assert table["b"].to_pylist() == [2.0 * row for row in range(start, stop)]


def test_neighbours_share_a_row_group(path: Path, reads: list[int]) -> None:
    reader = RowReader()
    for start in range(0, 100, 4):
        reader.read(path, ["a"], start, start + 4)
    assert reads == list(range(10))


def test_what_is_kept_is_bounded(path: Path, reads: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "GROUP_BYTES", 200)
    reader = RowReader()
    for start in (0, 10, 20, 20, 10, 0):
        reader.read(path, ["a"], start, start + 10)
    assert reads == [0, 1, 2, 0], "two groups of 80 bytes are kept, not three"


def test_a_replaced_file_is_read_anew(path: Path) -> None:
    reader = RowReader()
    assert reader.read(path, ["a"], 0, 1)["a"].to_pylist() == [0]
    other = path.with_name("other.parquet")
    pq.write_table(pa.table({"a": [7]}), other)
    other.replace(path)
    assert reader.footer(path).rows == 1
    assert reader.footer(path).columns == ("a",)
    assert reader.read(path, ["a"], 0, 1)["a"].to_pylist() == [7]


def test_a_whole_column(path: Path) -> None:
    assert RowReader().column(path, "a").tolist() == list(range(100))
