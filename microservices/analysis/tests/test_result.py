"""The result document: complete, plain JSON, ordered, and the same for the same trials in any order."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from analysis_testing.runs import run_parameters
from analysis_testing.worlds import SECOND, Tables, all_tables

from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.result import MOST_BARS, result_document
from headroom_analysis.domain.trial import RunTotals, TrialSummary, summarise, trial_tree
from headroom_analysis.plans import RunPlan, plan_of

TOP = (
    *("format", "engine_version", "scenario_hash", "scenario", "name", "seed", "trials", "confidence"),
    *("horizon", "warmup", "verdict", "requests", "outcomes", "error_ratio", "latency", "throughput"),
    *(
        "arrival_rate",
        "workloads",
        "endpoints",
        "servers",
        "links",
        "anatomy",
        "objectives",
        "series",
        "checks",
    ),
)


def trials_of(plan: RunPlan, trials: int, rows: int = 400) -> list[Tables]:
    return [all_tables(np.random.default_rng(trial), plan.layout, rows) for trial in range(trials)]


def document_of(plan: RunPlan, trials: list[tuple[int, Tables]]) -> dict[str, Any]:
    totals = RunTotals.empty(plan.layout)
    summaries = []
    for trial, tables in trials:
        partial = fold(tables, plan.layout)
        totals.absorb(partial, plan.layout)
        summaries.append(summarise(trial, partial, plan.layout, plan.facts.servers))
    return result_document(summaries, totals, plan.layout, plan.facts)


@pytest.fixture(scope="module")
def plan() -> RunPlan:
    return plan_of(run_parameters(trials=3))


@pytest.fixture(scope="module")
def trials(plan: RunPlan) -> list[Tables]:
    return trials_of(plan, 3)


@pytest.fixture(scope="module")
def document(plan: RunPlan, trials: list[Tables]) -> dict[str, Any]:
    return document_of(plan, list(enumerate(trials)))


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, f"{path}[{index}]")]
    return [(path, value)]


def test_the_keys_stand_in_their_documented_order(document: dict[str, Any]) -> None:
    assert tuple(document) == TOP
    assert tuple(document["latency"]) == (
        *("mean", "sd", "min", "max", "p50", "p90", "p95", "p99", "p999"),
        "histogram",
    )


def test_every_leaf_is_plain_json(document: dict[str, Any]) -> None:
    for path, leaf in leaves(document):
        assert leaf is None or type(leaf) in (bool, int, float, str), path
        assert not isinstance(leaf, float) or math.isfinite(leaf), path
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    assert json.loads(text) == document


def test_the_order_of_the_trials_changes_no_byte(
    plan: RunPlan, trials: list[Tables], document: dict[str, Any]
) -> None:
    shuffled = document_of(plan, [(2, trials[2]), (0, trials[0]), (1, trials[1])])
    assert json.dumps(shuffled) == json.dumps(document)


def test_fewer_trials_make_a_partial_result(trials: list[Tables]) -> None:
    some = list(enumerate(trials))[:2]
    partial = document_of(plan_of(run_parameters(trials=3)), some)
    complete = document_of(plan_of(run_parameters(trials=2)), some)
    assert list(partial)[6:8] == ["trials", "partial"]
    assert partial.pop("partial") == {"trials_requested": 3}
    assert json.dumps(partial) == json.dumps(complete)


def test_figures_are_means_over_trials(trials: list[Tables], document: dict[str, Any]) -> None:
    ok = [
        int(((one["requests"]["outcome"] == 0) & (one["requests"]["t0"] >= SECOND)).sum()) for one in trials
    ]
    assert document["outcomes"]["ok"]["value"] == pytest.approx(np.mean(ok))
    assert document["outcomes"]["ok"]["low"] < np.mean(ok) < document["outcomes"]["ok"]["high"]
    assert document["requests"]["total"] == 1200
    measured = sum(int((one["requests"]["t0"] >= SECOND).sum()) for one in trials)
    assert document["requests"]["measured"] == measured
    outcomes = sum(figure["value"] for figure in document["outcomes"].values())
    assert outcomes * 3 == pytest.approx(measured)


def test_no_figure_leaves_its_interval_and_none_is_negative(document: dict[str, Any]) -> None:
    def check(value: Any) -> int:
        if isinstance(value, list):
            return sum(check(item) for item in value)
        if not isinstance(value, dict):
            return 0
        if value.keys() == {"value", "low", "high"} and value["low"] is not None:
            assert 0 <= value["low"] <= value["value"] <= value["high"]
            return 1
        return sum(check(item) for key, item in value.items() if key != "scenario")

    assert check(document) > 100


def test_the_histogram_holds_every_measured_answer(document: dict[str, Any]) -> None:
    bars = document["latency"]["histogram"]
    assert 10 < len(bars) <= MOST_BARS
    assert sum(bar["count"] for bar in bars) == pytest.approx(document["outcomes"]["ok"]["value"] * 3)
    assert bars[0]["low"] <= document["latency"]["p50"]["value"] <= bars[-1]["high"]


def test_scopes_are_named_and_complete(document: dict[str, Any]) -> None:
    assert [entry["name"] for entry in document["workloads"]] == ["shoppers", "batch"]
    assert [entry["name"] for entry in document["endpoints"]] == ["/api", "/buy", "/put"]
    assert [entry["name"] for entry in document["links"]] == ["internet", "lan"]
    for kind in ("workloads", "endpoints"):
        parts = sum(entry["outcomes"]["ok"]["value"] for entry in document[kind])
        assert parts == pytest.approx(document["outcomes"]["ok"]["value"])
        rates = sum(entry["throughput"]["value"] for entry in document[kind])
        assert rates == pytest.approx(document["throughput"]["value"])


def test_servers_say_all_about_their_resources(document: dict[str, Any]) -> None:
    app, store = document["servers"]
    assert (app["name"], app["replicas"], app["cores"]) == ("app", 2, 2)
    assert app["memory"]["capacity"] == 1 << 30
    assert [pool["name"] for pool in app["queues"]["pools"]] == ["db", "cache"]
    assert app["queues"]["pools"][0]["size"] == 4
    assert [replica["index"] for replica in app["per_replica"]] == [0, 1]
    assert app["saturated"] is True  # the made-up tables have shed requests
    assert store["queues"]["pools"] == []
    assert store["memory"]["capacity"] is None


def test_a_server_without_memory_says_null(plan: RunPlan, trials: list[Tables]) -> None:
    tables = dict(trials[0])
    zero = np.zeros(3, np.int64)
    names = ("peak_memory_kib", "memory_kib_ns_high", "memory_kib_ns_low")
    tables["servers"] = tables["servers"] | dict.fromkeys(names, zero)
    app, store = document_of(plan, [(0, tables)])["servers"]
    assert app["memory"]["peak"]["value"] == 0
    assert store["memory"] is None


def test_the_anatomy_sums_to_the_mean(document: dict[str, Any]) -> None:
    for of in ("mean", "p99"):
        parts = document["anatomy"][of]["parts"]
        assert sum(part["seconds"]["value"] for part in parts) == pytest.approx(
            document["anatomy"][of]["total"]
        )
        assert sum(part["share"] for part in parts) == pytest.approx(1.0)
    assert document["anatomy"]["mean"]["total"] == pytest.approx(document["latency"]["mean"]["value"])
    assert document["anatomy"]["p99"]["total"] >= document["latency"]["p95"]["value"]


def test_objectives_are_judged_against_the_document(document: dict[str, Any]) -> None:
    latency, utilisation = document["objectives"]
    assert latency["value"] == document["latency"]["p99"]
    assert utilisation["value"] == document["servers"][0]["utilisation"]
    assert utilisation["scope"] == {"server": "app"}
    assert document["verdict"] == ("pass" if latency["met"] and utilisation["met"] else "miss")


def test_one_trial_has_no_intervals_and_no_certainty(trials: list[Tables]) -> None:
    found = document_of(plan_of(run_parameters(trials=1)), [(0, trials[0])])
    assert found["latency"]["p99"]["low"] is None
    assert not any(objective["certain"] for objective in found["objectives"])


def test_a_run_without_requests_has_a_document() -> None:
    plan = plan_of(run_parameters(trials=2))
    tables = [all_tables(np.random.default_rng(0), plan.layout, 0)] * 2
    found = document_of(plan, list(enumerate(tables)))
    assert found["latency"]["mean"] == {"value": None, "low": None, "high": None}
    assert found["latency"]["histogram"] == []
    assert found["error_ratio"]["value"] is None
    assert found["anatomy"]["p99"] == {"total": None, "parts": []}
    assert found["verdict"] == "miss"


def test_without_objectives_there_is_no_verdict(trials: list[Tables]) -> None:
    found = document_of(plan_of(run_parameters(trials=1, objectives=[])), [(0, trials[0])])
    assert (found["verdict"], found["objectives"]) == ("none", [])


def test_littles_law_is_checked_on_every_server(plan: RunPlan, trials: list[Tables]) -> None:
    assert document_of(plan, [(0, trials[0])])["checks"] == {"littles_law_residual": 0.0}
    tables = dict(trials[0])
    area = tables["servers"]["little_area_ns"]
    tables["servers"] = tables["servers"] | {"little_sojourn_ns": area + np.array([0, 0, area[2] // 4])}
    residual = document_of(plan, [(0, tables)])["checks"]["littles_law_residual"]
    assert residual == pytest.approx(0.25, rel=1e-6)


def test_summaries_come_from_whole_partials(plan: RunPlan, trials: list[Tables]) -> None:
    whole = Partial.empty(plan.layout, whole_trial=True)
    whole.absorb(fold(trials[0], plan.layout))
    found = summarise(4, whole, plan.layout, plan.facts.servers)
    again = summarise(4, fold(trials[0], plan.layout), plan.layout, plan.facts.servers)
    assert isinstance(found, TrialSummary)
    assert (found.trial, found.requests, found.littles_law_residual) == (4, 400, 0.0)
    assert found.row.tobytes() == again.row.tobytes()


def test_the_shape_of_a_summary_depends_on_the_scenario_alone(plan: RunPlan, trials: list[Tables]) -> None:
    def skeleton(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: skeleton(item) for key, item in value.items()}
        return [skeleton(item) for item in value] if isinstance(value, list) else 0

    servers = plan.facts.servers
    empty = trial_tree(Partial.empty(plan.layout), plan.layout, servers)
    full = trial_tree(fold(trials[0], plan.layout), plan.layout, servers)
    assert skeleton(empty) == skeleton(full)
