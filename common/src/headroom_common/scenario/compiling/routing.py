"""Routers to tables: targets, the replicas behind them, hash rings, ways back."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from headroom_common.scenario.arrivals import ClosedArrivals, WorkloadSpec
from headroom_common.scenario.compiling.arrivals import Names, weight_millionths
from headroom_common.simcore.balancing import CONSISTENT_HASH, FIRST_FEEDBACK_POLICY, POLICIES, RING_POINTS
from headroom_common.simcore.distributions import nanoseconds
from headroom_common.simcore.random import ring_point
from headroom_common.simcore.tables import BACKENDS, RING, ROUTERS, TARGETS, Ints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_common.scenario.topology import RouterSpec, ServerSpec, TargetSpec


def ring_base(server: str) -> int:
    """Return the number that a server's points on a hash ring derive from."""
    return int.from_bytes(hashlib.sha256(server.encode()).digest()[:8], "big", signed=True)


def _ring(router: RouterSpec, replicas: Mapping[str, int], first_backend: int) -> Ints:
    """Return the (point, backend) rows of a router's hash ring in order; none for other policies."""
    if POLICIES.index(router.policy) != CONSISTENT_HASH:
        return np.zeros((0, 2), np.int64)
    rows = []
    backend = first_backend
    for target in router.targets:
        base = ring_base(target.server)
        for replica in range(replicas[target.server]):
            rows += [(ring_point(base, replica * RING_POINTS + i), backend) for i in range(RING_POINTS)]
            backend += 1
    return np.array(sorted(rows), np.int64)


def late_routers(
    routers: Sequence[RouterSpec], workloads: Sequence[WorkloadSpec], *, late_bound: bool
) -> list[bool]:
    """Tell which routers need feedback, and so decide in the server-model."""
    closed = {workload.entry for workload in workloads if isinstance(workload.arrivals, ClosedArrivals)}
    return [
        late_bound or POLICIES.index(router.policy) >= FIRST_FEEDBACK_POLICY or router.name in closed
        for router in routers
    ]


def _limits(router: RouterSpec) -> tuple[int, int]:
    """Return a router's interval between tokens and its slack, in ns; 0 without a limit."""
    if router.rate_limit is None:
        return 0, 0
    interval = max(1, int(nanoseconds(1.0 / router.rate_limit.rate)))
    return interval, interval * (router.rate_limit.burst - 1)


def compile_routers(
    routers: Sequence[RouterSpec],
    servers: Sequence[ServerSpec],
    names: Names,
    late: Sequence[bool],
    faulty_servers: frozenset[str],
) -> dict[int, Ints]:
    """Return `ROUTERS`, `TARGETS`, `BACKENDS` and `RING`."""
    replicas = {server.name: server.replicas for server in servers}
    rows: list[tuple[int, ...]] = []
    targets: list[tuple[int, int, int, int]] = []
    rings: list[Ints] = []
    backends: list[tuple[int, int, int]] = []
    points = 0
    for router, is_late in zip(routers, late, strict=True):
        first_target, first_backend = len(targets), len(backends)
        ring = _ring(router, replicas, first_backend)
        for target in router.targets:
            first = names.first_replica[target.server]
            weight = weight_millionths(target.weight)
            start = len(backends)
            backends += [(first + index, len(targets), weight) for index in range(replicas[target.server])]
            link = names.links[target.link] if target.link is not None else -1
            targets.append((link, weight, start, len(backends)))
        spans = (first_target, len(targets), first_backend, len(backends), points, points + len(ring))
        faulty = any(target.server in faulty_servers for target in router.targets)
        rows.append((POLICIES.index(router.policy), is_late, *_limits(router), *spans, faulty))
        rings.append(ring)
        points += len(ring)
    return {
        ROUTERS: np.array(rows, np.int64).reshape(-1, 11),
        TARGETS: np.array(targets, np.int64).reshape(-1, 4),
        BACKENDS: np.array(backends, np.int64).reshape(-1, 3),
        RING: np.concatenate([np.zeros((0, 2), np.int64), *rings]),
    }


def return_paths(
    workloads: Sequence[WorkloadSpec], routers: Sequence[RouterSpec], links: Mapping[str, int]
) -> Ints:
    """Return the links of the way back, a row per (workload, target or none), as in `RETURN_PATH`."""
    targets = [target for router in routers for target in router.targets]
    paths = [
        [links[name] for name in _path(workload, target)]
        for workload in workloads
        for target in (None, *targets)
    ]
    table = np.full((len(paths), max(map(len, paths))), -1, np.int64)
    for row, path in enumerate(paths):
        table[row, : len(path)] = path
    return table


def _path(workload: WorkloadSpec, target: TargetSpec | None) -> list[str]:
    """Return the links from a server back to the client: as given, or the way in, reversed."""
    if target is not None and target.return_via is not None:
        return list(target.return_via)
    first = [target.link] if target is not None and target.link is not None else []
    return first + list(reversed(workload.via))
