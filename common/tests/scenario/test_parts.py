"""The small parts: objectives, suggestions, shapes, laws, descriptions of values."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from headroom_common.scenario import Objective, PoolStep, ServerSpec, UserCount
from headroom_common.scenario.base import describe
from headroom_common.scenario.distributions import Dist, is_always_zero
from headroom_common.scenario.introspect import child, shape_of_field, shape_of_model
from headroom_common.scenario.objectives import ObjectiveEntry
from headroom_common.scenario.problems import path_text
from headroom_common.scenario.suggestions import did_you_mean, nearest
from headroom_common.scenario.units import parse_duration

OBJECTIVES: TypeAdapter[Objective] = TypeAdapter(ObjectiveEntry)
LAWS: TypeAdapter[Any] = TypeAdapter(Dist)


@pytest.mark.parametrize(
    ("written", "text", "threshold", "scope"),
    [
        ("latency.p99 below 250ms", "latency.p99 below 250ms", 0.25, None),
        ("  latency.p999   below  0.25s ", "latency.p999 below 250ms", 0.25, None),
        ("throughput above 100/s", "throughput above 100/s", 100.0, None),
        ("error_ratio below 0.1%", "error_ratio below 0.1%", 0.001, None),
        (
            "error_ratio of workload w below 0.001",
            "error_ratio of workload w below 0.1%",
            0.001,
            ("workload", "w"),
        ),
        (
            "latency.mean of endpoint GET /a b below 1s",
            "latency.mean of endpoint GET /a b below 1s",
            1.0,
            ("endpoint", "GET /a b"),
        ),
        (
            "latency.max of endpoint a below b below 1s",
            "latency.max of endpoint a below b below 1s",
            1.0,
            ("endpoint", "a below b"),
        ),
        (
            {"metric": "utilisation", "below": 0.8, "server": "app"},
            "utilisation of server app below 80%",
            0.8,
            ("server", "app"),
        ),
        ({"metric": "throughput", "above": "60/min"}, "throughput above 1/s", 1.0, None),
    ],
)
def test_an_objective_is_a_sentence_or_a_mapping(
    written: object, text: str, threshold: float, scope: tuple[str, str] | None
) -> None:
    objective = OBJECTIVES.validate_python(written)
    assert objective.text == text
    assert objective.threshold == threshold
    assert objective.scope == scope
    assert objective.operator == ("above" if "above" in text else "below")
    assert OBJECTIVES.validate_python(text) == objective
    assert OBJECTIVES.dump_python(objective, mode="json") == text


@given(st.sampled_from(["mean", "p50", "p90", "p95", "p99", "p999", "max"]), st.integers(0, 10**16))
def test_every_bound_of_a_latency_is_read_back(statistic: str, nanoseconds: int) -> None:
    objective = OBJECTIVES.validate_python({"metric": f"latency.{statistic}", "below": f"{nanoseconds}ns"})
    assert OBJECTIVES.validate_python(objective.text) == objective


@pytest.mark.parametrize(
    "text", ["", "latency.p99", "below 5ms", "latency.p99 under 5ms", "x" * 300, "latency.p99 below "]
)
def test_what_is_no_sentence_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="expected an objective such as"):
        OBJECTIVES.validate_python(text)


@pytest.mark.parametrize(
    ("found", "choices", "nearest_one"),
    [
        ("coers", ["cores", "memory"], "cores"),
        ("CORES", ["cores", "memory"], "cores"),
        ("least-connections", ["least_connections", "random"], "least_connections"),
        ("bl", ["lb", "app"], "lb"),
        ("xyz", ["cores", "memory"], None),
        ("", ["cores"], None),
        ("c" * 100, ["cores"], None),
        (5, ["cores"], None),
        (None, ["cores"], None),
        ("cores", [], None),
    ],
)
def test_the_nearest_word_is_suggested(found: object, choices: list[str], nearest_one: str | None) -> None:
    assert nearest(found, choices) == nearest_one


def test_few_choices_are_listed_and_many_are_not() -> None:
    assert did_you_mean("coers", ["cores"]) == "did you mean 'cores'?"
    assert did_you_mean("xyz", ["a", "b"]) == "known: a, b"
    assert did_you_mean("xyz", [str(number) for number in range(9)]) == ""
    assert did_you_mean("xyz", []) == ""


@given(st.one_of(st.none(), st.text(), st.integers()), st.lists(st.text(), max_size=5))
def test_a_suggestion_is_always_one_of_the_choices(found: object, choices: list[str]) -> None:
    assert nearest(found, choices) in (None, *choices)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "true"),
        ("x", "'x'"),
        ("x" * 80, "'" + "x" * 62 + "…'"),
        ({}, "an empty mapping"),
        ({"a": 1}, "a mapping"),
        ([], "an empty list"),
        ((1, 2), "a list of 2"),
        (1.5, "1.5"),
        (2**2000, "a huge number"),
        (10**100, "1" + "0" * 61 + "…"),
    ],
)
def test_values_are_described_as_a_reader_sees_them(value: object, words: str) -> None:
    assert describe(value) == words


@pytest.mark.parametrize(
    ("loc", "text"),
    [
        ((), ""),
        (("spec",), "spec"),
        (("spec", "servers", 0, "steps", 1, "cpu"), "spec.servers[0].steps[1].cpu"),
        ((0, "a"), "[0].a"),
    ],
)
def test_a_path_is_written_as_a_reader_writes_it(loc: tuple[int | str, ...], text: str) -> None:
    assert path_text(loc) == text


@pytest.mark.parametrize(
    ("law", "zero"),
    [
        ("0s", True),
        ("1ns", False),
        ({"distribution": "uniform", "low": "0s", "high": "0s"}, True),
        ({"distribution": "uniform", "low": "0s", "high": "1s"}, False),
        ({"distribution": "normal", "mean": "0s", "sd": "0s"}, True),
        ({"distribution": "normal", "mean": "0s", "sd": "1s"}, False),
        ({"distribution": "empirical", "quantiles": ["0s", "0s"]}, True),
        ({"distribution": "empirical", "quantiles": ["0s", "1s"]}, False),
        ({"distribution": "exponential", "mean": "1ns"}, False),
    ],
)
def test_a_law_that_is_always_zero_is_known(law: object, zero: bool) -> None:  # noqa: FBT001 - expected outcome
    assert is_always_zero(LAWS.validate_python(law)) is zero


@given(st.integers(0, 10**6), st.integers(0, 10**12 - 1), st.sampled_from(["ns", "us", "ms", "s", "m", "h"]))
def test_fractions_of_durations_are_rounded_half_up_exactly(whole: int, digits: int, unit: str) -> None:
    scale = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}[unit]
    number = f"{whole}.{digits}"
    expected = int(Fraction(number) * scale + Fraction(1, 2))
    if expected <= 365 * 24 * 3600 * 10**9:
        assert parse_duration(f"{number}{unit}") == expected
        assert parse_duration(f"0s {number} {unit}") == expected  # the general way agrees with the fast one


def test_shapes_lead_through_lists_unions_and_recursion() -> None:
    server = shape_of_model(ServerSpec)
    endpoints = child(server, "endpoints")
    assert endpoints is not None
    assert endpoints.kind == "list"
    endpoint = child(endpoints, 0)
    assert endpoint is not None
    steps = child(endpoint, "steps")
    assert steps is not None
    step = child(steps, 3)
    assert step is not None
    assert (step.kind, list(step.members), step.discriminator) == ("union", ["cpu", "io", "pool"], None)
    inner = child(step, "steps")
    assert inner is not None
    assert inner.item == step
    assert child(server, "nothing") is None
    assert child(inner, 0) == step


@pytest.mark.parametrize(
    ("model", "field", "label"),
    [
        (ServerSpec, "cores", "whole number of cores"),
        (ServerSpec, "memory", "memory quantity"),
        (ServerSpec, "queue_limit", "whole number at least 0, at most 1,000,000,000"),
        (ServerSpec, "pools", "list of mappings"),
        (UserCount, "mean", "number above 0, at most 1,000,000,000"),
        (UserCount, "law", "one of poisson, normal"),
        (PoolStep, "steps", "list of mappings"),
    ],
)
def test_types_are_called_by_their_names(model: Any, field: str, label: str) -> None:
    assert shape_of_field(model.model_fields[field]).label == label
