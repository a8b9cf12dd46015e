"""Two runs side by side: what is compared, how, and what a document says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from analysis_testing.runs import SCENARIO, run_parameters
from analysis_testing.worlds import all_tables

from headroom_analysis.domain.comparison import (
    MOST_DIFFERENCES,
    MOST_NAMES,
    ComparedRun,
    ComparisonError,
    comparison_document,
)
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.trial import TrialSummary, summarise
from headroom_analysis.plans import plan_of

SERVERS: list[dict[str, Any]] = SCENARIO["spec"]["servers"]


def run(trials: int = 4, first: int = 0, seed: int = 7, **spec: Any) -> ComparedRun:
    """A run whose trials are made of the given random numbers on."""
    plan = plan_of(run_parameters(trials=trials, **spec).model_copy(update={"seed": seed}))
    summaries: list[TrialSummary] = []
    for trial in range(trials):
        partial = fold(all_tables(np.random.default_rng(first + trial), plan.layout, 200), plan.layout)
        summaries.append(summarise(trial, partial, plan.layout, plan.facts.servers))
    return ComparedRun(f"run of {seed}", plan.facts, plan.layout, summaries, "pass")


def metric(document: dict[str, Any], name: str, scope: object = None) -> dict[str, Any]:
    (found,) = [one for one in document["metrics"] if (one["metric"], one["scope"]) == (name, scope)]
    return dict(found)


def test_a_run_does_not_differ_from_itself() -> None:
    document = comparison_document(run(), run())
    assert document["format"] == "headroom.comparison/v1"
    assert (document["paired"], document["pairs"], document["confidence"]) == (True, 4, 0.95)
    assert document["scenario_differences"] == []
    assert not any(one["significant"] for one in document["metrics"])
    assert {one["difference"]["value"] for one in document["metrics"]} <= {0.0, None}
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_what_both_runs_have_is_compared() -> None:
    fewer = [server for server in SERVERS if server["name"] == "app"] + [SERVERS[1] | {"name": "warehouse"}]
    workloads = [SCENARIO["spec"]["workloads"][0], SCENARIO["spec"]["workloads"][1] | {"entry": "warehouse"}]
    document = comparison_document(run(), run(servers=fewer, workloads=workloads))
    scopes = {json.dumps(one["scope"]) for one in document["metrics"]}
    assert scopes == {
        "null",
        *(json.dumps({"workload": name}) for name in ("shoppers", "batch")),
        *(json.dumps({"endpoint": name}) for name in ("/api", "/buy", "/put")),
        json.dumps({"server": "app"}),
        *(json.dumps({"link": name}) for name in ("internet", "lan")),
    }
    assert [one["path"] for one in document["scenario_differences"]] == [
        "spec.workloads[batch].entry",
        "spec.servers[store]",
        "spec.servers[warehouse]",
    ]


def test_the_figures_are_those_of_the_trials() -> None:
    a, b = run(), run(first=50)
    document = comparison_document(a, b)
    found = metric(document, "throughput")
    rows = [[summary.row for summary in one.summaries] for one in (a, b)]
    place = 6  # after the five outcomes and the error ratio
    values = [[float(row[place]) for row in one] for one in rows]
    assert found["a"]["value"] == pytest.approx(np.mean(values[0]))
    assert found["difference"]["value"] == pytest.approx(np.mean(np.subtract(values[1], values[0])))
    assert found["relative_difference"] == pytest.approx(found["difference"]["value"] / found["a"]["value"])
    assert (found["unit"], found["paired"]) == ("1/s", True)
    assert metric(document, "queues.cpu.wait_mean", {"server": "app"})["unit"] == "s"
    assert metric(document, "memory.mean", {"server": "app"})["unit"] == "B"
    assert metric(document, "utilisation", {"server": "store"})["unit"] == "1"


def test_other_seeds_are_not_paired() -> None:
    document = comparison_document(run(), run(seed=8))
    assert (document["paired"], document["pairs"]) == (False, 0)
    assert not metric(document, "throughput")["paired"]
    assert (
        metric(document, "throughput")["difference"]["low"]
        < 0
        < metric(document, "throughput")["difference"]["high"]
    )


def test_the_first_trials_are_paired_when_one_run_has_more() -> None:
    long, short = run(6), run(3)
    document = comparison_document(long, short)
    assert (document["pairs"], document["a"]["trials"], document["b"]["trials"]) == (3, 6, 3)
    found = metric(document, "latency.mean")
    assert found["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["a"] != found["b"]


def test_one_trial_gives_no_interval_and_no_significance() -> None:
    found = metric(comparison_document(run(1), run(1, first=9)), "throughput")
    assert found["difference"]["value"] is not None
    assert (found["difference"]["low"], found["significant"]) == (None, False)


def test_the_higher_level_holds() -> None:
    strict = run()
    strict = replace(strict, facts=replace(strict.facts, confidence=0.999))
    assert comparison_document(run(), strict)["confidence"] == 0.999
    assert comparison_document(strict, run())["confidence"] == 0.999


def test_trials_of_another_version_are_refused() -> None:
    other = run()
    cut = [replace(summary, row=summary.row[:-1]) for summary in other.summaries]
    with pytest.raises(ComparisonError, match="it was analysed by another version"):
        comparison_document(run(), replace(other, summaries=cut))


def test_the_document_is_bounded() -> None:
    servers = [SERVERS[0], *(SERVERS[1] | {"name": f"store{number}"} for number in range(MOST_NAMES + 9))]
    workloads = [SCENARIO["spec"]["workloads"][0], SCENARIO["spec"]["workloads"][1] | {"entry": "store0"}]
    cores = [server | {"cores": 3} for server in servers]
    one, other = (run(1, servers=found, workloads=workloads) for found in (servers, cores))
    document = comparison_document(one, other)
    told = {one["scope"]["server"] for one in document["metrics"] if "server" in (one["scope"] or {})}
    assert len(told) == MOST_NAMES
    assert len(document["scenario_differences"]) == MOST_DIFFERENCES
    assert document["more_differences"] == MOST_NAMES + 10 - MOST_DIFFERENCES
