"""Pools that nest in opposite orders could leave two requests waiting for each other."""

from __future__ import annotations

from typing import Any

import pytest

from headroom_common.scenario import ScenarioError, load_scenario, to_yaml
from headroom_common.scenario.model import Scenario


def nested(*pools: str) -> dict[str, Any]:
    """Return a step that takes pools one inside the other."""
    step: dict[str, Any] = {"io": "1ms"}
    for pool in reversed(pools):
        step = {"pool": pool, "steps": [step]}
    return step


def document(*orders: tuple[str, ...]) -> dict[str, Any]:
    """Return a scenario with one endpoint per nesting of the pools a, b and c."""
    endpoints = [{"name": f"/{i}", "steps": [nested(*order)]} for i, order in enumerate(orders)]
    pools = [{"name": name, "size": 1} for name in "abc"]
    server = {"name": "app", "cores": 1, "pools": pools, "endpoints": endpoints}
    arrivals = {"kind": "poisson", "rate": "1/s"}
    mix = [{"endpoint": endpoint["name"]} for endpoint in endpoints]
    return {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "pools"},
        "spec": {
            "horizon": "1s",
            "workloads": [{"name": "w", "entry": "app", "arrivals": arrivals, "mix": mix}],
            "servers": [server],
        },
    }


@pytest.mark.parametrize(
    "orders",
    [
        [("a", "b"), ("a", "b", "c"), ("b", "c"), ("a", "c")],
        [("a",), ("b",), ("c",)],
        [("c", "b", "a"), ("b", "a")],
    ],
)
def test_one_order_is_accepted(orders: list[tuple[str, ...]]) -> None:
    scenario = Scenario.from_dict(document(*orders))
    assert load_scenario(to_yaml(scenario)).scenario == scenario


@pytest.mark.parametrize(
    ("orders", "path", "found"),
    [
        ([("a", "b"), ("b", "a")], "spec.servers[0].endpoints[1].steps[0].steps[0].pool", "'a' inside 'b'"),
        (
            [("a", "b"), ("b", "c"), ("c", "a")],
            "spec.servers[0].endpoints[2].steps[0].steps[0].pool",
            "'a' inside 'c'",
        ),
    ],
)
def test_opposite_orders_are_refused(orders: list[tuple[str, ...]], path: str, found: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_dict(document(*orders))
    (problem,) = caught.value.problems
    assert problem.path == path
    assert problem.expected == "pools nested in one order throughout the server"
    assert problem.found == found
