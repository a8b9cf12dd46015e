"""Properties of whole runs that hold for every scenario, on small ones made at random."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headroom import Result, Scenario, run
from headroom import builder as hb

POLICIES = (
    "round_robin",
    "weighted_round_robin",
    "random",
    "weighted_random",
    "consistent_hash",
    "traffic_split",
    "least_connections",
    "power_of_two",
)
MILLISECONDS = st.integers(0, 40).map(lambda ms: f"{ms}ms")
LAWS = st.one_of(
    MILLISECONDS,
    st.integers(1, 30).map(lambda ms: hb.exponential(f"{ms}ms")),
    st.integers(1, 30).map(lambda ms: hb.uniform("0ms", f"{ms}ms")),
    st.integers(1, 30).map(lambda ms: hb.lognormal(f"{ms}ms", "5ms")),
)


@st.composite
def endpoints(draw: st.DrawFn) -> list[dict[str, Any]]:
    plain = st.one_of(LAWS.map(hb.cpu), LAWS.map(hb.io))
    steps = draw(st.lists(plain, min_size=1, max_size=3))
    held = draw(st.lists(plain, max_size=2))
    if held:
        steps.append(hb.pool("db", steps=held))
    memory = draw(st.sampled_from([None, "1Mi", "48Mi"]))
    return [hb.endpoint("/", steps=steps, memory=memory)]


@st.composite
def servers(draw: st.DrawFn, name: str) -> dict[str, Any]:
    return hb.server(
        name,
        replicas=draw(st.integers(1, 3)),
        cores=draw(st.integers(1, 2)),
        memory=draw(st.sampled_from([None, "64Mi"])),
        pools=[hb.pool("db", size=draw(st.integers(1, 3)))],
        queue_limit=draw(st.sampled_from([None, 0, 5])),
        concurrency_limit=draw(st.sampled_from([None, 4])),
        endpoints=draw(endpoints()),
    )


@st.composite
def arrivals(draw: st.DrawFn) -> dict[str, Any]:
    rate = draw(st.integers(5, 150))
    ramp = hb.profile("linear", [("0s", f"{rate}/s"), ("3s", "10/s")])
    return draw(
        st.sampled_from(
            [
                hb.poisson(f"{rate}/s"),
                hb.poisson(ramp),
                hb.deterministic(f"{rate}/s"),
                hb.users(rate, rate_per_user="60/min", window="1s"),
                hb.trace([f"{11 * tick}ms" for tick in range(rate)]),
                hb.closed(1 + rate // 20, think_time=hb.exponential("50ms")),
            ]
        )
    )


@st.composite
def faults(draw: st.DrawFn) -> list[dict[str, Any]]:
    return draw(
        st.lists(
            st.sampled_from(
                [
                    hb.server_down("a", start="1s", end="2s", in_flight="lost"),
                    hb.server_down("a", replica=0, start="500ms", duration="1s"),
                    hb.server_slowdown("a", factor=3, start="1s", end="3s"),
                    hb.link_delay("lan", extra="20ms", start="0s", end="2s"),
                    hb.link_loss("lan", loss="30%", start="1s", end="2s"),
                ]
            ),
            max_size=3,
            unique_by=repr,
        )
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    backends = [draw(servers("a")), draw(servers("b"))]
    targets = [hb.target("a", link="lan", weight=3), hb.target("b", return_via=["lan"])]
    workloads = [hb.workload("w", entry="lb", via=["lan"], arrivals=draw(arrivals()))]
    if draw(st.booleans()):
        workloads.append(hb.workload("v", entry="lb", arrivals=draw(arrivals())))
    return hb.scenario(
        "any",
        horizon="4s",
        warmup=draw(st.sampled_from(["0s", "1s"])),
        workloads=workloads,
        links=[hb.link("lan", delay=draw(LAWS), loss=draw(st.sampled_from([0, 0.05])))],
        routers=[hb.router("lb", policy=draw(st.sampled_from(POLICIES)), targets=targets)],
        servers=backends,
        faults=draw(faults()),
    )


def check_sums(result: Result) -> None:
    assert result.document["checks"]["littles_law_residual"] == 0
    ended = sum(figure.value or 0 for figure in result.outcomes.values())
    assert ended * result.trials == pytest.approx(result.document["requests"]["measured"])
    for of in ("mean", "p99"):
        causes = result.anatomy(of)  # type: ignore[arg-type]
        if causes and result.document["anatomy"][of]["total"]:
            assert sum(cause.share for cause in causes) == pytest.approx(1)
    for server in result.servers.values():
        assert -1e-12 <= (server.utilisation.value or 0) <= 1 + 1e-12
    quantiles = [result.latency[name].value for name in ("min", "p50", "p90", "p99", "max")]
    if quantiles[0] is not None:
        # A quantile from the sketch may be off by its relative error.
        pairs = pairwise(quantiles)
        assert all(low is not None and high is not None and low <= high * 1.01 for low, high in pairs)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(), segment=st.integers(1, 400), threads=st.integers(1, 2), late=st.booleans())
def test_nothing_that_should_not_matter_does(
    scenario: Scenario, segment: int, threads: int, *, late: bool
) -> None:
    whole = run(scenario, trials=2, seed=5)
    check_sums(whole)
    parts = run(scenario, trials=2, seed=5, segment_arrivals=segment, threads=threads, late_bound=late)
    assert parts.to_json() == whole.to_json()
