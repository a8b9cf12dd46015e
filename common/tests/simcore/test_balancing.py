from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simcore_testing.balancers import Balancer, Replica
from simcore_testing.worlds import MS, SAMPLES, SECOND, STREAM, app, compiled, workload

from headroom_common.simcore.balancing import POLICIES, admits, choose_backend, is_up
from headroom_common.simcore.tables import (
    BACKEND_STATE,
    BACKENDS,
    BS_CONNECTIONS,
    BS_CURRENT,
    R_FAULTY,
    ROUTER_STATE,
    ROUTERS,
    RS_POINTER,
)

if TYPE_CHECKING:
    from headroom_common.simcore.world import World

FAST = settings(max_examples=40, deadline=None)
TARGETS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([1, 1, 2, 5, 0.5])), min_size=1, max_size=3)
DOWNS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 40), st.integers(1, 30)), max_size=6
)
ARRIVALS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**40)), min_size=1, max_size=60)
NAMES = "abc"


def fleet(
    policy: str, targets: list[tuple[int, float]], downs: list[tuple[int, int, int, int]], **more: Any
) -> tuple[World, Balancer]:
    """A world of one router, and the same router as one would explain it."""
    faults: list[dict[str, Any]] = []
    broken: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for target, number, start, length in downs:
        if target >= len(targets):
            continue
        replicas = targets[target][0]
        span = {"start": f"{start}ms", "duration": f"{length}ms", "server": NAMES[target]}
        fault = {"kind": "server_down"} | span | ({"replica": number} if number < replicas else {})
        faults.append(fault)
        for replica in [number] if number < replicas else range(replicas):
            broken.setdefault((target, replica), []).append((start * MS, (start + length) * MS))
    servers = [
        app({"io": "1ms"}) | {"name": NAMES[row], "replicas": replicas}
        for row, (replicas, _) in enumerate(targets)
    ]
    behind = [{"server": NAMES[row], "weight": weight} for row, (_, weight) in enumerate(targets)]
    router = {"name": "lb", "policy": policy, "targets": behind} | more
    world = compiled(
        workloads=[workload(entry="lb", sessions=50)], servers=servers, routers=[router], faults=faults
    ).world(STREAM)
    replicas = [
        Replica(NAMES[row], row, number, int(weight * 1e6 + 0.5), broken.get((row, number), []))
        for row, (count, weight) in enumerate(targets)
        for number in range(count)
    ]
    return world, Balancer(policy, replicas, STREAM, sessions=50)


@pytest.mark.parametrize("policy", POLICIES)
@FAST
@given(TARGETS, DOWNS, ARRIVALS, st.data())
def test_a_policy_chooses_as_it_is_explained(
    policy: str,
    targets: list[tuple[int, float]],
    downs: list[tuple[int, int, int, int]],
    arrivals: list[tuple[int, int]],
    data: st.DataObject,
) -> None:
    world, balancer = fleet(policy, targets, downs)
    ends = data.draw(st.lists(st.booleans(), min_size=len(arrivals), max_size=len(arrivals)))
    open_ones: list[int] = []
    t = 0
    for (gap, number), end in zip(arrivals, ends, strict=True):
        t += gap * MS
        identity = number << 16
        backend = choose_backend(world.handle, 0, t, identity)
        assert backend == balancer.choose(t, identity)
        open_ones.append(backend)
        balancer.replicas[backend].connections += 1
        world[BACKEND_STATE][backend, BS_CONNECTIONS] += 1
        if end:
            first = open_ones.pop(0)
            balancer.replicas[first].connections -= 1
            world[BACKEND_STATE][first, BS_CONNECTIONS] -= 1


@FAST
@given(DOWNS, st.integers(0, 80), st.integers(0, 3))
def test_a_replica_is_up_outside_its_faults(
    downs: list[tuple[int, int, int, int]], t: int, replica: int
) -> None:
    world, balancer = fleet("random", [(4, 1)], [(0, *rest) for _, *rest in downs])  # type: ignore[misc]
    assert bool(is_up(world.handle, replica, t * MS)) == balancer.replicas[replica].is_up(t * MS)


