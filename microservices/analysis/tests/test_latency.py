"""Outcomes, rates and latency statistics of each scope, against numpy on the raw rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from analysis_testing.worlds import SECOND, any_layout, layout, requests_table
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.accumulators import LIMB_BITS, LIMB_MASK
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.latency import (
    QUANTILES,
    counts_by_category,
    latency_tree,
    sum_of_squares,
    traffic_tree,
)
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.scopes import scopes_of
from headroom_common.simcore.tables import OUTCOMES

seeds = st.integers(min_value=0, max_value=2**32 - 1)


def measured_ok(table: dict[str, Any], warmup: int) -> np.ndarray:
    return (table["outcome"] == 0) & (table["t0"] >= warmup)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, rows=st.integers(min_value=2, max_value=300))
def test_latencies_of_everything_agree_with_numpy(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    table = requests_table(rng, plan, rows)
    tree = latency_tree(fold({"requests": table}, plan), scopes_of(plan).everything())
    values = table["latency"][measured_ok(table, plan.warmup_ns)] / SECOND
    if values.size == 0:
        assert set(tree.values()) == {None}
        return
    assert tree["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert tree["min"] == values.min()
    assert tree["max"] == values.max()
    for name, share in QUANTILES.items():
        assert tree[name] == pytest.approx(np.quantile(values, share, method="inverted_cdf"), rel=0.004)
    if values.size > 1:
        assert tree["sd"] == pytest.approx(values.std(ddof=1), rel=1e-9, abs=1e-12)
    else:
        assert tree["sd"] is None


@pytest.mark.parametrize("kind", ["workload", "endpoint"])
def test_latencies_of_one_scope_are_of_its_rows_alone(kind: str) -> None:
    rng = np.random.default_rng(7)
    plan = layout(rng, workloads=3, endpoints=4, groups=2, replicas=3)
    table = requests_table(rng, plan, 2000)
    partial = fold({"requests": table}, plan)
    scopes = scopes_of(plan)
    for index in range(plan.workloads if kind == "workload" else plan.endpoints):
        members = scopes.workload_at(index) if kind == "workload" else scopes.endpoint_at(index)
        rows = measured_ok(table, plan.warmup_ns) & (table[kind] == index)
        tree = latency_tree(partial, members)
        assert tree["mean"] == pytest.approx(table["latency"][rows].mean() / SECOND, rel=1e-12)
        assert tree["max"] == table["latency"][rows].max() / SECOND


def test_latencies_of_a_group_are_of_its_replicas() -> None:
    rng = np.random.default_rng(7)
    plan = layout(rng, groups=2, replicas=5)
    table = requests_table(rng, plan, 1000)
    partial = fold({"requests": table}, plan)
    for group in range(2):
        mine = np.isin(table["server"], np.flatnonzero(plan.group_of_replica == group))
        rows = measured_ok(table, plan.warmup_ns) & mine
        assert latency_tree(partial, scopes_of(plan).group(group))["mean"] == pytest.approx(
            table["latency"][rows].mean() / SECOND, rel=1e-12
        )


def test_equal_latencies_have_no_deviation() -> None:
    # 0.1 s is no binary fraction: a difference of rounded squares would not be 0.
    rng = np.random.default_rng(0)
    plan = layout(rng, warmup_ns=0, pool_slots=0)
    table = requests_table(rng, plan, 1000)
    zero = np.zeros(1000, np.int64)
    table |= {name: zero for name in table if name.startswith(("hop", "back")) or name.endswith("_wait")}
    table |= {"latency": zero + 100_000_003, "cpu_run": zero + 100_000_003}
    table |= {"outcome": np.zeros(1000, np.int8), "server": np.zeros(1000, np.int32)}
    tree = latency_tree(fold({"requests": table}, plan), scopes_of(plan).everything())
    assert tree["sd"] == 0.0
    assert {tree[name] for name in ("mean", "min", "max", *QUANTILES)} == {0.100000003}


@given(values=st.lists(st.integers(min_value=0, max_value=2**59), min_size=1, max_size=50))
def test_squares_are_put_together_exactly(values: list[int]) -> None:
    moments = [0] * 7
    for value in values:
        low, mid = value & LIMB_MASK, (value >> LIMB_BITS) & LIMB_MASK
        high = value >> (2 * LIMB_BITS)
        products = (low * low, low * mid, mid * mid, low * high, mid * high, high * high)
        moments = [total + part for total, part in zip(moments, (value, *products), strict=True)]
    assert sum_of_squares(moments) == sum(value**2 for value in values)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_traffic_is_counted_by_arrival_and_throughput_by_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    table = requests_table(rng, plan, 200)
    partial = fold({"requests": table}, plan)
    tree = traffic_tree(counts_by_category(partial, scopes_of(plan).everything()), plan)
    arrived = table["t0"] >= plan.warmup_ns
    end = table["t0"] + table["latency"]
    window = plan.window_ns / SECOND
    answered = (table["outcome"] == 0) & (end >= plan.warmup_ns) & (end < plan.horizon_ns)
    assert tree["outcomes"] == {
        name: int((arrived & (table["outcome"] == code)).sum()) for code, name in enumerate(OUTCOMES)
    }
    assert tree["arrival_rate"] == pytest.approx(arrived.sum() / window)
    assert tree["throughput"] == pytest.approx(answered.sum() / window)
    if arrived.any():
        assert tree["error_ratio"] == pytest.approx((table["outcome"][arrived] != 0).mean())
    else:
        assert tree["error_ratio"] is None


def test_nothing_measured_leaves_everything_open() -> None:
    plan = layout(np.random.default_rng(0))
    empty = Partial.empty(plan)
    everything = scopes_of(plan).everything()
    traffic = traffic_tree(counts_by_category(empty, everything), plan)
    assert traffic["error_ratio"] is None
    assert traffic["throughput"] == 0.0
    assert set(latency_tree(empty, everything).values()) == {None}


def test_requests_that_reached_no_server_belong_to_no_group() -> None:
    rng = np.random.default_rng(1)
    plan = layout(rng, warmup_ns=0)
    table = requests_table(rng, plan, 300)
    partial = fold({"requests": table}, plan)
    of_group = traffic_tree(counts_by_category(partial, scopes_of(plan).group(0)), plan)
    of_all = traffic_tree(counts_by_category(partial, scopes_of(plan).everything()), plan)
    lost = int((table["server"] < 0).sum())
    assert of_all["outcomes"]["dropped"] - of_group["outcomes"]["dropped"] == lost
    assert of_all["outcomes"]["ok"] == of_group["outcomes"]["ok"]
