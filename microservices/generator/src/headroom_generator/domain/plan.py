"""A trial's arrival plan: each workload's rate as pieces, users drawn, and times known beforehand."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from headroom_common.simcore.distributions import poisson, sample_ns, truncated_normal
from headroom_common.simcore.jit import FLOATS, INT, INTS, fields, inlined, kernel
from headroom_common.simcore.random import uniform
from headroom_common.simcore.sites import THINK, USERS
from headroom_common.simcore.tables import (
    CLOSED,
    ID_SHIFT,
    NORMAL_USERS,
    S_HORIZON,
    S_STREAM,
    SCALARS,
    TRACE,
    W_KIND,
    W_THINK,
    W_USERS,
    WORKLOADS,
    ArrivalSpecs,
    Floats,
    Ints,
    bits_of,
    matrix,
)
from headroom_common.simcore.world import World, table

NS_PER_SECOND: Final = 1e9


# Columns of Plan.pieces; rates per second, as bits.
P_BEGIN: Final = 0
P_END: Final = 1
P_RATE: Final = 2
P_RATE_END: Final = 3
# Columns of Plan.known.
N_TIME: Final = 0
N_SEQUENCE: Final = 1


class Plan(NamedTuple):
    """What is drawn before a trial's first arrival.

    Attributes:
        spans: a row per workload: its first piece and the end of its pieces, its first known arrival and
        their end.
        pieces: pieces of linear rate, in order of time.
        known: arrivals known beforehand (time, sequence number), in order of time.
    """

    spans: Ints
    pieces: Ints
    known: Ints


_SPECS: Final = fields(
    ArrivalSpecs, INTS, INTS, INTS, FLOATS, INTS, INTS, FLOATS, FLOATS, FLOATS, INTS, INTS, INTS, INTS
)


@inlined
def _users(specs: ArrivalSpecs, workload: int, window: int, stream: int) -> float:
    """Draw the number of active users of a window."""
    identity = window << ID_SHIFT | workload
    if specs.users_law[workload] == NORMAL_USERS:
        u = uniform(stream, identity, USERS)
        below_zero = specs.users_below_zero[workload]
        return float(
            int(truncated_normal(specs.users_mean[workload], specs.users_sd[workload], below_zero, u) + 0.5)
        )
    return float(poisson(specs.users_mean[workload], stream, identity, USERS))


@kernel(_SPECS, INT, INT, FLOATS)
def write_rates(specs: ArrivalSpecs, stream: int, workload: int, rates: Floats) -> None:
    """Draw the users of every window and write their rate, one per window."""
    for window in range(rates.shape[0]):
        rates[window] = (
            _users(specs, workload, window, stream) * specs.point_rate[specs.point_start[workload]]
        )


@kernel(INT, INT, INTS)
def write_first_requests(world: Any, workload: int, times: Ints) -> None:  # noqa: ANN401 - a world
    """Draw when each user of a closed workload sends the first request: one think time from the start."""
    for user in range(times.shape[0]):
        identity = user << ID_SHIFT | workload
        times[user] = sample_ns(world, table(world, WORKLOADS)[workload, W_THINK], identity, THINK)


def _pieces(specs: ArrivalSpecs, world: World, workload: int) -> Ints:
    """Cut a workload's rate into pieces, at least up to the horizon."""
    horizon = int(world[SCALARS][0, S_HORIZON])
    if world[WORKLOADS][workload, W_KIND] in {CLOSED, TRACE}:
        return np.zeros((0, 4), np.int64)
    if specs.users_law[workload] != 0:
        window = int(specs.window_ns[workload])
        begins = np.arange(-(-horizon // window), dtype=np.int64) * window
        rate = np.zeros(len(begins), np.float64)
        write_rates(specs, int(world[SCALARS][0, S_STREAM]), workload, rate)
        return matrix(begins, begins + window, bits_of(rate), bits_of(rate))
    points = slice(specs.point_start[workload], specs.point_stop[workload])
    begins, rate = specs.point_ns[points], specs.point_rate[points]
    ends = np.append(begins[1:], max(horizon, int(begins[-1]) + 1))
    rate_end = np.append(rate[1:], rate[-1]) if specs.linear[workload] else rate
    return matrix(begins, ends, bits_of(rate), bits_of(rate_end))


def _known(specs: ArrivalSpecs, world: World, workload: int) -> Ints:
    """Return the arrivals of a trace, or the first requests of a closed workload's users."""
    kind = world[WORKLOADS][workload, W_KIND]
    if kind == CLOSED:
        drawn = np.zeros(world[WORKLOADS][workload, W_USERS], np.int64)
        write_first_requests(world.handle, workload, drawn)
        order = np.argsort(drawn, kind="stable")
        rows = matrix(drawn[order], order)
    elif kind == TRACE:
        times = specs.trace_ns[specs.trace_start[workload] : specs.trace_stop[workload]]
        rows = matrix(times, np.arange(len(times)))
    else:
        return np.zeros((0, 2), np.int64)
    return rows[rows[:, N_TIME] < world[SCALARS][0, S_HORIZON]]


def plan_arrivals(specs: ArrivalSpecs, world: World) -> Plan:
    """Draw a trial's arrival plan: the same for the same specs and world."""
    count = len(world[WORKLOADS])
    pieces = [_pieces(specs, world, workload) for workload in range(count)]
    known = [_known(specs, world, workload) for workload in range(count)]
    piece_ends = np.cumsum([len(rows) for rows in pieces])
    known_ends = np.cumsum([len(rows) for rows in known])
    return Plan(
        spans=matrix(
            piece_ends - np.array([len(rows) for rows in pieces]),
            piece_ends,
            known_ends - np.array([len(rows) for rows in known]),
            known_ends,
        ),
        pieces=np.ascontiguousarray(np.concatenate(pieces)),
        known=np.ascontiguousarray(np.concatenate(known)),
    )
