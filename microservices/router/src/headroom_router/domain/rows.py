"""Requests as rows of columns that kernels reach through the router's world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headroom_common.simcore.tables import FIRST_SERVICE_TABLE, Ints

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

ID: Final = 0  # int64
WORKLOAD: Final = 1  # int16
ENDPOINT: Final = 2  # int16
T0: Final = 3  # int64
READY: Final = 4  # int64
PHASE: Final = 5  # int8
OUTCOME: Final = 6  # int8
TARGET: Final = 7  # int32
SERVER: Final = 8  # int32
HOPS: Final = 9  # a table


class Rows(NamedTuple):
    """Requests, one row each, in the order of the columns' numbers.

    `phase` says where a request is at `ready_ns`: at its client (closed workloads, which the server-model
    sends), at a router, on its way to a server, or ended with `outcome`. `hops` has shape (hops_in, rows):
    the time spent on each link.
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

    @classmethod
    def room(cls, world: World, number: int, count: int, hops: int) -> Rows:
        """Return room for `count` rows, which kernels find in the world under the number."""
        rows = cls(
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
        for column, name in enumerate(cls._fields[:HOPS]):
            world.put_column(number + column, getattr(rows, name))
        world.put(number + HOPS, rows.hops)
        return rows

    def table(self, count: int, without: str) -> Table:
        """Return the first `count` rows as columns, but for one."""
        names = [name for name in self._fields[:HOPS] if name != without]
        columns: Table = {name: getattr(self, name)[:count] for name in names}
        return columns | {f"hop{hop}": times[:count] for hop, times in enumerate(self.hops)}
