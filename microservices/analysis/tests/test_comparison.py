"""Two runs side by side: what is compared, how, and what a document says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from analysis_testing.compared import SERVERS, run
from analysis_testing.runs import SCENARIO

from headroom_analysis.domain.comparison import (
    MOST_DIFFERENCES,
    MOST_NAMES,
    ComparisonError,
    comparison_document,
)


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


def test_significance_over_all_metrics_is_the_rarer_one() -> None:
    document = comparison_document(run(6), run(6, first=50))
    for one in document["metrics"]:
        if one["p_value"] is None:
            assert (one["p_adjusted"], one["significant_overall"]) == (None, False)
        else:
            assert one["p_value"] <= one["p_adjusted"] <= 1
            assert one["significant"] or not one["significant_overall"]
            assert one["significant"] == (one["p_value"] < 0.05)
    tested = [one["p_value"] for one in document["metrics"] if one["p_value"] is not None]
    assert min(one["p_adjusted"] for one in document["metrics"] if one["p_adjusted"] is not None) == min(
        1.0, min(tested) * len(tested)
    )


def test_what_pairing_gained_is_told_of_pairs_alone() -> None:
    a, b = run(6), run(6, first=50)
    found = metric(comparison_document(a, b), "latency.mean")
    values = [[float(summary.row[8]) for summary in one.summaries] for one in (a, b)]
    variances = [np.var(one, ddof=1) for one in values]
    apart = np.var(np.subtract(*values), ddof=1)
    assert np.mean(values[0]) == pytest.approx(found["a"]["value"])
    assert found["variance_ratio"] == pytest.approx(sum(variances) / apart)
    assert found["unpaired_trials"] > -6
    for document in (comparison_document(a, run(6, seed=8)), comparison_document(run(1), run(1, first=9))):
        assert metric(document, "latency.mean")["variance_ratio"] is None
        assert metric(document, "latency.mean")["unpaired_trials"] is None
