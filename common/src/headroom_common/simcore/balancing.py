"""Balancing policies: one function each, for `router` and the server-model's event loop alike."""

from __future__ import annotations

from typing import Any, Final

from headroom_common.simcore.jit import called, inlined
from headroom_common.simcore.links import step_index
from headroom_common.simcore.random import draw_index, ring_point, uniform
from headroom_common.simcore.sites import POLICY, POLICY_SECOND, SESSION
from headroom_common.simcore.tables import (
    B_REPLICA,
    B_WEIGHT,
    BACKEND_STATE,
    BACKENDS,
    BS_CONNECTIONS,
    BS_CURRENT,
    G_BACKEND_START,
    G_BACKEND_STOP,
    G_WEIGHT,
    H_BACKEND,
    ID_SHIFT,
    R_BACKEND_START,
    R_BACKEND_STOP,
    R_FAULTY,
    R_LIMIT_INTERVAL,
    R_LIMIT_SLACK,
    R_POLICY,
    R_RING_START,
    R_RING_STOP,
    R_TARGET_START,
    R_TARGET_STOP,
    RING,
    ROUTER_STATE,
    ROUTERS,
    RS_NEXT_TOKEN,
    RS_POINTER,
    S_STREAM,
    SCALARS,
    SERVERS,
    STEPS,
    T_LEVEL,
    TARGET_STATE,
    TARGETS,
    V_DOWN_START,
    V_DOWN_STOP,
    W_SESSIONS,
    WORKLOADS,
    Ints,
)
from headroom_common.simcore.world import row_of, table

# A world's type is an address when compiled and a list of arrays when not.
_World = Any

ROUND_ROBIN: Final = 0
WEIGHTED_ROUND_ROBIN: Final = 1
RANDOM: Final = 2
WEIGHTED_RANDOM: Final = 3
CONSISTENT_HASH: Final = 4
TRAFFIC_SPLIT: Final = 5
LEAST_CONNECTIONS: Final = 6
POWER_OF_TWO: Final = 7
POLICIES: Final = (
    "round_robin",
    "weighted_round_robin",
    "random",
    "weighted_random",
    "consistent_hash",
    "traffic_split",
    "least_connections",
    "power_of_two",
)
FIRST_FEEDBACK_POLICY: Final = LEAST_CONNECTIONS
"""Policies from here on depend on completions."""
RING_POINTS: Final = 64
"""Points of each replica on a consistent-hash ring."""


@inlined
def is_up(world: _World, replica: int, t: int) -> bool:
    """Tell whether no down fault of the replica is active at `t`."""
    server = row_of(world, SERVERS, replica)
    start = server[V_DOWN_START]
    stop = server[V_DOWN_STOP]
    if start == stop:
        return True
    steps = table(world, STEPS)
    row = step_index(steps, start, stop, t)
    return row < start or steps[row, T_LEVEL] == 0


@inlined
def _usable(world: _World, backend: int, t: int, check: bool) -> bool:  # noqa: FBT001 - kernels take positional arguments only
    """Tell whether a backend may be chosen; `check` is False when all may."""
    return not check or is_up(world, row_of(world, BACKENDS, backend)[B_REPLICA], t)


@called
def admits(world: _World, router: int, t: int) -> bool:
    """Take a token of the router's rate limit (GCRA in integer ns); False when there is none."""
    about = row_of(world, ROUTERS, router)
    interval = about[R_LIMIT_INTERVAL]
    if interval == 0:
        return True
    state = table(world, ROUTER_STATE)
    due = state[router, RS_NEXT_TOKEN]
    if due - about[R_LIMIT_SLACK] > t:
        return False
    state[router, RS_NEXT_TOKEN] = (max(t, due)) + interval
    return True


@called
def _count_up(world: _World, start: int, stop: int, t: int) -> int:
    """Count the backends in [start, stop) that are up."""
    count = 0
    for backend in range(start, stop):
        if _usable(world, backend, t, True):  # noqa: FBT003 - as above
            count = count + 1
    return count


