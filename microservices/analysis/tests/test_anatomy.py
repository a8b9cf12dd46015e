"""The anatomy: parts that sum to the whole, a tail that starts at its bucket, names in the model's order."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_testing.worlds import SECOND, any_layout, layout, requests_table
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.anatomy import anatomy_document, anatomy_tree, causes_of
from headroom_analysis.domain.facts import PoolFacts, RunFacts, ServerFacts
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.scopes import scopes_of
from headroom_analysis.domain.sketch import bucket_of, rank_of
from headroom_analysis.domain.trees import figures_of, leaves_of, row_of

seeds = st.integers(min_value=0, max_value=2**32 - 1)


def facts(*servers: ServerFacts, links: tuple[str, ...] = ()) -> RunFacts:
    return RunFacts(
        name="x",
        scenario={},
        scenario_hash="0",
        engine_version="1",
        seed=1,
        trials=2,
        confidence=0.95,
        workloads=("w",),
        endpoints=("e",),
        links=links,
        servers=servers,
        objectives=(),
    )


@settings(max_examples=50, deadline=None)
@given(seed=seeds, rows=st.integers(min_value=1, max_value=200))
def test_parts_sum_to_the_mean_latency_and_to_the_tails(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    plan = any_layout(rng)
    table = requests_table(rng, plan, rows)
    tree = anatomy_tree(fold({"requests": table}, plan), scopes_of(plan).everything())
    values = np.sort(table["latency"][(table["outcome"] == 0) & (table["t0"] >= plan.warmup_ns)])
    if values.size == 0:
        assert tree["mean"] == tree["p99"] == {"total": None, "causes": [None] * plan.causes}
        return
    first = bucket_of(int(values[rank_of(0.99, values.size) - 1]))
    tail = [value for value in values.tolist() if bucket_of(value) >= first]
    assert tree["mean"]["total"] == pytest.approx(values.mean() / SECOND, rel=1e-12)
    assert tree["p99"]["total"] == pytest.approx(np.mean(tail) / SECOND, rel=1e-12)
    for part in tree.values():
        assert sum(part["causes"]) == pytest.approx(part["total"], rel=1e-12)
        assert len(part["causes"]) == plan.causes


def test_the_tail_names_the_cause_that_made_it() -> None:
    rng = np.random.default_rng(3)
    plan = layout(rng, warmup_ns=0, links=1, pool_slots=1, groups=2, replicas=2)
    table = requests_table(rng, plan, 1000)
    slow = np.zeros(1000, bool)
    slow[:20] = True
    extra = np.where(slow, 10 * SECOND, 0)
    table |= {"outcome": np.zeros(1000, np.int8), "server": np.where(slow, 1, 0).astype(np.int32)}
    causes = [name for name in table if name.startswith(("hop", "back", "pool"))]
    table["pool_wait0"] = table["pool_wait0"] + extra
    spent = [table[name] for name in (*causes, "memory_wait", "cpu_wait", "cpu_run", "io_wait")]
    table["latency"] = np.sum(spent, axis=0)
    tree = anatomy_tree(fold({"requests": table}, plan), scopes_of(plan).everything())
    pool_of_second = plan.links + plan.causes_per_group + 4
    assert int(np.argmax(tree["p99"]["causes"])) == pool_of_second
    assert tree["p99"]["causes"][pool_of_second] > 10
    assert tree["mean"]["causes"][pool_of_second] == pytest.approx(table["pool_wait0"][slow].sum() / 1e12)


def test_causes_are_named_in_the_order_of_the_columns() -> None:
    app = ServerFacts("app", 2, 4, None, (PoolFacts("db", 5, 1),))
    web = ServerFacts("web", 1, 1, None, ())
    assert causes_of(facts(app, web, links=("internet",))) == [
        ("link:internet", None),
        ("memory_wait", "app"),
        ("cpu_wait", "app"),
        ("cpu_run", "app"),
        ("io", "app"),
        ("pool_wait:db", "app"),
        ("memory_wait", "web"),
        ("cpu_wait", "web"),
        ("cpu_run", "web"),
        ("io", "web"),
        ("", "web"),
    ]


def test_the_document_has_the_largest_part_first_and_no_part_of_zero() -> None:
    web = ServerFacts("web", 1, 1, None, ())
    trees = [
        {
            "mean": {"total": 6.0, "causes": [1.0, 0.0, 2.0, 3.0, 0.0]},
            "p99": {"total": 9.0, "causes": [0.0, 0.0, 9.0, 0.0, 0.0]},
        },
        {
            "mean": {"total": 8.0, "causes": [3.0, 0.0, 2.0, 3.0, 0.0]},
            "p99": {"total": 9.0, "causes": [0.0, 0.0, 9.0, 0.0, 0.0]},
        },
    ]
    figures = figures_of(trees[0], [row_of(tree) for tree in trees], 0.95)
    document = anatomy_document(figures, facts(web, links=("lan",)))
    assert [(part["cause"], part["server"]) for part in document["mean"]["parts"]] == [
        ("cpu_run", "web"),
        ("cpu_wait", "web"),
        ("link:lan", None),
    ]
    assert document["mean"]["total"] == 7.0
    assert document["mean"]["parts"][2]["seconds"]["value"] == 2.0
    assert document["mean"]["parts"][2]["seconds"]["low"] == 0.0  # cut at 0
    assert sum(part["share"] for part in document["mean"]["parts"]) == pytest.approx(1.0)
    assert document["p99"]["parts"] == [
        {
            "cause": "cpu_wait",
            "server": "web",
            "seconds": {"value": 9.0, "low": 9.0, "high": 9.0},
            "share": 1.0,
        }
    ]


def test_trials_without_requests_are_left_out() -> None:
    web = ServerFacts("web", 1, 1, None, ())
    full = {"total": 1.0, "causes": [0.0, 0.0, 1.0, 0.0]}
    nothing = {"total": None, "causes": [None] * 4}
    rows = [row_of({"mean": part, "p99": part}) for part in (nothing, full)]
    shape = {"mean": nothing, "p99": nothing}
    document = anatomy_document(figures_of(shape, rows, 0.95), facts(web))
    assert document["mean"]["total"] == 1.0
    assert anatomy_document(figures_of(shape, rows[:1], 0.95), facts(web)) == {
        "mean": {"total": None, "parts": []},
        "p99": {"total": None, "parts": []},
    }


def test_nothing_has_no_anatomy() -> None:
    plan = layout(np.random.default_rng(0))
    tree = anatomy_tree(Partial.empty(plan), scopes_of(plan).everything())
    assert set(leaves_of(tree)) == {None}
    assert len(tree["p99"]["causes"]) == plan.causes
