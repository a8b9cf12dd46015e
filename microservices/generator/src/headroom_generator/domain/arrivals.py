"""The arrivals of a segment: the workloads' streams, each sequential, merged in order of (time, id)."""

from __future__ import annotations

from math import sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from headroom_common.simcore.distributions import nanoseconds
from headroom_common.simcore.elementary import log
from headroom_common.simcore.jit import inlined, kernel
from headroom_common.simcore.mix import choose_endpoint
from headroom_common.simcore.random import uniform
from headroom_common.simcore.sites import GAP
from headroom_common.simcore.tables import (
    DETERMINISTIC,
    ID_SHIFT,
    NEVER,
    S_HORIZON,
    S_STREAM,
    SCALARS,
    W_KIND,
    WORKLOADS,
    Ints,
)
from headroom_common.simcore.world import World, table

from headroom_generator.domain.plan import NS_PER_SECOND, Plan

NO_ARRIVALS: Final = NEVER
"""The watermark when no arrivals are left."""

class ArrivalState(NamedTuple):
    """Where each workload's stream stands: its next arrival (`NEVER` at the end), its sequence number, its piece."""

    next_ns: Ints
    count: Ints
    piece: Ints


class ArrivalRows(NamedTuple):
    """Columns of arrivals."""

    id: Ints
    workload: np.ndarray[tuple[int], np.dtype[np.int16]]
    endpoint: np.ndarray[tuple[int], np.dtype[np.int16]]
    t0: Ints


@inlined
def _advance(plan: Plan, state: ArrivalState, workload: int, t: int, work: float) -> int:
    """Return when the integral of the rate from `t` on reaches `work`, or `NEVER`; moves the workload's piece."""
    piece = state.piece[workload]
    stop = plan.piece_stop[workload]
    while piece < stop:
        begin = plan.begin_ns[piece]
        end = plan.end_ns[piece]
        rate = plan.rate_begin[piece]
        rate_end = plan.rate_end[piece]
        slope = 0.0
        if rate_end != rate:
            slope = (rate_end - rate) * NS_PER_SECOND / float(end - begin)
            rate = rate + slope * (float(t - begin) / NS_PER_SECOND)
        area = float(end - t) / NS_PER_SECOND * (0.5 * (rate + rate_end))
        if work < area:
            if slope == 0.0:
                reached = t + nanoseconds(work / rate)
            else:
                reached = t + nanoseconds(2.0 * work / (rate + sqrt(max(rate * rate + 2.0 * slope * work, 0.0))))
            state.piece[workload] = piece
            return min(reached, end)
        work = work - area
        piece = piece + 1
        t = end
    state.piece[workload] = piece
    return NEVER


@inlined
def _draw_next(world: Any, plan: Plan, state: ArrivalState, workload: int, t: int) -> None:
    """Find the workload's next arrival after `t` (its `count`-th)."""
    row = plan.known_start[workload] + state.count[workload]
    if plan.known_stop[workload] > plan.known_start[workload]:
        state.next_ns[workload] = plan.known_ns[row] if row < plan.known_stop[workload] else NEVER
        return
    scalars = table(world, SCALARS)
    work = 1.0
    if table(world, WORKLOADS)[workload, W_KIND] != DETERMINISTIC:
        work = -log(uniform(scalars[0, S_STREAM], state.count[workload] << ID_SHIFT | workload, GAP))
    reached = _advance(plan, state, workload, t, work)
    state.next_ns[workload] = reached if reached < scalars[0, S_HORIZON] else NEVER


@inlined
def next_id(plan: Plan, state: ArrivalState, workload: int) -> int:
    """Return the id of the workload's next arrival."""
    sequence = state.count[workload]
    row = plan.known_start[workload] + sequence
    if row < plan.known_stop[workload]:
        sequence = plan.known_sequence[row]
    return sequence << ID_SHIFT | workload


@inlined
def _earliest(plan: Plan, state: ArrivalState) -> int:
    """Return the workload whose next arrival comes first, by (time, id)."""
    best = 0
    for workload in range(1, state.next_ns.shape[0]):
        if state.next_ns[workload] < state.next_ns[best] or (
            state.next_ns[workload] == state.next_ns[best]
            and next_id(plan, state, workload) < next_id(plan, state, best)
        ):
            best = workload
    return best


@kernel
def start_streams(world: Any, plan: Plan, state: ArrivalState) -> None:
    """Find the first arrival of every workload."""
    for workload in range(state.next_ns.shape[0]):
        state.piece[workload] = plan.piece_start[workload]
        _draw_next(world, plan, state, workload, 0)


@kernel
def generate(world: Any, plan: Plan, state: ArrivalState, rows: ArrivalRows) -> int:
    """Write the next arrivals, as many as `rows` has room for or the horizon leaves.

    Returns:
        The number of arrivals written. The segment ends (its watermark) at the earliest of `state.next_ns`, which is
        `NEVER` when no arrivals are left.
    """
    room = rows.id.shape[0]
    for row in range(room):
        workload = _earliest(plan, state)
        t = state.next_ns[workload]
        if t == NEVER:
            return row
        identity = next_id(plan, state, workload)
        rows.id[row] = identity
        rows.workload[row] = workload
        rows.endpoint[row] = choose_endpoint(world, workload, identity)
        rows.t0[row] = t
        state.count[workload] += 1
        _draw_next(world, plan, state, workload, t)
    return room


def new_streams(world: World, plan: Plan) -> ArrivalState:
    """Return streams that stand at their first arrivals."""
    count = len(world[WORKLOADS])
    state = ArrivalState(*(np.zeros(count, np.int64) for _ in ArrivalState._fields))
    start_streams(world.handle, plan, state)
    return state


def generate_segment(world: World, plan: Plan, state: ArrivalState, room: int) -> tuple[ArrivalRows, int]:
    """Return the next `room` arrivals (fewer at the end) and the watermark: no later arrival comes before it.

    The watermark is `NO_ARRIVALS` when none is left. Closed workloads only have their users' first requests here.
    """
    rows = ArrivalRows(
        id=np.empty(room, np.int64),
        workload=np.empty(room, np.int16),
        endpoint=np.empty(room, np.int16),
        t0=np.empty(room, np.int64),
    )
    count = generate(world.handle, plan, state, rows)
    return ArrivalRows(*(column[:count] for column in rows)), int(state.next_ns.min())
