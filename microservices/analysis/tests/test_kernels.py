"""The kernels by themselves: extents, categories, limbs and bins at their borders, places of causes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headroom_analysis.domain.kernels import (
    CATEGORIES,
    ENDED_IN_WINDOW,
    FLAGS,
    IN_TRIAL_WINDOW,
    LIMB_BITS,
    MOMENTS,
    Places,
    Plan,
    Rows,
    Sums,
    fold_link,
    fold_pool,
    fold_rows,
    scan,
)
from headroom_analysis.domain.latency import sum_of_squares
from headroom_analysis.domain.partials import NO_LATENCY
from headroom_analysis.domain.sketch import bucket_of

PLAN = Plan(
    group_of_replica=np.array([0, 0, 1]),
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
    causes=2 + 2 * 5,
    causes_before_groups=2,
    causes_per_group=5,
    warmup_ns=100,
    horizon_ns=1000,
    period_ns=100,
    first_bin=0,
)


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


def folded(given: Rows, plan: Plan = PLAN, scopes: int = 2) -> tuple[Sums, Places]:
    count = given.t0.size
    buckets = bucket_of(2**62) + 1
    sums = Sums(
        counts=np.zeros((1 + scopes, CATEGORIES), np.int64),
        histogram=np.zeros((buckets, scopes), np.int64),
        moments=np.zeros((scopes, MOMENTS), np.int64),
        lowest=np.full(scopes, NO_LATENCY),
        highest=np.full(scopes, -1),
        anatomy=np.zeros(buckets * plan.causes, np.int64),
        ended=np.zeros((10, 2), np.int64),
    )
    places = Places(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64))
    fold_rows(given, plan, sums, places)
    return sums, places


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
    sums, _ = folded(rows([t0], [latency], outcome=[outcome], server=[2]))
    assert np.argwhere(sums.counts).tolist() == [[1 + 1, outcome * FLAGS + flags]]
    assert int(sums.histogram.sum()) == int(outcome == 0 and t0 >= 100)


def test_rows_without_a_server_are_counted_apart() -> None:
    sums, _ = folded(rows([200, 200], [5, 5], outcome=[1, 3], server=[-1, -1]))
    assert sums.counts[0].sum() == 2
    assert sums.counts[1:].sum() == 0


@pytest.mark.parametrize(
    "latency",
    [0, 1, 2**LIMB_BITS - 1, 2**LIMB_BITS, 2 ** (2 * LIMB_BITS) - 1, 2 ** (2 * LIMB_BITS), 2**59 + 12345],
)
def test_limbs_are_exact_at_their_borders(latency: int) -> None:
    sums, _ = folded(rows([100, 100], [latency, latency]))
    assert int(sums.moments[0, 0]) == 2 * latency
    assert sum_of_squares(sums.moments[0].tolist()) == 2 * latency**2
    assert (int(sums.lowest[0]), int(sums.highest[0])) == (latency, latency)
    assert int(sums.histogram[bucket_of(latency), 0]) == 2


def test_ends_at_a_border_belong_to_the_later_bin() -> None:
    ends = [0, 99, 100, 199, 200, 999, 1000, 5000, 100, 0]
    sums, _ = folded(rows([0] * 10, ends, outcome=[0] * 8 + [1, 4]))
    assert sums.ended[:, 0].tolist() == [2, 2, 1, 0, 0, 0, 0, 0, 0, 1]
    assert sums.ended[:, 1].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_bins_may_start_later() -> None:
    sums, _ = folded(rows([0, 0], [350, 420]), PLAN._replace(first_bin=3))
    assert sums.ended[:3, 0].tolist() == [1, 1, 0]


def test_causes_are_placed_by_bucket_link_and_group() -> None:
    given = rows([100, 100, 50], [9, 300, 9], server=[0, 2, 0], target=[-1, 1, 0])
    sums, places = folded(given)
    assert places.bucket.tolist() == [bucket_of(9) * 12, bucket_of(300) * 12, -1]
    assert places.path.tolist()[:2] == [0, 2]
    fold_link(np.array([4, 5, 6]), places, np.array([-1, -1, 1]), sums.anatomy)
    fold_pool(np.array([1, 2, 3]), places, 4, sums.anatomy)
    table = sums.anatomy.reshape(-1, 12)
    assert table[bucket_of(9)].tolist() == [0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0]
    assert table[bucket_of(300)].tolist() == [0, 5, 0, 0, 0, 0, 0, 0, 0, 300, 0, 2]
    assert sums.anatomy.sum() == 9 + 300 + 5 + 1 + 2


def test_groups_that_are_not_told_apart_share_column_and_causes() -> None:
    plan = PLAN._replace(group_step=0, causes=2 + 5)
    sums, _ = folded(rows([100, 100], [9, 9], server=[0, 2]), plan)
    assert sums.histogram[bucket_of(9)].tolist() == [2, 0]
    assert sums.moments[:, 0].tolist() == [9, 9]
    assert sums.anatomy.reshape(-1, 7)[bucket_of(9), 2 + 2] == 18
