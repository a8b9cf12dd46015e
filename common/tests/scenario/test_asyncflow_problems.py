"""AsyncFlow documents that are wrong, or that Headroom can't express: each earns its sentence."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from common.tests.scenario.test_problems import DELETED, put
from headroom_common.scenario import ScenarioError, load_scenario

NODES = "topology_graph/nodes"
EDGES = "topology_graph/edges"
CASES: list[tuple[str, object, list[str]]] = [
    ("rqs_input", DELETED, ["rqs_input: expected this required key (mapping), found nothing"]),
    (
        "rqs_input/avg_active_users/mean",
        0,
        ["rqs_input.avg_active_users.mean: expected a number above 0, found 0"],
    ),
    (
        "rqs_input/avg_active_users/distribution",
        "uniform",
        ["rqs_input: expected avg_active_users with distribution poisson or normal, found 'uniform'"],
    ),
    (
        "rqs_input/avg_request_per_minute_per_user/distribution",
        "normal",
        ["rqs_input: expected avg_request_per_minute_per_user with distribution poisson, found 'normal'"],
    ),
    (
        "rqs_input/user_sampling_window",
        121,
        ["rqs_input.user_sampling_window: expected a number at most 120, found 121"],
    ),
    (
        "sim_settings/total_simulation_time",
        4,
        ["sim_settings.total_simulation_time: expected a number at least 5, found 4"],
    ),
    (
        f"{NODES}/servers/0/endpoints/0/steps/0/kind",
        "parsing",
        [
            (
                "topology_graph.nodes.servers[0].endpoints[0].steps[0].kind: expected one of "
                "initial_parsing, "
                "cpu_bound_operation, io_task_spawn, io_llm, io_wait, io_db, io_cache, ram, found 'parsing' "
                "(did you mean 'initial_parsing'?)"
            )
        ],
    ),
    (
        f"{NODES}/servers/0/endpoints/0/steps/0/step_operation",
        {"io_waiting_time": 1},
        [
            (
                "topology_graph.nodes.servers[0].endpoints[0].steps[0]: expected 'cpu_time' alone with kind "
                "initial_parsing, found io_waiting_time"
            )
        ],
    ),
    (
        f"{NODES}/servers/0/endpoints/0/steps/0/step_operation",
        {},
        [
            (
                "topology_graph.nodes.servers[0].endpoints[0].steps[0]: expected 'cpu_time' alone with kind "
                "initial_parsing, found nothing"
            )
        ],
    ),
    (
        f"{NODES}/servers/0/server_resources/ram_mb",
        256,
        [],
    ),
    (
        f"{NODES}/servers/0/endpoints/0/steps/1/step_operation/necessary_ram",
        4096,
        [
            (
                "topology_graph.nodes.servers[0].endpoints[0]: expected at most the server's ram_mb of 2048, "
                "found ram steps "
                "of 4096 MB in all (such a request would wait for ever; in AsyncFlow it does, and says "
                "nothing)"
            )
        ],
    ),
    (
        f"{NODES}/servers/0/endpoints/1",
        {"endpoint_name": "/b", "steps": []},
        [
            (
                "topology_graph.nodes.servers[1].endpoints: expected as many endpoints as the first server "
                "has, 2, found 1 "
                "(each server draws among its own endpoints in AsyncFlow; in Headroom the workload's mix "
                "decides)"
            )
        ],
    ),
    (
        f"{NODES}/load_balancer/algorithms",
        "random",
        [
            (
                "topology_graph.nodes.load_balancer.algorithms: expected one of round_robin, "
                "least_connection, "
                "found 'random'"
            )
        ],
    ),
    (
        f"{NODES}/load_balancer/server_covered/0",
        "lefft",
        [
            (
                "topology_graph.nodes.load_balancer.server_covered[0]: expected the id of a server, found "
                "'lefft' "
                "(did you mean 'left'?)"
            )
        ],
    ),
    (
        f"{NODES}/servers/2",
        {"id": "left", "server_resources": {}, "endpoints": [{"endpoint_name": "/api", "steps": []}]},
        ["topology_graph.nodes.servers[2].id: expected a unique id, found 'left', which is servers[0]"],
    ),
    (f"{EDGES}/0/id", "up", ["topology_graph.edges[1].id: expected a unique id, found 'up' again"]),
    (
        f"{EDGES}/0/latency/mean",
        -1,
        ["topology_graph.edges[0].latency.mean: expected a number above 0, found -1"],
    ),
    (
        f"{EDGES}/0/latency/distribution",
        "lognormal",
        [
            (
                "topology_graph.edges[0].latency.distribution: expected one of poisson, normal, log_normal, "
                "exponential, "
                "uniform, found 'lognormal' (did you mean 'log_normal'?)"
            )
        ],
    ),
    (
        f"{EDGES}/0/dropout_rate",
        1.5,
        ["topology_graph.edges[0].dropout_rate: expected a number at most 1, found 1.5"],
    ),
    (
        f"{EDGES}/5",
        DELETED,
        ["topology_graph.edges: expected an edge with source 'right', found none"],
    ),
    (
        f"{EDGES}/0",
        DELETED,
        ["topology_graph.edges: expected an edge with source 'crowd', found none"],
    ),
    (
        f"{EDGES}/4/target",
        "right",
        [
            (
                "topology_graph.edges[4].target: expected the client 'client', found 'right' "
                "(Headroom has no calls from server to server yet)"
            )
        ],
    ),
    (
        f"{EDGES}/2/target",
        "client",
        [
            (
                "topology_graph.nodes.load_balancer.server_covered[0]: expected a server with an edge from "
                "the "
                "load "
                "balancer, found 'left'"
            ),
            "topology_graph.edges[2].target: expected the id of a server, found 'client'",
        ],
    ),
    (
        f"{EDGES}/2/source",
        "client",
        [
            (
                "topology_graph.edges[2].source: expected one edge with source 'client' (only the load "
                "balancer has "
                "several), found 2"
            )
        ],
    ),
    (
        f"{EDGES}/0/source",
        "crowed",
        [
            (
                "topology_graph.edges[0].source: expected the id of a node or of the generator, found "
                "'crowed' "
                "(did you mean 'crowd'?)"
            ),
        ],
    ),
    (
        f"{EDGES}/1/target",
        "client",
        [
            "topology_graph.edges[1].target: expected another node than the source, found 'client'",
        ],
    ),
    (
        "events/0/target_id",
        "up",
        [
            (
                "events[0].target_id: expected the id of a server with server_down, found 'up' (known: left, "
                "right)"
            )
        ],
    ),
    (
        "events/0/end/kind",
        "network_spike_end",
        ["events[0]: expected an end of kind server_up after server_down, found 'network_spike_end'"],
    ),
    ("events/0/end/t_end", 10, ["events[0]: expected an end after the start, found t_start 10 and t_end 10"]),
    ("events/0/start/spike_s", 1, ["events[0]: expected no 'spike_s' with server_down, found 1.0"]),
    (
        "events/1",
        {
            "event_id": "outage",
            "target_id": "right",
            "start": {"kind": "server_down", "t_start": 1},
            "end": {"kind": "server_up", "t_end": 2},
        },
        ["events[1].event_id: expected a unique id, found 'outage' again"],
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "expected"), CASES, ids=[f"{row[0]}-{n}" for n, row in enumerate(CASES)]
)
def test_what_is_wrong_is_said(
    payload: dict[str, Any], path: str, value: object, expected: list[str]
) -> None:
    put(payload, path, value)
    try:
        load_scenario(yaml.safe_dump(payload, sort_keys=False))
    except ScenarioError as error:
        found = [str(problem).split(": ", 1)[1] for problem in error.problems]
    else:
        found = []
    assert found == expected