@inlined
def _rotate(world: _World, pointers: Ints, row: int, start: int, stop: int, t: int, check: bool) -> int:  # noqa: FBT001 - as above
    """Take the next usable backend in rotation and move the pointer (first column of `pointers`) past it."""
    size = stop - start
    offset = pointers[row, 0]
    for _ in range(size):
        backend = start + offset
        offset = offset + 1 if offset + 1 < size else 0
        if _usable(world, backend, t, check):
            pointers[row, 0] = offset
            return backend
    return start


@called
def _pick(world: _World, start: int, stop: int, t: int, check: bool, rank: int) -> int:  # noqa: FBT001 - as above
    """Return the `rank`-th usable backend."""
    if not check:
        return start + rank
    for backend in range(start, stop):
        if _usable(world, backend, t, check):
            if rank == 0:
                return backend
            rank = rank - 1
    return start


@called
def _smooth_weighted(world: _World, start: int, stop: int, t: int, check: bool) -> int:  # noqa: FBT001 - as above
    """Smooth weighted round robin (the algorithm that nginx made common)."""
    backends = table(world, BACKENDS)
    state = table(world, BACKEND_STATE)
    total = 0
    best = -1
    for backend in range(start, stop):
        if not _usable(world, backend, t, check):
            continue
        weight = backends[backend, B_WEIGHT]
        total = total + weight
        state[backend, BS_CURRENT] += weight
        if best < 0 or state[backend, BS_CURRENT] > state[best, BS_CURRENT]:
            best = backend
    state[best, BS_CURRENT] -= total
    return best


@called
def _weighted_draw(world: _World, start: int, stop: int, t: int, check: bool, u: float) -> int:  # noqa: FBT001 - as above
    """Draw a usable backend in proportion to its weight."""
    backends = table(world, BACKENDS)
    total = 0
    for backend in range(start, stop):
        if _usable(world, backend, t, check):
            total = total + backends[backend, B_WEIGHT]
    mark = draw_index(u, total)
    for backend in range(start, stop):
        if _usable(world, backend, t, check):
            mark = mark - backends[backend, B_WEIGHT]
            if mark < 0:
                return backend
    return start


@called
def _ring_successor(world: _World, router: int, point: int, t: int, check: bool) -> int:  # noqa: FBT001 - as above
    """Return the backend of the first ring point at or after `point` whose replica is usable."""
    about = row_of(world, ROUTERS, router)
    ring = table(world, RING)
    start = about[R_RING_START]
    stop = about[R_RING_STOP]
    row = step_index(ring, start, stop, point - 1) + 1
    for _ in range(stop - start):
        if row >= stop:
            row = start
        backend = ring[row, H_BACKEND]
        if _usable(world, backend, t, check):
            return backend
        row = row + 1
    return ring[start, H_BACKEND]


@called
def _hashed(world: _World, router: int, t: int, identity: int, check: bool) -> int:  # noqa: FBT001 - as above
    """Look up the request's session on the router's hash ring."""
    workload = identity & ((1 << ID_SHIFT) - 1)
    stream = row_of(world, SCALARS, 0)[S_STREAM]
    session = draw_index(uniform(stream, identity, SESSION), row_of(world, WORKLOADS, workload)[W_SESSIONS])
    return _ring_successor(world, router, ring_point(workload, session), t, check)


@called
def _has_usable(world: _World, target: int, t: int, check: bool) -> bool:  # noqa: FBT001 - as above
    targets = table(world, TARGETS)
    return (
        not check
        or _count_up(world, targets[target, G_BACKEND_START], targets[target, G_BACKEND_STOP], t) > 0
    )


