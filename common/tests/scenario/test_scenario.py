"""The scenario as a whole: round trips, identity, defaults, immutability."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from common.tests.scenario.strategies import scenarios
from headroom_common.scenario import (
    Constant,
    CpuStep,
    Exponential,
    IoStep,
    MixEntry,
    PoissonArrivals,
    PoolStep,
    RateProfile,
    Scenario,
    ServerDown,
    ServerSpec,
    Spec,
    load_scenario,
    to_yaml,
)

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(scenarios())
def test_the_canonical_form_is_read_back_as_the_same_scenario(document: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(document)
    canonical = scenario.canonical()
    again = Scenario.from_dict(json.loads(json.dumps(canonical, allow_nan=False)))
    assert again == scenario
    assert again.canonical() == canonical
    assert again.content_hash() == scenario.content_hash()


@SLOW
@given(scenarios())
def test_the_written_yaml_is_read_back_as_the_same_scenario(document: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(document)
    assert load_scenario(to_yaml(scenario)).scenario == scenario


def shuffled(value: Any, generator: random.Random) -> Any:
    """Return *value* with the keys of every mapping in another order."""
    if isinstance(value, dict):
        keys = list(value)
        generator.shuffle(keys)
        return {key: shuffled(value[key], generator) for key in keys}
    return [shuffled(item, generator) for item in value] if isinstance(value, list) else value


@SLOW
@given(scenarios(), st.integers())
def test_the_hash_ignores_the_order_of_keys_and_what_only_people_read(
    document: dict[str, Any], seed: int
) -> None:
    other = shuffled(document, random.Random(seed))  # noqa: S311 - only shuffles
    other["metadata"] |= {"description": "told differently", "labels": {"team": "web"}}
    assert Scenario.from_dict(other).content_hash() == Scenario.from_dict(document).content_hash()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("horizon",), "10m"),
        (("warmup",), "0.5m"),
        (("workloads", 0, "arrivals", "rate"), "15000/min"),
        (("links", 0, "delay"), {"distribution": "constant", "value": "0.012s"}),
        (("links", 0, "loss"), 0.01),
        (("servers", 0, "cores"), "4000m"),
        (("servers", 0, "memory"), "2048Mi"),
        (("workloads", 0, "mix"), [{"endpoint": "/api", "weight": 1.0}]),
        (("sample_period",), "2s"),
    ],
)
def test_the_hash_ignores_how_a_value_is_written(
    document: dict[str, Any], path: tuple[Any, ...], value: Any
) -> None:
    expected = Scenario.from_dict(copy.deepcopy(document)).content_hash()
    place = document["spec"]
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert Scenario.from_dict(document).content_hash() == expected


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("horizon",), "601s"),
        (("workloads", 0, "arrivals", "rate"), "251/s"),
        (("servers", 0, "replicas"), 3),
        (("links", 0, "loss"), 0),
    ],
)
def test_the_hash_follows_whatever_changes_the_result(
    document: dict[str, Any], path: tuple[Any, ...], value: Any
) -> None:
    expected = Scenario.from_dict(copy.deepcopy(document)).content_hash()
    place = document["spec"]
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert Scenario.from_dict(document).content_hash() != expected


def test_the_name_is_part_of_the_identity(document: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(copy.deepcopy(document))
    document["metadata"]["name"] = "other"
    assert Scenario.from_dict(document).content_hash() != scenario.content_hash()


def test_the_parts_become_typed_values(document: dict[str, Any]) -> None:
    spec = Scenario.from_dict(document).spec
    assert (spec.horizon, spec.warmup) == (600 * 10**9, 30 * 10**9)
    workload = spec.workloads[0]
    assert workload.arrivals == PoissonArrivals.model_validate({"kind": "poisson", "rate": "250/s"})
    assert workload.timeout == 2 * 10**9
    assert spec.links[0].delay == Constant.model_validate({"distribution": "constant", "value": "12ms"})
    assert spec.links[0].loss == 0.01
    server = spec.servers[0]
    assert (server.cores, server.memory, server.replicas) == (4, 2 * 1024**2, 2)
    first, second, third = server.endpoints[0].steps
    assert isinstance(first, CpuStep)
    assert isinstance(second, PoolStep)
    assert isinstance(third, CpuStep)
    inner = second.steps[0]
    assert isinstance(inner, IoStep)
    assert isinstance(inner.io, Exponential)
    assert inner.io.mean == 8_000_000


def test_defaults_are_filled_in(smallest: dict[str, Any]) -> None:
    spec = Scenario.from_dict(smallest).spec
    assert spec.warmup == 0
    assert (spec.links, spec.routers, spec.faults, spec.objectives) == ((), (), (), ())
    assert spec.workloads[0].mix == (MixEntry(endpoint="/", weight=1.0),)
    assert (spec.workloads[0].sessions, spec.workloads[0].timeout) == (1000, None)
    server = spec.servers[0]
    assert (server.replicas, server.memory, server.pools) == (1, None, ())
    assert (server.queue_limit, server.concurrency_limit) == (None, None)


@pytest.mark.parametrize(
    ("horizon", "period"),
    [
        ("300s", 10**9),
        ("600s", 2 * 10**9),
        ("1s", 4 * 10**6),
        ("299ms", 10**6),
        ("1us", 10**6),
        ("30d", 8_640 * 10**9),
    ],
)
def test_the_sample_period_is_a_three_hundredth_in_whole_ms(
    smallest: dict[str, Any], horizon: str, period: int
) -> None:
    smallest["spec"]["horizon"] = horizon
    assert Scenario.from_dict(smallest).spec.sample_period == period


def test_a_profile_keeps_its_points(smallest: dict[str, Any]) -> None:
    points = [{"at": "0s", "rate": "0/s"}, {"at": "60s", "rate": "400/s"}]
    smallest["spec"]["workloads"][0]["arrivals"]["rate"] = {"shape": "linear", "points": points}
    arrivals = Scenario.from_dict(smallest).spec.workloads[0].arrivals
    assert isinstance(arrivals, PoissonArrivals)
    assert isinstance(arrivals.rate, RateProfile)
    assert [(point.at, point.rate) for point in arrivals.rate.points] == [(0, 0.0), (60 * 10**9, 400.0)]


def test_a_duration_of_a_fault_becomes_its_end(smallest: dict[str, Any]) -> None:
    fault = {"kind": "server_down", "server": "app", "start": "1s", "duration": "2s"}
    smallest["spec"]["faults"] = [fault]
    scenario = Scenario.from_dict(smallest)
    found = scenario.spec.faults[0]
    assert isinstance(found, ServerDown)
    assert (found.start, found.end, found.in_flight, found.replica) == (10**9, 3 * 10**9, "continue", None)
    assert "duration" not in scenario.canonical()["spec"]["faults"][0]


def test_a_scenario_never_changes(document: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(document)
    with pytest.raises(ValidationError, match="frozen"):
        scenario.spec.servers[0].cores = 8  # type: ignore[misc]


def test_a_scenario_is_built_from_models_too(document: dict[str, Any]) -> None:
    parsed = Scenario.from_dict(document)
    spec = {name: getattr(parsed.spec, name) for name in Spec.model_fields if name != "templates"}
    durations = {name: parsed.canonical()["spec"][name] for name in ("horizon", "warmup", "sample_period")}
    built = Scenario.from_dict(
        {
            "apiVersion": "headroom.dev/v1",
            "kind": "Scenario",
            "metadata": parsed.metadata,
            "spec": spec | durations,
        }
    )
    assert built == parsed


def test_a_single_model_speaks_yaml_words() -> None:
    endpoints = [{"name": "/", "steps": [{"cpu": "1ms"}]}]
    server = ServerSpec.model_validate({"name": "app", "cores": 2, "endpoints": endpoints})
    assert server.endpoints[0].steps == (CpuStep.model_validate({"cpu": "1ms"}),)
