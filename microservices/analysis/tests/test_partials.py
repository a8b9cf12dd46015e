"""Partials merge exactly, in any order and any grouping, into what one fold of everything gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from analysis_testing.worlds import Tables, all_tables, any_layout, layout
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.partials import Partial, merge

seeds = st.integers(min_value=0, max_value=2**32 - 1)


def pieces_of(tables: Tables, cuts: int) -> list[Tables]:
    """Cut `requests` and the samples into parts, as segments do; the accounts travel with the first."""
    cut: dict[str, list[dict[str, np.ndarray[Any, Any]]]] = {}
    for name in ("requests", "samples", "pool_samples", "link_samples"):
        if name in tables:
            columns = {column: np.array_split(values, cuts) for column, values in tables[name].items()}
            cut[name] = [{column: parts[at] for column, parts in columns.items()} for at in range(cuts)]
    pieces: list[Tables] = [{name: parts[at] for name, parts in cut.items()} for at in range(cuts)]
    return [{**tables, **pieces[0]}, *pieces[1:]]


@settings(max_examples=60, deadline=None)
@given(seed=seeds, cuts=st.integers(min_value=1, max_value=5), data=st.data())
def test_parts_in_any_order_give_the_whole(seed: int, cuts: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    tables = all_tables(rng, plan, 60)
    parts = [fold(piece, plan) for piece in pieces_of(tables, cuts)]
    whole = Partial.empty(plan, whole_trial=data.draw(st.booleans()))
    for part in data.draw(st.permutations(parts)):
        whole.absorb(part)
    assert whole.same(fold(tables, plan))


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_merging_is_commutative_and_associative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    first, second, third = (fold(all_tables(rng, plan, 20), plan) for _ in range(3))
    assert merge(first, second, plan).same(merge(second, first, plan))
    left = merge(merge(first, second, plan), third, plan)
    assert left.same(merge(first, merge(second, third, plan), plan))


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_merging_changes_neither_side(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    tables = all_tables(rng, plan, 20)
    left, right = fold(tables, plan), fold(all_tables(rng, plan, 20), plan)
    whole = merge(left, right, plan)
    whole.absorb(right)
    assert left.same(fold(tables, plan))


def test_nothing_is_the_neutral_element() -> None:
    rng = np.random.default_rng(1)
    plan = any_layout(rng)
    part = fold(all_tables(rng, plan, 30), plan)
    assert merge(part, Partial.empty(plan), plan).same(part)


def test_different_partials_are_not_the_same() -> None:
    rng = np.random.default_rng(1)
    plan = layout(rng)
    tables = all_tables(rng, plan, 30)
    part = fold(tables, plan)
    tables["servers"]["peak_ready"][0] += 1
    assert not part.same(fold(tables, plan))
    tables["servers"]["peak_ready"][0] -= 1
    tables["samples"]["ready"][0] += 1
    assert not part.same(fold(tables, plan))


def test_peaks_are_the_larger_of_both() -> None:
    rng = np.random.default_rng(1)
    plan = layout(rng, replicas=2)
    left, right = Partial.empty(plan), Partial.empty(plan)
    left.server_peaks[:] = [[1, 9, 3], [4, 5, 6]]
    right.server_peaks[:] = [[7, 2, 3], [4, 0, 8]]
    left.pool_peaks[:] = [1, 8]
    right.pool_peaks[:] = [2, 3]
    whole = merge(left, right, plan)
    assert whole.server_peaks.tolist() == [[7, 9, 3], [4, 5, 8]]
    assert whole.pool_peaks.tolist() == [2, 8]