def test_all_backends_are_listed_and_only_faulty_routers_look_at_faults() -> None:
    world, _ = fleet("round_robin", [(2, 1), (3, 1)], [])
    assert world[BACKENDS][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert world[ROUTERS][0, R_FAULTY] == 0
    world, _ = fleet("round_robin", [(2, 1), (3, 1)], [(1, 2, 0, 1)])
    assert world[ROUTERS][0, R_FAULTY] == 1


def test_round_robin_spreads_evenly_over_the_replicas_that_are_up() -> None:
    world, _ = fleet("round_robin", [(2, 1), (2, 1)], [(0, 1, 10, 10)])
    found = [choose_backend(world.handle, 0, t * MS, t << 16) for t in range(30)]
    assert found[:10] == [0, 1, 2, 3] * 2 + [0, 1]
    assert found[10:20] == [2, 3, 0, 2, 3, 0, 2, 3, 0, 2]
    assert found[20:24] == [3, 0, 1, 2]
    assert world[ROUTER_STATE][0, RS_POINTER] == 1


def test_smooth_weights_give_exact_shares_per_cycle() -> None:
    world, _ = fleet("weighted_round_robin", [(1, 5), (1, 1), (1, 2)], [])
    found = [choose_backend(world.handle, 0, 0, n << 16) for n in range(80)]
    assert Counter(found) == {0: 50, 1: 10, 2: 20}
    assert not world[BACKEND_STATE][:, BS_CURRENT].any()
    assert all(Counter(found[start : start + 8]) == {0: 5, 1: 1, 2: 2} for start in range(0, 80, 8))


@pytest.mark.parametrize(
    ("policy", "shares"),
    [
        ("random", [0.25, 0.25, 0.25, 0.25]),
        ("weighted_random", [0.1, 0.1, 0.4, 0.4]),
        ("traffic_split", [0.1, 0.1, 0.4, 0.4]),
        ("power_of_two", [0.25, 0.25, 0.25, 0.25]),
    ],
)
def test_random_policies_have_their_shares(policy: str, shares: list[float]) -> None:
    world, _ = fleet(policy, [(2, 1), (2, 4)], [])
    n = SAMPLES // 8
    found = np.bincount([choose_backend(world.handle, 0, 0, k << 16) for k in range(n)]) / n
    tolerance = 5 * np.sqrt(np.array(shares) * (1 - np.array(shares)) / n)
    assert (np.abs(found - shares) < tolerance).all()


def test_a_hash_moves_only_the_sessions_of_the_replica_that_fails() -> None:
    whole, _ = fleet("consistent_hash", [(4, 1)], [])
    broken, _ = fleet("consistent_hash", [(4, 1)], [(0, 2, 0, 10)])
    moved = 0
    for number in range(400):
        before = choose_backend(whole.handle, 0, 0, number << 16)
        after = choose_backend(broken.handle, 0, 0, number << 16)
        assert after != 2
        moved += before != after
        assert before in (after, 2)
        assert choose_backend(broken.handle, 0, 10 * MS, number << 16) == before
    assert 0 < moved < 200


RATES = st.sampled_from([(1000, MS), (100, 10 * MS), (300, 3_333_333), (7, 142_857_143), (10**9, 1)])


@settings(max_examples=100, deadline=None)
@given(RATES, st.integers(1, 20), st.lists(st.integers(0, 8), min_size=1, max_size=80), st.integers(1, 4))
def test_the_rate_limit_is_a_token_bucket(
    rate: tuple[int, int], burst: int, gaps: list[int], halves: int
) -> None:
    per_second, interval = rate
    world, _ = fleet("random", [(1, 1)], [], rate_limit={"rate": f"{per_second}/s", "burst": burst})
    tokens, filled, t = Fraction(burst), 0, 0
    for gap in gaps:
        t += gap * interval * halves // 2
        tokens = min(Fraction(burst), tokens + Fraction(t - filled, interval))
        filled = t
        assert bool(admits(world.handle, 0, t)) == (tokens >= 1)
        tokens -= tokens >= 1


def test_a_limit_passes_its_rate_in_the_long_run_and_none_passes_all() -> None:
    world, _ = fleet("random", [(1, 1)], [], rate_limit={"rate": "300/s", "burst": 10})
    passed = sum(bool(admits(world.handle, 0, t * MS)) for t in range(10_000))
    assert abs(passed - (300 * 10 + 10)) <= 1
    open_door, _ = fleet("random", [(1, 1)], [])
    assert all(admits(open_door.handle, 0, SECOND) for _ in range(1000))
