"""The banner: one plain sentence on what misses, by how much, and what fills up first."""

from typing import Any

import pytest
from report_testing.documents import figure, plain_server

from headroom_analysis.report import verdict
from headroom_analysis.report.formatting import NBSP

Document = dict[str, Any]


def objective(metric: str, operator: str, threshold: float, value: float | None, **more: Any) -> Document:
    met = value is not None and (value < threshold if operator == "below" else value > threshold)
    return {
        "objective": f"{metric} {operator} {threshold}",
        "metric": metric,
        "scope": None,
        "operator": operator,
        "threshold": threshold,
        "value": figure(value),
        "met": met,
        "certain": True,
    } | more


def judged(result: Document, *objectives: Document) -> verdict.Verdict:
    state = "pass" if all(o["met"] for o in objectives) else "miss"
    found = verdict.verdict_of(result | {"objectives": list(objectives), "verdict": state, "servers": []})
    return found._replace(**{name: getattr(found, name).replace(NBSP, " ") for name in found._fields})


def test_a_latency_over_its_limit(result: Document) -> None:
    found = judged(result, objective("latency.p99", "below", 0.25, 0.312))
    assert found.state == "miss"
    assert found.headline == "The objective is missed"
    assert found.sentence == "The p99 latency is 312 ms, 62 ms over its limit of 250 ms."


def test_far_over_a_limit_is_told_in_times(result: Document) -> None:
    found = judged(result, objective("error_ratio", "below", 0.001, 0.021))
    assert found.sentence == "The error ratio is 2.10%, 21 times its limit of 0.100%."


def test_a_limit_next_to_zero_is_not_told_in_times(result: Document) -> None:
    found = judged(result, objective("latency.p50", "below", 5e-324, 1.0))
    assert found.sentence == "The p50 latency is 1 s, 1 s over its limit of < 0.001 µs."


def test_short_of_a_minimum(result: Document) -> None:
    found = judged(result, objective("throughput", "above", 850.0, 800.0))
    assert found.sentence == "The throughput is 800/s, 50/s short of the 850/s asked for."


def test_several_misses_are_all_told(result: Document) -> None:
    found = judged(
        result,
        objective("latency.p99", "below", 0.25, 0.312),
        objective("latency.p50", "below", 0.25, 0.01),
        objective("throughput", "above", 850.0, 800.0, scope={"workload": "web"}),
    )
    assert found.headline == "2 of 3 objectives missed"
    assert "over its limit of 250 ms; the throughput of workload web is 800/s" in found.sentence


def test_an_objective_without_data_is_missed(result: Document) -> None:
    found = judged(result, objective("latency.p99", "below", 0.25, None))
    assert found.sentence == "The p99 latency has no data."


def test_all_met_names_the_closest(result: Document) -> None:
    found = judged(
        result,
        objective("latency.p99", "below", 0.25, 0.1),
        objective("throughput", "above", 800.0, 840.0),
    )
    assert found.state == "pass"
    assert found.headline == "Both objectives are met"
    assert found.sentence == "The closest is throughput: 840/s, 5.0% above its minimum of 800/s."


def test_one_met(result: Document) -> None:
    found = judged(result, objective("latency.p99", "below", 0.25, 0.2))
    assert found.headline == "The objective is met"
    assert found.sentence == "The p99 latency is 200 ms, 20.0% below its limit of 250 ms."


def test_met_without_numbers(result: Document) -> None:
    row = {"objective": "latency.p99 below 1s", "metric": "latency.p99", "met": True}
    assert judged(result, row).sentence == "Every objective is met."


def test_no_objectives(result: Document) -> None:
    found = verdict.verdict_of(result | {"objectives": [], "verdict": "none", "servers": []})
    assert (found.state, found.headline) == ("none", "No objectives set")
    assert found.sentence.replace(NBSP, " ") == "The p99 latency is 269 ms."


def test_doubt_is_told(result: Document) -> None:
    doubtful = objective("latency.p99", "below", 0.25, 0.249, certain=False)
    assert "the limit lies within the interval of latency.p99 below 0.25;" in judged(result, doubtful).remark
    assert judged(result | {"trials": 1}, doubtful).remark.startswith("One trial gives no interval")
    assert judged(result, objective("latency.p99", "below", 0.25, 0.1)).remark == ""


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (None, "p99 latency"),
        ({"server": "app"}, "p99 latency of server app"),
        ("workload:web", "p99 latency of workload web"),
    ],
)
def test_scopes_in_words(result: Document, scope: Any, expected: str) -> None:
    row = objective("latency.p99", "below", 0.25, 0.1, scope=scope)
    assert verdict.objectives_of(result | {"objectives": [row]})[0].label == expected


def sentence(result: Document, *servers: Document) -> str:
    found = verdict.verdict_of(result | {"servers": list(servers), "objectives": [], "verdict": "none"})
    return found.sentence.replace(NBSP, " ").partition(". ")[2]


def quiet(result: Document) -> Document:
    """The result without anything that forbids a claim about headroom."""
    return result | {"outcomes": {"ok": figure(10.0)}, "scenario": {"spec": {}}}


def test_the_busiest_resource_with_the_headroom_left(result: Document) -> None:
    said = sentence(quiet(result), plain_server("web", 1, 0.2), plain_server("app", 1, 0.5))
    assert (
        said
        == "The busiest resource is the CPU of app, 50% in use; about 2 times this traffic would fill it."
    )


def test_a_used_up_resource_saturates_first(result: Document) -> None:
    said = sentence(result, plain_server("web", 1, 0.2), plain_server("app", 1, 0.97))
    assert said == "The CPU of app saturates first: 97% busy, requests wait 31.2 ms for it on average."


def test_a_server_that_turns_requests_away(result: Document) -> None:
    server = plain_server("app", 1, 0.5) | {"saturated": True, "bottleneck": "cpu", "shed": figure(12.0)}
    said = sentence(result, server)
    assert (
        said
        == "Server app is saturated (it turns requests away); its requests wait most for its CPU, 50% in use."
    )


def test_a_backlog_that_grows(result: Document) -> None:
    server = plain_server("app", 1, 0.5) | {"saturated": True, "bottleneck": "memory"}
    assert "Server app is saturated (its backlog grows); its requests wait most for its memory" in sentence(
        result, server
    )


def test_nothing_used_is_not_worth_a_sentence(result: Document) -> None:
    assert sentence(result, plain_server("app", 1, 0.0) | {"memory": None}) == ""
