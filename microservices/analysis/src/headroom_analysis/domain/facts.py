"""Names and sizes that the result document adds to the numbers, free of any schema library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """One pool of a server.

    Attributes:
        name: of the pool.
        size: tokens per replica.
        depth: the deepest nesting at which any endpoint takes it, 1 being the outermost.
    """

    name: str
    size: int
    depth: int


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One server group.

    Attributes:
        name: of the server.
        replicas: number of equal replicas.
        cores: per replica.
        memory_kib: per replica, or None when unlimited.
        pools: in the order of their slots.
    """

    name: str
    replicas: int
    cores: int
    memory_kib: int | None
    pools: tuple[PoolFacts, ...]


@dataclass(frozen=True, slots=True)
class ObjectiveFacts:
    """One objective.

    Attributes:
        text: as a sentence.
        metric: `latency.<quantity>`, `error_ratio`, `throughput` or `utilisation`.
        operator: `below` or `above`.
        threshold: seconds, requests per second or a fraction.
        kind: `workload`, `endpoint`, `server`, or None for everything.
        name: of the scope, or None.
    """

    text: str
    metric: str
    operator: str
    threshold: float
    kind: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a result says about its run besides the numbers.

    Attributes:
        name: of the scenario.
        scenario: as its author would write it, JSON-able.
        scenario_hash: identifies what decides the result.
        engine_version: of Headroom.
        seed: of all randomness.
        trials: number of replications.
        confidence: level of the intervals.
        workloads: names by index.
        endpoints: names by index.
        links: names by index.
        servers: groups by index.
        objectives: in the order of the scenario.
    """

    name: str
    scenario: dict[str, Any]
    scenario_hash: str
    engine_version: str
    seed: int
    trials: int
    confidence: float
    workloads: tuple[str, ...]
    endpoints: tuple[str, ...]
    links: tuple[str, ...]
    servers: tuple[ServerFacts, ...]
    objectives: tuple[ObjectiveFacts, ...]
