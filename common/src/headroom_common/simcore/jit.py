"""How kernels are compiled, and the few bit operations that numba and Python spell differently."""

from __future__ import annotations

import hashlib
import os
import platform
import struct
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import codegen as untyped_codegen
from numba.core import types
from numba.extending import intrinsic

_F = TypeVar("_F", bound=Callable[..., Any])

_config: Any = numba.config  # its settings are made at import time, unknown to its types
_codegen: Any = untyped_codegen

COMPILED: bool = not _config.DISABLE_JIT
"""False when ``NUMBA_DISABLE_JIT=1``: kernels then run as plain Python."""

MASK64 = (1 << 64) - 1


_V3_FEATURES = {"+avx2", "+bmi", "+bmi2", "+f16c", "+fma", "+lzcnt", "+movbe"}
_V4_FEATURES = _V3_FEATURES | {"+avx512f", "+avx512bw", "+avx512cd", "+avx512dq", "+avx512vl"}
_WIDE = "-prefer-256-bit"  # all of a vector register's 512 bits

TARGETS = {
    "x86-64-v4": (_V4_FEATURES, _WIDE),
    "x86-64-v3": (_V3_FEATURES, ""),
    "x86-64-v2": (frozenset[str](), ""),
}
"""Baselines for kernels, widest first: what a processor must have, and the compiler's options."""


def _target() -> tuple[str, str]:
    """Return the baseline and its options: the widest that this processor has.

    ``HEADROOM_KERNEL_TARGET`` says from which on to look. It is a baseline and not the very processor, so
    that kernels compiled while an image was built are found wherever such a processor runs it. The bits are
    the same on all: no arithmetic is contracted or reordered.

    Raises:
        ValueError: the variable names none of them.
    """
    if platform.machine() not in {"x86_64", "AMD64"}:
        return "generic", ""
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

_config.CPU_NAME, _config.CPU_FEATURES = _target()


@cache
def _cache_directory(sources: Path) -> str:
    """Return where the compiled kernels of a source folder are kept: one folder per version of all they call.

    numba keeps a kernel for as long as its own file is unchanged, even when a function that it calls has
    changed; so the folder's name is a hash of the sources of both the kernels and this package.
    """
    digest = hashlib.sha256()
    for folder in sorted({sources, Path(__file__).parent}):
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
    base = os.environ.get("NUMBA_CACHE_DIR") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "headroom", "kernels"
    )
    return str(Path(base, digest.hexdigest()[:16]))


def _compile(function: _F, **options: Any) -> _F:  # noqa: ANN401 - numba's options
    # numba reads the setting when it decorates.
    before = _config.CACHE_DIR
    _config.CACHE_DIR = _cache_directory(Path(function.__code__.co_filename).parent)
    try:
        decorate: Any = numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy", **options)
        compiled: _F = decorate(function)
    finally:
        _config.CACHE_DIR = before
    return compiled


def kernel(function: _F) -> _F:
    """Compile a kernel: cached on disk, without the interpreter lock, IEEE arithmetic as written."""
    return _compile(function)


def inlined(function: _F) -> _F:
    """Compile a small function into every kernel that calls it."""
    return _compile(function, forceinline=True)


def called(function: _F) -> _F:
    """Compile a function that kernels call: large or seldom needed, so that copies would not pay."""
    return kernel(function)


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
