"""The arrivals of a segment: the workloads' streams, each sequential, merged in order of (time, id)."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from headroom_common.simcore.distributions import nanoseconds
from headroom_common.simcore.elementary import log
from headroom_common.simcore.jit import (
    INT,
    INTS,
    array,
    bits_float,
    called,
    fields,
    float_bits,
    inlined,
    kernel,
)
from headroom_common.simcore.mix import choose_endpoint
from headroom_common.simcore.random import request_hash, site_key, unit
from headroom_common.simcore.sites import GAP
from headroom_common.simcore.tables import (
    DETERMINISTIC,
    FIRST_SERVICE_TABLE,
    ID_SHIFT,
    NEVER,
    S_HORIZON,
    S_STREAM,
    SCALARS,
    W_KIND,
    WORKLOADS,
    Ints,
)
from headroom_common.simcore.world import World, row_of, table
from headroom_generator.domain.plan import (
    N_SEQUENCE,
    N_TIME,
    NS_PER_SECOND,
    P_BEGIN,
    P_END,
    P_RATE,
    P_RATE_END,
    Plan,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_ARRIVALS: Final = NEVER
"""The watermark when no arrivals are left."""

# Tables of the generator's world, after those of the scenario.
STREAMS: Final = FIRST_SERVICE_TABLE  # one row per workload
PIECES: Final = FIRST_SERVICE_TABLE + 1
KNOWN: Final = FIRST_SERVICE_TABLE + 2
WORKS: Final = FIRST_SERVICE_TABLE + 3  # per workload: standard exponentials drawn beforehand, as bits

# STREAMS: where each workload's stream stands, then its rows of PIECES and KNOWN.
A_NEXT: Final = 0  # the next arrival, NEVER at the end
A_COUNT: Final = 1  # how many came before it
A_PIECE: Final = 2
A_PIECE_STOP: Final = 3
A_KNOWN_START: Final = 4
A_KNOWN_STOP: Final = 5
A_DRAWN: Final = 6  # the next of its WORKS
_MOST_DRAWN: Final = 512
_MOST_DRAWN_IN_ALL: Final = 8192
STATE_COLUMNS: Final = ("next_ns", "count", "piece")

# A world's type is an address when compiled and a list of arrays when not.
_World = Any


class ArrivalRows(NamedTuple):
    """Columns of arrivals."""

    id: Ints
    workload: NDArray[np.int16]
    endpoint: NDArray[np.int16]
    t0: Ints


@called
def _advance(world: _World, workload: int, t: int, work: float) -> int:
    """Return when the integral of the rate from `t` on reaches `work`, or `NEVER`; moves to that piece."""
    position = row_of(world, STREAMS, workload)
    pieces = table(world, PIECES)
    piece = position[A_PIECE]
    stop = position[A_PIECE_STOP]
    while piece < stop:
        end = pieces[piece, P_END]
        rate = bits_float(pieces[piece, P_RATE])
        rate_end = bits_float(pieces[piece, P_RATE_END])
        slope = 0.0
        if rate_end != rate:
            begin = pieces[piece, P_BEGIN]
            slope = (rate_end - rate) * NS_PER_SECOND / float(end - begin)
            rate = rate + slope * (float(t - begin) / NS_PER_SECOND)
        area = float(end - t) / NS_PER_SECOND * (0.5 * (rate + rate_end))
        if work <= area and area > 0.0:
            position[A_PIECE] = piece
            if slope == 0.0:
                return min(t + nanoseconds(work / rate), end)
            # With a slope: the positive root of the quadratic, in the form without cancellation.
            root = sqrt(max(rate * rate + 2.0 * slope * work, 0.0))
            return min(t + nanoseconds(2.0 * work / (rate + root)), end)
        work = work - area
        piece = piece + 1
        t = end
    position[A_PIECE] = piece
    return NEVER


@called
def _draw_works(works: Ints, stream: int, count: int, workload: int) -> None:
    """Draw the standard exponentials of a Poisson stream's arrivals from the `count`-th on, side by side."""
    key = site_key(GAP)
    for place in range(works.shape[0]):
        identity = (count + place) << ID_SHIFT | workload
        works[place] = float_bits(-log(unit(request_hash(stream, identity), key)))


