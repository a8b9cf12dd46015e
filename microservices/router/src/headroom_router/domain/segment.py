"""One segment at the router: new arrivals and those on their way, decided up to the watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from headroom_common.simcore.links import transit_changes
from headroom_common.simcore.ordering import order_by_time
from headroom_common.simcore.tables import (
    BACKEND_STATE,
    ROUTER_STATE,
    S_HOPS_BACK,
    S_HOPS_IN,
    S_POOL_SLOTS,
    SCALARS,
    TARGET_STATE,
    TIMED_OUT,
    W_ENTRY_ROUTER,
    W_TIMEOUT,
    WORKLOADS,
)
from headroom_router.domain.ingress import cross_ingress
from headroom_router.domain.routing import N_LOST, N_PENDING, N_ROUTED, route
from headroom_router.domain.rows import ARRIVING, AT_ROUTER, LEAVING, LOST, Table, first_rows, room

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_common.simcore.world import World

Tables = dict[str, Table]

_PENDING: Final = "router.pending"
_STATES: Final = {
    "router.routers": ROUTER_STATE,
    "router.targets": TARGET_STATE,
    "router.backends": BACKEND_STATE,
}


class RoutedSegment(NamedTuple):
    """What the router hands over, requests that ended here, samples of its links, the state to carry."""

    routed: Table
    ended: Table
    link_samples: Table
    carried: Tables


def _load(world: World, carried: Tables) -> None:
    for name, number in _STATES.items():
        if name in carried:
            columns = carried[name]
            world.put(number, np.stack([columns[f"c{column}"] for column in range(len(columns))], axis=1))


def _save(world: World) -> Tables:
    return {
        name: {f"c{column}": world[number][:, column].copy() for column in range(world[number].shape[1])}
        for name, number in _STATES.items()
    }


def _take_in(world: World, arrivals: Table, pending: Table, hops: int) -> tuple[Table, int]:
    """Return the requests that were on their way, then the new ones, and the number of the former."""
    first = len(pending.get("id", ()))
    rows = room(world, ARRIVING, first + len(arrivals["id"]), hops)
    rows["phase"][:first] = AT_ROUTER
    for name, column in arrivals.items():
        rows[name][first:] = column
    for name, column in pending.items():
        rows[name][:first] = column
    return rows, first


def _pending(rows: Table, which: NDArray[np.int64], hops: int) -> Table:
    """Return the requests that have to wait for their router's decision."""
    names = ("id", "workload", "endpoint", "t0", "ready_ns", *(f"hop{hop}" for hop in range(hops - 1)))
    return {name: rows[name][which] for name in names}


def _ended(world: World, rows: Table, count: int) -> Table:
    """Return the requests that ended here as rows of the `requests` table of requests.completed."""
    scalars = world[SCALARS][0]
    table = first_rows(rows, count, without="phase")
    ready = table.pop("ready_ns")
    zeros = np.zeros(count, np.int64)
    families = (("back", S_HOPS_BACK), ("pool_wait", S_POOL_SLOTS))
    unused = ["memory_wait", "cpu_wait", "cpu_run", "io_wait"]
    unused += [f"{name}{row}" for name, family in families for row in range(scalars[family])]
    limit = world[WORKLOADS][table["workload"], W_TIMEOUT]
    latency = ready - table["t0"]
    late = (limit > 0) & (latency > limit)
    table["outcome"][late] = TIMED_OUT
    return table | {"latency": np.where(late, limit, latency)} | dict.fromkeys(unused, zeros)


def route_segment(world: World, arrivals: Table, carried: Tables, watermark: int) -> RoutedSegment:
    """Take arrivals over their ingress links and through their routers.

    Args:
        world: a new world of the compiled scenario for the trial.
        arrivals: the generator's rows: `id`, `workload`, `endpoint`, `t0`.
        carried: the state that the segment before carried out; empty for the first.
        watermark: no later arrival comes before this instant (ns).
    """
    _load(world, carried)
    hops = int(world[SCALARS][0, S_HOPS_IN])
    rows, first = _take_in(world, arrivals, carried.get(_PENDING, {}), hops)
    count = len(rows["id"])
    leaving, lost = room(world, LEAVING, count, hops), room(world, LOST, count, hops)
    pending, written = np.empty(count, np.int64), np.zeros(3, np.int64)
    cross_ingress(world.handle, first)
    if (world[WORKLOADS][:, W_ENTRY_ROUTER] >= 0).any():
        order = order_by_time(rows["ready_ns"], rows["id"])
    else:
        order = np.arange(count)
    route(world.handle, order, watermark, pending, written)
    return RoutedSegment(
        first_rows(leaving, int(written[N_ROUTED]), without="outcome"),
        _ended(world, lost, int(written[N_LOST])),
        transit_changes(world),
        _save(world) | {_PENDING: _pending(rows, pending[: written[N_PENDING]], hops)},
    )
