"""Objectives against figures: which side, how certain, and the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from headroom_analysis.domain.facts import ObjectiveFacts
from headroom_analysis.domain.objectives import ObjectiveError, judge, verdict_of


def figure(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def objective(
    metric: str = "latency.p99", operator: str = "below", threshold: float = 0.25, **scope: str
) -> Any:
    kind, name = next(iter(scope.items()), (None, None))
    return ObjectiveFacts("text", metric, operator, threshold, kind, name)


DOCUMENT = {
    "latency": {"p99": figure(0.2, 0.1, 0.24)},
    "error_ratio": figure(0.01, 0.005, 0.015),
    "throughput": figure(90.0, 80.0, 100.0),
    "workloads": [
        {"name": "a", "error_ratio": figure(0.5, 0.4, 0.6)},
        {"name": "b", "error_ratio": figure(None)},
    ],
    "endpoints": [{"name": "/api", "latency": {"p99": figure(0.3)}}],
    "servers": [{"name": "app", "utilisation": figure(0.7, 0.6, 0.8)}],
}


@pytest.mark.parametrize(
    ("bound", "met", "certain"),
    [
        (objective(), True, True),
        (objective(threshold=0.23), True, False),
        (objective(threshold=0.2), False, False),  # strictly below
        (objective(threshold=0.15), False, False),
        (objective(threshold=0.1), False, True),  # the whole interval is at or above
        (objective("throughput", "above", 75.0), True, True),
        (objective("throughput", "above", 85.0), True, False),
        (objective("throughput", "above", 90.0), False, False),
        (objective("throughput", "above", 100.0), False, True),
        (objective("error_ratio", threshold=0.1, workload="a"), False, True),
        (objective("error_ratio", threshold=0.1, workload="b"), False, False),
        (objective(endpoint="/api"), False, False),  # one trial: no interval
        (objective("utilisation", threshold=0.8, server="app"), True, False),
    ],
)
def test_the_side_of_the_threshold(bound: ObjectiveFacts, *, met: bool, certain: bool) -> None:
    judged = judge(bound, DOCUMENT)
    assert judged["met"] is met
    assert judged["certain"] is certain


def test_the_entry_says_what_was_judged() -> None:
    judged = judge(objective("utilisation", threshold=0.8, server="app"), DOCUMENT)
    assert judged == {
        "objective": "text",
        "metric": "utilisation",
        "scope": {"server": "app"},
        "operator": "below",
        "threshold": 0.8,
        "value": figure(0.7, 0.6, 0.8),
        "met": True,
        "certain": False,
    }
    assert judge(objective(), DOCUMENT)["scope"] is None


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        (objective(server="web"), "expected a server of app, found web"),
        (objective("latency.p42"), "expected a metric of the result, found latency.p42"),
    ],
)
def test_what_the_document_does_not_have_is_refused(bound: ObjectiveFacts, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        judge(bound, DOCUMENT)


@pytest.mark.parametrize(
    ("met", "verdict"),
    [([], "none"), ([True], "pass"), ([True, True], "pass"), ([True, False], "miss"), ([False], "miss")],
)
def test_the_verdict_is_over_all_objectives(met: list[bool], verdict: str) -> None:
    assert verdict_of([{"met": one} for one in met]) == verdict
