from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom import builder as hb
from headroom.builder import scenario
from headroom_common.errors import HeadroomError
from headroom_common.scenario import Scenario

TWO_SERVERS = """
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: shop, description: two servers, labels: {team: web}}
spec:
  horizon: 60s
  warmup: 5s
  sample_period: 250ms
  workloads:
    - name: shoppers
      entry: lb
      via: [internet]
      arrivals:
        kind: poisson
        rate: {shape: linear, points: [{at: 0s, rate: 100/s}, {at: 60s, rate: 400/s}]}
      mix: [{endpoint: /api, weight: 3.0}, {endpoint: /search, weight: 1.0}]
      sessions: 50
      timeout: 2s
    - name: staff
      entry: lb
      arrivals: {kind: closed, users: 5, think_time: {distribution: exponential, mean: 1s}}
      mix: [{endpoint: /search}]
  links:
    - {name: internet, delay: {distribution: lognormal, mean: 20ms, sd: 5ms}, loss: 1%}
    - {name: lan, delay: 1ms}
  routers:
    - name: lb
      policy: weighted_round_robin
      targets: [{server: app, link: lan, weight: 2.0, return_via: [lan, internet]}]
      rate_limit: {rate: 500/s, burst: 100}
  servers:
    - name: app
      replicas: 2
      cores: 4
      memory: 2Gi
      pools: [{name: db, size: 20}]
      queue_limit: 100
      concurrency_limit: 200
      endpoints:
        - name: /api
          memory: 64Mi
          steps: [{cpu: 2ms}, {pool: db, steps: [{io: {distribution: gamma, mean: 8ms, sd: 4ms}}]}]
        - {name: /search, steps: [{cpu: {distribution: empirical, quantiles: [1ms, 2ms, 9ms]}}]}
  faults:
    - {kind: server_down, server: app, replica: 0, start: 10s, end: 20s, in_flight: lost, name: outage}
    - {kind: server_slowdown, server: app, factor: 3.0, start: 5s, duration: 1s}
    - {kind: link_delay, link: lan, extra: 50ms, start: 1s, duration: 10s}
    - {kind: link_loss, link: lan, loss: 10%, start: 1s, end: 2s}
  objectives:
    - latency.p99 below 250ms
    - {metric: error_ratio, below: 0.1%, workload: shoppers}
"""


def in_python() -> Scenario:
    ramp = hb.profile("linear", [("0s", "100/s"), ("60s", "400/s")])
    query = hb.pool("db", steps=[hb.io(hb.gamma("8ms", "4ms"))])
    return scenario(
        "shop",
        description="two servers",
        labels={"team": "web"},
        horizon="60s",
        warmup="5s",
        sample_period="250ms",
        workloads=[
            hb.workload(
                "shoppers",
                entry="lb",
                via=["internet"],
                arrivals=hb.poisson(ramp),
                mix={"/api": 3.0, "/search": 1.0},
                sessions=50,
                timeout="2s",
            ),
            hb.workload(
                "staff",
                entry="lb",
                arrivals=hb.closed(5, think_time=hb.exponential("1s")),
                mix=[{"endpoint": "/search"}],
            ),
        ],
        links=[
            hb.link("internet", delay=hb.lognormal("20ms", "5ms"), loss="1%"),
            hb.link("lan", delay=hb.constant("1ms")),
        ],
        routers=[
            hb.router(
                "lb",
                policy="weighted_round_robin",
                targets=[hb.target("app", link="lan", weight=2.0, return_via=("lan", "internet"))],
                rate_limit=hb.rate_limit("500/s", burst=100),
            )
        ],
        servers=[
            hb.server(
                "app",
                replicas=2,
                cores=4,
                memory="2Gi",
                pools=[hb.pool("db", size=20)],
                queue_limit=100,
                concurrency_limit=200,
                endpoints=[
                    hb.endpoint("/api", memory="64Mi", steps=[hb.cpu("2ms"), query]),
                    hb.endpoint("/search", steps=[hb.cpu(hb.empirical(["1ms", "2ms", "9ms"]))]),
                ],
            )
        ],
        faults=[
            hb.server_down("app", replica=0, start="10s", end="20s", in_flight="lost", name="outage"),
            hb.server_slowdown("app", factor=3.0, start="5s", duration="1s"),
            hb.link_delay("lan", extra="50ms", start="1s", duration="10s"),
            hb.link_loss("lan", loss="10%", start="1s", end="2s"),
        ],
        objectives=[
            "latency.p99 below 250ms",
            hb.objective("error_ratio", below="0.1%", workload="shoppers"),
        ],
    )


def smallest(**changes: Any) -> Scenario:
    words: dict[str, Any] = {
        "horizon": "10s",
        "workloads": [hb.workload("visitors", entry="app", arrivals=hb.poisson("10/s"))],
        "servers": [hb.server("app", cores=1, endpoints=[hb.endpoint("/", steps=[hb.cpu("1ms")])])],
    }
    return scenario("small", **(words | changes))


def test_python_and_yaml_make_the_same_scenario() -> None:
    written = Scenario.from_dict(yaml.safe_load(TWO_SERVERS))
    assert in_python().canonical() == written.canonical()
    assert in_python().content_hash() == written.content_hash()


