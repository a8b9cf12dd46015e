"""How a column becomes an Arrow array that takes little room, and back.

Whole numbers travel in one of three ways, the cheapest that holds them:

* as they are, in the narrowest signed integer type (``headroom.dtype`` alone);
* a column of equal numbers as an array without buffers, the number in ``headroom.constant``;
* 64-bit numbers that lie close to their neighbours, such as times, as differences to the row before in a
  narrower type, the first number in ``headroom.first``.

Everything else travels as it is. A field's metadata says which, so a body explains itself.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headroom_common.contracts.columns import DTYPES
from headroom_common.errors import PermanentError

DTYPE: Final = b"headroom.dtype"
"""Metadata of a field: the column's true dtype."""

CONSTANT: Final = b"headroom.constant"
"""Metadata of a field: the number that all rows have."""

FIRST: Final = b"headroom.first"
"""Metadata of a field: the number of the first row; the array holds the differences."""

MAX_COLUMN_BYTES: Final = 256 * 2**20
"""The largest column that is unpacked, in bytes: a column of equal numbers takes no room on its way."""

Metadata = Mapping[bytes, bytes]

_SIGNED = tuple(np.dtype(name) for name in ("int8", "int16", "int32", "int64"))
_LIMITS = tuple((int(np.iinfo(dtype).min), int(np.iinfo(dtype).max), dtype) for dtype in _SIGNED)
_NOTHING = pa.null()


def pack(values: NDArray[Any]) -> "tuple[pa.Array[Any], Metadata]":
    """Return the array that stands for a column, and its field's metadata."""
    told = {DTYPE: values.dtype.name.encode()}
    if values.dtype.kind not in "iu" or values.size == 0:
        return pa.array(values if values.size else values.astype(_smallest(values.dtype))), told
    low, high = int(values.min()), int(values.max())
    if low == high:
        return pa.nulls(values.size), told | {CONSTANT: str(low).encode()}
    if values.dtype.kind == "u":
        return pa.array(values), told
    plain = _narrowest(low, high)
    if plain.itemsize == _SIGNED[-1].itemsize and high - low <= _LIMITS[-1][1]:
        steps = np.diff(values, prepend=values[:1])
        stepping = _narrowest(int(steps.min()), int(steps.max()))
        if stepping.itemsize < plain.itemsize:
            return pa.array(steps.astype(stepping)), told | {FIRST: str(int(values[0])).encode()}
    return pa.array(values.astype(plain, copy=False)), told


def unpack(where: str, array: "pa.Array[Any]", told: Metadata) -> NDArray[Any]:
    """Return the column that an array stands for: the caller's own, writable and contiguous.

    Args:
        where: what messages call the column.
        array: what ``pack`` returned.
        told: its field's metadata.

    Raises:
        PermanentError: the metadata is not what ``pack`` writes, or does not fit the array.
    """
    name = told.get(DTYPE, b"none").decode(errors="replace")
    dtype = DTYPES.get(name)
    if dtype is None:
        raise _refused(where, f"a dtype of {', '.join(DTYPES)}", repr(name))
    if len(array) * dtype.itemsize > MAX_COLUMN_BYTES:
        raise _refused(where, f"at most {MAX_COLUMN_BYTES} bytes", f"{len(array)} rows of {name}")
    if CONSTANT in told:
        if array.type != _NOTHING:
            raise _refused(where, "no values beside a constant", str(array.type))
        return np.full(len(array), _number(where, told[CONSTANT], dtype), dtype)
    if array.null_count:
        raise _refused(where, "a value in every row", f"{array.null_count} nulls")
    values = array.to_numpy(zero_copy_only=False)
    narrower = dtype.kind == "i" and values.dtype in _SIGNED and values.dtype.itemsize < dtype.itemsize
    if values.dtype != dtype and not narrower:
        raise _refused(where, f"{name} or a narrower form", str(values.dtype))
    if FIRST in told:
        if dtype != _SIGNED[-1]:
            raise _refused(where, "differences of int64", name)
        # Sums wrap around instead of failing: whoever forged them gets other numbers and no crash.
        whole = np.cumsum(values, dtype=dtype)
        whole += np.array(_number(where, told[FIRST], dtype), dtype)
        return whole
    # A copy of its own: kernels are compiled for writable arrays, and Arrow's are not.
    return values.astype(dtype)


def _narrowest(low: int, high: int) -> np.dtype[Any]:
    return next(dtype for least, most, dtype in _LIMITS if least <= low and high <= most)


def _smallest(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return _SIGNED[0] if dtype.kind == "i" else dtype


def _number(where: str, text: bytes, dtype: np.dtype[Any]) -> int:
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    try:
        number = int(text)
    except ValueError:
        number = None
    if limits is None or number is None or not limits.min <= number <= limits.max:
        raise _refused(where, f"a number of {dtype.name}", repr(text[:40].decode(errors="replace")))
    return number


def _refused(where: str, expected: str, found: str) -> PermanentError:
    message = f"{where}: expected {expected}, found {found}"
    return PermanentError(message, next_step="Mend the producer of this event.")
