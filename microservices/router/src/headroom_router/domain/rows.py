"""Requests as rows of columns that kernels reach through the router's world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from headroom_common.simcore.tables import FIRST_SERVICE_TABLE

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

Table = dict[str, NDArray[Any]]

# Phases: where a request is at its `ready_ns`.
AT_CLIENT: Final = 1
AT_ROUTER: Final = 2
TO_SERVER: Final = 3
ENDED: Final = 4

# Entries of the router's world: the number of the rows plus the number of the column.
ARRIVING: Final = FIRST_SERVICE_TABLE
LEAVING: Final = ARRIVING + 10
LOST: Final = LEAVING + 10

COLUMNS: Final[dict[str, type[np.signedinteger[Any]]]] = {
    "id": np.int64,
    "workload": np.int16,
    "endpoint": np.int16,
    "t0": np.int64,
    "ready_ns": np.int64,
    "phase": np.int8,
    "outcome": np.int8,
    "target": np.int32,
    "server": np.int32,
}
"""Requests, one row each. `phase` says where a request is at `ready_ns`: at its client (closed workloads,
which the server-model sends), at a router, on its way to a server, or ended with `outcome`."""
ID, WORKLOAD, ENDPOINT, T0, READY, PHASE, OUTCOME, TARGET, SERVER = range(9)
HOPS: Final = 9  # a table of shape (hops_in, rows): the time spent on each link


def room(world: World, number: int, rows: int, hops: int) -> Table:
    """Return columns with room for `rows` requests, which kernels find in the world under the number."""
    columns = world.room(number, COLUMNS, rows)
    times = np.empty((hops, rows), np.int64)
    world.put(number + HOPS, times)
    return columns | {f"hop{hop}": column for hop, column in enumerate(times)}


def first_rows(columns: Table, count: int, without: str) -> Table:
    """Return the first `count` rows, but for one column."""
    return {name: column[:count] for name, column in columns.items() if name != without}
