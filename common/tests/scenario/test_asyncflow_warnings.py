"""What AsyncFlow ignores or gets wrong, and what Headroom says that it does instead."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from common.tests.scenario.asyncflow_documents import EVERY_TIME, converted, edge, nodes, notes
from headroom_common.scenario import (
    LogNormal,
    Normal,
    Poisson,
    PoolStep,
    Uniform,
    UserArrivals,
    load_scenario,
)
from headroom_common.scenario.units import format_duration


def test_every_conversion_says_how_the_two_differ(payload: dict[str, Any]) -> None:
    warnings = load_scenario(yaml.safe_dump(payload)).warnings
    assert warnings == (
        (
            "rqs_input.user_sampling_window: AsyncFlow loses the gap that crosses the end of a window, which "
            "squeezes "
            "arrivals earlier (here by about 0.00012 of the time); Headroom keeps every gap"
        ),
        (
            "sim_settings: AsyncFlow leaves requests that are unfinished at the end out of the percentiles; "
            "Headroom follows "
            "every request to its end and counts it"
        ),
        (
            "events[0]: AsyncFlow still serves requests on their way to a server that goes down; Headroom "
            "refuses what "
            "arrives while it is down, and lets finish what is inside"
        ),
    )


def latency(payload: dict[str, Any], **changes: Any) -> tuple[Any, list[str]]:
    payload.pop("events")
    edge(payload, 0)["latency"] = changes
    loaded = load_scenario(yaml.safe_dump(payload))
    return loaded.scenario.spec.links[0].delay, list(loaded.warnings[EVERY_TIME:])


WHERE = "topology_graph.edges[0].latency"


def test_a_variance_is_a_variance(payload: dict[str, Any]) -> None:
    delay, said = latency(payload, mean=0.02, distribution="normal", variance=0.000025)
    assert isinstance(delay, Normal)
    assert (delay.mean, delay.sd) == (20_000_000, 5_000_000)
    assert said == [
        (
            f"{WHERE}.variance: AsyncFlow uses the variance of 2.5e-05 s² as the standard deviation; "
            "Headroom "
            "takes its "
            "square root, 5ms"
        )
    ]


def test_a_missing_variance_stays_as_wide_as_the_mean(payload: dict[str, Any]) -> None:
    delay, said = latency(payload, mean=0.02, distribution="normal")
    assert delay.sd == 20_000_000
    assert said == [
        (
            f"{WHERE}.variance: not given: AsyncFlow takes the mean's number, 0.02, as the standard "
            "deviation; "
            "Headroom takes "
            "20ms too"
        )
    ]


def test_the_mean_of_a_log_normal_law_is_its_mean(payload: dict[str, Any]) -> None:
    delay, said = latency(payload, mean=0.02, distribution="log_normal", variance=0)
    assert isinstance(delay, LogNormal)
    assert (delay.mean, delay.sd) == (20_000_000, 0)
    assert said[1] == (
        f"{WHERE}.mean: AsyncFlow uses the mean as that of the logarithm (mu); Headroom takes it as the "
        "mean of the delay "
        "itself"
    )


def test_a_uniform_law_keeps_its_mean(payload: dict[str, Any]) -> None:
    delay, said = latency(payload, mean=0.02, distribution="uniform")
    assert isinstance(delay, Uniform)
    assert (delay.low, delay.high) == (0, 40_000_000)
    assert said == [
        (
            f"{WHERE}.distribution: AsyncFlow ignores the mean and draws from 0 to 1 s; Headroom draws "
            "from 0 "
            "to 40ms, whose "
            "mean is 20ms"
        )
    ]


@pytest.mark.parametrize(
    ("law", "prefix"), [({}, "without a distribution "), ({"distribution": "poisson"}, "")]
)
def test_a_poisson_law_counts_milliseconds(payload: dict[str, Any], law: dict[str, str], prefix: str) -> None:
    delay, said = latency(payload, mean=0.003, **law)
    assert isinstance(delay, Poisson)
    assert delay.mean == 3_000_000
    assert said == [
        (
            f"{WHERE}.distribution: {prefix}AsyncFlow draws a Poisson number of whole seconds (0 or 1 s, "
            "hardly ever near 3ms); "
            "Headroom draws a Poisson number of whole milliseconds with the mean 3ms"
        )
    ]


def test_a_useless_variance_is_said(payload: dict[str, Any]) -> None:
    _, said = latency(payload, mean=0.003, distribution="exponential", variance=1)
    assert said == [f"{WHERE}.variance: ignored: AsyncFlow refuses it at run time with the law exponential"]


def test_latencies_are_rounded_to_nanoseconds_but_never_vanish(payload: dict[str, Any]) -> None:
    delay, _ = latency(payload, mean=1e-15, distribution="exponential")
    assert format_duration(delay.mean) == "1ns"


@pytest.mark.parametrize(("variance", "sd"), [(400, 20.0), (None, 20.0)])
def test_the_spread_of_users_is_the_root_of_their_variance(
    payload: dict[str, Any], variance: float | None, sd: float
) -> None:
    payload.pop("events")
    payload["rqs_input"]["avg_active_users"] |= {"distribution": "normal"}
    if variance is not None:
        payload["rqs_input"]["avg_active_users"]["variance"] = variance
    arrivals = converted(payload).spec.workloads[0].arrivals
    assert isinstance(arrivals, UserArrivals)
    assert (arrivals.users.law, arrivals.users.sd) == ("normal", sd)
    assert notes(payload) == [
        (
            "rqs_input.avg_active_users.variance: AsyncFlow uses the variance of 400 as the standard "
            "deviation; Headroom takes "
            "its square root, 20 users"
        )
    ]


def test_useless_variances_of_poisson_numbers_are_said(payload: dict[str, Any]) -> None:
    payload.pop("events")
    payload["rqs_input"]["avg_active_users"]["variance"] = 1
    payload["rqs_input"]["avg_request_per_minute_per_user"]["variance"] = 1
    said = load_scenario(yaml.safe_dump(payload)).warnings
    assert (
        "rqs_input.avg_active_users.variance: ignored by AsyncFlow and by Headroom: a Poisson number's "
        "variance is its mean" in said
    )
    assert (
        "rqs_input.avg_request_per_minute_per_user.variance: ignored by AsyncFlow and by Headroom: "
        "requests are a Poisson "
        "process"
    ) in said


def test_the_default_loss_is_kept_and_said(payload: dict[str, Any]) -> None:
    payload.pop("events")
    del edge(payload, 0)["dropout_rate"]
    del edge(payload, 2)["dropout_rate"]
    assert {link.name: link.loss for link in converted(payload).spec.links} == {
        "in": 0.01, "to-left": 0.01, "up": 0.0, "to-right": 0.0, "from-left": 0.0, "from-right": 0.0
    }  # fmt: skip
    assert notes(payload) == [
        (
            "topology_graph.edges: in, to-left: without dropout_rate AsyncFlow loses 1% on each; Headroom "
            "keeps that"
        )
    ]


def test_a_connection_pool_is_used(payload: dict[str, Any]) -> None:
    payload.pop("events")
    for server in nodes(payload)["servers"]:
        server["endpoints"][0]["steps"].append({"kind": "io_db", "step_operation": {"io_waiting_time": 0.02}})
    nodes(payload)["servers"][0]["server_resources"]["db_connection_pool"] = 5
    left, right = converted(payload).spec.servers
    assert [(pool.name, pool.size) for pool in left.pools] == [("db", 5)]
    held = left.endpoints[0].steps[-1]
    assert isinstance(held, PoolStep)
    assert held.pool == "db"
    assert right.pools == ()
    assert right.endpoints[0].steps[-1] == held.steps[0]
    assert notes(payload) == [
        (
            "topology_graph.nodes.servers[0].server_resources.db_connection_pool: AsyncFlow never uses it; "
            "Headroom holds one "
            "of 5 connections during every io_db step"
        )
    ]


def test_a_pool_that_no_step_takes_is_said_twice_over(payload: dict[str, Any]) -> None:
    payload.pop("events")
    nodes(payload)["servers"][0]["server_resources"]["db_connection_pool"] = 5
    assert notes(payload)[1] == "spec.servers[0].pools[0]: pool 'db' is taken by no step"


def test_least_connection_counts_until_answered(payload: dict[str, Any]) -> None:
    payload.pop("events")
    nodes(payload)["load_balancer"]["algorithms"] = "least_connection"
    assert converted(payload).spec.routers[0].policy == "least_connections"
    assert notes(payload) == [
        (
            "topology_graph.nodes.load_balancer.algorithms: AsyncFlow counts only messages in transit to a "
            "server; Headroom "
            "counts requests until they are answered"
        )
    ]


def two_endpoints(payload: dict[str, Any], *weights: float | None) -> None:
    for server in nodes(payload)["servers"]:
        first = server["endpoints"][0]
        server["endpoints"] = [
            first | {"endpoint_name": f"/{index}"} | ({} if weight is None else {"probability": weight})
            for index, weight in enumerate(weights)
        ]


@pytest.mark.parametrize(
    ("given", "used", "said"),
    [
        (
            (None, None),
            (1, 1),
            "endpoints are chosen with equal chances, as in AsyncFlow; set 'mix' to change that",
        ),
        (
            (0.9, 0.1),
            (0.9, 0.1),
            (
                "AsyncFlow ignores 'probability' and chooses with equal chances; Headroom takes the "
                "'probability' of each as "
                "its weight"
            ),
        ),
        (
            (0.9, None),
            (1, 1),
            (
                "AsyncFlow ignores 'probability' and chooses with equal chances; not every endpoint has one, "
                "so Headroom does "
                "the same"
            ),
        ),
    ],
)
def test_the_mix_of_endpoints_is_said(
    payload: dict[str, Any], given: tuple[float | None, ...], used: tuple[float, ...], said: str
) -> None:
    payload.pop("events")
    two_endpoints(payload, *given)
    mix = converted(payload).spec.workloads[0].mix
    assert [(entry.endpoint, entry.weight) for entry in mix] == [("/0", used[0]), ("/1", used[1])]
    assert notes(payload) == [f"topology_graph.nodes.servers[0].endpoints: {said}"]


def test_unlike_endpoints_are_matched_by_position(payload: dict[str, Any]) -> None:
    payload.pop("events")
    nodes(payload)["servers"][1]["endpoints"][0]["endpoint_name"] = "/other"
    assert [server.endpoints[0].name for server in converted(payload).spec.servers] == ["/api", "/api"]
    assert notes(payload) == [
        (
            "topology_graph.nodes.servers[1].endpoints[0].endpoint_name: the servers' endpoints differ; "
            "Headroom takes '/other' "
            "for the first server's '/api'"
        )
    ]


def test_unknown_keys_are_said_with_a_suggestion(payload: dict[str, Any]) -> None:
    payload.pop("events")
    edge(payload, 0)["probability"] = 0.5
    edge(payload, 1)["latency"]["varience"] = 1
    payload["colour"] = "blue"
    said = load_scenario(yaml.safe_dump(payload)).warnings[:3]
    assert said == (
        "colour: AsyncFlow ignores this unknown key silently; so does Headroom",
        "topology_graph.edges[0].probability: AsyncFlow ignores this unknown key silently; so does Headroom",
        (
            "topology_graph.edges[1].latency.varience: AsyncFlow ignores this unknown key silently; so does "
            "Headroom (did you "
            "mean 'variance'?)"
        ),
    )


def test_too_many_samples_are_thinned(payload: dict[str, Any]) -> None:
    payload.pop("events")
    payload["sim_settings"]["sample_period_s"] = 0.01
    assert converted(payload).spec.sample_period == 60 * 10**6
    assert notes(payload) == [
        "sim_settings.sample_period_s: 0.01 s gives more than 10,000 samples; Headroom samples every 60 ms"
    ]


def test_lists_of_metrics_are_not_needed(payload: dict[str, Any]) -> None:
    payload.pop("events")
    payload["sim_settings"]["enabled_sample_metrics"] = ["ready_queue_len"]
    said = load_scenario(yaml.safe_dump(payload)).warnings
    assert (
        said[-1] == "sim_settings.enabled_sample_metrics: not needed: Headroom always collects every metric"
    )


def test_a_balancer_without_a_list_covers_what_it_is_linked_to(payload: dict[str, Any]) -> None:
    payload.pop("events")
    nodes(payload)["load_balancer"]["server_covered"] = ["left"]
    assert len(converted(payload).spec.routers[0].targets) == 2
    assert notes(payload) == [
        (
            "topology_graph.nodes.load_balancer.server_covered: leaves out 'right', but AsyncFlow routes "
            "along "
            "every edge; so "
            "does Headroom"
        )
    ]


def test_a_spawned_task_is_waited_for(payload: dict[str, Any]) -> None:
    payload.pop("events")
    step = {"kind": "io_task_spawn", "step_operation": {"io_waiting_time": 0.1}}
    nodes(payload)["servers"][0]["endpoints"][0]["steps"].append(step)
    assert notes(payload) == [
        (
            "topology_graph.nodes.servers[0].endpoints[0].steps[3].kind: the request waits for the task, "
            "as it "
            "does in AsyncFlow"
        )
    ]
