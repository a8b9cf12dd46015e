"""Hypothesis strategies for whole scenarios, as dicts that look like parsed YAML."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from headroom_common.scenario.units import format_duration, format_memory

names = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True)
durations_ns = st.integers(min_value=1, max_value=10**13)
durations = durations_ns.map(format_duration)
rates = st.one_of(
    st.integers(1, 10**6).flatmap(lambda n: st.sampled_from([f"{n}/s", f"{n}/min", f"{n} / h", f"{n}.5/s"])),
    st.floats(1e-3, 1e6).map(lambda rate: f"{rate!r}/s"),
)
ratios = st.one_of(
    st.floats(0, 1).filter(lambda ratio: ratio == 0 or ratio > 1e-30),
    st.sampled_from(["0%", "1%", "12.5%", "100%"]),
)
numbers = st.one_of(st.integers(1, 10**6), st.floats(1e-3, 1e6))


def named(distribution: str, **parameters: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"distribution": st.just(distribution), **parameters})


pairs = st.tuples(durations_ns, durations_ns).map(sorted)
distributions = st.one_of(
    durations,
    named("constant", value=durations),
    named("exponential", mean=durations),
    named("normal", mean=durations, sd=durations),
    named("lognormal", mean=durations, sd=durations),
    named("gamma", mean=durations, sd=durations),
    named("weibull", shape=numbers, scale=durations),
    named("pareto", shape=numbers, minimum=durations),
    named("poisson", mean=durations),
    pairs.map(
        lambda p: {"distribution": "uniform", "low": format_duration(p[0]), "high": format_duration(p[1])}
    ),
    st.lists(durations_ns, min_size=2, max_size=5).map(
        lambda q: {"distribution": "empirical", "quantiles": [format_duration(n) for n in sorted(q)]}
    ),
)


@st.composite
def profiles(draw: st.DrawFn) -> dict[str, Any]:
    times = [0, *sorted(draw(st.sets(durations_ns, max_size=4)))]
    points = [{"at": format_duration(time), "rate": draw(rates)} for time in times]
    return {"shape": draw(st.sampled_from(["step", "linear"])), "points": points}


crowds = st.one_of(st.integers(1, 30), st.floats(1e-3, 30))
user_counts = st.one_of(
    st.fixed_dictionaries({"mean": crowds}),
    st.fixed_dictionaries({"mean": crowds, "law": st.just("normal"), "sd": numbers}),
)
arrivals = st.one_of(
    st.fixed_dictionaries({"kind": st.just("poisson"), "rate": st.one_of(rates, profiles())}),
    st.fixed_dictionaries({"kind": st.just("deterministic"), "rate": st.one_of(rates, profiles())}),
    st.fixed_dictionaries(
        {"kind": st.just("users"), "users": user_counts, "rate_per_user": rates},
        optional={"window": durations},
    ),
    st.lists(durations_ns, min_size=1, max_size=5).map(
        lambda times: {"kind": "trace", "times": [format_duration(time) for time in sorted(times)]}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("closed"), "users": st.integers(1, 1000), "think_time": distributions}
    ),
)


@st.composite
def steps(draw: st.DrawFn, pools: tuple[str, ...], depth: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["cpu", "io", "pool"] if pools and depth < 3 else ["cpu", "io"]))
        if kind == "pool":
            pool = draw(st.sampled_from(pools))
            rest = pools[pools.index(pool) + 1 :]  # one order of nesting: no deadlocks
            found.append({"pool": pool, "steps": draw(steps(rest, depth + 1))})
        else:
            found.append({kind: draw(distributions)})
    return found


@st.composite
def servers(draw: st.DrawFn, name: str, endpoints: list[str]) -> dict[str, Any]:
    pools = draw(st.lists(names, unique=True, max_size=2))
    capacity = draw(st.one_of(st.none(), st.integers(1024, 2**25)))
    bodies = []
    for endpoint in endpoints:
        need = draw(st.integers(0, capacity or 2**20))
        bodies.append({"name": endpoint, "memory": format_memory(need), "steps": draw(steps(tuple(pools)))})
    server: dict[str, Any] = {
        "name": name,
        "replicas": draw(st.integers(1, 50)),
        "cores": draw(st.one_of(st.integers(1, 64), st.sampled_from(["2", "3000m"]))),
        "pools": [{"name": pool, "size": draw(st.integers(1, 100))} for pool in pools],
        "endpoints": bodies,
    }
    if capacity is not None:
        server["memory"] = format_memory(capacity)
    if draw(st.booleans()):
        server["queue_limit"] = draw(st.integers(0, 100))
    if draw(st.booleans()):
        server["concurrency_limit"] = draw(st.integers(1, 100))
    return server


@st.composite
def faults(draw: st.DrawFn, links: list[str], group: list[dict[str, Any]]) -> dict[str, Any]:
    start, end = sorted(draw(st.lists(st.integers(0, 10**12), min_size=2, max_size=2, unique=True)))
    span: dict[str, Any] = {"start": format_duration(start)}
    span |= (
        {"end": format_duration(end)} if draw(st.booleans()) else {"duration": format_duration(end - start)}
    )
    server = draw(st.sampled_from(group))
    aim: dict[str, Any] = {"server": server["name"]}
    if draw(st.booleans()):
        aim["replica"] = draw(st.integers(0, server["replicas"] - 1))
    kinds: list[dict[str, Any]] = [
        {"kind": "server_down", "in_flight": draw(st.sampled_from(["continue", "lost"]))} | aim,
        {"kind": "server_slowdown", "factor": draw(st.floats(1, 100))} | aim,
    ]
    if links:
        link = draw(st.sampled_from(links))
        kinds.append({"kind": "link_delay", "link": link, "extra": draw(durations)})
        kinds.append({"kind": "link_loss", "link": link, "loss": draw(ratios)})
    return draw(st.sampled_from(kinds)) | span


objectives = st.one_of(
    st.tuples(st.sampled_from(["mean", "p50", "p999", "max"]), durations).map(
        lambda pair: f"latency.{pair[0]} below {pair[1]}"
    ),
    rates.map(lambda rate: {"metric": "throughput", "above": rate, "workload": "w0"}),
    ratios.map(lambda ratio: {"metric": "error_ratio", "below": ratio}),
    ratios.map(lambda ratio: {"metric": "utilisation", "below": ratio, "server": "s0"}),
)


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a valid scenario of any shape that the schema allows."""
    links = draw(st.lists(names, unique=True, max_size=3))
    some_links = st.lists(st.sampled_from(links), max_size=3) if links else st.just([])
    endpoints = draw(st.lists(st.sampled_from(["/a", "/b", "GET /c"]), min_size=1, unique=True))
    group = [draw(servers(f"s{index}", endpoints)) for index in range(draw(st.integers(1, 3)))]
    policies = ["round_robin", "weighted_random", "consistent_hash", "traffic_split", "power_of_two"]
    targets = []
    for server in group:
        target: dict[str, Any] = {"server": server["name"], "weight": draw(numbers)}
        if links and draw(st.booleans()):
            target["link"] = draw(st.sampled_from(links))
        if draw(st.booleans()):
            target["return_via"] = draw(some_links)
        targets.append(target)
    router: dict[str, Any] = {"name": "lb", "policy": draw(st.sampled_from(policies)), "targets": targets}
    if draw(st.booleans()):
        router["rate_limit"] = {"rate": draw(rates), "burst": draw(st.integers(1, 100))}
    workloads = []
    for index in range(draw(st.integers(1, 2))):
        mix = [{"endpoint": endpoint, "weight": draw(numbers)} for endpoint in endpoints]
        workload = {"name": f"w{index}", "entry": "lb", "via": draw(some_links), "arrivals": draw(arrivals)}
        workloads.append(workload if len(mix) == 1 and draw(st.booleans()) else workload | {"mix": mix})
    return {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "drawn", "description": draw(st.text(max_size=20))},
        "spec": {
            "horizon": draw(st.integers(10**6, 30 * 24 * 3600 * 10**9).map(format_duration)),
            "workloads": workloads,
            "links": [{"name": link, "delay": draw(distributions), "loss": draw(ratios)} for link in links],
            "routers": [router],
            "servers": group,
            "faults": draw(st.lists(faults(links, group), max_size=3)),
            "objectives": draw(st.lists(objectives, max_size=3)),
        },
    }
