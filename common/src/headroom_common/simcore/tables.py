"""The compiled scenario: tables of integers, one row per thing, that kernels read and write.

Times are nanoseconds, memory is KiB, probabilities of loss are parts per billion, weights millionths;
floats are kept as
their 64 bits. A table with START and STOP columns points to rows of a longer one. Faults are step
functions: rows of `STEPS` (time, level, second level), each level holding from its time on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

UNLIMITED: Final = 1 << 60
"""Memory, queue or concurrency without a limit."""
PARTS_PER_BILLION: Final = 1_000_000_000
ID_SHIFT: Final = 16
"""A request's id is ``sequence << ID_SHIFT | workload``."""
NEVER: Final = (1 << 63) - 1
"""An instant after all others; the watermark of a trial's last segment."""

OK: Final = 0
DROPPED: Final = 1
REFUSED: Final = 2
SHED: Final = 3
TIMED_OUT: Final = 4
OUTCOMES: Final = ("ok", "dropped", "refused", "shed", "timed_out")

# Kinds of arrivals.
OPEN: Final = 0
DETERMINISTIC: Final = 1
TRACE: Final = 2
CLOSED: Final = 3

# Operations of instructions.
CPU: Final = 0
IO: Final = 1
ACQUIRE: Final = 2
RELEASE: Final = 3
END: Final = 4

# Numbers of the tables that a scenario compiles to.
SCALARS: Final = 0
WORKLOADS: Final = 1
MIX: Final = 2
LINKS: Final = 3
STEPS: Final = 4
ROUTERS: Final = 5
TARGETS: Final = 6
BACKENDS: Final = 7
RING: Final = 8
SERVERS: Final = 9
KILLS: Final = 10
OF_ENDPOINT: Final = 11  # [group, endpoint] -> program or -1
PROGRAMS: Final = 12
CODE: Final = 13
LAWS: Final = 14
QUANTILES: Final = 15
RETURN_PATH: Final = 16  # [workload * (targets + 1) + target + 1, hop] -> link or -1
# What routers remember.
ROUTER_STATE: Final = 17
TARGET_STATE: Final = 18
BACKEND_STATE: Final = 19
# Changes of the number of requests in transit: [link, tick].
LINK_DELTAS: Final = 20
FIRST_SERVICE_TABLE: Final = 21
"""Numbers from here on are each service's own."""
TABLES: Final = 80

# SCALARS, one row.
S_HORIZON: Final = 0
S_WARMUP: Final = 1
S_SAMPLE_PERIOD: Final = 2
S_TICKS: Final = 3
S_HOPS_IN: Final = 4
S_HOPS_BACK: Final = 5
S_POOL_SLOTS: Final = 6
S_STREAM: Final = 7
S_CELLS: Final = 8
SCALAR_COLUMNS: Final = 9

# WORKLOADS
W_KIND: Final = 0
W_ENTRY_ROUTER: Final = 1  # or -1
W_ENTRY_REPLICA: Final = 2  # or -1
W_HOP_COUNT: Final = 3
W_USERS: Final = 4
W_THINK: Final = 5
W_MIX_START: Final = 6
W_MIX_STOP: Final = 7
W_SESSIONS: Final = 8
W_TIMEOUT: Final = 9  # 0: none
W_FIRST_HOP: Final = 10  # the links of the ingress hops follow

# MIX
M_ENDPOINT: Final = 0
M_CUMULATIVE: Final = 1

# LINKS
L_DELAY: Final = 0
L_LOSS: Final = 1
L_START: Final = 2
L_STOP: Final = 3

# STEPS: time; extra ns, faults down, or factor as bits; extra loss
T_TIME: Final = 0
T_LEVEL: Final = 1
T_LOSS: Final = 2

# ROUTERS
R_POLICY: Final = 0
R_LATE: Final = 1  # 1: decided in the server-model's event loop
R_LIMIT_INTERVAL: Final = 2  # 0: no rate limit
R_LIMIT_SLACK: Final = 3
R_TARGET_START: Final = 4
R_TARGET_STOP: Final = 5
R_BACKEND_START: Final = 6
R_BACKEND_STOP: Final = 7
R_RING_START: Final = 8
R_RING_STOP: Final = 9
R_FAULTY: Final = 10  # 1: some replica behind it has a down fault

# TARGETS
G_LINK: Final = 0  # or -1
G_WEIGHT: Final = 1
G_BACKEND_START: Final = 2
G_BACKEND_STOP: Final = 3

# BACKENDS: target x replica
B_REPLICA: Final = 0
B_TARGET: Final = 1
B_WEIGHT: Final = 2

# RING
H_HASH: Final = 0
H_BACKEND: Final = 1

# SERVERS, one row per replica
V_GROUP: Final = 0
V_CELL: Final = 1
V_CORES: Final = 2
V_MEMORY: Final = 3
V_QUEUE_LIMIT: Final = 4
V_CONCURRENCY_LIMIT: Final = 5
V_DOWN_START: Final = 6
V_DOWN_STOP: Final = 7
V_SLOW_START: Final = 8
V_SLOW_STOP: Final = 9
V_FIRST_POOL: Final = 10  # the sizes of the pools follow

# KILLS: starts of faults that lose what is in flight, in order of time
K_TIME: Final = 0
K_REPLICA: Final = 1

# PROGRAMS
P_START: Final = 0
P_MEMORY: Final = 1

# CODE, one instruction per row
C_OPERATION: Final = 0
C_ARGUMENT: Final = 1  # law of CPU and IO, pool slot of ACQUIRE and RELEASE
C_SITE: Final = 2
C_LINE: Final = 3  # delay line of an instruction of constant duration, or -1

# LAWS: `distributions` says what the parameters mean
D_KIND: Final = 0
D_CONSTANT: Final = 1
D_START: Final = 2
D_STOP: Final = 3
D_FIRST: Final = 4
D_SECOND: Final = 5
D_THIRD: Final = 6

# ROUTER_STATE, TARGET_STATE, BACKEND_STATE
RS_POINTER: Final = 0
RS_NEXT_TOKEN: Final = 1
TS_POINTER: Final = 0
BS_CURRENT: Final = 0
BS_CONNECTIONS: Final = 1

POISSON_USERS: Final = 1
NORMAL_USERS: Final = 2


class ArrivalSpecs(NamedTuple):
    """How each workload's requests arrive: points of the rate, the law of its users, times of its trace.

    Rows `point_start` to `point_stop` are (time, rate per second) points of the schedule; with
    `users_law` they are the rate per user. Deterministic and Poisson arrivals differ only in their kind.
    """

    point_start: Ints
    point_stop: Ints
    point_ns: Ints
    point_rate: Floats
    linear: Ints
    users_law: Ints
    users_mean: Floats
    users_sd: Floats
    users_below_zero: Floats
    window_ns: Ints
    trace_start: Ints
    trace_stop: Ints
    trace_ns: Ints


def bits_of(values: Floats) -> Ints:
    """Return floats as their 64 bits."""
    bits: Ints = np.ascontiguousarray(values, np.float64).view(np.int64)
    return bits


def matrix(*columns: Ints) -> Ints:
    """Return columns of equal length as a C-contiguous matrix."""
    return np.ascontiguousarray(np.stack(columns, axis=1), np.int64)
