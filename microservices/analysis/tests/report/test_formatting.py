"""Numbers as people read them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.report import formatting
from headroom_analysis.report.formatting import DASH, NBSP, NONE

values = st.floats(min_value=0.0, max_value=1e12, allow_subnormal=False)
kinds = st.sampled_from(sorted(formatting.SCALES))


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (0.2123, "duration", "212 ms"),
        (0.00002, "duration", "20 µs".replace("µ", "\N{MICRO SIGN}")),
        (1.2345, "duration", "1.23 s"),
        (0.0, "duration", "0 s"),
        (0.0012, "ratio", "0.120%"),
        (1.0, "ratio", "100%"),
        (1920.4, "rate", "1,920/s"),
        (1.5 * 2**30, "bytes", "1.50 GiB"),
        (512, "bytes", "512 B"),
        (3.0 * 2**50, "bytes", "3,072 TiB"),
        (5134520.0, "count", "5,134,520"),
        (23.41, "number", "23.4"),
        (None, "duration", "no data"),
    ],
)
def test_single_numbers(value: float | None, kind: str, expected: str) -> None:
    assert formatting.single(value, kind).replace(NBSP, " ") == expected


@pytest.mark.parametrize(
    ("low", "high", "value", "kind", "expected"),
    [
        (0.2412, 0.2966, 0.269, "duration", "241 - 297 ms"),
        (0.03368, 0.03811, 0.0359, "duration", "33.7 - 38.1 ms"),
        (896.3, 899.9, 898.1, "rate", "896.3 - 899.9/s"),
        (0.0029, 0.0031, 0.003, "ratio", "0.290 - 0.310%"),
        (None, 1.0, 1.0, "number", ""),
        (1.0, 1.0, 1.0, "number", ""),
    ],
)
def test_intervals_show_two_digits_of_their_width(
    low: float | None, high: float | None, value: float, kind: str, expected: str
) -> None:
    shown = formatting.interval(low, high, value, kind)
    assert shown.replace(NBSP, " ").replace(DASH, "-") == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "no data"),
        (0.5, "500 ms"),
        (90.0, "90 s"),
        (600.0, "10 min"),
        (465.0, "7 min 45 s"),
        (9000.0, "2 h 30 min"),
        (2 * 86400.0, "2 d"),
        (600.25, "600 s"),
    ],
)
def test_spans_of_time(seconds: float | None, expected: str) -> None:
    assert formatting.span(seconds).replace(NBSP, " ") == expected


def test_a_column_has_one_precision_and_points_under_each_other() -> None:
    scale = formatting.duration_scale([0.0359, 0.2689, 0.0074])
    assert formatting.column([0.0359, 0.2689, 0.0074, None], scale) == ["35.9", "268.9", "7.4", NONE]


def test_whole_numbers_have_no_decimals() -> None:
    assert formatting.column([1.0, 200.0], formatting.plain_scale([])) == ["1", "200"]


def test_what_would_vanish_is_shown_as_less_than_the_least() -> None:
    scale = formatting.plain_scale([])
    assert formatting.fixed(0.0001, scale, 1) == f"<{NBSP}0.1"
    assert formatting.fixed(-0.0001, scale, 1) == "0.0"
    assert formatting.fixed(0.0, scale, 1) == "0.0"


def test_an_interval_has_at_most_one_decimal_more_than_its_value() -> None:
    scale = formatting.plain_scale([])
    assert formatting.ends(16.914, 17.001, scale, 1) == f"16.91 {DASH} 17.00"
    assert formatting.ends(0.0, 45.4, scale, 1) == f"0 {DASH} 45"


def test_shares_in_per_cent() -> None:
    assert formatting.percent(0.3666) == "36.7%"


def test_words() -> None:
    assert formatting.plural(1, "trial") == f"1{NBSP}trial"
    assert formatting.plural(2000, "trial") == f"2,000{NBSP}trials"
    assert formatting.plural(2, "more is", "more are") == f"2{NBSP}more are"
    assert [formatting.listing(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@pytest.mark.parametrize(
    ("value", "expected"), [(0.5, "0.5"), (20.0, "20"), (1500.0, "1,500"), (0.25, "0.25")]
)
def test_ticks_carry_no_needless_zeros(value: float, expected: str) -> None:
    assert formatting.trimmed(value) == expected


@settings(deadline=None)
@given(values, kinds)
def test_a_shown_number_is_close_to_the_number(value: float, kind: str) -> None:
    shown = formatting.single(value, kind)
    digits, scale = shown.split(NBSP)[0].rstrip("/s%"), formatting.SCALES[kind]([value])
    if not shown.startswith("<"):
        assert math.isclose(
            float(digits.replace(",", "")), value * scale.factor, rel_tol=0.006, abs_tol=0.0006
        )


@settings(deadline=None)
@given(st.lists(st.none() | values, max_size=6), kinds)
def test_a_column_is_as_long_as_its_values_and_equally_precise(column: list[float | None], kind: str) -> None:
    shown = formatting.column(column, formatting.SCALES[kind](column))
    assert [text == NONE for text in shown] == [value is None for value in column]
    decimals = {len(text.partition(".")[2]) for text in shown if text != NONE}
    assert len(decimals) <= 1


@settings(deadline=None)
@given(values, values)
def test_an_interval_is_in_the_unit_of_its_value(low: float, width: float) -> None:
    high = low + width
    middle = (low + high) / 2
    shown = formatting.interval(low, high, middle, "duration")
    if shown:
        assert shown.endswith(formatting.duration_scale([middle]).unit)
        assert f" {DASH} " in shown
