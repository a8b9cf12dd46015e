"""The series: rates by the end of requests, states at their instants, thinned without a shift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from analysis_testing.runs import run_parameters
from analysis_testing.worlds import SECOND, all_tables

from headroom_analysis.domain.exact import Tally
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.partials import STATES
from headroom_analysis.domain.series import FEWEST_INSTANTS, MOST_INSTANTS, series_document, stride_of
from headroom_analysis.domain.trial import RunTotals
from headroom_analysis.plans import RunPlan, plan_of


def totals_of(plan: RunPlan, tables: dict[str, Any]) -> RunTotals:
    totals = RunTotals.empty(plan.layout)
    for _ in range(plan.facts.trials):
        totals.absorb(fold(tables, plan.layout), plan.layout)
    return totals


@pytest.fixture(name="plan")
def plan_fixture() -> RunPlan:
    return plan_of(run_parameters(trials=2))


def test_rates_integrate_to_the_requests_that_ended(plan: RunPlan) -> None:
    tables = all_tables(np.random.default_rng(5), plan.layout, 500)
    series = series_document(totals_of(plan, tables), plan.layout, plan.facts)
    end = tables["requests"]["t0"] + tables["requests"]["latency"]
    inside = end < plan.layout.horizon_ns
    ok = tables["requests"]["outcome"] == 0
    assert sum(series["throughput"]) * series["period"] == pytest.approx((inside & ok).sum())
    assert sum(series["errors"]) * series["period"] == pytest.approx((inside & ~ok).sum())
    first = (end < SECOND // 10) & ok
    assert series["throughput"][0] == pytest.approx(first.sum() * 10)


def test_times_start_at_zero_and_end_before_the_horizon(plan: RunPlan) -> None:
    tables = all_tables(np.random.default_rng(5), plan.layout, 5)
    series = series_document(totals_of(plan, tables), plan.layout, plan.facts)
    assert series["times"][:3] == [0.0, 0.1, 0.2]
    assert len(series["times"]) == 100
    for one in (series["throughput"], series["errors"], series["links"][0]["in_transit"]):
        assert len(one) == 100
    for entry in series["servers"]:
        assert {len(entry[name]) for name in ("ready", "io", "memory", "busy", "in_system")} == {100}


def test_states_are_means_over_trials_at_their_instants(plan: RunPlan) -> None:
    tables = all_tables(np.random.default_rng(5), plan.layout, 5)
    tables["samples"] = {
        "tick": np.array([7, 7]),
        "cell": np.array([1, 2], np.int32),
        "ready": np.array([3, 5]),
        "io": np.array([0, 0]),
        "memory_kib": np.array([2, 0]),
        "busy": np.array([1, 0]),
        "in_system": np.array([4, 5]),
    }
    tables["pool_samples"] = {
        "tick": np.array([7]),
        "cell": np.array([1]),
        "slot": np.array([1]),
        "in_use": np.array([6]),
    }
    series = series_document(totals_of(plan, tables), plan.layout, plan.facts)
    first, second, store = series["servers"]
    assert [(entry["name"], entry["replica"]) for entry in series["servers"]] == [
        ("app", 0),
        ("app", 1),
        ("store", 0),
    ]
    assert (second["ready"][7], second["memory"][7], second["pools"]["cache"][7]) == (3.0, 2048.0, 6.0)
    assert (second["ready"][6], second["ready"][8], first["ready"][7]) == (0.0, 0.0, 0.0)
    assert store["ready"][7] == 5.0
    assert store["pools"] == {}


def test_transit_is_the_running_sum_of_the_changes(plan: RunPlan) -> None:
    tables = all_tables(np.random.default_rng(5), plan.layout, 5)
    tables["link_samples"] = {
        "tick": np.array([2, 5, 2, 101]),
        "link": np.array([1, 1, 0, 0]),
        "delta": np.array([4, -3, 1, -1]),
    }
    series = series_document(totals_of(plan, tables), plan.layout, plan.facts)
    internet, lan = series["links"]
    assert lan["in_transit"][:7] == [0.0, 0.0, 4.0, 4.0, 4.0, 1.0, 1.0]
    assert internet["in_transit"][99] == 1.0


def test_long_series_are_thinned_without_a_shift() -> None:
    plan = plan_of(run_parameters(trials=1, horizon="100s", sample_period="50ms"))
    assert stride_of(plan.layout) == 4
    tables = all_tables(np.random.default_rng(5), plan.layout, 300)
    totals = totals_of(plan, tables)
    states = np.zeros((plan.layout.ticks, plan.layout.cells, len(STATES)), np.int64)
    states[:, 0, 0] = np.arange(plan.layout.ticks)
    totals.samples = Tally.of(states.reshape(plan.layout.ticks, -1))
    series = series_document(totals, plan.layout, plan.facts)
    assert len(series["times"]) == 500 <= MOST_INSTANTS
    assert series["period"] == 0.2
    assert series["servers"][0]["ready"][:4] == [0.0, 4.0, 8.0, 12.0]
    end = tables["requests"]["t0"] + tables["requests"]["latency"]
    ok = (tables["requests"]["outcome"] == 0) & (end < plan.layout.horizon_ns)
    assert sum(series["throughput"]) * 0.2 == pytest.approx(ok.sum())


def test_the_last_span_may_be_shorter() -> None:
    plan = plan_of(run_parameters(trials=1, horizon="1050ms", warmup="0s", sample_period="100ms"))
    tables = all_tables(np.random.default_rng(5), plan.layout, 400)
    series = series_document(totals_of(plan, tables), plan.layout, plan.facts)
    end = tables["requests"]["t0"] + tables["requests"]["latency"]
    last = (tables["requests"]["outcome"] == 0) & (end >= SECOND) & (end < plan.layout.horizon_ns)
    assert len(series["times"]) == 11
    assert series["throughput"][-1] == pytest.approx(last.sum() / 0.05)


def test_wide_scenarios_are_thinned_further(plan: RunPlan) -> None:
    layout = plan.layout._replace(horizon_ns=600 * SECOND)
    assert -(-layout.bins // stride_of(layout)) <= MOST_INSTANTS
    wide = layout._replace(cells=640)
    assert -(-wide.bins // stride_of(wide)) <= MOST_INSTANTS // 10
    widest = layout._replace(cells=100_000)
    assert FEWEST_INSTANTS - 5 <= -(-widest.bins // stride_of(widest)) <= FEWEST_INSTANTS


def test_large_fleets_have_one_series_per_server() -> None:
    servers = [
        {
            "name": "app",
            "replicas": 70,
            "cores": 1,
            "endpoints": [{"name": "/api", "steps": [{"cpu": "1ms"}]}],
        }
    ]
    workloads = [{"name": "w", "entry": "lb", "arrivals": {"kind": "poisson", "rate": "5/s"}}]
    routers = [{"name": "lb", "policy": "random", "targets": [{"server": "app"}]}]
    plan = plan_of(
        run_parameters(
            trials=1, servers=servers, workloads=workloads, routers=routers, objectives=[], links=[]
        )
    )
    tables = all_tables(np.random.default_rng(5), plan.layout, 10)
    series = series_document(totals_of(plan, tables), plan.layout, plan.facts)
    assert [(entry["name"], entry["replica"]) for entry in series["servers"]] == [("app", None)]
