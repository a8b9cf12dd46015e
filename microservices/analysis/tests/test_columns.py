"""Columns as kernels take them: checked, in one type, read-only, and found by number."""

from __future__ import annotations

import numpy as np
import pytest

from headroom_analysis.domain.columns import Directory, TableError, checked, present, readable
from headroom_common.simcore.jit import INT, kernel
from headroom_common.simcore.world import row_of


@kernel(INT, INT)
def total(columns: int, count: int) -> int:
    """Add up so many columns of a directory."""
    found = 0
    for number in range(count):
        values = row_of(columns, number, 0)
        for i in range(values.size):
            found += values[i]
    return found


def test_a_column_that_is_right_is_not_copied() -> None:
    values = np.arange(5)
    assert checked({"t0": values}, "requests", "t0", 5) is values
    view = readable({"t0": values}, "requests", "t0", 5)
    assert view.base is values
    assert not view.flags.writeable
    assert readable({"t0": view}, "requests", "t0", None) is view


@pytest.mark.parametrize(
    "values",
    [np.arange(5, dtype=np.int16), np.arange(5).astype(">i8"), np.repeat(np.arange(5), 2)[::2]],
)
def test_a_column_that_can_be_mended_is(values: np.ndarray) -> None:
    found = checked({"t0": values}, "requests", "t0", 5)
    assert found.dtype == np.int64
    assert found.flags.c_contiguous
    assert found.tolist() == [0, 1, 2, 3, 4]


def test_a_matrix_is_no_column() -> None:
    with pytest.raises(TableError, match="found int64 of 2 dimensions"):
        checked({"t0": np.zeros((5, 1), np.int64)}, "requests", "t0", None)


def test_a_table_without_columns_is_missing() -> None:
    assert present({"servers": {}}, "servers") is None
    assert present({}, "servers") is None


@pytest.mark.parametrize("count", [0, 1, 3, 60])
def test_kernels_find_any_number_of_columns(count: int) -> None:
    columns = [np.arange(number, number + 4) for number in range(count)]
    directory = Directory(columns)
    assert total(directory.handle, count) == sum(int(column.sum()) for column in columns)
