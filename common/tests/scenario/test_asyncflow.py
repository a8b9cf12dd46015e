"""AsyncFlow's format: what it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from common.tests.scenario.asyncflow_documents import converted, edge, nodes
from common.tests.scenario.conftest import ASYNCFLOW
from headroom_common.scenario import (
    CpuStep,
    Exponential,
    IoStep,
    LinkDelay,
    ScenarioError,
    ServerDown,
    UserArrivals,
    load_scenario,
    to_yaml,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_way_of_a_request_is_kept(payload: dict[str, Any]) -> None:
    spec = converted(payload).spec
    [workload] = spec.workloads
    assert (workload.name, workload.entry, workload.via) == ("crowd", "balancer", ("in", "up"))
    [router] = spec.routers
    assert (router.name, router.policy) == ("balancer", "round_robin")
    assert [(t.server, t.link, t.return_via) for t in router.targets] == [
        ("left", "to-left", ("from-left",)),
        ("right", "to-right", ("from-right",)),
    ]
    delays = {link.name: link.delay for link in spec.links}
    assert set(delays) == {"in", "up", "to-left", "to-right", "from-left", "from-right"}
    assert delays["in"] == Exponential.model_validate({"distribution": "exponential", "mean": "3ms"})
    assert (spec.horizon, spec.warmup, spec.sample_period) == (600 * 10**9, 0, 100 * 10**6)


def test_users_and_their_requests_are_kept(payload: dict[str, Any]) -> None:
    payload["rqs_input"]["user_sampling_window"] = 30
    arrivals = converted(payload).spec.workloads[0].arrivals
    assert isinstance(arrivals, UserArrivals)
    assert (arrivals.users.mean, arrivals.users.law) == (400.0, "poisson")
    assert arrivals.rate_per_user == 20 / 60
    assert arrivals.window == 30 * 10**9


def test_a_server_is_kept_with_its_ram_steps_added_up(payload: dict[str, Any]) -> None:
    steps = nodes(payload)["servers"][0]["endpoints"][0]["steps"]
    steps.append({"kind": "ram", "step_operation": {"necessary_ram": 0.5}})
    server = converted(payload).spec.servers[0]
    assert (server.name, server.cores, server.memory, server.replicas) == ("left", 1, 2048 * 1024, 1)
    [endpoint] = server.endpoints
    assert endpoint.memory == 128 * 1024 + 512
    first, second = endpoint.steps
    assert isinstance(first, CpuStep)
    assert isinstance(second, IoStep)
    assert [step["cpu" if "cpu" in step else "io"] for step in endpoint.model_dump(mode="json")["steps"]] == [
        "2ms",
        "12ms",
    ]


def test_an_endpoint_of_ram_alone_takes_no_time(payload: dict[str, Any]) -> None:
    for server in nodes(payload)["servers"]:
        server["endpoints"][0]["steps"] = [{"kind": "ram", "step_operation": {"necessary_ram": 1}}]
    [step] = converted(payload).spec.servers[0].endpoints[0].model_dump(mode="json")["steps"]
    assert step == {"io": "0s"}


def test_events_become_faults(payload: dict[str, Any]) -> None:
    payload["events"].append(
        {
            "event_id": "spike",
            "target_id": "up",
            "start": {"kind": "network_spike_start", "t_start": 1.5, "spike_s": 0.05},
            "end": {"kind": "network_spike_end", "t_end": 3},
        }
    )
    outage, spike = converted(payload).spec.faults
    assert isinstance(outage, ServerDown)
    assert (outage.server, outage.start, outage.end, outage.in_flight) == (
        "left",
        10**10,
        2 * 10**10,
        "continue",
    )
    assert isinstance(spike, LinkDelay)
    assert (spike.link, spike.extra, spike.start, spike.end) == ("up", 50_000_000, 1_500_000_000, 3 * 10**9)


def test_without_a_balancer_a_router_holds_the_way_back(payload: dict[str, Any]) -> None:
    graph = payload["topology_graph"]
    del graph["nodes"]["load_balancer"]
    graph["nodes"]["servers"].pop()
    graph["edges"] = [edge(payload, 0), edge(payload, 1) | {"target": "left"}, edge(payload, 4)]
    spec = converted(payload).spec
    assert (spec.workloads[0].entry, spec.workloads[0].via) == ("entry", ("in",))
    [target] = spec.routers[0].targets
    assert (target.server, target.link, target.return_via) == ("left", "up", ("from-left",))


def test_odd_ids_become_names(payload: dict[str, Any]) -> None:
    payload.pop("events")
    text = (
        yaml.safe_dump(payload)
        .replace("to-left", "zum linken/Server")
        .replace("to-right", "zum linken+Server")
    )
    links = [link.name for link in load_scenario(text).scenario.spec.links]
    assert "zum-linken-Server" in links
    assert "zum-linken-Server-2" in links


def test_overrides_apply_to_the_converted_scenario(payload: dict[str, Any]) -> None:
    text = yaml.safe_dump(payload)
    loaded = load_scenario(text, overrides=["spec.servers[left].cores=4", "spec.horizon=60s"])
    assert (loaded.scenario.spec.servers[0].cores, loaded.scenario.spec.horizon) == (4, 60 * 10**9)
    with pytest.raises(ScenarioError, match="did you mean 'left'"):
        load_scenario(text, overrides=["spec.servers[leftt].cores=4"])


def test_the_scenario_is_called_like_its_file(tmp_path: Path) -> None:
    path = tmp_path / "Two servers_v2.yml"
    path.write_text(ASYNCFLOW, encoding="utf-8")
    assert load_scenario(path).scenario.metadata.name == "two-servers-v2"
    assert load_scenario(ASYNCFLOW).scenario.metadata.name == "crowd"


def test_the_conversion_is_read_back_as_the_same_scenario() -> None:
    scenario = load_scenario(ASYNCFLOW).scenario
    again = load_scenario(to_yaml(scenario))
    assert again.scenario == scenario
    assert again.warnings == ()


def test_problems_have_lines() -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(ASYNCFLOW.replace("target: right,", "target: rihgt,"))
    assert next(str(problem) for problem in caught.value.problems) == (
        "line 28, column 48: topology_graph.edges[3].target: expected the id of a node, found 'rihgt' "
        "(did you mean 'right'?)"
    )