@inlined
def _draw_next(world: _World, workload: int, t: int) -> None:
    """Find the workload's next arrival after `t`."""
    position = row_of(world, STREAMS, workload)
    scalars = row_of(world, SCALARS, 0)
    count = position[A_COUNT]
    row = position[A_KNOWN_START] + count
    stop = position[A_KNOWN_STOP]
    if stop > position[A_KNOWN_START]:
        position[A_NEXT] = row_of(world, KNOWN, row)[N_TIME] if row < stop else NEVER
        return
    work = 1.0
    if row_of(world, WORKLOADS, workload)[W_KIND] != DETERMINISTIC:
        works = row_of(world, WORKS, workload)
        if position[A_DRAWN] == works.shape[0]:
            _draw_works(works, scalars[S_STREAM], count, workload)
            position[A_DRAWN] = 0
        work = bits_float(works[position[A_DRAWN]])
        position[A_DRAWN] += 1
    reached = _advance(world, workload, t, work)
    position[A_NEXT] = reached if reached < scalars[S_HORIZON] else NEVER


@inlined
def _next_id(world: _World, workload: int) -> int:
    """Return the id of the workload's next arrival."""
    position = row_of(world, STREAMS, workload)
    sequence = position[A_COUNT]
    row = position[A_KNOWN_START] + sequence
    if row < position[A_KNOWN_STOP]:
        sequence = row_of(world, KNOWN, row)[N_SEQUENCE]
    return sequence << ID_SHIFT | workload


@called
def _earliest_of_many(world: _World) -> int:
    """Return the workload whose next arrival comes first, by (time, id)."""
    streams = table(world, STREAMS)
    best = 0
    for workload in range(1, streams.shape[0]):
        if streams[workload, A_NEXT] < streams[best, A_NEXT] or (
            streams[workload, A_NEXT] == streams[best, A_NEXT]
            and _next_id(world, workload) < _next_id(world, best)
        ):
            best = workload
    return best


@kernel(INT)
def start_streams(world: _World) -> None:
    """Find the first arrival of every workload."""
    for workload in range(table(world, STREAMS).shape[0]):
        _draw_next(world, workload, 0)


@kernel(INT, fields(ArrivalRows, INTS, array(np.int16), array(np.int16), INTS))
def generate(world: _World, rows: ArrivalRows) -> int:
    """Write the next arrivals, as many as `rows` has room for or the horizon leaves.

    Returns:
        The number of arrivals written. The segment ends (its watermark) at the earliest next arrival of
        the streams, which is `NEVER` when none is left.
    """
    streams = table(world, STREAMS)
    workload = 0
    for row in range(rows.id.shape[0]):
        if streams.shape[0] > 1:
            workload = _earliest_of_many(world)
        t = streams[workload, A_NEXT]
        if t == NEVER:
            return row
        identity = _next_id(world, workload)
        rows.id[row] = identity
        rows.workload[row] = workload
        rows.t0[row] = t
        rows.endpoint[row] = choose_endpoint(world, workload, identity)
        streams[workload, A_COUNT] += 1
        _draw_next(world, workload, t)
    return rows.id.shape[0]


def open_streams(world: World, plan: Plan, carried: dict[str, Ints] | None) -> None:
    """Give a world the plan's tables, and the streams where they stood (at first: at their first arrivals).

    Args:
        world: a new world of the compiled scenario for the trial.
        plan: the trial's plan.
        carried: the columns that `carry_streams` returned, None at the start.
    """
    count = len(plan.spans)
    works = np.empty((count, max(1, min(_MOST_DRAWN, _MOST_DRAWN_IN_ALL // count))), np.int64)
    streams = np.zeros((count, A_DRAWN + 1), np.int64)
    streams[:, A_PIECE:A_DRAWN] = plan.spans
    streams[:, A_DRAWN] = works.shape[1]
    world.put(WORKS, works)
    world.put(STREAMS, streams)
    world.put(PIECES, plan.pieces)
    world.put(KNOWN, plan.known)
    if carried is None:
        start_streams(world.handle)
    else:
        streams[:, : len(STATE_COLUMNS)] = np.stack([carried[name] for name in STATE_COLUMNS], axis=1)


def carry_streams(world: World) -> dict[str, Ints]:
    """Return where the streams stand, as columns."""
    return {name: world[STREAMS][:, column].copy() for column, name in enumerate(STATE_COLUMNS)}


def generate_segment(world: World, room: int) -> tuple[ArrivalRows, int]:
    """Return the next `room` arrivals (fewer at the end) and the watermark: no later arrival comes before it.

    The watermark is `NO_ARRIVALS` when none is left. Closed workloads only have their users' first
    requests here.
    """
    rows = ArrivalRows(
        id=np.empty(room, np.int64),
        workload=np.empty(room, np.int16),
        endpoint=np.empty(room, np.int16),
        t0=np.empty(room, np.int64),
    )
    count = generate(world.handle, rows)
    written = ArrivalRows(rows.id[:count], rows.workload[:count], rows.endpoint[:count], rows.t0[:count])
    return written, int(world[STREAMS][:, A_NEXT].min())
