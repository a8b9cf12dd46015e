from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headroom_common.simcore.elementary import EXP_LIMIT, exp, log, power

FAST = settings(max_examples=400, deadline=None)
ULP = 2.3e-16
"""Half of it is what the reference itself may be off."""


@FAST
@given(st.floats(2.3e-308, 1.7e308))
@example(1.0)
@example(math.sqrt(0.5))
@example(math.nextafter(math.sqrt(2), 2))
def test_log_is_as_exact_as_the_libraries(x: float) -> None:
    expected = math.log(x)
    assert abs(log(x) - expected) <= 4e-16 * abs(expected)


@FAST
@given(st.floats(2**-53, 1 - 2**-53))
@example(2**-53)
@example(1 - 2**-53)
def test_log_of_a_draw(u: float) -> None:
    assert log(u) < 0.0
    assert abs(log(u) - math.log(u)) <= 4e-16 * abs(math.log(u))


def test_log_against_decimals_close_to_one() -> None:
    with localcontext() as context:
        context.prec = 40
        for k in range(1, 200):
            for x in (1 + k * 2**-52, 1 - k * 2**-53, 1 + k / 256, 1 - k / 256):
                expected = Decimal(x).ln()
                assert abs(Decimal(log(x)) - expected) <= Decimal("4e-16") * abs(expected)


def test_logs_of_one_and_of_powers_of_two_are_those_of_the_library() -> None:
    assert log(1.0) == 0.0
    for exponent in range(-1022, 1024):
        assert log(2.0**exponent) == pytest.approx(math.log(2.0**exponent), rel=4e-16, abs=0)


@FAST
@given(st.floats(-EXP_LIMIT, EXP_LIMIT))
@example(0.5 * math.log(2))
@example(-0.5 * math.log(2))
def test_exp_is_as_exact_as_the_library(x: float) -> None:
    # The error of k log 2, rounded once, is relative to x's size.
    assert exp(x) == pytest.approx(math.exp(x), rel=4e-16 * max(1.0, abs(x) / 100), abs=0)


@given(st.floats(allow_nan=False))
@settings(max_examples=200, deadline=None)
def test_exp_never_over_or_underflows(x: float) -> None:
    assert 9e-305 < exp(x) < 1.1e304
    assert exp(0.0) == 1.0


@FAST
@given(st.floats(-300, 300), st.floats(1e-9, 50))
def test_exp_grows(x: float, more: float) -> None:
    assert exp(x + more) >= exp(x)


@FAST
@given(st.floats(1e-12, 1e12), st.floats(-20, 20))
def test_power_against_the_library(base: float, exponent: float) -> None:
    scale = max(1.0, abs(exponent * math.log(base)))
    assert power(base, exponent) == pytest.approx(base**exponent, rel=4e-16 * (1 + 2 * scale), abs=0)


def test_log_and_exp_are_inverse() -> None:
    for k in range(-600, 601):
        assert log(exp(float(k))) == pytest.approx(k, rel=4e-16, abs=4e-16)
