"""Scenario documents of queueing models, in the words of the schema."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def milliseconds(seconds: float) -> str:
    """Write seconds as the schema wants them."""
    return f"{seconds * 1e3:.12g}ms"


def exponential(mean: float) -> Document:
    """Return the exponential law with this mean in seconds."""
    return {"distribution": "exponential", "mean": milliseconds(mean)}


def poisson(rate: float) -> Document:
    """Return Poisson arrivals."""
    return {"kind": "poisson", "rate": f"{rate:g}/s"}


def station(steps: list[Document], *, working_set: str = "0B", **limits: Any) -> Document:
    """Return the server `station` whose only endpoint runs `steps`."""
    return {
        "name": "station",
        "cores": 1,
        "endpoints": [{"name": "/", "memory": working_set, "steps": steps}],
    } | limits


def model(
    name: str,
    servers: list[Document],
    arrivals: Document,
    *,
    horizon: float,
    warmup: float,
    routers: list[Document] | None = None,
) -> Document:
    """Return a scenario of one workload that enters at the router, if there is one, or at the server."""
    entry = (routers or servers)[0]["name"]
    return {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": name},
        "spec": {
            "horizon": f"{horizon:g}s",
            "warmup": f"{warmup:g}s",
            "workloads": [{"name": "clients", "entry": entry, "arrivals": arrivals}],
            "routers": routers or [],
            "servers": servers,
        },
    }


def balanced(policy: str, replicas: int, service: Any) -> tuple[list[Document], list[Document]]:
    """Return routers and servers of `replicas` equal single-core stations behind one balancer."""
    router = {"name": "balancer", "policy": policy, "targets": [{"server": "station"}]}
    return [router], [station([{"cpu": service}], replicas=replicas)]
