"""Exact accounting: where each request's time goes, and integrals per replica over [warm-up, horizon)."""

from __future__ import annotations

from typing import Any, Final

from headroom_common.simcore.jit import called, inlined
from headroom_common.simcore.tables import (
    S_CELLS,
    S_HOPS_IN,
    S_HORIZON,
    S_POOL_SLOTS,
    S_WARMUP,
    SCALARS,
    SERVERS,
    V_CELL,
    V_CORES,
    V_FIRST_POOL,
    V_MEMORY,
    Ints,
)
from headroom_common.simcore.world import row_of, table
from headroom_server_model.domain.state import (
    CPU_RUN,
    CPU_WAIT,
    ENTERED,
    FIRST_POOL_LEVEL,
    FIXED,
    FREE_CORES,
    FREE_MEMORY,
    IN_SYSTEM,
    IO_ACTIVE,
    IO_WAIT,
    LAST_CHANGE,
    LEVELS,
    MARK,
    MEMORY_WAIT,
    POOL_SAMPLES,
    POOL_TOTALS,
    READY,
    SAMPLES,
    SERVER,
    SLOTS,
    TOTAL_COLUMNS,
    TOTALS,
)

_World = Any

TOTAL_ARRIVALS: Final = TOTAL_COLUMNS.index("arrivals")
TOTAL_COMPLETED: Final = TOTAL_COLUMNS.index("completed")
TOTAL_REFUSED: Final = TOTAL_COLUMNS.index("refused")
TOTAL_SHED: Final = TOTAL_COLUMNS.index("shed")
TOTAL_BUSY: Final = TOTAL_COLUMNS.index("busy_ns")
TOTAL_READY_WAIT: Final = TOTAL_COLUMNS.index("ready_wait_ns")
TOTAL_MEMORY_WAIT: Final = TOTAL_COLUMNS.index("memory_wait_ns")
TOTAL_IO: Final = TOTAL_COLUMNS.index("io_ns")
TOTAL_IN_SYSTEM: Final = TOTAL_COLUMNS.index("in_system_ns")
TOTAL_MEMORY_HIGH: Final = TOTAL_COLUMNS.index("memory_kib_ns_high")
TOTAL_MEMORY_LOW: Final = TOTAL_COLUMNS.index("memory_kib_ns_low")
PEAK_READY: Final = TOTAL_COLUMNS.index("peak_ready")
PEAK_MEMORY: Final = TOTAL_COLUMNS.index("peak_memory_kib")
PEAK_IN_SYSTEM: Final = TOTAL_COLUMNS.index("peak_in_system")
TOTAL_AREA: Final = TOTAL_COLUMNS.index("little_area_ns")
TOTAL_SOJOURN: Final = TOTAL_COLUMNS.index("little_sojourn_ns")
_WAIT_NS: Final = 0
_HELD_NS: Final = 1
_ACQUIRED: Final = 2
_PEAK_WAITING: Final = 3
_LIMB_BITS: Final = 20


@inlined
def within(world: _World, start: int, end: int) -> int:
    """Return how much of [start, end) lies in [warm-up, horizon)."""
    scalars = row_of(world, SCALARS, 0)
    low = max(scalars[S_WARMUP], start)
    high = min(scalars[S_HORIZON], end)
    return high - low if high > low else 0


@inlined
def in_window(world: _World, t: int) -> bool:
    """Tell whether an instant lies in [warm-up, horizon)."""
    scalars = row_of(world, SCALARS, 0)
    return scalars[S_WARMUP] <= t < scalars[S_HORIZON]


@inlined
def count_arrival(world: _World, replica: int, t: int) -> None:
    """Count a request that reached the server."""
    if in_window(world, t):
        table(world, TOTALS)[replica, TOTAL_ARRIVALS] += 1


@inlined
def count_completed(world: _World, replica: int, t: int) -> None:
    """Count a request that was served to the end."""
    if in_window(world, t):
        table(world, TOTALS)[replica, TOTAL_COMPLETED] += 1


@called
def count_refused(world: _World, replica: int, t: int) -> None:
    """Count a request that found the server down, or was in it when it failed."""
    if in_window(world, t):
        table(world, TOTALS)[replica, TOTAL_REFUSED] += 1


@called
def count_shed(world: _World, replica: int, t: int) -> None:
    """Count a request that a limit turned away."""
    if in_window(world, t):
        table(world, TOTALS)[replica, TOTAL_SHED] += 1


@inlined
def enter_system(world: _World, replica: int, t: int) -> None:
    """One request more in the server."""
    levels = row_of(world, LEVELS, replica)
    totals = row_of(world, TOTALS, replica)
    totals[TOTAL_AREA] += levels[IN_SYSTEM] * (t - levels[LAST_CHANGE])
    levels[LAST_CHANGE] = t
    levels[IN_SYSTEM] += 1
    totals[PEAK_IN_SYSTEM] = max(totals[PEAK_IN_SYSTEM], levels[IN_SYSTEM])


@inlined
def add_memory(totals: Ints, held_kib: int, held_ns: int) -> None:
    """Add to the integral of memory, which 64 bits cannot hold: in two limbs of the time."""
    totals[TOTAL_MEMORY_HIGH] += held_kib * (held_ns >> _LIMB_BITS)
    totals[TOTAL_MEMORY_LOW] += held_kib * (held_ns & ((1 << _LIMB_BITS) - 1))


