"""The kernels by themselves: extents, categories, limbs, bins and blocks at their borders, causes' places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headroom_analysis.domain.accumulators import (
    CATEGORIES,
    ENDED_IN_WINDOW,
    FLAGS,
    IN_TRIAL_WINDOW,
    LIMB_BITS,
    MOMENTS,
    Causes,
    Plan,
    Rows,
    Sums,
)
from headroom_analysis.domain.columns import Directory
from headroom_analysis.domain.kernels import BLOCK, fold_rows, scan
from headroom_analysis.domain.latency import sum_of_squares
from headroom_analysis.domain.partials import NO_LATENCY
from headroom_analysis.domain.sketch import bucket_of

PLAN = Plan(
    row_of_server=np.array([0, 1, 1, 2]),
    groups=2,
    workloads=1,
    endpoints=1,
    targets=2,
    workload_scope=-1,
    workload_column=-1,
    endpoint_scope=-1,
    endpoint_column=-1,
    group_step=1,
    first_bucket=0,
    causes_before_groups=2,
    causes_per_group=5,
    warmup_ns=100,
    horizon_ns=1000,
    period_ns=100,
    first_bin=0,
)


CAUSES = 2 + 2 * 5


def read_only(values: Any, dtype: type[np.integer]) -> Any:
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array


def rows(t0: list[int], latency: list[int], **more: list[int]) -> Rows:
    """Rows that are ok on replica 0 unless told otherwise, all their time spent running."""
    count = len(t0)
    columns: dict[str, Any] = {
        "workload": [0] * count,
        "endpoint": [0] * count,
        "server": [0] * count,
        "target": [-1] * count,
        "t0": t0,
        "latency": latency,
        "outcome": [0] * count,
        **dict.fromkeys(("memory_wait", "cpu_wait", "io_wait"), [0] * count),
        "cpu_run": latency,
    } | more
    narrow = {"workload": np.int16, "endpoint": np.int16, "server": np.int32, "target": np.int32}
    narrow["outcome"] = np.int8
    return Rows(*(read_only(columns[name], narrow.get(name, np.int64)) for name in Rows._fields))


def folded(
    given: Rows,
    plan: Plan = PLAN,
    scopes: int = 2,
    causes: int = CAUSES,
    hops: dict[tuple[int, ...], list[int]] | None = None,
    pools: tuple[list[int], ...] = (),
) -> Sums:
    """Fold rows; `hops` are columns by the links of their paths. What is thrown away is cut off."""
    buckets = bucket_of(2**62) + 1
    sums = Sums(
        counts=np.zeros((1 + scopes, CATEGORIES), np.int64),
        histogram=np.zeros((buckets + 1, scopes), np.int64),
        moments=np.zeros((scopes, MOMENTS), np.int64),
        lowest=np.full(scopes, NO_LATENCY),
        highest=np.full(scopes, -1),
        anatomy=np.zeros((buckets + 1, causes), np.int64),
        ended=np.zeros((10, 2), np.int64),
    )
    hops = hops or {}
    links = np.array(list(hops), np.int64).reshape(len(hops), 3)
    directory = Directory([np.array(column, np.int64) for column in (*hops.values(), *pools)])
    fold_rows(given, plan, sums, Causes(directory.handle, links, len(pools)))
    return sums._replace(histogram=sums.histogram[:-1], anatomy=sums.anatomy[:-1])


def test_the_extent_is_of_measured_answers_and_of_all_ends() -> None:
    given = rows([50, 150, 200, 300], [5000, 30, 40, 700], outcome=[0, 0, 0, 1])
    extent = np.array([NO_LATENCY, -1, NO_LATENCY, -1])
    assert scan(given, PLAN, extent) == -1
    assert extent.tolist() == [30, 40, 180, 5050]


def test_the_extent_of_nothing_stays_neutral() -> None:
    extent = np.array([NO_LATENCY, -1, NO_LATENCY, -1])
    assert scan(rows([], []), PLAN, extent) == -1
    assert extent.tolist() == [NO_LATENCY, -1, NO_LATENCY, -1]


def test_the_first_bad_row_is_found() -> None:
    extent = np.array([NO_LATENCY, -1, NO_LATENCY, -1])
    assert scan(rows([1, 2, 3], [1, 1, 1], server=[0, 3, 7]), PLAN, extent) == 1


@pytest.mark.parametrize(
    ("t0", "latency", "flags"),
    [
        (99, 0, 0),
        (99, 1, ENDED_IN_WINDOW),
        (100, 0, IN_TRIAL_WINDOW | ENDED_IN_WINDOW),
        (100, 899, IN_TRIAL_WINDOW | ENDED_IN_WINDOW),
        (100, 900, IN_TRIAL_WINDOW),
        (0, 5000, 0),
    ],
)
@pytest.mark.parametrize("outcome", range(5))
def test_rows_are_counted_under_outcome_and_window(t0: int, latency: int, flags: int, outcome: int) -> None:
    sums = folded(rows([t0], [latency], outcome=[outcome], server=[2]))
    assert np.argwhere(sums.counts).tolist() == [[1 + 1, outcome * FLAGS + flags]]
    assert int(sums.histogram.sum()) == int(outcome == 0 and t0 >= 100)


def test_rows_without_a_server_are_counted_apart() -> None:
    sums = folded(rows([200, 200], [5, 5], outcome=[1, 3], server=[-1, -1]))
    assert sums.counts[0].sum() == 2
    assert sums.counts[1:].sum() == 0


@pytest.mark.parametrize(
    "latency",
    [0, 1, 2**LIMB_BITS - 1, 2**LIMB_BITS, 2 ** (2 * LIMB_BITS) - 1, 2 ** (2 * LIMB_BITS), 2**59 + 12345],
)
def test_limbs_are_exact_at_their_borders(latency: int) -> None:
    sums = folded(rows([100, 100], [latency, latency]))
    assert int(sums.moments[0, 0]) == 2 * latency
    assert sum_of_squares(sums.moments[0].tolist()) == 2 * latency**2
    assert (int(sums.lowest[0]), int(sums.highest[0])) == (latency, latency)
    assert int(sums.histogram[bucket_of(latency), 0]) == 2


def test_ends_at_a_border_belong_to_the_later_bin() -> None:
    ends = [0, 99, 100, 199, 200, 999, 1000, 5000, 100, 0]
    sums = folded(rows([0] * 10, ends, outcome=[0] * 8 + [1, 4]))
    assert sums.ended[:, 0].tolist() == [2, 2, 1, 0, 0, 0, 0, 0, 0, 1]
    assert sums.ended[:, 1].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_bins_may_start_later() -> None:
    sums = folded(rows([0, 0], [350, 420]), PLAN._replace(first_bin=3))
    assert sums.ended[:3, 0].tolist() == [1, 1, 0]


def test_causes_are_placed_by_bucket_link_and_group() -> None:
    given = rows([100, 100, 50], [9, 300, 9], server=[0, 2, 0], target=[-1, 1, 0])
    sums = folded(given, hops={(-1, -1, 1): [4, 5, 6], (0, -1, -1): [7, 8, 9]}, pools=([1, 2, 3],))
    assert sums.anatomy[bucket_of(9)].tolist() == [7, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0]
    assert sums.anatomy[bucket_of(300)].tolist() == [0, 5, 0, 0, 0, 0, 0, 0, 0, 300, 0, 2]
    assert sums.anatomy.sum() == 9 + 300 + 7 + 5 + 1 + 2


def test_groups_that_are_not_told_apart_share_column_and_causes() -> None:
    plan = PLAN._replace(group_step=0)
    sums = folded(rows([100, 100], [9, 9], server=[0, 2]), plan, causes=2 + 5)
    assert sums.histogram[bucket_of(9)].tolist() == [2, 0]
    assert sums.moments[:, 0].tolist() == [9, 9]
    assert sums.anatomy[bucket_of(9), 2 + 2] == 18


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_blocks_leave_out_no_row(count: int) -> None:
    rng = np.random.default_rng(count)
    latency = rng.integers(0, 2**41, count).tolist()
    server = rng.integers(0, 3, count).tolist()
    column = rng.integers(-5, 5, count).tolist()
    given = rows(rng.integers(100, 1000, count).tolist(), latency, server=server)
    sums = folded(given, hops={(1, 1, 1): column})
    assert int(sums.counts.sum()) == int(sums.histogram.sum()) == count
    assert int(sums.moments[:, 0].sum()) == sum(latency)
    assert int(sums.anatomy[:, 1].sum()) == sum(column)
    assert int(sums.anatomy[:, 4].sum()) + int(sums.anatomy[:, 9].sum()) == sum(latency)
    for group, servers in enumerate(((0, 1), (2,))):
        mine = [value for value, at in zip(latency, server, strict=True) if at in servers]
        assert sum_of_squares(sums.moments[group].tolist()) == sum(value**2 for value in mine)
        assert (int(sums.lowest[group]), int(sums.highest[group])) == (min(mine), max(mine))


def test_a_column_that_is_zero_in_one_block_only_counts_in_the_others() -> None:
    count = 3 * BLOCK
    column = [0] * BLOCK + [1] * BLOCK + [0] * (BLOCK - 1) + [-7]
    sums = folded(rows([100] * count, [9] * count, io_wait=column), hops={(0, 0, 0): column}, pools=(column,))
    found = sums.anatomy[bucket_of(9)].tolist()
    assert [found[0], found[2 + 3], found[2 + 4]] == [BLOCK - 7] * 3


def test_one_group_is_summed_as_several_are() -> None:
    rng = np.random.default_rng(1)
    count = BLOCK + 77
    t0 = rng.integers(0, 1000, count).tolist()
    latency = (rng.integers(0, 2**40, count) << rng.integers(0, 20, count)).tolist()
    outcome = np.where(rng.random(count) < 0.8, 0, rng.integers(0, 5, count)).tolist()
    given = rows(t0, latency, outcome=outcome)
    one = folded(given, PLAN._replace(groups=1, group_step=0))
    for mine, theirs in zip(one, folded(given), strict=True):
        assert np.array_equal(mine, theirs)


def test_members_of_a_kind_are_told_apart() -> None:
    plan = PLAN._replace(workloads=2, workload_scope=2, workload_column=2)
    given = rows([100, 50, 100], [9, 9, 300], workload=[0, 1, 1], outcome=[0, 0, 0])
    sums = folded(given, plan, scopes=4)
    assert sums.counts[1 + 2 :].sum(axis=1).tolist() == [1, 2]
    assert sums.moments[2:, 0].tolist() == [9, 300]
    assert sums.lowest[2:].tolist() == sums.highest[2:].tolist() == [9, 300]
    assert np.argwhere(sums.histogram[:, 2:]).tolist() == [[bucket_of(9), 0], [bucket_of(300), 1]]
