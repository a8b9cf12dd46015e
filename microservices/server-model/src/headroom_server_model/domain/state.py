"""What the event loop works on: requests in recycled slots, resources, queues, pending events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from headroom_common.simcore.tables import (
    BACKEND_STATE,
    FIRST_SERVICE_TABLE,
    ROUTER_STATE,
    S_HOPS_IN,
    S_POOL_SLOTS,
    SCALARS,
    SERVERS,
    TARGET_STATE,
    V_CORES,
    V_FIRST_POOL,
    V_MEMORY,
    Ints,
)

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

# Tables of the server-model's world, after those of the scenario.
SLOTS: Final = FIRST_SERVICE_TABLE  # requests in flight, one row each
FREE_LIST: Final = SLOTS + 1  # free rows of SLOTS
TODO: Final = SLOTS + 2  # ring of slots that go on at this instant
HEAP: Final = SLOTS + 3  # pending events: time, id, slot
RINGS: Final = SLOTS + 4  # the same in delay lines: rows line * slots + place
RING_ENDS: Final = SLOTS + 5  # [line]: head, size
QUEUES: Final = SLOTS + 6  # [replica, 2 * queue]: head, tail
LEVELS: Final = SLOTS + 7  # [replica]: what is free, waiting, inside
COUNTERS: Final = SLOTS + 8  # one row
TOTALS: Final = SLOTS + 9  # [replica]: integrals of this segment
POOL_TOTALS: Final = SLOTS + 10  # [replica * pool slots + slot]
SAMPLES: Final = SLOTS + 11  # [tick of this segment * cells + cell]
POOL_SAMPLES: Final = SLOTS + 12  # the same rows, a column per pool slot
INPUTS: Final = SLOTS + 13  # [column, row]: what the router handed over
INPUT_ORDER: Final = SLOTS + 14  # rows of INPUTS in order of (ready_ns, id)
OUTPUTS: Final = SLOTS + 15  # [column, row]: ended requests

# Phases of a slot: what the request waits for, or what its pending event ends.
FREE: Final = 0
AT_CLIENT: Final = 1
AT_ROUTER: Final = 2
TO_SERVER: Final = 3
WAIT_MEMORY: Final = 4
WAIT_CORE: Final = 5
RUNNING: Final = 6
IN_IO: Final = 7
WAIT_POOL: Final = 8
CLOSING: Final = 9  # answered; its connection still counts at its router
KILLED: Final = 10  # ended by a fault; its pending event is void

# Columns of a slot. After FIXED come the ingress hops, the waits for pools, and the instants of taking them.
ID: Final = 0
WORKLOAD: Final = 1
ENDPOINT: Final = 2
SERVER: Final = 3
TARGET: Final = 4
BACKEND: Final = 5
T0: Final = 6
PC: Final = 7
MARK: Final = 8  # start of the current phase
PHASE: Final = 9
HOLDS_CORE: Final = 10
NEXT: Final = 11
MEMORY_WAIT: Final = 12
CPU_WAIT: Final = 13
CPU_RUN: Final = 14
IO_WAIT: Final = 15
ENTERED: Final = 16
PROGRAM: Final = 17
EVENT_NS: Final = 18  # when its pending event is due, or NO_EVENT
FIXED: Final = 19

# Columns of INPUTS and OUTPUTS, which are rows of these matrices; families of columns come last.
INPUT_COLUMNS: Final = ("id", "workload", "endpoint", "t0", "ready_ns", "phase", "target", "server")
I_ID: Final = 0
I_WORKLOAD: Final = 1
I_ENDPOINT: Final = 2
I_T0: Final = 3
I_READY: Final = 4
I_PHASE: Final = 5
I_TARGET: Final = 6
I_SERVER: Final = 7
I_FIRST_HOP: Final = 8
OUTPUT_COLUMNS: Final = (
    "id",
    "workload",
    "endpoint",
    "server",
    "target",
    "t0",
    "latency",
    "outcome",
    "memory_wait",
    "cpu_wait",
    "cpu_run",
    "io_wait",
)
O_ID: Final = 0
O_WORKLOAD: Final = 1
O_ENDPOINT: Final = 2
O_SERVER: Final = 3
O_TARGET: Final = 4
O_T0: Final = 5
O_LATENCY: Final = 6
O_OUTCOME: Final = 7
O_MEMORY_WAIT: Final = 8
O_CPU_WAIT: Final = 9
O_CPU_RUN: Final = 10
O_IO_WAIT: Final = 11
O_FIRST_HOP: Final = 12

NO_EVENT: Final = -1

# Columns of LEVELS.
FREE_CORES: Final = 0
FREE_MEMORY: Final = 1
READY: Final = 2
MEMORY_QUEUE: Final = 3
IO_ACTIVE: Final = 4
IN_SYSTEM: Final = 5
LAST_CHANGE: Final = 6
FIRST_POOL_LEVEL: Final = 7  # per pool slot: free tokens, requests waiting

# Columns of TOTALS, which is the `servers` table of requests.completed.
TOTAL_COLUMNS: Final = (
    "arrivals",
    "completed",
    "refused",
    "shed",
    "busy_ns",
    "ready_wait_ns",
    "memory_wait_ns",
    "io_ns",
    "in_system_ns",
    "memory_kib_ns_high",
    "memory_kib_ns_low",
    "peak_ready",
    "peak_memory_kib",
    "peak_in_system",
    "little_area_ns",
    "little_sojourn_ns",
)
POOL_TOTAL_COLUMNS: Final = ("wait_ns", "held_ns", "acquired", "peak_waiting")
SAMPLE_COLUMNS: Final = ("ready", "io", "memory_kib", "busy", "in_system")

# Queues of a replica, then one per pool slot.
READY_QUEUE: Final = 0
MEMORY_WAITERS: Final = 1
FIRST_POOL_QUEUE: Final = 2

# Columns of COUNTERS.
FREE_SLOTS: Final = 0
HEAP_SIZE: Final = 1
NEXT_TICK: Final = 2  # index of the next sample instant
NEXT_KILL: Final = 3
ROWS_OUT: Final = 4
NEXT_INPUT: Final = 5
TODO_HEAD: Final = 6
TODO_TAIL: Final = 7
EVENTS: Final = 8  # handled so far in this segment
FIRST_TICK: Final = 9  # the first sample instant of this segment
COUNTER_COLUMNS: Final = 10
RE_HEAD: Final = 0
RE_SIZE: Final = 1


def slot_width(world: World) -> int:
    """Return the number of columns of `SLOTS`."""
    scalars = world[SCALARS][0]
    return FIXED + int(scalars[S_HOPS_IN]) + 2 * int(scalars[S_POOL_SLOTS])


def slot_tables(world: World, slots: int) -> dict[int, Ints]:
    """Return empty tables with room for `slots` requests (a power of two)."""
    return {
        SLOTS: np.zeros((slots, slot_width(world)), np.int64),
        FREE_LIST: np.arange(slots - 1, -1, -1, dtype=np.int64).reshape(-1, 1),
        TODO: np.zeros((slots, 1), np.int64),
        HEAP: np.zeros((slots, 3), np.int64),
        RINGS: np.zeros((len(world[RING_ENDS]) * slots, 3), np.int64),
    }


def empty_state(world: World) -> None:
    """Give a world the tables of a server-model in which nothing has happened, without room for requests."""
    servers = world[SERVERS]
    pools = int(world[SCALARS][0, S_POOL_SLOTS])
    levels = np.zeros((len(servers), FIRST_POOL_LEVEL + 2 * pools), np.int64)
    levels[:, FREE_CORES] = servers[:, V_CORES]
    levels[:, FREE_MEMORY] = servers[:, V_MEMORY]
    levels[:, FIRST_POOL_LEVEL::2] = servers[:, V_FIRST_POOL:]
    world.put(LEVELS, levels)
    world.put(COUNTERS, np.zeros((1, COUNTER_COLUMNS), np.int64))
    world.put(QUEUES, np.full((len(servers), 2 * (FIRST_POOL_QUEUE + pools)), -1, np.int64))
    world.put(SLOTS, np.zeros((0, slot_width(world)), np.int64))


def double_slots(world: World) -> None:
    """Make room for twice as many requests."""
    old = len(world[SLOTS])
    larger = slot_tables(world, 2 * old)
    counters = world[COUNTERS][0]
    free = int(counters[FREE_SLOTS])
    larger[SLOTS][:old] = world[SLOTS]
    larger[FREE_LIST][:old, 0] = np.arange(2 * old - 1, old - 1, -1)
    larger[FREE_LIST][old : old + free] = world[FREE_LIST][:free]
    larger[HEAP][:old] = world[HEAP]
    for line, (head, size) in enumerate(world[RING_ENDS]):
        places = (head + np.arange(size)) % old
        larger[RINGS][2 * old * line : 2 * old * line + size] = world[RINGS][old * line + places]
    world[RING_ENDS][:, RE_HEAD] = 0
    counters[FREE_SLOTS] = free + old
    for number, array in larger.items():
        world.put(number, array)


BALANCER_TABLES: Final = (ROUTER_STATE, TARGET_STATE, BACKEND_STATE)
