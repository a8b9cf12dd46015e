"""Requests as columns that the recursion's kernels reach through the world: as they come, as they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from headroom_common.simcore.blocks import OWN_ROWS
from headroom_common.simcore.tables import S_HOPS_BACK, S_HOPS_IN, SCALARS
from headroom_server_model.domain.state import OUTPUTS

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

Table = dict[str, NDArray[Any]]

# Entries of the world: a group of columns, then the number of the column.
ROWS: Final = OUTPUTS + 1
ENDED: Final = ROWS + 14
FREE_AT: Final = ENDED + 14  # [replica, place]: when each core is free, sorted from the head place on
FREED_BY_ID: Final = FREE_AT + 1  # the request that frees it then, or NOBODY_KNOWS
LINES: Final = FREED_BY_ID + 1  # [replica]: the columns below

NOBODY_KNOWS: Final = -2
"""In place of an id: the request's CPU step takes no time, so its end has no place in the order by id."""

# Columns of LINES.
HEAD: Final = 0  # the place of the core that is free first
WAITING: Final = 1  # requests in the ready queue
OLDEST: Final = 2  # their first row
NEWEST: Final = 3  # their last row
CHANGED: Final = 4  # when the number in the system changed last
LINE_COLUMNS: Final = 5

# Own rows of a block.
B_ROW: Final = OWN_ROWS
B_PROGRAM: Final = B_ROW + 1
B_IO: Final = B_ROW + 2  # the next instruction that may be an I/O step
B_PATH: Final = B_ROW + 3  # row of RETURN_PATH
B_READY: Final = B_ROW + 4
B_START: Final = B_ROW + 5
B_CPU_END: Final = B_ROW + 6
B_END: Final = B_ROW + 7
B_OUTCOME: Final = B_ROW + 8
BLOCK_ROWS: Final = B_ROW + 9

_ROW_TYPES: Final[dict[str, type[np.signedinteger[Any]]]] = {
    "id": np.int64,
    "workload": np.int16,
    "endpoint": np.int16,
    "t0": np.int64,
    "ready_ns": np.int64,
    "target": np.int32,
    "server": np.int32,
    "start": np.int64,
    "cpu_end": np.int64,
    "end": np.int64,
    "following": np.int64,
    "freed_by": np.int64,
    "need": np.int64,
}
ID, WORKLOAD, ENDPOINT, T0, READY, TARGET, SERVER, START, CPU_END, END, FOLLOWING, FREED_BY, NEED = range(13)
HOPS: Final = 13  # a table of shape (hops_in, rows)

_ENDED_TYPES: Final[dict[str, type[np.signedinteger[Any]]]] = {
    "id": np.int64,
    "workload": np.int16,
    "endpoint": np.int16,
    "server": np.int32,
    "target": np.int32,
    "t0": np.int64,
    "latency": np.int64,
    "outcome": np.int8,
    "memory_wait": np.int64,
    "cpu_wait": np.int64,
    "cpu_run": np.int64,
    "io_wait": np.int64,
}
(
    E_ID,
    E_WORKLOAD,
    E_ENDPOINT,
    E_SERVER,
    E_TARGET,
    E_T0,
    E_LATENCY,
    E_OUTCOME,
    E_MEMORY_WAIT,
    E_CPU_WAIT,
    E_CPU_RUN,
    E_IO_WAIT,
) = range(12)
E_HOPS: Final = 12  # a table of shape (hops_in, rows)
E_BACKS: Final = 13  # a table of shape (hops_back, rows)


def _family(world: World, number: int, name: str, count: int, rows: int) -> Table:
    times = np.empty((count, rows), np.int64)
    world.put(number, times)
    return {f"{name}{place}": column for place, column in enumerate(times)}


def room_for_rows(world: World, rows: int) -> Table:
    """Return columns with room for requests that come."""
    hops = int(world[SCALARS][0, S_HOPS_IN])
    return world.room(ROWS, _ROW_TYPES, rows) | _family(world, ROWS + HOPS, "hop", hops, rows)


def room_for_ended(world: World, rows: int) -> Table:
    """Return columns with room for requests that end."""
    scalars = world[SCALARS][0]
    return (
        world.room(ENDED, _ENDED_TYPES, rows)
        | _family(world, ENDED + E_HOPS, "hop", int(scalars[S_HOPS_IN]), rows)
        | _family(world, ENDED + E_BACKS, "back", int(scalars[S_HOPS_BACK]), rows)
    )
