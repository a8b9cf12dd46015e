"""How kernels are compiled, and the few bit operations that numba and Python spell differently."""

from __future__ import annotations

import os
import platform
import struct
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import numba
import numpy as np
from numba.core import codegen as untyped_codegen
from numba.core import types
from numba.extending import intrinsic

from headroom_common.simcore.kernel_cache import KernelCache

if TYPE_CHECKING:
    from pathlib import Path

_F = TypeVar("_F", bound=Callable[..., Any])

_config: Any = numba.config  # its settings are made at import time, unknown to its types
_codegen: Any = untyped_codegen

COMPILED: bool = not _config.DISABLE_JIT
"""False when ``NUMBA_DISABLE_JIT=1``: kernels then run as plain Python."""

MASK64 = (1 << 64) - 1


_V3_FEATURES = {"+avx2", "+bmi", "+bmi2", "+f16c", "+fma", "+lzcnt", "+movbe"}
_V4_FEATURES = _V3_FEATURES | {"+avx512f", "+avx512bw", "+avx512cd", "+avx512dq", "+avx512vl"}
_WIDE = "-prefer-256-bit"  # all of a vector register's 512 bits

X86_64 = frozenset({"x86_64", "AMD64"})
"""What machines call themselves that have such a baseline."""
GENERIC = "generic"
"""The baseline of all others."""

TARGETS = {
    "x86-64-v4": (_V4_FEATURES, _WIDE),
    "x86-64-v3": (_V3_FEATURES, ""),
    "x86-64-v2": (frozenset[str](), ""),
}
"""Baselines for kernels, widest first: what a processor must have, and the compiler's options."""


def array(item: type[np.generic], dimensions: int = 1, *, read_only: bool = False) -> Any:  # noqa: ANN401 - numba's types
    """Return the type of a contiguous array; columns of events are read-only."""
    return types.Array(numba.from_dtype(np.dtype(item)), dimensions, "C", readonly=read_only)


def fields(kind: type[tuple[Any, ...]], *items: Any) -> Any:  # noqa: ANN401 - numba's types
    """Return the type of a named tuple by those of its fields."""
    make: Any = types.NamedTuple  # numba ships no types for it
    return make(items, kind)


INT = types.int64
"""Type of a kernel's argument: an integer, or a world."""
INTS = array(np.int64)
"""As above: a contiguous array of integers."""
FLOATS = array(np.float64)
"""As above: a contiguous array of floats."""


def _target() -> tuple[str, str]:
    """Return the baseline and its options: the widest that this processor has.

    ``HEADROOM_KERNEL_TARGET`` says from which on to look. It is a baseline and not the very processor, so
    that kernels compiled while an image was built are found wherever such a processor runs it. The bits are
    the same on all: no arithmetic is contracted or reordered.

    Raises:
        ValueError: the variable names none of them.
    """
    if platform.machine() not in X86_64:
        return GENERIC, ""
    has = set(str(_codegen.get_host_cpu_features()).split(","))
    names = list(TARGETS)
    wish = os.environ.get("HEADROOM_KERNEL_TARGET", names[0])
    if wish not in TARGETS:
        message = f"HEADROOM_KERNEL_TARGET: expected one of {', '.join(names)}, found {wish!r}"
        raise ValueError(message)
    name = next(name for name in names[names.index(wish) :] if TARGETS[name][0] <= has)
    return name, TARGETS[name][1]


def _import_arraymath_without_scipy() -> None:
    """Let numba find out whether there is a BLAS when a function first needs one, not before any kernel runs.

    It imports scipy.linalg for that, which takes as long as numba itself; no kernel multiplies matrices.
    """
    linalg: Any = import_module("numba.np.linalg")
    ensure_blas = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = ensure_blas


if COMPILED:
    _import_arraymath_without_scipy()

# numba's own variables go first: that is how kernels are compiled for processors other than this one.
if _config.CPU_NAME is None:
    _config.CPU_NAME, _config.CPU_FEATURES = _target()


def target() -> str:
    """Return the processor that kernels are compiled for."""
    return str(_config.CPU_NAME)


