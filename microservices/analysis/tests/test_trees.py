"""Trees of numbers, their rows, and the figures over rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headroom_analysis.domain.intervals import figure_of
from headroom_analysis.domain.trees import figures_of, leaves_of, means_of, row_of

numbers = st.one_of(st.none(), st.integers(min_value=0, max_value=2**53), st.floats(0, 1e9))
trees = st.dictionaries(
    st.text(max_size=3),
    st.recursive(
        numbers,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


def scaled(tree: Any, factor: float) -> Any:
    """The same tree with every number multiplied."""
    if isinstance(tree, dict):
        return {key: scaled(item, factor) for key, item in tree.items()}
    if isinstance(tree, list):
        return [scaled(item, factor) for item in tree]
    return None if tree is None else tree * factor


def by_hand(first: Any, second: Any) -> Any:
    """The figures of two equally shaped trees, without rows."""
    if isinstance(first, dict):
        return {key: by_hand(first[key], second[key]) for key in first}
    if isinstance(first, list):
        return [by_hand(left, right) for left, right in zip(first, second, strict=True)]
    return figure_of([first, second], 0.9, least=0.0).document()


@given(tree=trees)
def test_figures_over_rows_are_the_figures_over_trees(tree: dict[str, Any]) -> None:
    other = scaled(tree, 0.5)
    assert figures_of(tree, [row_of(tree), row_of(other)], 0.9) == by_hand(tree, other)


@given(tree=trees)
def test_a_row_holds_the_leaves_in_order(tree: dict[str, Any]) -> None:
    leaves = list(leaves_of(tree))
    row = row_of(tree).tolist()
    assert len(row) == len(leaves)
    assert all(
        math.isnan(value) if leaf is None else value == leaf for value, leaf in zip(row, leaves, strict=True)
    )


def test_leaves_come_in_the_order_of_the_keys() -> None:
    assert list(leaves_of({"b": 1, "a": [2, {"c": None}], "d": []})) == [1, 2, None]


@given(tree=trees)
def test_means_of_one_trial_are_its_numbers(tree: dict[str, Any]) -> None:
    figures = figures_of(tree, [row_of(tree)], 0.95)
    assert row_of(means_of(figures)).tolist() == np.nan_to_num(row_of(tree)).tolist()


def test_intervals_are_cut_at_zero() -> None:
    figures = figures_of({"x": 0}, [np.array([0.0]), np.array([4.0])], 0.95)
    assert figures["x"]["value"] == 2.0
    assert figures["x"]["low"] == 0.0
    assert figures["x"]["high"] > 4.0
