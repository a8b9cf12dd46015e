import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom.cli import units
from headroom.result import Figure


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "—"),
        (0, "0 ms"),
        (0.0243, "24.3 ms"),
        (0.181, "181 ms"),
        (0.000_98, "980 µs"),
        (3.2e-8, "32.0 ns"),
        (1.0, "1.00 s"),
        (0.9996, "1.00 s"),
        (12_345.6, "12,346 s"),
    ],
)
def test_durations_have_three_digits_and_the_unit_that_fits(seconds: float | None, shown: str) -> None:
    assert units.duration(seconds) == shown


@given(st.floats(1e-9, 1e5))
def test_a_duration_reads_back_within_half_a_percent(seconds: float) -> None:
    number, unit = units.duration(seconds).split(" ")
    scale = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert math.isclose(float(number.replace(",", "")) * scale, seconds, rel_tol=0.0051)


@given(st.floats(1e-12, 1e12), st.integers(1, 6))
def test_significant_digits_are_never_lost(value: float, digits: int) -> None:
    shown = float(units.significant(value, digits).replace(",", ""))
    assert math.isclose(shown, value, rel_tol=0.51 * 10 ** (1 - digits))


def test_an_interval_stands_in_the_unit_of_its_value() -> None:
    assert units.duration_interval(Figure(0.0011, 0.0009, 0.0013)) == "0.900 … 1.30"


def test_no_interval_is_shown_for_a_single_trial() -> None:
    assert units.duration_interval(Figure(0.1)) == ""
    assert units.duration_interval(Figure(None)) == ""
    assert units.plain_interval(Figure(3.0)) == ""


def test_the_interval_of_a_ratio_is_in_percent() -> None:
    assert units.percent_interval(Figure(0.5, 0.25, 0.75)) == "25.0 … 75.0"


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (None, "—"),
        (0, "0 %"),
        (1, "100 %"),
        (0.624, "62.4 %"),
        (0.000888, "0.0888 %"),
        (0.99912, "99.91 %"),
        (0.9999999, "99.99 %"),
    ],
)
def test_ratios(ratio: float | None, shown: str) -> None:
    assert units.percent(ratio) == shown


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_only_nothing_is_0_percent_and_only_all_is_100_percent(ratio: float) -> None:
    assert units.percent(ratio) not in {"0 %", "100 %"}


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "—"), (0.0, "0"), (2.5, "2.5"), (3.0, "3"), (149_721.4, "149,721")]
)
def test_counts(value: float | None, shown: str) -> None:
    assert units.whole(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (999, "999"), (1_500, "1.50k"), (2_310_000, "2.31M"), (1e11, "100G")]
)
def test_short_counts(value: float, shown: str) -> None:
    assert units.short_count(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (125, "2 min 05 s"),
        (3600, "1 h"),
        (3780, "1 h 03 min"),
    ],
)
def test_waiting_times(seconds: float, shown: str) -> None:
    assert units.clock(seconds) == shown


@pytest.mark.parametrize(
    ("amount", "shown"), [(None, "—"), (512, "512 B"), (2**20, "1.00 MiB"), (1.7e9, "1.58 GiB")]
)
def test_sizes(amount: float | None, shown: str) -> None:
    assert units.size(amount) == shown


def test_rates_and_shares() -> None:
    assert units.rate(None) == "—"
    assert units.rate(249.5) == "250/s"
    assert units.share(0.0281) == "2.8 %"


def test_a_span_without_its_seconds() -> None:
    assert [units.clock(span, seconds=False) for span in (42, 125, 3780)] == ["42 s", "2 min", "1 h 03 min"]


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (122.1, 122.4, "122.1 … 122.4"),
        (122.01, 122.04, "122.01 … 122.04"),
        (5.0, 5.0, "5.00 … 5.00"),
        (0.0, 0.0, "0 … 0"),
        (99.96, 100.2, "99.96 … 100.2"),
    ],
)
def test_the_ends_of_an_interval_have_the_digits_that_tell_them_apart(
    low: float, high: float, shown: str
) -> None:
    assert units.plain_interval(Figure(low, low, high)) == shown


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_the_ends_of_an_interval_stay_in_order(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ends = units.plain_interval(Figure(low, low, high)).replace(",", "").split(" … ")
    assert float(ends[0]) <= float(ends[1])
