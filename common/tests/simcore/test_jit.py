from __future__ import annotations

import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st

from headroom_common.simcore.jit import (
    COMPILED,
    bits_float,
    float_bits,
    inlined,
    signed,
    u64,
    wrap_add,
    wrap_multiply,
)

FAST = settings(max_examples=100, deadline=None)
WORDS = st.integers(-(2**63), 2**63 - 1)
MASK = (1 << 64) - 1


@inlined
def _bits(value: float) -> int:
    return float_bits(value)


@inlined
def _float(bits: int) -> float:
    return bits_float(bits)


@inlined
def _sum(left: int, right: int) -> int:
    return signed(wrap_add(u64(left), u64(right)))


@inlined
def _product(left: int, right: int) -> int:
    return signed(wrap_multiply(u64(left), u64(right)))


def as_signed(value: int) -> int:
    value &= MASK
    return value - (1 << 64) if value >> 63 else value


@FAST
@given(st.floats(allow_nan=False))
@example(-0.0)
@example(float("inf"))
@example(5e-324)
def test_floats_are_their_bits(value: float) -> None:
    (bits,) = struct.unpack("<q", struct.pack("<d", value))
    assert _bits(value) == bits
    assert struct.pack("<d", _float(bits)) == struct.pack("<d", value)


@FAST
@given(WORDS, WORDS)
@example(-(2**63), -1)
@example(2**63 - 1, 2**63 - 1)
def test_arithmetic_wraps_at_64_bits(left: int, right: int) -> None:
    assert _sum(left, right) == as_signed(left + right)
    assert _product(left, right) == as_signed(left * right)


def test_floating_point_is_as_written() -> None:
    if COMPILED:
        options = _bits.targetoptions  # type: ignore[attr-defined]
        assert not options.get("fastmath")
        assert options.get("nogil")
