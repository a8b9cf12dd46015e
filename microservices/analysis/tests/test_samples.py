"""Sums of samples by tick and place, and where they would leave 64 bits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headroom_analysis.domain.accumulators import MOST_SUM
from headroom_analysis.domain.samples import add_samples, extremes

samples = st.lists(
    st.tuples(st.integers(3, 7), st.integers(0, 2), st.integers(-(2**40), 2**40)), min_size=1, max_size=40
)


@given(given_samples=samples)
def test_samples_are_added_up(given_samples: list[tuple[int, int, int]]) -> None:
    tick, place, values = (np.array(column, np.int64) for column in zip(*given_samples, strict=True))
    sums = np.zeros((5, 3, 2), np.int64)
    expected = np.zeros((5, 3), np.int64)
    for at, where, value in given_samples:
        expected[at - 3, where] += value
    assert add_samples(tick, place, values, 3, sums, 1) == max(abs(value) for value in values.tolist())
    assert sums[:, :, 1].tolist() == expected.tolist()
    assert not sums[:, :, 0].any()
    assert extremes(values) == (min(values.tolist()), max(values.tolist()))


def test_values_that_could_leave_64_bits_are_not_added() -> None:
    none = np.zeros(2, np.int64)
    for value in (MOST_SUM // 2 + 1, -MOST_SUM // 2 - 1, -(2**63)):
        assert add_samples(none, none, np.array([0, value]), 0, np.zeros((1, 1, 1), np.int64), 0) == -1
    for value in (MOST_SUM // 2, -MOST_SUM // 2):
        assert (
            add_samples(none, none, np.array([0, value]), 0, np.zeros((1, 1, 1), np.int64), 0)
            == MOST_SUM // 2
        )