def test_what_is_not_given_has_the_schemas_default() -> None:
    spec = smallest().spec
    assert spec.warmup == 0
    assert spec.servers[0].replicas == 1
    assert spec.servers[0].memory is None
    assert spec.workloads[0].sessions == 1000


def test_every_problem_is_reported_with_the_path_that_yaml_has() -> None:
    with pytest.raises(HeadroomError) as caught:
        smallest(
            workloads=[hb.workload("visitors", entry="ap", arrivals=hb.poisson("100"))],
            links=[hb.link("lan", delay="5")],
        )
    message = str(caught.value)
    assert "spec.workloads[0].entry" in message
    assert "did you mean 'app'?" in message
    assert "spec.workloads[0].arrivals.rate" in message
    assert "spec.links[0].delay" in message
    assert caught.value.next_step


LAWS = [
    hb.constant("3ms"),
    hb.exponential("3ms"),
    hb.normal("3ms", "1ms"),
    hb.lognormal("3ms", "1ms"),
    hb.uniform("1ms", "3ms"),
    hb.gamma("3ms", "1ms"),
    hb.weibull(1.5, "3ms"),
    hb.pareto(2.5, "1ms"),
    hb.poisson(mean="3ms"),
    hb.empirical(["1ms", "3ms"]),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law["distribution"])
def test_every_law_is_one_of_the_schemas(law: dict[str, Any]) -> None:
    steps = [hb.cpu(law), hb.io(law)]
    built = smallest(
        links=[hb.link("lan", delay=law)],
        servers=[hb.server("app", cores=1, endpoints=[hb.endpoint("/", steps=steps)])],
    )
    written = built.canonical()["spec"]["links"][0]["delay"]
    assert written == ("3ms" if law["distribution"] == "constant" else law)


ARRIVALS = [
    hb.poisson("10/s"),
    hb.poisson(hb.profile("step", [("0s", "1/s"), ("5s", "9/s")])),
    hb.deterministic("10/s"),
    hb.users(400, rate_per_user="20/min"),
    hb.users(400, law="normal", sd=20, rate_per_user="20/min", window="30s"),
    hb.trace(["0s", "12ms", "1s"]),
    hb.closed(10, think_time="1s"),
]


@pytest.mark.parametrize("arrivals", ARRIVALS, ids=lambda arrivals: arrivals["kind"])
def test_all_kinds_of_arrivals_are_the_schemas(arrivals: dict[str, Any]) -> None:
    built = smallest(workloads=[hb.workload("visitors", entry="app", arrivals=arrivals)])
    assert built.canonical()["spec"]["workloads"][0]["arrivals"]["kind"] == arrivals["kind"]


def test_words_with_two_meanings_want_exactly_one_of_them() -> None:
    with pytest.raises(TypeError, match=r"rate .* or mean"):
        hb.poisson("10/s", mean="3ms")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"rate .* or mean"):
        hb.poisson()  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"pool 'db': expected size .* or steps"):
        hb.pool("db")  # type: ignore[call-overload]


def test_targets_may_be_plain_names() -> None:
    assert hb.router("lb", policy="random", targets=["app"])["targets"] == [{"server": "app"}]


def test_parts_are_not_changed_by_building() -> None:
    visitors = hb.workload("visitors", entry="app", arrivals=hb.poisson("10/s"))
    before = repr(visitors)
    smallest(workloads=[visitors])
    assert repr(visitors) == before


DURATIONS = st.integers(1, 10_000).map(lambda ms: f"{ms}ms")


@settings(max_examples=40, deadline=None)
@given(
    replicas=st.integers(1, 50),
    cores=st.integers(1, 64),
    pools=st.dictionaries(st.sampled_from(["db", "cache", "mail"]), st.integers(1, 100)),
    steps=st.lists(st.tuples(st.sampled_from([hb.cpu, hb.io]), DURATIONS), min_size=1, max_size=5),
    rate=st.integers(1, 10_000),
)
def test_any_server_survives_the_way_through_the_scenario(
    replicas: int, cores: int, pools: dict[str, int], steps: list[Any], rate: int
) -> None:
    inner = [make(duration) for make, duration in steps]
    held = [hb.pool(name, steps=inner) for name in pools]
    built = smallest(
        workloads=[hb.workload("visitors", entry="lb", arrivals=hb.poisson(f"{rate}/s"))],
        routers=[hb.router("lb", policy="round_robin", targets=["app"])],
        servers=[
            hb.server(
                "app",
                replicas=replicas,
                cores=cores,
                pools=[hb.pool(name, size=size) for name, size in pools.items()],
                endpoints=[hb.endpoint("/", steps=[*inner, *held])],
            )
        ],
    )
    server = built.spec.servers[0]
    assert (server.replicas, server.cores) == (replicas, cores)
    assert {pool.name: pool.size for pool in server.pools} == pools
    assert len(server.endpoints[0].steps) == len(inner) + len(held)
    assert Scenario.from_dict(built.canonical()).content_hash() == built.content_hash()
