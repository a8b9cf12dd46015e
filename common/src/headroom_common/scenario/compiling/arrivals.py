"""Workloads to the tables of who arrives, when, and where they enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headroom_common.scenario.arrivals import (
    ClosedArrivals,
    DeterministicArrivals,
    PoissonArrivals,
    RateProfile,
    TraceArrivals,
    UserArrivals,
    WorkloadSpec,
)
from headroom_common.scenario.compiling.distributions import DistributionTable, normal_below_zero
from headroom_common.simcore import tables
from headroom_common.simcore.tables import ArrivalSpecs, Floats, Ints, matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WEIGHT_UNIT = 1e6


@dataclass(frozen=True)
class Names:
    """Rows of named things: routers, links, and each server's first replica."""

    routers: Mapping[str, int]
    links: Mapping[str, int]
    first_replica: Mapping[str, int]


def weight_millionths(weight: float) -> int:
    """Return a weight in whole millionths, at least one."""
    return max(1, int(weight * WEIGHT_UNIT + 0.5))


def offsets(lengths: Sequence[int]) -> tuple[Ints, Ints]:
    """Return where runs of the given lengths start and stop in their concatenation."""
    stops = np.cumsum(np.array(lengths, np.int64))
    return stops - np.array(lengths, np.int64), stops


def _kind(workload: WorkloadSpec) -> int:
    match workload.arrivals:
        case DeterministicArrivals():
            return tables.DETERMINISTIC
        case TraceArrivals():
            return tables.TRACE
        case ClosedArrivals():
            return tables.CLOSED
        case _:
            return tables.OPEN


def _points(workload: WorkloadSpec) -> list[tuple[int, float]]:
    match workload.arrivals:
        case UserArrivals(rate_per_user=rate):
            return [(0, rate)]
        case PoissonArrivals(rate=rate) | DeterministicArrivals(rate=rate):
            if isinstance(rate, RateProfile):
                return [(point.at, point.rate) for point in rate.points]
            return [(0, rate)]
        case _:
            return []


def _is_linear(workload: WorkloadSpec) -> bool:
    arrivals = workload.arrivals
    if not isinstance(arrivals, PoissonArrivals | DeterministicArrivals):
        return False
    return isinstance(arrivals.rate, RateProfile) and arrivals.rate.shape == "linear"


def _users(workload: WorkloadSpec) -> tuple[int, float, float, float, int]:
    """Return law, mean, sd, probability below zero and window of a workload's users."""
    arrivals = workload.arrivals
    if not isinstance(arrivals, UserArrivals):
        return 0, 0.0, 0.0, 0.0, 1
    users = arrivals.users
    if users.law == "poisson":
        return tables.POISSON_USERS, users.mean, 0.0, 0.0, arrivals.window
    sd = max(users.sd or 0.0, 1e-9)
    return tables.NORMAL_USERS, users.mean, sd, normal_below_zero(users.mean, sd), arrivals.window


def compile_arrivals(workloads: Sequence[WorkloadSpec]) -> ArrivalSpecs:
    """Return how each workload's requests arrive."""
    points = [_points(workload) for workload in workloads]
    point_start, point_stop = offsets([len(rows) for rows in points])
    traces = [w.arrivals.times if isinstance(w.arrivals, TraceArrivals) else () for w in workloads]
    trace_start, trace_stop = offsets([len(times) for times in traces])
    users = [_users(workload) for workload in workloads]
    return ArrivalSpecs(
        point_start=point_start,
        point_stop=point_stop,
        point_ns=_ints([at for rows in points for at, _ in rows]),
        point_rate=_floats([rate for rows in points for _, rate in rows]),
        linear=_ints([_is_linear(workload) for workload in workloads]),
        users_law=_ints([row[0] for row in users]),
        users_mean=_floats([row[1] for row in users]),
        users_sd=_floats([row[2] for row in users]),
        users_below_zero=_floats([row[3] for row in users]),
        window_ns=_ints([row[4] for row in users]),
        trace_start=trace_start,
        trace_stop=trace_stop,
        trace_ns=_ints([t for times in traces for t in times]),
    )


def compile_workloads(
    workloads: Sequence[WorkloadSpec],
    mixes: Sequence[Sequence[tuple[int, float]]],
    names: Names,
    laws: DistributionTable,
) -> dict[int, Ints]:
    """Return `WORKLOADS` and `MIX`.

    Args:
        workloads: in file order.
        mixes: (endpoint index, weight) pairs of each workload.
        names: rows of routers, servers and links.
        laws: the distribution table, which gets the think times.
    """
    longest = max((len(workload.via) for workload in workloads), default=0)
    hops = np.full((len(workloads), longest), -1, np.int64)
    for row, workload in enumerate(workloads):
        hops[row, : len(workload.via)] = [names.links[name] for name in workload.via]
    mix_start, mix_stop = offsets([len(mix) for mix in mixes])
    cumulative = [np.cumsum([weight_millionths(weight) for _, weight in mix]) for mix in mixes]
    closed = [w.arrivals if isinstance(w.arrivals, ClosedArrivals) else None for w in workloads]
    fixed = matrix(
        _ints([_kind(workload) for workload in workloads]),
        _ints([names.routers.get(workload.entry, -1) for workload in workloads]),
        _ints([names.first_replica.get(workload.entry, -1) for workload in workloads]),
        _ints([len(workload.via) for workload in workloads]),
        _ints([arrivals.users if arrivals else 0 for arrivals in closed]),
        _ints([laws.add(arrivals.think_time) if arrivals else 0 for arrivals in closed]),
        mix_start,
        mix_stop,
        _ints([workload.sessions for workload in workloads]),
        _ints([workload.timeout or 0 for workload in workloads]),
    )
    mix = matrix(_ints([endpoint for mix in mixes for endpoint, _ in mix]), np.concatenate(cumulative))
    return {tables.WORKLOADS: np.ascontiguousarray(np.hstack((fixed, hops))), tables.MIX: mix}


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, np.float64)