def _compile(function: _F, **options: Any) -> _F:  # noqa: ANN401 - numba's options
    if not COMPILED:
        return function
    decorate: Any = numba.njit(nogil=True, fastmath=False, error_model="numpy", **options)
    dispatcher = decorate(function)
    dispatcher._cache = KernelCache(function)  # noqa: SLF001 - what its cache=True does, with another folder
    compiled: _F = dispatcher
    return compiled


@dataclass(frozen=True)
class Kernel:
    """A compiled function and what is known of it.

    Attributes:
        dispatcher: what callers call, numba's.
        arguments: the types that it is called with, numba's.
    """

    dispatcher: Any
    arguments: tuple[Any, ...]

    def compile(self) -> None:
        """Compile it, or load it when that has been done."""
        self.dispatcher.compile(self.arguments)

    def files(self) -> list[Path]:
        """Return the files that hold it once it is compiled."""
        found: list[Path] = self.dispatcher._cache.files()  # noqa: SLF001 - set above
        return found


KERNELS: list[Kernel] = []
"""All functions that have been decorated with `kernel`."""


def kernel(*arguments: Any) -> Callable[[_F], _F]:  # noqa: ANN401 - numba's types
    """Compile a kernel: cached on disk, without the interpreter lock, IEEE arithmetic as written.

    Args:
        arguments: the types that it is called with, for those who compile before the first call.
    """

    def decorate(function: _F) -> _F:
        compiled = _compile(function)
        if COMPILED:
            KERNELS.append(Kernel(compiled, arguments))
        return compiled

    return decorate


def inlined(function: _F) -> _F:
    """Compile a small function into every kernel that calls it."""
    return _compile(function, forceinline=True)


def called(function: _F) -> _F:
    """Compile a function that kernels call: large or seldom needed, so that copies would not pay."""
    return _compile(function)


def _bitcast(source: Any, target: Any) -> Callable[..., Any]:  # noqa: ANN401 - numba's own types
    """Return the body of an intrinsic that reinterprets 64 bits as another type."""

    def typed(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001 - numba's signature
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401 - as above
            return builder.bitcast(args[0], context.get_value_type(signature.return_type))

        return target(source), codegen

    return typed


def _plain_float_bits(value: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def _plain_bits_float(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])


def _plain_u64(value: int) -> int:
    return int(value) & MASK64


def _plain_add(left: int, right: int) -> int:
    return (int(left) + int(right)) & MASK64


def _plain_multiply(left: int, right: int) -> int:
    return (int(left) * int(right)) & MASK64


def _plain_signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _plain_index(value: int) -> int:
    return value


def _native_index(value: int) -> Any:  # noqa: ANN401 - uint64 inside kernels
    return np.uint64(value)


def _native_u64(value: int) -> Any:  # noqa: ANN401 - uint64 inside kernels
    return np.uint64(value)


def _native_add(left: Any, right: Any) -> Any:  # noqa: ANN401 - as above
    return np.uint64(left) + np.uint64(right)


def _native_multiply(left: Any, right: Any) -> Any:  # noqa: ANN401 - as above
    return np.uint64(left) * np.uint64(right)


def _native_signed(value: Any) -> Any:  # noqa: ANN401 - as above
    return np.int64(value)


float_bits: Callable[[float], int] = (
    intrinsic(_bitcast(types.float64, types.int64)) if COMPILED else _plain_float_bits
)
"""Return the 64 bits of a float as an integer."""
bits_float: Callable[[int], float] = (
    intrinsic(_bitcast(types.int64, types.float64)) if COMPILED else _plain_bits_float
)
"""Return the float whose 64 bits are given."""
u64: Callable[[int], Any] = inlined(_native_u64) if COMPILED else _plain_u64
"""Reinterpret an integer as an unsigned 64-bit number."""
wrap_add: Callable[[Any, Any], Any] = inlined(_native_add) if COMPILED else _plain_add
"""Add modulo 2^64."""
wrap_multiply: Callable[[Any, Any], Any] = inlined(_native_multiply) if COMPILED else _plain_multiply
"""Multiply modulo 2^64."""
signed: Callable[[Any], int] = inlined(_native_signed) if COMPILED else _plain_signed
"""Reinterpret an unsigned 64-bit number as a signed one."""
index: Callable[[int], Any] = inlined(_native_index) if COMPILED else _plain_index
"""Mark a number ≥ 0 as an index: without a sign there is no counting from the end. Not for sums."""
