from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.ordering import order_by_time
from headroom_common.simcore.tables import NEVER, Ints

FAST = settings(max_examples=100, deadline=None)
TIMES = st.one_of(
    st.integers(0, 3), st.integers(0, 10**12), st.integers(0, NEVER), st.integers(2**62 - 3, 2**62)
)
SIZE = 20_000 if COMPILED else 1_000


def check(times: Ints, ids: Ints) -> None:
    order = order_by_time(times, ids)
    assert sorted(order.tolist()) == list(range(len(times)))
    found = [(int(times[row]), int(ids[row])) for row in order]
    assert found == sorted(zip(times.tolist(), ids.tolist(), strict=True))


@FAST
@given(st.lists(TIMES, max_size=80), st.randoms(use_true_random=False))
@example([], None)
@example([7], None)
@example([NEVER, 0], None)
def test_rows_are_in_order_of_time_and_id(times: list[int], random: object) -> None:
    ids = list(range(len(times)))
    if random is not None:
        random.shuffle(ids)  # type: ignore[attr-defined]
    check(np.array(times, np.int64), np.array(ids, np.int64))


@pytest.mark.parametrize("spread", [1, 10**3, 10**9, 2**62])
def test_many_random_rows(spread: int) -> None:
    rng = np.random.default_rng(spread)
    check(rng.integers(0, spread, SIZE), rng.permutation(SIZE).astype(np.int64))


@pytest.mark.parametrize("delay", [1, 50, 10**6])
def test_nearly_sorted_rows(delay: int) -> None:
    rng = np.random.default_rng(delay)
    times = np.arange(SIZE, dtype=np.int64) * 10 + rng.integers(0, delay, SIZE)
    check(times, np.arange(SIZE, dtype=np.int64))


def test_rows_in_reverse_and_all_at_once() -> None:
    ids = np.arange(SIZE, dtype=np.int64)
    check(ids[::-1].copy(), ids)
    check(np.full(SIZE, 42, np.int64), ids)
    few = ids[: SIZE // 10]
    check(np.full(len(few), 42, np.int64), few[::-1].copy())


def test_what_is_sorted_stays() -> None:
    times = np.array([0, 1, 1, 1, 2], np.int64)
    assert order_by_time(times, np.array([5, 1, 2, 3, 0], np.int64)).tolist() == [0, 1, 2, 3, 4]


def test_the_columns_are_left_alone() -> None:
    times, ids = np.array([3, 1, 2], np.int64), np.array([0, 1, 2], np.int64)
    assert order_by_time(times, ids).tolist() == [1, 2, 0]
    assert times.tolist() == [3, 1, 2]
    assert ids.tolist() == [0, 1, 2]
