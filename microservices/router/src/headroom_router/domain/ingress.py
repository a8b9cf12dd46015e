"""The way in: ingress links, rate limits and the choice of a server for a segment of arrivals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headroom_common.simcore.balancing import admits, choose_backend
from headroom_common.simcore.jit import kernel
from headroom_common.simcore.links import count_transit, crossing_ns, tick_at_or_after
from headroom_common.simcore.tables import (
    B_REPLICA,
    B_TARGET,
    BACKENDS,
    CLOSED,
    DROPPED,
    G_LINK,
    OK,
    R_LATE,
    ROUTERS,
    S_HOPS_IN,
    S_SAMPLE_PERIOD,
    SCALARS,
    SHED,
    TARGETS,
    W_ENTRY_REPLICA,
    W_ENTRY_ROUTER,
    W_FIRST_HOP,
    W_HOP_COUNT,
    W_KIND,
    WORKLOADS,
    Ints,
)
from headroom_common.simcore.world import row_of, table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AT_CLIENT: Final = 1
AT_ROUTER: Final = 2
TO_SERVER: Final = 3
ENDED: Final = 4


class Rows(NamedTuple):
    """Requests on their way in, one row each.

    `phase` says where a request is at `ready_ns`: at its client (closed workloads, which the
    server-model sends), at a
    router, at a server, or ended with `outcome`. `hops` has shape (hops_in, rows): the time spent on
    each link.
    """

    id: Ints
    workload: NDArray[np.int16]
    endpoint: NDArray[np.int16]
    t0: Ints
    ready_ns: Ints
    phase: NDArray[np.int8]
    outcome: NDArray[np.int8]
    target: NDArray[np.int32]
    server: NDArray[np.int32]
    hops: Ints


@kernel
def cross_ingress(world: Any, rows: Rows, first: int) -> None:  # noqa: ANN401 - a world
    """Take the rows from `first` on over their ingress links, to their entry or to their loss."""
    workloads = table(world, WORKLOADS)
    scalars = row_of(world, SCALARS, 0)
    tick = 0
    for row in range(first, rows.id.shape[0]):
        workload = rows.workload[row]
        t = rows.t0[row]
        if t > tick:
            tick = tick_at_or_after(scalars[S_SAMPLE_PERIOD], t)
        rows.outcome[row] = OK
        rows.target[row] = -1
        rows.server[row] = -1
        for hop in range(scalars[S_HOPS_IN]):
            rows.hops[hop, row] = 0
        rows.phase[row] = AT_ROUTER
        rows.ready_ns[row] = t
        if workloads[workload, W_KIND] == CLOSED:
            rows.phase[row] = AT_CLIENT
            continue
        for hop in range(workloads[workload, W_HOP_COUNT]):
            link = workloads[workload, W_FIRST_HOP + hop]
            crossing = crossing_ns(world, link, hop, t, rows.id[row])
            if crossing < 0:
                rows.phase[row] = ENDED
                rows.outcome[row] = DROPPED
                break
            count_transit(world, link, tick, t, t + crossing)
            rows.hops[hop, row] = crossing
            t = t + crossing
        rows.ready_ns[row] = t
        if rows.phase[row] == AT_ROUTER and workloads[workload, W_ENTRY_ROUTER] < 0:
            rows.phase[row] = TO_SERVER
            rows.server[row] = workloads[workload, W_ENTRY_REPLICA]


@kernel
def route(world: Any, rows: Rows, order: Ints, watermark: int) -> None:  # noqa: ANN401 - a world
    """Decide for the requests that reach their router before `watermark`, in order of (time, id).

    Requests of late-bound routers stay `AT_ROUTER`: the server-model decides for them.
    """
    workloads = table(world, WORKLOADS)
    routers = table(world, ROUTERS)
    targets = table(world, TARGETS)
    backends = table(world, BACKENDS)
    scalars = row_of(world, SCALARS, 0)
    tick = 0
    for row in order:
        t = rows.ready_ns[row]
        if t >= watermark:
            break
        if rows.phase[row] != AT_ROUTER:
            continue
        workload = rows.workload[row]
        router = workloads[workload, W_ENTRY_ROUTER]
        if routers[router, R_LATE] == 1:
            continue
        if not admits(world, router, t):
            rows.phase[row] = ENDED
            rows.outcome[row] = SHED
            continue
        backend = choose_backend(world, router, t, rows.id[row])
        target = backends[backend, B_TARGET]
        rows.target[row] = target
        rows.phase[row] = TO_SERVER
        link = targets[target, G_LINK]
        if link >= 0:
            crossing = crossing_ns(world, link, workloads[workload, W_HOP_COUNT], t, rows.id[row])
            if crossing < 0:
                rows.phase[row] = ENDED
                rows.outcome[row] = DROPPED
                continue
            if t > tick:
                tick = tick_at_or_after(scalars[S_SAMPLE_PERIOD], t)
            count_transit(world, link, tick, t, t + crossing)
            rows.hops[scalars[S_HOPS_IN] - 1, row] = crossing
            rows.ready_ns[row] = t + crossing
        rows.server[row] = backends[backend, B_REPLICA]
