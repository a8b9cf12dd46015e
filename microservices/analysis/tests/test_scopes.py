"""The numbering of scopes, and what is given up in scenarios with too many members of a kind."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_testing.naive import naive_fold
from analysis_testing.worlds import SECOND, layout, requests_table

from headroom_analysis.domain.anatomy import anatomy_tree, causes_of
from headroom_analysis.domain.facts import PoolFacts, RunFacts, ServerFacts
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.latency import latency_tree
from headroom_analysis.domain.layout import MOST_DETAILED
from headroom_analysis.domain.scopes import Scope, scopes_of


@pytest.mark.parametrize(
    ("sizes", "count", "workload", "endpoint"),
    [
        ({}, 1, (0,), (0,)),
        ({"groups": 2, "replicas": 2}, 2, (0, 1), (0, 1)),
        ({"groups": 2, "workloads": 3}, 5, (3,), (0, 1)),
        ({"groups": 2, "endpoints": 3}, 5, (0, 1), (3,)),
        ({"workloads": 2, "endpoints": 2}, 5, (2,), (4,)),
    ],
)
def test_scopes_of_a_kind_with_one_member_are_everything(
    sizes: dict[str, int], count: int, workload: tuple[int, ...], endpoint: tuple[int, ...]
) -> None:
    scopes = scopes_of(layout(np.random.default_rng(0), **sizes))
    assert (scopes.count, scopes.columns) == (count, count)
    assert scopes.workload_at(int(scopes.workload >= 0)).members == workload
    assert scopes.endpoint_at(int(scopes.endpoint >= 0)).members == endpoint
    assert scopes.everything() == Scope(tuple(range(scopes.groups)), tuple(range(scopes.groups)), whole=True)


def test_columns_are_those_of_the_members() -> None:
    scopes = scopes_of(layout(np.random.default_rng(0), groups=2, workloads=3, endpoints=2))
    assert scopes.group(1) == Scope((1,), (1,))
    assert scopes.workload_at(2) == Scope((4,), (4,))
    assert scopes.endpoint_at(1) == Scope((6,), (6,))


def test_too_many_members_have_no_columns() -> None:
    many = MOST_DETAILED + 1
    scopes = scopes_of(layout(np.random.default_rng(0), groups=many, workloads=many, endpoints=2, links=many))
    assert scopes.columns == 3
    assert scopes.group(7) == Scope((7,), None)
    assert scopes.workload_at(5) == Scope((many + 5,), None)
    assert scopes.endpoint_at(1) == Scope((2 * many + 1,), (2,))
    assert scopes.everything().columns == (0,)


def test_the_bound_itself_is_still_detailed() -> None:
    scopes = scopes_of(layout(np.random.default_rng(0), groups=MOST_DETAILED))
    assert scopes.group(7).columns == (7,)


def test_wide_scenarios_lose_detail_but_no_total() -> None:
    rng = np.random.default_rng(4)
    many = MOST_DETAILED + 10
    plan = layout(rng, groups=many, workloads=2, links=many, pool_slots=1)
    table = requests_table(rng, plan, 3000)
    partial = fold({"requests": table}, plan)
    scopes = scopes_of(plan)
    assert partial.anatomy.low.shape[1] == plan.causes == 1 + 5
    everything = latency_tree(partial, scopes.everything())
    measured = (table["outcome"] == 0) & (table["t0"] >= plan.warmup_ns)
    values = table["latency"][measured] / SECOND
    assert everything["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert everything["p99"] == pytest.approx(np.quantile(values, 0.99, method="inverted_cdf"), rel=0.004)
    told = naive_fold({"requests": table}, plan)
    for group in (0, many // 2, many - 1):
        tree = latency_tree(partial, scopes.group(group))
        assert tree["max"] == told.highest["group", group] / SECOND
        assert (tree["p50"], tree["p99"]) == (None, None)
    shopper = latency_tree(partial, scopes.workload_at(1))
    assert shopper["p50"] is not None
    anatomy = anatomy_tree(partial, scopes.everything())
    assert sum(anatomy["mean"]["causes"]) == pytest.approx(values.mean(), rel=1e-12)
    pools = table["pool_wait0"][measured].mean() / SECOND
    assert anatomy["mean"]["causes"][-1] == pytest.approx(pools, rel=1e-12)


def test_causes_of_wide_scenarios_name_no_server() -> None:
    servers = tuple(
        ServerFacts(f"s{index}", 1, 1, None, (PoolFacts("db", 1, 1),)) for index in range(MOST_DETAILED + 1)
    )
    links = tuple(f"l{index}" for index in range(MOST_DETAILED + 1))
    facts = RunFacts("x", {}, "0", "1", 1, 1, 0.95, ("w",), ("e",), links, servers, ())
    assert causes_of(facts) == [
        ("link", None),
        ("memory_wait", None),
        ("cpu_wait", None),
        ("cpu_run", None),
        ("io", None),
        ("pool_wait", None),
    ]
