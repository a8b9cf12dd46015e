"""The world that kernels work on: numbered tables of integers, handed over as one number.

Kernels are many small functions over some thirty arrays. Passing that many arrays to each function costs
more than
the function does, and passing them as a structure makes compilation take minutes. So a world's arrays
are listed by
address in one small directory, and functions take the directory's address, `world`: `table(world,
SLOTS)` is the array again. Without compilation a world is simply a list of its arrays.

All tables are C-contiguous matrices of int64; a float is kept as its 64 bits (`jit.bits_float`). Columns of
events, which have smaller types, are entries of a world too: `int16s(world, WORKLOAD)` is the column. (Arrays
that kernels take as arguments are counted references, and the counting costs more than the work on a row.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core import cgutils as untyped_cgutils
from numba.core import types
from numba.extending import intrinsic
from numba.np import arrayobj as untyped_arrayobj

from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.tables import TABLES, Ints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

_WORDS_PER_TABLE = 3
_WORD_BYTES = 8


# numba ships no types for these two.
_cgutils: Any = untyped_cgutils
_arrayobj: Any = untyped_arrayobj


class World:
    """The tables of one simulation, by number.

    Keeps the arrays alive while kernels use them through `handle`. Replace a table (to grow it) with `put`.
    """

    def __init__(self, tables: Mapping[int, Ints]) -> None:
        """Take tables by their numbers; those not given are empty.

        Raises:
            ValueError: a table is not a C-contiguous matrix of int64.
        """
        empty = np.zeros((0, 1), np.int64)
        self._arrays: list[NDArray[Any]] = [empty] * TABLES
        self._directory = np.zeros((TABLES, _WORDS_PER_TABLE), np.int64)
        for number in range(TABLES):
            self.put(number, tables.get(number, empty))

    def copy(self) -> World:
        """Return a world with the same arrays, whose tables can be replaced on their own."""
        twin = World.__new__(World)
        twin._arrays = list(self._arrays)  # noqa: SLF001 - its own class
        twin._directory = self._directory.copy()  # noqa: SLF001 - as above
        return twin

    def put(self, number: int, array: Ints) -> None:
        """Set a table.

        Raises:
            ValueError: as for the constructor.
        """
        if array.dtype != np.int64 or array.ndim != 2 or not array.flags.c_contiguous:  # noqa: PLR2004 - a matrix
            message = (
                f"table {number}: expected a C-contiguous int64 matrix, found {array.dtype} {array.shape}"
            )
            raise ValueError(message)
        self._arrays[number] = array
        self._directory[number] = (array.__array_interface__["data"][0], *array.shape)

    def put_column(self, number: int, column: NDArray[Any]) -> None:
        """Set an entry that kernels read as a column of its type.

        Raises:
            ValueError: the column is not a contiguous array of signed integers.
        """
        if column.dtype.kind != "i" or column.ndim != 1 or not column.flags.c_contiguous:
            found = f"{column.dtype} {column.shape}"
            message = f"column {number}: expected a contiguous column of integers, found {found}"
            raise ValueError(message)
        self._arrays[number] = column
        self._directory[number] = (column.__array_interface__["data"][0], len(column), 1)

    def room(self, number: int, types: Mapping[str, type[np.signedinteger[Any]]], rows: int) -> Columns:
        """Return new columns of the given types, which are the entries from `number` on, in their order."""
        columns = {name: np.empty(rows, item_type) for name, item_type in types.items()}
        for place, column in enumerate(columns.values()):
            self.put_column(number + place, column)
        return columns

    def __getitem__(self, number: int) -> Ints:
        return self._arrays[number]

    @property
    def handle(self) -> Any:  # noqa: ANN401 - an address when compiled, else the list of arrays
        """What kernels take; valid while this object lives."""
        return self._directory.ctypes.data if COMPILED else self._arrays


def _directory_loader(context: Any, builder: Any, args: Any) -> Callable[[int], Any]:  # noqa: ANN401 - numba's own types
    """Return a function that loads a word of a table's entry in the directory: address, rows or columns."""
    word = context.get_value_type(types.int64)
    directory = builder.inttoptr(args[0], word.as_pointer())
    invariant = builder.module.add_metadata([])

    def load(offset: int) -> Any:  # noqa: ANN401 - as above
        index = builder.add(builder.mul(args[1], word(_WORDS_PER_TABLE)), word(offset))
        value = builder.load(builder.gep(directory, [index]))
        # The directory does not change while a kernel runs, so LLVM may keep what it has loaded.
        value.set_metadata("invariant.load", invariant)
        return value

    return load


