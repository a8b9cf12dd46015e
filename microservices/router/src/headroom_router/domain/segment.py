"""One segment at the router: new arrivals and those on their way, decided up to the watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headroom_common.simcore.ordering import order_by_time
from headroom_common.simcore.tables import (
    BACKEND_STATE,
    LINK_DELTAS,
    R_LATE,
    ROUTER_STATE,
    ROUTERS,
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
from headroom_router.domain.ingress import AT_ROUTER, ENDED, Rows, cross_ingress, route

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

Table = dict[str, NDArray[Any]]
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


def _rows(arrivals: Table, pending: Table, hops: int) -> tuple[Rows, int]:
    """Return the requests that were on their way, then the new ones, and the number of the former."""
    first = len(pending.get("id", ()))
    count = first + len(arrivals["id"])
    rows = Rows(
        id=np.empty(count, np.int64),
        workload=np.empty(count, np.int16),
        endpoint=np.empty(count, np.int16),
        t0=np.empty(count, np.int64),
        ready_ns=np.empty(count, np.int64),
        phase=np.empty(count, np.int8),
        outcome=np.empty(count, np.int8),
        target=np.empty(count, np.int32),
        server=np.empty(count, np.int32),
        hops=np.empty((hops, count), np.int64),
    )
    for name, column in arrivals.items():
        getattr(rows, name)[first:] = column
    for name, column in pending.items():
        if name.startswith("hop"):
            rows.hops[int(name[3:]), :first] = column
        else:
            getattr(rows, name)[:first] = column
    return rows, first


def _table(rows: Rows, which: NDArray[np.bool_]) -> Table:
    """Return the chosen rows as columns."""
    chosen = np.flatnonzero(which)
    columns: Table = {name: column.take(chosen) for name, column in rows._asdict().items() if name != "hops"}
    return columns | {f"hop{hop}": rows.hops[hop].take(chosen) for hop in range(len(rows.hops))}


def _ended(world: World, rows: Rows) -> Table:
    """Return the requests that ended here as rows of the `requests` table of requests.completed."""
    scalars = world[SCALARS][0]
    table = _table(rows, rows.phase == ENDED)
    ready = table.pop("ready_ns")
    del table["phase"]
    zeros = np.zeros(len(ready), np.int64)
    families = (("back", S_HOPS_BACK), ("pool_wait", S_POOL_SLOTS))
    unused = ["memory_wait", "cpu_wait", "cpu_run", "io_wait"]
    unused += [f"{name}{row}" for name, count in families for row in range(scalars[count])]
    limit = world[WORKLOADS][table["workload"], W_TIMEOUT]
    latency = ready - table["t0"]
    late = (limit > 0) & (latency > limit)
    table["outcome"][late] = TIMED_OUT
    return table | {"latency": np.where(late, limit, latency)} | dict.fromkeys(unused, zeros)


def link_sample_rows(world: World) -> Table:
    """Return the non-zero changes of the numbers in transit, as the `link_samples` table."""
    deltas = world[LINK_DELTAS]
    link, tick = np.nonzero(deltas)
    return {"tick": tick.astype(np.int64), "link": link.astype(np.int64), "delta": deltas[link, tick]}


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
    rows, first = _rows(arrivals, carried.get(_PENDING, {}), hops)
    cross_ingress(world.handle, rows, first)
    route(world.handle, rows, order_by_time(rows.ready_ns, rows.id), watermark)
    entry = world[WORKLOADS][:, W_ENTRY_ROUTER]
    late = np.array([router >= 0 and world[ROUTERS][router, R_LATE] == 1 for router in entry], np.bool_)
    pending = (rows.phase == AT_ROUTER) & ~late[rows.workload]
    routed = _table(rows, ~pending & (rows.phase != ENDED))
    del routed["outcome"]
    return RoutedSegment(
        routed, _ended(world, rows), link_sample_rows(world), _save(world) | {_PENDING: _table(rows, pending)}
    )
