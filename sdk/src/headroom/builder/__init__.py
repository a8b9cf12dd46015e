"""Scenarios written in Python, with the words of the YAML.

Each function makes the piece of the scenario that the YAML calls by the same name, and takes the same keys:

    from headroom.builder import cpu, endpoint, io, poisson, scenario, server, workload

    shop = scenario(
        "shop",
        horizon="60s",
        workloads=[workload("visitors", entry="app", arrivals=poisson("100/s"))],
        servers=[server("app", cores=2, endpoints=[endpoint("/", steps=[cpu("5ms"), io("20ms")])])],
        objectives=["latency.p99 below 100ms"],
    )

`scenario` checks the whole and raises the same errors, with the same paths, as a file would. What the YAML
does with templates, Python does with functions and loops.
"""

from headroom.builder.backend import (
    cpu,
    endpoint,
    io,
    link,
    link_delay,
    link_loss,
    pool,
    rate_limit,
    router,
    server,
    server_down,
    server_slowdown,
    target,
)
from headroom.builder.laws import (
    constant,
    empirical,
    exponential,
    gamma,
    lognormal,
    normal,
    pareto,
    uniform,
    weibull,
)
from headroom.builder.parts import Law, Part
from headroom.builder.scenario import objective, scenario
from headroom.builder.traffic import closed, deterministic, poisson, profile, trace, users, workload

__all__ = [
    "Law",
    "Part",
    "closed",
    "constant",
    "cpu",
    "deterministic",
    "empirical",
    "endpoint",
    "exponential",
    "gamma",
    "io",
    "link",
    "link_delay",
    "link_loss",
    "lognormal",
    "normal",
    "objective",
    "pareto",
    "poisson",
    "pool",
    "profile",
    "rate_limit",
    "router",
    "scenario",
    "server",
    "server_down",
    "server_slowdown",
    "target",
    "trace",
    "uniform",
    "users",
    "weibull",
    "workload",
]