def _array_at(
    context: Any,  # noqa: ANN401 - numba's own types
    builder: Any,  # noqa: ANN401 - as above
    array_type: Any,  # noqa: ANN401 - as above
    address: Any,  # noqa: ANN401 - as above
    shape: list[Any],
    strides: list[Any],
) -> Any:  # noqa: ANN401 - as above
    """Make an array value of memory that is kept alive elsewhere."""
    item_bytes = array_type.dtype.bitwidth // 8
    array = _arrayobj.make_array(array_type)(context, builder)
    _arrayobj.populate_array(
        array,
        data=builder.inttoptr(address, context.get_data_type(array_type.dtype).as_pointer()),
        shape=_cgutils.pack_array(builder, shape),
        strides=_cgutils.pack_array(builder, strides),
        itemsize=context.get_value_type(types.int64)(item_bytes),
        meminfo=None,
    )
    return array._getvalue()  # noqa: SLF001 - numba's way to make a value of a struct proxy


def _typed_table(typing_context: Any, world: Any, number: Any) -> Any:  # noqa: ANN401, ARG001 - numba's own types
    """Return the type and the code generator of `table`."""
    array_type = types.Array(types.int64, 2, "C")

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
        word = context.get_value_type(types.int64)
        load = _directory_loader(context, builder, args)
        rows, columns = load(1), load(2)
        strides = [builder.mul(columns, word(_WORD_BYTES)), word(_WORD_BYTES)]
        return _array_at(context, builder, array_type, load(0), [rows, columns], strides)

    return array_type(types.int64, types.int64), codegen


def _typed_row(typing_context: Any, world: Any, number: Any, index: Any) -> Any:  # noqa: ANN401, ARG001 - numba's own types
    """Return the type and the code generator of `row_of`."""
    array_type = types.Array(types.int64, 1, "C")

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
        word = context.get_value_type(types.int64)
        load = _directory_loader(context, builder, args)
        columns = load(2)
        offset = builder.mul(builder.mul(args[2], columns), word(_WORD_BYTES))
        address = builder.add(load(0), offset)
        return _array_at(context, builder, array_type, address, [columns], [word(_WORD_BYTES)])

    return array_type(types.int64, types.int64, types.int64), codegen


def _typed_column(item_type: Any) -> Callable[..., Any]:  # noqa: ANN401 - numba's own types
    """Return the body of an intrinsic that returns a column of a type."""
    array_type = types.Array(item_type, 1, "C")

    def typed(typing_context: Any, world: Any, number: Any) -> Any:  # noqa: ANN401, ARG001 - numba's signature
        def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
            word = context.get_value_type(types.int64)
            load = _directory_loader(context, builder, args)
            return _array_at(
                context, builder, array_type, load(0), [load(1)], [word(item_type.bitwidth // 8)]
            )

        return array_type(types.int64, types.int64), codegen

    return typed


def _plain_table(world: list[Ints], number: int) -> Ints:
    return world[number]


def _plain_row(world: list[Ints], number: int, index: int) -> Ints:
    chosen: Ints = world[number][index]
    return chosen


_table: Any = intrinsic(_typed_table) if COMPILED else _plain_table
table: Callable[[Any, int], Ints] = _table
"""Return table `number` of a world: a matrix of int64."""

_row: Any = intrinsic(_typed_row) if COMPILED else _plain_row
row_of: Callable[[Any, int, int], Ints] = _row
"""Return a row of table `number` of a world: one base address for all its columns; index ≥ 0."""

_int8s: Any = intrinsic(_typed_column(types.int8)) if COMPILED else _plain_table
int8s: Callable[[Any, int], NDArray[np.int8]] = _int8s
"""Return entry `number` of a world, a column of int8."""
_int16s: Any = intrinsic(_typed_column(types.int16)) if COMPILED else _plain_table
int16s: Callable[[Any, int], NDArray[np.int16]] = _int16s
"""Return entry `number` of a world, a column of int16."""
_int32s: Any = intrinsic(_typed_column(types.int32)) if COMPILED else _plain_table
int32s: Callable[[Any, int], NDArray[np.int32]] = _int32s
"""Return entry `number` of a world, a column of int32."""
_int64s: Any = intrinsic(_typed_column(types.int64)) if COMPILED else _plain_table
int64s: Callable[[Any, int], NDArray[np.int64]] = _int64s
"""Return entry `number` of a world, a column of int64."""
