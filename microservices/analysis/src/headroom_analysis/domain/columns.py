"""Columns of an event's tables, checked against their contract and made ready for kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_common.simcore.jit import COMPILED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Table = dict[str, "NDArray[Any]"]
"""Columns of equal length by name."""

INT64: np.dtype[np.int64] = np.dtype(np.int64)


class TableError(ValueError):
    """A table of an event breaks its contract; the message names column, expected and found."""


def present(tables: Mapping[str, Table], name: str) -> Table | None:
    """Return a table, or None when it is missing or has no columns."""
    table = tables.get(name)
    return table or None


def checked(
    table: Table, name: str, column: str, length: int | None, dtype: np.dtype[Any] = INT64
) -> NDArray[Any]:
    """Return a column of the given type, contiguous and aligned; not a copy where it is so already.

    Args:
        table: that has it.
        name: of the table.
        column: its name.
        length: number of rows, or None for any.
        dtype: a signed integer type of the machine's byte order; narrower columns are widened.

    Raises:
        TableError: missing, not integers, or of another length.
    """
    values = table.get(column)
    if values is not None and values.dtype == dtype and (length is None or values.shape == (length,)):
        flags = values.flags
        if flags.c_contiguous and flags.aligned and values.ndim == 1:  # as a rule; the rest takes its time
            return values
    return _mended(table, name, column, length, dtype)


def _mended(
    table: Table, name: str, column: str, length: int | None, dtype: np.dtype[Any]
) -> NDArray[np.signedinteger[Any]]:
    """Return a column that is not yet as it should be.

    Raises:
        TableError: it cannot be.
    """
    values = table.get(column)
    if values is None:
        message = f"{name}.{column}: expected a column, found only {', '.join(sorted(table))}"
        raise TableError(message)
    if values.dtype.kind != "i" or values.ndim != 1 or values.dtype.itemsize > dtype.itemsize:
        found = f"{values.dtype} of {values.ndim} dimensions"
        message = f"{name}.{column}: expected a column of {dtype}, found {found}"
        raise TableError(message)
    if length is not None and values.size != length:
        message = f"{name}.{column}: expected {length} rows, found {values.size}"
        raise TableError(message)
    return np.require(values, dtype, ["C", "A"])


def readable(
    table: Table, name: str, column: str, length: int | None, dtype: np.dtype[Any] = INT64
) -> NDArray[Any]:
    """Return a column as `checked` does, read-only, so that kernels see one type only.

    Raises:
        TableError: as `checked`.
    """
    values = checked(table, name, column, length, dtype)
    if values.flags.writeable:
        values = values.view()
        values.setflags(write=False)
    return values


class Directory:
    """Columns that kernels find by number, so that they need not be compiled for every number of columns.

    The format is that of `headroom_common.simcore.world`: column `number` is ``row_of(handle, number, 0)``.
    Keeps the columns alive.

    Args:
        columns: contiguous int64.
    """

    def __init__(self, columns: Sequence[NDArray[np.int64]]) -> None:
        self._columns = columns
        entries = [(column.__array_interface__["data"][0], 1, column.size) for column in columns]
        self._entries = np.array(entries or [(0, 1, 0)], np.int64)

    @property
    def handle(self) -> Any:  # noqa: ANN401 - an address when compiled, else the list of arrays
        """What kernels take; valid while this object lives."""
        if COMPILED:
            return self._entries.__array_interface__["data"][0]
        return [column.reshape(1, -1) for column in self._columns]
