"""How kernels are compiled, and the few bit operations that numba and Python spell differently."""

from __future__ import annotations

import platform
import struct
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

_F = TypeVar("_F", bound=Callable[..., Any])

COMPILED: bool = not numba.config.DISABLE_JIT
"""False when ``NUMBA_DISABLE_JIT=1``: kernels then run as plain Python."""

MASK64 = (1 << 64) - 1

# One baseline for all hosts of an architecture (x86-64-v2: every server since 2009): the same bits everywhere, and
# kernels that an image compiled while it was built are valid wherever it runs.
numba.config.CPU_NAME = "x86-64-v2" if platform.machine() in {"x86_64", "AMD64"} else "generic"
numba.config.CPU_FEATURES = ""


def kernel(function: _F) -> _F:
    """Compile a kernel: cached on disk, without the interpreter lock, IEEE arithmetic as written."""
    compiled: _F = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function)
    return compiled


def inlined(function: _F) -> _F:
    """Compile a small function that kernels call; LLVM decides to inline it."""
    compiled: _F = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function)
    return compiled


if COMPILED:

    @intrinsic
    def float_bits(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001 - numba's own types
        """Return the 64 bits of a float as an integer."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
            return builder.bitcast(args[0], context.get_value_type(signature.return_type))

        return types.int64(types.float64), codegen

    @intrinsic
    def bits_float(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001 - numba's own types
        """Return the float whose 64 bits are given."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
            return builder.bitcast(args[0], context.get_value_type(signature.return_type))

        return types.float64(types.int64), codegen

    @inlined
    def u64(value: int) -> Any:  # noqa: ANN401 - uint64 inside kernels
        """Reinterpret an integer as an unsigned 64-bit number."""
        return np.uint64(value)

    @inlined
    def wrap_add(left: Any, right: Any) -> Any:  # noqa: ANN401 - uint64 inside kernels
        """Add modulo 2^64."""
        return np.uint64(left) + np.uint64(right)

    @inlined
    def wrap_multiply(left: Any, right: Any) -> Any:  # noqa: ANN401 - uint64 inside kernels
        """Multiply modulo 2^64."""
        return np.uint64(left) * np.uint64(right)

    @inlined
    def signed(value: Any) -> Any:  # noqa: ANN401 - uint64 inside kernels
        """Reinterpret an unsigned 64-bit number as a signed one."""
        return np.int64(value)

else:

    def float_bits(value: float) -> int:
        """Return the 64 bits of a float as an integer."""
        return int(struct.unpack("<q", struct.pack("<d", value))[0])

    def bits_float(bits: int) -> float:
        """Return the float whose 64 bits are given."""
        return float(struct.unpack("<d", struct.pack("<q", bits))[0])

    def u64(value: int) -> int:
        """Reinterpret an integer as an unsigned 64-bit number."""
        return int(value) & MASK64

    def wrap_add(left: int, right: int) -> int:
        """Add modulo 2^64."""
        return (int(left) + int(right)) & MASK64

    def wrap_multiply(left: int, right: int) -> int:
        """Multiply modulo 2^64."""
        return (int(left) * int(right)) & MASK64

    def signed(value: int) -> int:
        """Reinterpret an unsigned 64-bit number as a signed one."""
        return value - (1 << 64) if value >> 63 else value


__all__ = [
    "COMPILED",
    "bits_float",
    "float_bits",
    "inlined",
    "kernel",
    "signed",
    "u64",
    "wrap_add",
    "wrap_multiply",
]
