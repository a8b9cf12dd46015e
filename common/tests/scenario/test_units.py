"""Units: what is accepted, what it means, and that every text written is read back as the same value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_common.scenario.units import (
    MAX_DURATION_NS,
    MAX_MEMORY_KIB,
    format_duration,
    format_memory,
    format_rate,
    format_ratio,
    parse_cores,
    parse_duration,
    parse_memory,
    parse_rate,
    parse_ratio,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0s", 0),
        ("1ns", 1),
        ("1us", 1_000),
        ("1µs", 1_000),  # the micro sign
        ("1μs", 1_000),
        ("12ms", 12_000_000),
        ("1.5s", 1_500_000_000),
        ("0.012s", 12_000_000),
        ("2m", 120_000_000_000),
        ("2min", 120_000_000_000),
        ("1h", 3_600_000_000_000),
        ("7d", 604_800_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1m 30s", 90_000_000_000),
        ("1e3ms", 1_000_000_000),
        ("1.5e-3s", 1_500_000),
        (" 5 ms ", 5_000_000),
        ("0.4ns", 0),
        ("0.5ns", 1),
        ("365d", MAX_DURATION_NS),
    ],
)
def test_durations_mean_nanoseconds(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            5,
            (
                "expected a duration such as 12ms, 1.5s or 2m, found 5 (a bare number has no unit: write 5ms "
                "or 5s)"
            ),
        ),
        (
            "0.5",
            (
                "expected a duration such as 12ms, 1.5s or 2m, found '0.5' "
                "(a bare number has no unit: write 0.5ms or 0.5s)"
            ),
        ),
        ("-1s", "expected a duration such as 12ms, 1.5s or 2m, found '-1s' (a duration is never negative)"),
        ("366d", "expected a duration of at most 365d, found '366d'"),
        ("1e99s", "expected a duration of at most 365d, found '1e99s'"),
        ("5 parsecs", "expected a duration such as 12ms, 1.5s or 2m, found '5 parsecs'"),
        ("", "expected a duration such as 12ms, 1.5s or 2m, found ''"),
        (True, "expected a duration such as 12ms, 1.5s or 2m, found true"),
        (None, "expected a duration such as 12ms, 1.5s or 2m, found nothing"),
        ([1], "expected a duration such as 12ms, 1.5s or 2m, found a list of 1"),
        ({}, "expected a duration such as 12ms, 1.5s or 2m, found an empty mapping"),
    ],
)
def test_what_is_no_duration_is_refused_in_words(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"^expected") as caught:
        parse_duration(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5us"),
        (12_000_000, "12ms"),
        (600 * 10**9, "600s"),
        (1_234_567_890, "1.23456789s"),
    ],
)
def test_durations_are_written_in_the_largest_unit_that_they_fill(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


@given(st.integers(0, MAX_DURATION_NS))
def test_every_duration_is_read_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "kib"),
    [
        ("0B", 0),
        ("1B", 1),
        ("1024B", 1),
        ("1025B", 2),
        ("64Ki", 64),
        ("64KiB", 64),
        ("2Mi", 2048),
        ("2Gi", 2 * 1024**2),
        ("1.5Gi", 1536 * 1024),
        ("1Ti", 1024**3),
        ("1k", 1),
        ("1M", 977),
        ("500MB", 488_282),
        ("1G", 976_563),
    ],
)
def test_memory_means_kib_rounded_up(text: str, kib: int) -> None:
    assert parse_memory(text) == kib


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            64,
            (
                "expected a quantity of memory such as 64Mi, 2Gi or 500MB, found 64 "
                "(a bare number has no unit: write 64Mi or 64B)"
            ),
        ),
        ("2 gigs", "expected a quantity of memory such as 64Mi, 2Gi or 500MB, found '2 gigs'"),
        ("1025Ti", "expected at most 1024Ti, found '1025Ti'"),
        (False, "expected a quantity of memory such as 64Mi, 2Gi or 500MB, found false"),
    ],
)
def test_what_is_no_memory_is_refused_in_words(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"^expected") as caught:
        parse_memory(value)
    assert str(caught.value) == message


@given(st.integers(0, MAX_MEMORY_KIB))
def test_every_memory_is_read_back(kib: int) -> None:
    assert parse_memory(format_memory(kib)) == kib


@pytest.mark.parametrize(("value", "cores"), [(1, 1), ("2", 2), ("3000m", 3), (10_000, 10_000)])
def test_cores_are_whole(value: object, cores: int) -> None:
    assert parse_cores(value) == cores


@pytest.mark.parametrize("value", ["500m", 0.5, "1500m"])
def test_fractions_of_cores_are_refused_with_the_reason(value: object) -> None:
    with pytest.raises(ValueError, match="cores are tokens that run one step each and can't be split"):
        parse_cores(value)


@pytest.mark.parametrize("value", [0, -1, "0m", 10_001, True, "two", None, 10**400, "9" * 10])
def test_numbers_that_are_no_cores_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a whole number of cores from 1 to 10,000"):
        parse_cores(value)


@pytest.mark.parametrize(
    ("text", "per_second"),
    [
        ("250/s", 250.0),
        ("20/min", 20 / 60),
        ("20/m", 20 / 60),
        ("3600/h", 1.0),
        ("86400/d", 1.0),
        ("2/ms", 2000.0),
        ("0.5 / s", 0.5),
        ("0/s", 0.0),
    ],
)
def test_rates_mean_events_per_second(text: str, per_second: float) -> None:
    assert parse_rate(text) == per_second


def test_equal_rates_are_equal_however_they_are_written() -> None:
    assert parse_rate("20/min") == parse_rate("1200/h") == parse_rate("28800/d")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            5,
            (
                "expected a rate such as 250/s or 20/min, found 5 (a bare number has no unit: write 5/s or "
                "5/min)"
            ),
        ),
        ("5/fortnight", "expected a rate such as 250/s or 20/min, found '5/fortnight'"),
        ("-5/s", "expected a rate such as 250/s or 20/min, found '-5/s'"),
        ("2e9/s", "expected a rate of at most 1e9/s, found '2e9/s'"),
    ],
)
def test_what_is_no_rate_is_refused_in_words(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"^expected") as caught:
        parse_rate(value)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["250/s", "20/min", "1000/h", "0.5/s", "7/d", "0/s"])
def test_rates_are_written_as_people_write_them(text: str) -> None:
    assert format_rate(parse_rate(text)) == text


@given(st.floats(0, 1e9, allow_subnormal=False).filter(lambda rate: rate == 0 or rate > 1e-30))
def test_every_rate_is_read_back(rate: float) -> None:
    assert parse_rate(format_rate(rate)) == rate


@given(st.integers(0, 10**9), st.sampled_from(["s", "min", "h", "d"]))
def test_every_rate_in_whole_numbers_is_read_back(number: int, unit: str) -> None:
    rate = parse_rate(f"{number}/{unit}")
    assert parse_rate(format_rate(rate)) == rate


@pytest.mark.parametrize(
    ("value", "ratio"),
    [("1%", 0.01), (0.01, 0.01), ("0.01", 0.01), (1, 1.0), ("100%", 1.0), (0, 0.0), ("0.1%", 0.001)],
)
def test_ratios_are_fractions(value: object, ratio: float) -> None:
    assert parse_ratio(value) == ratio


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (5, " (write 5%)"),
        ("101%", ""),
        (-0.1, ""),
        ("one in ten", ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (True, ""),
    ],
)
def test_what_is_no_ratio_is_refused(value: object, hint: str) -> None:
    with pytest.raises(ValueError, match="expected a ratio from 0 to 1") as caught:
        parse_ratio(value)
    assert str(caught.value).endswith(hint)


@pytest.mark.parametrize("text", ["0%", "1%", "0.1%", "12.5%", "100%"])
def test_ratios_are_written_in_per_cent(text: str) -> None:
    assert format_ratio(parse_ratio(text)) == text


@given(st.floats(0, 1).filter(lambda ratio: ratio == 0 or ratio > 1e-90))
def test_every_ratio_is_read_back(ratio: float) -> None:
    assert parse_ratio(format_ratio(ratio)) == ratio


@pytest.mark.parametrize("parse", [parse_duration, parse_memory, parse_rate, parse_ratio, parse_cores])
@given(
    st.one_of(
        st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers()), st.binary()
    )
)
def test_no_value_breaks_a_parser(parse: Callable[[object], float], value: object) -> None:
    try:
        parsed = parse(value)
    except ValueError as error:
        message = str(error)
    else:
        message = "expected "
        assert parsed >= 0
    assert message.startswith("expected ")
