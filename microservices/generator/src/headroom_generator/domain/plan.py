"""A trial's arrival plan: the rate of each workload as pieces, with its users drawn, and the times known beforehand."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from headroom_common.simcore.distributions import poisson, sample_ns, truncated_normal
from headroom_common.simcore.jit import inlined, kernel
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
)
from headroom_common.simcore.world import World, table

NS_PER_SECOND: Final = 1e9


class Plan(NamedTuple):
    """Pieces of linear rate (per second, from `begin_ns` to `end_ns`), and known arrivals (`known_ns`, `known_sequence`).

    Rows `piece_start` to `piece_stop` are a workload's pieces in order of time; likewise for known arrivals.
    """

    piece_start: Ints
    piece_stop: Ints
    begin_ns: Ints
    end_ns: Ints
    rate_begin: Floats
    rate_end: Floats
    known_start: Ints
    known_stop: Ints
    known_ns: Ints
    known_sequence: Ints


@inlined
def _users(specs: ArrivalSpecs, workload: int, window: int, stream: int) -> float:
    """Draw the number of active users of a window."""
    identity = window << ID_SHIFT | workload
    if specs.users_law[workload] == NORMAL_USERS:
        u = uniform(stream, identity, USERS)
        below_zero = specs.users_below_zero[workload]
        return float(int(truncated_normal(specs.users_mean[workload], specs.users_sd[workload], below_zero, u) + 0.5))
    return float(poisson(specs.users_mean[workload], stream, identity, USERS))


@kernel
def write_windows(specs: ArrivalSpecs, stream: int, workload: int, rows: Ints, rates: Floats) -> None:
    """Draw the users of every window: one piece of constant rate each.

    Args:
        rows: (windows, 2), begin and end of each piece.
        rates: (windows, 2), rate at the begin and the end of each piece.
    """
    window = specs.window_ns[workload]
    for k in range(rows.shape[0]):
        rows[k, 0] = k * window
        rows[k, 1] = (k + 1) * window
        rate = _users(specs, workload, k, stream) * specs.point_rate[specs.point_start[workload]]
        rates[k, 0] = rate
        rates[k, 1] = rate


@kernel
def write_first_requests(world: Any, workload: int, times: Ints) -> None:  # noqa: ANN401 - a world
    """Draw when each user of a closed workload sends the first request: one think time from the start."""
    for user in range(times.shape[0]):
        identity = user << ID_SHIFT | workload
        times[user] = sample_ns(world, table(world, WORKLOADS)[workload, W_THINK], identity, THINK)


def _pieces(specs: ArrivalSpecs, world: World, workload: int) -> tuple[Ints, Floats]:
    """Cut a workload's rate into pieces, at least up to the horizon."""
    horizon = int(world[SCALARS][0, S_HORIZON])
    if world[WORKLOADS][workload, W_KIND] in {CLOSED, TRACE}:
        return np.zeros((0, 2), np.int64), np.zeros((0, 2), np.float64)
    if specs.users_law[workload] != 0:
        windows = -(-horizon // int(specs.window_ns[workload]))
        rows, rates = np.zeros((windows, 2), np.int64), np.zeros((windows, 2), np.float64)
        write_windows(specs, int(world[SCALARS][0, S_STREAM]), workload, rows, rates)
        return rows, rates
    points = slice(specs.point_start[workload], specs.point_stop[workload])
    begins, rate = specs.point_ns[points], specs.point_rate[points]
    ends = np.append(begins[1:], max(horizon, int(begins[-1]) + 1))
    rate_end = np.append(rate[1:], rate[-1]) if specs.linear[workload] else rate
    return np.stack((begins, ends), axis=1), np.stack((rate, rate_end), axis=1)


def _known(specs: ArrivalSpecs, world: World, workload: int) -> tuple[Ints, Ints]:
    kind = world[WORKLOADS][workload, W_KIND]
    if kind == CLOSED:
        times = np.zeros(world[WORKLOADS][workload, W_USERS], np.int64)
        write_first_requests(world.handle, workload, times)
        order = np.argsort(times, kind="stable")
        times, sequence = times[order], order.astype(np.int64)
    elif kind == TRACE:
        times = specs.trace_ns[specs.trace_start[workload] : specs.trace_stop[workload]]
        sequence = np.arange(len(times), dtype=np.int64)
    else:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    inside = times < world[SCALARS][0, S_HORIZON]
    return times[inside], sequence[inside]


def _offsets(lengths: list[int]) -> tuple[Ints, Ints]:
    ends = np.cumsum(np.array(lengths, np.int64))
    return ends - np.array(lengths, np.int64), ends


def plan_arrivals(specs: ArrivalSpecs, world: World) -> Plan:
    """Draw a trial's arrival plan: the same for the same specs and world."""
    count = len(world[WORKLOADS])
    scheduled = [_pieces(specs, world, w) for w in range(count)]
    known = [_known(specs, world, w) for w in range(count)]
    rows = np.concatenate([pieces for pieces, _ in scheduled])
    rates = np.concatenate([values for _, values in scheduled])
    piece_start, piece_stop = _offsets([len(pieces) for pieces, _ in scheduled])
    known_start, known_stop = _offsets([len(times) for times, _ in known])
    return Plan(
        piece_start=piece_start,
        piece_stop=piece_stop,
        begin_ns=np.ascontiguousarray(rows[:, 0]),
        end_ns=np.ascontiguousarray(rows[:, 1]),
        rate_begin=np.ascontiguousarray(rates[:, 0]),
        rate_end=np.ascontiguousarray(rates[:, 1]),
        known_start=known_start,
        known_stop=known_stop,
        known_ns=np.concatenate([times for times, _ in known]),
        known_sequence=np.concatenate([sequence for _, sequence in known]),
    )
