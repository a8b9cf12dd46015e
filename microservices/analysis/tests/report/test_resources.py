"""Which resource is the busiest, and how far from full."""

from typing import Any

import numpy as np
import pytest
from report_testing.documents import figure, plain_server, server_row

from headroom_analysis.report import resources

Document = dict[str, Any]


def result_of(*servers: Document, **more: Any) -> Document:
    return {"servers": list(servers), "outcomes": {"ok": figure(5.0)}, "scenario": {"spec": {}}} | more


def test_resources_of_a_server(result: Document) -> None:
    found = resources.resources_of(result["servers"][0])
    assert [(resource.kind, resource.label) for resource in found] == [
        ("cpu", "CPU"),
        ("memory", "memory"),
        ("pool:db", "pool db"),
    ]
    assert [round(resource.use, 3) for resource in found] == [0.967, 0.419, 0.66]
    assert [resource.saturated for resource in found] == [True, False, False]


def test_an_unlimited_memory_has_no_use() -> None:
    server = plain_server("app", 1, 0.5) | {
        "memory": {"mean": figure(1e9), "peak": figure(2e9), "capacity": None}
    }
    assert resources.memory_use(server).value is None
    assert [resource.kind for resource in resources.resources_of(server)] == ["cpu"]


def test_memory_use_has_an_interval() -> None:
    server = {"memory": {"mean": {"value": 50.0, "low": 40.0, "high": None}, "capacity": 100}}
    assert resources.memory_use(server) == (0.5, 0.4, None)


def test_the_saturated_come_first_then_the_fullest() -> None:
    full = plain_server("full", 1, 0.94) | {"saturated": False, "bottleneck": None}
    short = plain_server("short", 1, 0.3) | {"saturated": True, "bottleneck": "memory"}
    found = resources.ranked(result_of(plain_server("idle", 1, 0.1), full, short))
    assert [(resource.server, resource.kind) for resource in found][:2] == [
        ("short", "memory"),
        ("full", "cpu"),
    ]


def test_headroom_by_the_utilisation_law() -> None:
    assert resources.headroom(result_of(plain_server("app", 1, 0.8))) == pytest.approx(1.25)


@pytest.mark.parametrize(
    "more",
    [
        {"outcomes": {"shed": figure(1.0)}},
        {"outcomes": {"refused": figure(1.0)}},
        {"scenario": {"spec": {"workloads": [{"arrivals": {"kind": "closed"}}]}}},
        {"scenario": {"spec": {"routers": [{"rate_limit": {"rate": "5/s", "burst": 1}}]}}},
    ],
)
def test_no_claim_where_the_law_does_not_carry_it(more: Document) -> None:
    assert resources.headroom(result_of(plain_server("app", 1, 0.8), **more)) is None


@pytest.mark.parametrize(
    "server",
    [
        plain_server("app", 1, 0.96),
        plain_server("app", 1, 0.0),
        plain_server("app", 1, 0.3),  # its memory is fuller than its CPU
        plain_server("app", 1, 0.8) | {"saturated": True, "bottleneck": None},
    ],
)
def test_no_headroom_is_promised(server: Document) -> None:
    assert resources.headroom(result_of(server)) is None


def test_no_servers_no_claim() -> None:
    assert resources.ranked({}) == []
    assert resources.headroom({}) is None


def test_the_fullest_replica_decides() -> None:
    server = server_row("app", 2, 0.5, np.linspace(0.01, 0.02, 50), pool=False)
    server["utilisation"] = figure(0.2)
    assert resources.resources_of(server)[0].use == 0.5
    del server["utilisation_max_replica"]
    assert resources.resources_of(server)[0].use == 0.2
