from __future__ import annotations

import gc

import numpy as np
import pytest
from simcore_testing.worlds import STREAM, compiled

from headroom_common.simcore.distributions import sample_ns
from headroom_common.simcore.tables import (
    LAWS,
    LINK_DELTAS,
    ROUTER_STATE,
    S_STREAM,
    SCALARS,
    TABLES,
    bits_of,
    matrix,
)
from headroom_common.simcore.world import World


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2), np.int32),
        np.zeros((2, 2), np.float64),
        np.zeros(4, np.int64),
        np.zeros((2, 2, 2), np.int64),
        np.zeros((4, 4), np.int64)[:, ::2],
        np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
    ],
)
def test_what_is_no_contiguous_matrix_of_integers_is_refused(array: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=r"table 3: expected a C-contiguous int64 matrix, found "):
        World({3: array})
    world = World({})
    with pytest.raises(ValueError, match="expected a C-contiguous int64 matrix"):
        world.put(3, array)
    assert world[3].shape == (0, 1)


def test_tables_that_are_not_given_are_empty() -> None:
    world = World({})
    assert all(world[number].shape == (0, 1) for number in range(TABLES))


def test_a_copys_tables_are_replaced_on_their_own() -> None:
    first, second = np.ones((1, 2), np.int64), np.full((2, 1), 7, np.int64)
    world = World({4: first})
    twin = world.copy()
    twin.put(4, second)
    assert world[4] is first
    assert twin[4] is second
    assert twin[5] is world[5]


def test_kernels_read_the_table_that_was_put_last() -> None:
    def constant(duration: int) -> np.ndarray:  # type: ignore[type-arg]
        return np.array([[0, duration, 0, 0, 0, 0, 0]], np.int64)

    world = World({SCALARS: np.zeros((1, 9), np.int64), LAWS: constant(5)})
    twin = world.copy()
    twin.put(LAWS, constant(8))
    gc.collect()
    assert sample_ns(world.handle, 0, 1, 1) == 5
    assert sample_ns(twin.handle, 0, 1, 1) == 8
    world.put(LAWS, constant(9))
    assert sample_ns(world.handle, 0, 1, 1) == 9


def test_worlds_of_one_scenario_share_nothing_that_is_written() -> None:
    routers = [{"name": "lb", "policy": "round_robin", "targets": [{"server": "app"}]}]
    workloads = [
        {"name": "users", "entry": "lb", "via": ["lan"], "arrivals": {"kind": "poisson", "rate": "1/s"}}
    ]
    scenario = compiled(routers=routers, workloads=workloads, links=[{"name": "lan", "delay": "1ms"}])
    one, other = scenario.world(STREAM), scenario.world(5)
    assert one[SCALARS][0, S_STREAM] == STREAM
    assert other[SCALARS][0, S_STREAM] == 5
    assert scenario.tables[SCALARS][0, S_STREAM] == 0
    for number in (ROUTER_STATE, LINK_DELTAS):
        one[number][:] = 99
        assert not other[number].any()
        assert not scenario.world(STREAM)[number].any()
    assert one[LAWS] is other[LAWS]


def test_columns_make_a_matrix_and_floats_their_bits() -> None:
    bits = bits_of(np.array([1.0, -0.0]))
    assert bits.tolist() == [0x3FF0000000000000, -(2**63)]
    table = matrix(np.array([1, 2]), np.array([3, 4]))
    assert table.tolist() == [[1, 3], [2, 4]]
    assert table.flags.c_contiguous
