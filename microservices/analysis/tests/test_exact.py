"""Tallies against dictionaries of Python integers: any values, any ranges of rows, any order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_analysis.domain.exact import Tally

COLUMNS = 2

large = st.one_of(st.integers(min_value=-(2**61), max_value=2**61), st.integers(min_value=-5, max_value=5))
tables = st.tuples(
    st.integers(min_value=0, max_value=6),
    st.lists(st.tuples(large, large), min_size=0, max_size=4),
)


def tally_of(table: tuple[int, list[tuple[int, int]]]) -> Tally:
    first, rows = table
    return Tally.of(np.array(rows, np.int64).reshape(-1, COLUMNS), first)


def naive_sum(parts: list[tuple[int, list[tuple[int, int]]]]) -> Counter[tuple[int, int]]:
    total: Counter[tuple[int, int]] = Counter()
    for first, rows in parts:
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                total[first + at, column] += value
    return total


def absorbed(parts: list[Any]) -> Tally:
    whole = Tally.zeros(0, COLUMNS)
    for part in parts:
        whole.absorb(tally_of(part))
    return whole


@given(parts=st.lists(tables, max_size=8))
def test_sums_are_exact_whatever_their_size(parts: list[Any]) -> None:
    whole = absorbed(parts)
    expected = naive_sum(parts)
    for row in range(12):
        assert whole.row(row) == [expected[row, column] for column in range(COLUMNS)]


@given(parts=st.lists(tables, max_size=8), start=st.integers(min_value=0, max_value=12))
def test_totals_are_exact_from_any_row(parts: list[Any], start: int) -> None:
    expected = naive_sum(parts)
    sums = [
        sum(value for (row, at), value in expected.items() if at == column and row >= start)
        for column in range(COLUMNS)
    ]
    assert absorbed(parts).totals(start) == sums


@given(parts=st.lists(tables, max_size=6), data=st.data())
def test_the_order_of_absorbing_does_not_matter(parts: list[Any], data: st.DataObject) -> None:
    order = data.draw(st.permutations(parts))
    assert absorbed(parts).same(absorbed(order))


@given(parts=st.lists(tables, min_size=1, max_size=6), cut=st.integers(min_value=0, max_value=6))
def test_the_grouping_does_not_matter(parts: list[Any], cut: int) -> None:
    left, right = absorbed(parts[:cut]), absorbed(parts[cut:])
    left.absorb(right)
    assert left.same(absorbed(parts))


@given(parts=st.lists(tables, max_size=8))
def test_floats_are_the_rounded_sums(parts: list[Any]) -> None:
    whole = absorbed(parts)
    expected = naive_sum(parts)
    found = whole.floats(0, 12)
    assert found.shape == (12, COLUMNS)
    for row in range(12):
        for column in range(COLUMNS):
            assert found[row, column] == float(expected[row, column])


@given(part=tables, other=tables)
def test_absorbing_leaves_the_other_as_it_was(part: Any, other: Any) -> None:
    mine, theirs = tally_of(part), tally_of(other)
    before = theirs.copy()
    mine.absorb(theirs)
    mine.absorb(theirs)
    assert theirs.same(before)
    assert theirs.high is None


def test_a_copy_shares_nothing() -> None:
    tally = Tally.of(np.array([[2**61, 1]]))
    tally.absorb(tally)
    tally.absorb(tally)
    copy = tally.copy()
    copy.absorb(Tally.of(np.array([[1, 1]])))
    assert tally.row(0) == [2**63, 4]
    assert copy.row(0) == [2**63 + 1, 5]


def test_ordinary_sums_stay_plain() -> None:
    whole = Tally.zeros(3, 1)
    for _ in range(1000):
        whole.absorb(Tally.of(np.full((3, 1), 10**12)))
    assert whole.high is None
    assert whole.row(1) == [10**15]


def test_rows_that_are_not_held_are_zero() -> None:
    tally = Tally.of(np.array([[1, 2]]), first=5)
    assert tally.row(4) == [0, 0]
    assert tally.row(6) == [0, 0]
    assert tally.floats(0, 3).tolist() == [[0.0, 0.0]] * 3
    assert tally.floats(4, 7).tolist() == [[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]]


def test_ranges_grow_to_both_sides() -> None:
    tally = Tally.of(np.array([[1]]), first=5)
    tally.absorb(Tally.of(np.array([[2]]), first=2))
    tally.absorb(Tally.of(np.array([[4]]), first=8))
    assert tally.first == 2
    assert [tally.row(row) for row in range(10)] == [[value] for value in (0, 0, 2, 0, 0, 1, 0, 0, 4, 0)]


@given(values=st.lists(large, min_size=4, max_size=4), twice=st.booleans())
def test_selected_rows_keep_their_sums(values: list[int], *, twice: bool) -> None:
    tally = Tally.of(np.array(values, np.int64).reshape(4, 1), first=3)
    if twice:
        tally.absorb(tally.copy())
        tally.absorb(tally.copy())
    picked = tally.select(np.array([6, 4]))
    assert [picked.row(0), picked.row(1)] == [tally.row(6), tally.row(4)]


def test_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 columns, found 3"):
        Tally.zeros(1, 2).absorb(Tally.zeros(1, 3))


def test_different_sums_are_not_the_same() -> None:
    left = Tally.of(np.array([[1, 2]]), first=1)
    assert not left.same(Tally.of(np.array([[1, 3]]), first=1))
    assert not left.same(Tally.of(np.array([[1, 2]]), first=2))
    assert left.same(Tally.of(np.array([[0, 0], [1, 2], [0, 0]])))
