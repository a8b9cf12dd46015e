"""Reading documents that lack parts."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.report.values import (
    REPLACEMENT,
    Estimate,
    dig,
    estimate,
    items,
    mapping,
    number,
    rows,
    series,
    text,
    whole,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("value", [None, True, False, "3", math.nan, math.inf, -math.inf, [], {}, 10**400])
def test_what_is_no_finite_number_is_no_data(value: Any) -> None:
    assert number(value) is None
    assert whole(value, 7) == 7


@pytest.mark.parametrize(("value", "expected"), [(3, 3.0), (-2.5, -2.5), (0, 0.0)])
def test_numbers_are_read(value: float, expected: float) -> None:
    assert number(value) == expected


def test_estimates_are_figures_or_bare_numbers() -> None:
    assert estimate({"value": 2, "low": 1.5, "high": None}) == Estimate(2.0, 1.5, None)
    assert estimate(4) == Estimate(4.0)
    assert estimate("4") == Estimate(None)
    assert Estimate(1.0, 0.5, 1.5).has_interval
    assert not Estimate(1.0, 0.5).has_interval


def test_digging_ends_at_the_first_gap() -> None:
    document = {"a": {"b": {"c": 1}}}
    assert dig(document, "a", "b", "c") == 1
    assert dig(document, "a", "x", "c") is None
    assert dig(document, "a", "b", "c", "d") is None


def test_sequences_and_rows() -> None:
    assert rows([{"a": 1}, 2, None, {"b": 3}]) == [{"a": 1}, {"b": 3}]
    assert rows("text") == rows(None) == rows({"a": 1}) == []
    assert series([1, None, "x", 2.5]) == [1.0, None, None, 2.5]


def test_texts_lose_what_no_page_can_hold() -> None:
    assert text("a\x00b\ud800c\nd") == f"a{REPLACEMENT}b{REPLACEMENT}c\nd"
    assert text(None, "default") == "default"


@settings(deadline=None)
@given(json_values)
def test_no_value_is_refused(value: Any) -> None:
    assert isinstance(mapping(value), dict)
    assert all(isinstance(row, dict) for row in rows(value))
    assert len(series(value)) == len(items(value))
    text(value).encode("utf-8")
    assert all(part is None or math.isfinite(part) for part in estimate(value))