@called
def _split(world: _World, router: int, t: int, check: bool, u: float) -> int:  # noqa: FBT001 - as above
    """Draw a target by weight among those with a usable backend, then rotate within it."""
    about = row_of(world, ROUTERS, router)
    targets = table(world, TARGETS)
    total = 0
    for target in range(about[R_TARGET_START], about[R_TARGET_STOP]):
        if _has_usable(world, target, t, check):
            total = total + targets[target, G_WEIGHT]
    mark = draw_index(u, total)
    for target in range(about[R_TARGET_START], about[R_TARGET_STOP]):
        if _has_usable(world, target, t, check):
            mark = mark - targets[target, G_WEIGHT]
            if mark < 0:
                start = targets[target, G_BACKEND_START]
                stop = targets[target, G_BACKEND_STOP]
                return _rotate(world, table(world, TARGET_STATE), target, start, stop, t, check)
    return about[R_BACKEND_START]


@called
def _least_connections(world: _World, router: int, start: int, stop: int, t: int, check: bool) -> int:  # noqa: FBT001 - as above
    """Take the backend with the fewest connections, the first among equals from the rotation pointer on."""
    routers = table(world, ROUTER_STATE)
    state = table(world, BACKEND_STATE)
    size = stop - start
    offset = routers[router, RS_POINTER]
    best = -1
    following = 0
    for _ in range(size):
        backend = start + offset
        offset = offset + 1 if offset + 1 < size else 0
        if _usable(world, backend, t, check) and (
            best < 0 or state[backend, BS_CONNECTIONS] < state[best, BS_CONNECTIONS]
        ):
            best = backend
            following = offset
    routers[router, RS_POINTER] = following
    return best


@called
def _power_of_two(world: _World, start: int, stop: int, t: int, identity: int, up: int, check: bool) -> int:  # noqa: FBT001 - as above
    """Draw two distinct usable backends and take the one with fewer connections, the first among equals."""
    stream = row_of(world, SCALARS, 0)[S_STREAM]
    state = table(world, BACKEND_STATE)
    first = draw_index(uniform(stream, identity, POLICY), up)
    left = _pick(world, start, stop, t, check, first)
    if up == 1:
        return left
    second = draw_index(uniform(stream, identity, POLICY_SECOND), up - 1)
    right = _pick(world, start, stop, t, check, second + 1 if second >= first else second)
    return right if state[right, BS_CONNECTIONS] < state[left, BS_CONNECTIONS] else left


@called
def choose_backend(world: _World, router: int, t: int, identity: int) -> int:  # noqa: PLR0911 - one return per policy
    """Choose the backend for a request that is at the router at `t`; among all of them when none is up.

    Policies are those of docs/semantics.md. Pointers and weights are updated; connections are the
    caller's to count.
    """
    about = row_of(world, ROUTERS, router)
    policy = about[R_POLICY]
    start = about[R_BACKEND_START]
    stop = about[R_BACKEND_STOP]
    check = about[R_FAULTY] == 1
    up = stop - start
    if check:
        up = _count_up(world, start, stop, t)
        if up == 0:
            check = False
            up = stop - start
    if policy == ROUND_ROBIN:
        return _rotate(world, table(world, ROUTER_STATE), router, start, stop, t, check)
    if policy == WEIGHTED_ROUND_ROBIN:
        return _smooth_weighted(world, start, stop, t, check)
    if policy == CONSISTENT_HASH:
        return _hashed(world, router, t, identity, check)
    if policy == LEAST_CONNECTIONS:
        return _least_connections(world, router, start, stop, t, check)
    if policy == POWER_OF_TWO:
        return _power_of_two(world, start, stop, t, identity, up, check)
    u = uniform(row_of(world, SCALARS, 0)[S_STREAM], identity, POLICY)
    if policy == RANDOM:
        return _pick(world, start, stop, t, check, draw_index(u, up))
    if policy == WEIGHTED_RANDOM:
        return _weighted_draw(world, start, stop, t, check, u)
    return _split(world, router, t, check, u)