@inlined
def leave_system(world: _World, slot: int, t: int, held_kib: int) -> None:
    """One request less in the server, which held `held_kib` of memory since it was granted."""
    slots = row_of(world, SLOTS, slot)
    replica = slots[SERVER]
    totals = row_of(world, TOTALS, replica)
    levels = row_of(world, LEVELS, replica)
    totals[TOTAL_AREA] += levels[IN_SYSTEM] * (t - levels[LAST_CHANGE])
    levels[LAST_CHANGE] = t
    levels[IN_SYSTEM] -= 1
    entered = slots[ENTERED]
    totals[TOTAL_SOJOURN] += t - entered
    totals[TOTAL_IN_SYSTEM] += within(world, entered, t)
    if held_kib > 0:
        add_memory(totals, held_kib, within(world, entered + slots[MEMORY_WAIT], t))


@inlined
def add_memory_wait(world: _World, slot: int, t: int) -> None:
    """A wait for memory is over."""
    request = row_of(world, SLOTS, slot)
    mark = request[MARK]
    request[MEMORY_WAIT] += t - mark
    table(world, TOTALS)[request[SERVER], TOTAL_MEMORY_WAIT] += within(world, mark, t)


@inlined
def note_memory(world: _World, replica: int) -> None:
    """More memory is in use."""
    totals = row_of(world, TOTALS, replica)
    in_use = row_of(world, SERVERS, replica)[V_MEMORY] - row_of(world, LEVELS, replica)[FREE_MEMORY]
    totals[PEAK_MEMORY] = max(totals[PEAK_MEMORY], in_use)


@inlined
def note_ready(world: _World, replica: int) -> None:
    """The ready queue has grown."""
    totals = row_of(world, TOTALS, replica)
    totals[PEAK_READY] = max(totals[PEAK_READY], row_of(world, LEVELS, replica)[READY])


@inlined
def add_cpu_wait(world: _World, slot: int, t: int) -> None:
    """A wait in the ready queue is over."""
    request = row_of(world, SLOTS, slot)
    mark = request[MARK]
    request[CPU_WAIT] += t - mark
    table(world, TOTALS)[request[SERVER], TOTAL_READY_WAIT] += within(world, mark, t)


@inlined
def add_cpu_run(world: _World, slot: int, t: int) -> None:
    """A CPU step is over."""
    request = row_of(world, SLOTS, slot)
    mark = request[MARK]
    request[CPU_RUN] += t - mark
    table(world, TOTALS)[request[SERVER], TOTAL_BUSY] += within(world, mark, t)


@inlined
def add_io(world: _World, slot: int, t: int) -> None:
    """An I/O step is over."""
    request = row_of(world, SLOTS, slot)
    mark = request[MARK]
    request[IO_WAIT] += t - mark
    table(world, TOTALS)[request[SERVER], TOTAL_IO] += within(world, mark, t)


@called
def note_pool_queue(world: _World, replica: int, pool: int) -> None:
    """A pool's queue has grown."""
    totals = table(world, POOL_TOTALS)
    row = replica * row_of(world, SCALARS, 0)[S_POOL_SLOTS] + pool
    totals[row, _PEAK_WAITING] = max(
        totals[row, _PEAK_WAITING], table(world, LEVELS)[replica, FIRST_POOL_LEVEL + 2 * pool + 1]
    )


@called
def add_pool_wait(world: _World, slot: int, pool: int, t: int) -> None:
    """A wait for a pool token is over."""
    scalars = row_of(world, SCALARS, 0)
    request = row_of(world, SLOTS, slot)
    totals = row_of(world, POOL_TOTALS, request[SERVER] * scalars[S_POOL_SLOTS] + pool)
    mark = request[MARK]
    request[FIXED + scalars[S_HOPS_IN] + pool] += t - mark
    totals[_WAIT_NS] += within(world, mark, t)


@inlined
def pool_since(world: _World, pool: int) -> int:
    """Return the column of a slot for when it took a pool's token: the instant plus one, 0 for none."""
    scalars = row_of(world, SCALARS, 0)
    return FIXED + scalars[S_HOPS_IN] + scalars[S_POOL_SLOTS] + pool


@called
def take_pool(world: _World, slot: int, pool: int, t: int) -> None:
    """A pool token was taken."""
    request = row_of(world, SLOTS, slot)
    request[pool_since(world, pool)] = t + 1
    if in_window(world, t):
        row = request[SERVER] * row_of(world, SCALARS, 0)[S_POOL_SLOTS] + pool
        row_of(world, POOL_TOTALS, row)[_ACQUIRED] += 1


@called
def add_pool_hold(world: _World, slot: int, pool: int, t: int) -> None:
    """A pool token is given back."""
    request = row_of(world, SLOTS, slot)
    column = pool_since(world, pool)
    totals = row_of(world, POOL_TOTALS, request[SERVER] * row_of(world, SCALARS, 0)[S_POOL_SLOTS] + pool)
    totals[_HELD_NS] += within(world, request[column] - 1, t)
    request[column] = 0


@called
def take_sample(world: _World, tick: int) -> None:
    """Record the levels of every cell at a sample instant, the `tick`-th of this segment."""
    scalars = row_of(world, SCALARS, 0)
    servers = table(world, SERVERS)
    levels = table(world, LEVELS)
    samples = table(world, SAMPLES)
    pool_samples = table(world, POOL_SAMPLES)
    for replica in range(levels.shape[0]):
        row = tick * scalars[S_CELLS] + servers[replica, V_CELL]
        samples[row, 0] += levels[replica, READY]
        samples[row, 1] += levels[replica, IO_ACTIVE]
        samples[row, 2] += servers[replica, V_MEMORY] - levels[replica, FREE_MEMORY]
        samples[row, 3] += servers[replica, V_CORES] - levels[replica, FREE_CORES]
        samples[row, 4] += levels[replica, IN_SYSTEM]
        for pool in range(scalars[S_POOL_SLOTS]):
            free = levels[replica, FIRST_POOL_LEVEL + 2 * pool]
            pool_samples[row, pool] += servers[replica, V_FIRST_POOL + pool] - free
