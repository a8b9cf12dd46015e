"""Which resource is the busiest, which saturates first, and how much more traffic would fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report.values import Estimate, dig, estimate, mapping, number, rows, text

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 0.95
"""From this utilisation on a resource counts as used up, and no headroom is promised."""


class Resource(NamedTuple):
    """A resource of one server: ``cpu``, ``memory`` or ``pool:<name>``.

    Attributes:
        server: The server's name.
        kind: What it is, in the words of the result document.
        measured: The share in use over the measured time, 0 to 1, of the busiest replica where known.
        wait: The mean time waited for it, seconds.
        saturated: Whether analysis calls it the bottleneck of a saturated server.
    """

    server: str
    kind: str
    measured: Estimate
    wait: Estimate
    saturated: bool

    @property
    def use(self) -> float:
        """The share in use; 0 without data."""
        return self.measured.value or 0.0

    @property
    def label(self) -> str:
        """The resource in words, for a sentence."""
        return resource_words(self.kind)


def resource_words(kind: str) -> str:
    """Return a resource's name for a sentence: ``CPU`` of ``cpu``, ``pool db`` of ``pool:db``."""
    return {"cpu": "CPU", "memory": "memory"}.get(kind, f"pool {kind.removeprefix('pool:')}")


def _cpu_use(server: Mapping[str, object]) -> Estimate:
    busiest = estimate(server.get("utilisation_max_replica"))
    return estimate(server.get("utilisation")) if busiest.value is None else busiest


def memory_use(server: Mapping[str, object]) -> Estimate:
    """Return the mean share of a server's memory in use; no data when it is unlimited."""
    capacity = number(dig(server, "memory", "capacity"))
    held = estimate(dig(server, "memory", "mean"))
    if not capacity:
        return Estimate(None)
    return Estimate(*(None if part is None else part / capacity for part in held))


def resources_of(server: Mapping[str, object]) -> list[Resource]:
    """Return the resources of one server of the result, those without a known use left out."""
    name, bottleneck = text(server.get("name")), server.get("bottleneck")
    saturated = server.get("saturated") is True
    queues = mapping(server.get("queues"))
    found: list[tuple[str, Estimate, object]] = [
        ("cpu", _cpu_use(server), queues.get("cpu")),
        ("memory", memory_use(server), queues.get("memory")),
    ]
    found += [
        (f"pool:{text(pool.get('name'))}", estimate(pool.get("utilisation")), pool)
        for pool in rows(queues.get("pools"))
    ]
    return [
        Resource(name, kind, measured, estimate(dig(queue, "wait_mean")), saturated and kind == bottleneck)
        for kind, measured, queue in found
        if measured.value is not None
    ]


def ranked(result: Mapping[str, object]) -> list[Resource]:
    """Return every server's resources: the saturated ones first, then by use."""
    found = [resource for server in rows(result.get("servers")) for resource in resources_of(server)]
    return sorted(found, key=lambda resource: (not resource.saturated, -resource.use))


def headroom(result: Mapping[str, object]) -> float | None:
    """Return how many times the traffic would fill the busiest CPU, by the utilisation law U = X·D.

    None where the law does not carry the claim: a closed workload or a rate limit decides the traffic,
    requests are turned away, another resource is the busiest, a server is saturated, or there is (almost) no
    headroom.
    """
    first = next(iter(ranked(result)), None)
    if first is None or first.kind != "cpu" or first.saturated or not 0.0 < first.use < LIMIT:
        return None
    closed = any(
        dig(workload, "arrivals", "kind") == "closed"
        for workload in rows(dig(result, "scenario", "spec", "workloads"))
    )
    limited = any(
        router.get("rate_limit") is not None for router in rows(dig(result, "scenario", "spec", "routers"))
    )
    turned_away = any(estimate(dig(result, "outcomes", outcome)).value for outcome in ("refused", "shed"))
    saturated = any(server.get("saturated") is True for server in rows(result.get("servers")))
    return None if closed or limited or turned_away or saturated else 1.0 / first.use
