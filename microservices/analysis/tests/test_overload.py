"""Servers that cannot keep up, told apart by the document: cores, memory, pools, limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from analysis_testing.runs import run_parameters
from analysis_testing.worlds import SECOND, all_tables

from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.result import result_document
from headroom_analysis.domain.trial import RunTotals, summarise
from headroom_analysis.plans import RunPlan, plan_of

TICKS = np.arange(101)
WINDOW = 9 * SECOND
ACCOUNTS = (
    *("arrivals", "completed", "refused", "shed", "busy_ns", "ready_wait_ns", "memory_wait_ns", "io_ns"),
    *("in_system_ns", "memory_kib_ns_high", "memory_kib_ns_low", "little_area_ns", "little_sojourn_ns"),
    *("peak_ready", "peak_memory_kib", "peak_in_system"),
)


@pytest.fixture(scope="module")
def plan() -> RunPlan:
    return plan_of(run_parameters(trials=2, name="overload"))


def app_of(
    plan: RunPlan,
    waiting: np.ndarray,
    accounts: dict[str, int],
    pools: dict[int, dict[str, int]] | None = None,
) -> dict[str, Any]:
    """The entry of `app` when its first replica has these accounts and so many wait at each tick."""
    tables = all_tables(np.random.default_rng(0), plan.layout, 10)
    tables["servers"] = {name: np.array([accounts.get(name, 0), 0, 0]) for name in ACCOUNTS}
    zero = np.zeros(TICKS.size, np.int64)
    tables["samples"] = {
        **dict.fromkeys(("ready", "io", "memory_kib", "busy"), zero),
        "tick": TICKS,
        "cell": zero.astype(np.int32),
        "in_system": waiting,
    }
    columns = ("wait_ns", "held_ns", "acquired", "peak_waiting")
    rows = [(pools or {}).get(row, {}) for row in range(6)]
    tables["pools"] = {name: np.array([row.get(name, 0) for row in rows]) for name in columns}
    partial = fold(tables, plan.layout)
    totals = RunTotals.empty(plan.layout)
    summaries = []
    for trial in range(2):
        totals.absorb(partial, plan.layout)
        summaries.append(summarise(trial, partial, plan.layout, plan.facts.servers))
    document = result_document(summaries, totals, plan.layout, plan.facts)
    found: dict[str, Any] = document["servers"][0]
    return found


STEADY = np.full(TICKS.size, 2)
GROWING = 3 * TICKS
BUSY = {"arrivals": 900, "in_system_ns": 30 * WINDOW}


def test_a_server_at_ease(plan: RunPlan) -> None:
    app = app_of(plan, STEADY, BUSY | {"busy_ns": WINDOW, "ready_wait_ns": WINDOW})
    assert (app["saturated"], app["bottleneck"]) == (False, None)  # one waits of thirty inside: below 5 %


def test_cores_used_up_on_one_replica_alone(plan: RunPlan) -> None:
    app = app_of(plan, STEADY, BUSY | {"busy_ns": 2 * WINDOW * 96 // 100, "ready_wait_ns": WINDOW})
    assert app["utilisation"]["value"] == pytest.approx(0.48)
    assert app["utilisation_max_replica"]["value"] == pytest.approx(0.96)
    assert (app["saturated"], app["bottleneck"]) == (True, "cpu")


def test_a_memory_queue_that_grows_beside_free_memory(plan: RunPlan) -> None:
    half = WINDOW * (1 << 20) * 6 // 10
    accounts = {"memory_kib_ns_high": half >> 20, "memory_kib_ns_low": half & ((1 << 20) - 1)}
    app = app_of(plan, GROWING, BUSY | accounts | {"memory_wait_ns": 25 * WINDOW})
    assert app["memory"]["mean"]["value"] == pytest.approx(0.3 * (1 << 30))
    assert (app["saturated"], app["bottleneck"]) == (True, "memory")


def test_the_same_queue_without_growth_is_a_bottleneck_only(plan: RunPlan) -> None:
    app = app_of(plan, STEADY, BUSY | {"memory_wait_ns": 25 * WINDOW})
    assert (app["saturated"], app["bottleneck"]) == (False, "memory")


def test_a_pool_used_up(plan: RunPlan) -> None:
    used = {row: {"held_ns": 4 * WINDOW, "wait_ns": 20 * WINDOW, "acquired": 900} for row in (0, 2)}
    app = app_of(plan, STEADY, BUSY, used)
    assert [pool["utilisation"]["value"] for pool in app["queues"]["pools"]] == [1.0, 0.0]
    assert app["queues"]["pools"][0]["wait_mean"]["value"] == pytest.approx(0.2)
    assert (app["saturated"], app["bottleneck"]) == (True, "pool:db")


def test_an_inner_pool_that_fills_the_outer_one(plan: RunPlan) -> None:
    used = {row: {"held_ns": 4 * WINDOW, "wait_ns": 50 * WINDOW} for row in (0, 2)}
    used |= {row: {"held_ns": 8 * WINDOW, "wait_ns": 2 * WINDOW} for row in (1, 3)}
    assert app_of(plan, STEADY, BUSY, used)["bottleneck"] == "pool:cache"


def test_shedding_is_saturation(plan: RunPlan) -> None:
    app = app_of(plan, STEADY, BUSY | {"shed": 1, "ready_wait_ns": 3 * WINDOW})
    assert app["shed"]["value"] == 1.0
    assert (app["saturated"], app["bottleneck"]) == (True, "cpu")
