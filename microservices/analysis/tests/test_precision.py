"""How many trials come next, and when there are enough."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_analysis.domain.intervals import Figure
from headroom_analysis.domain.precision import doubt, excess, trials_for


def test_the_widest_interval_decides() -> None:
    figures = [Figure(10.0, 9.5, 10.5), Figure(2.0, 1.6, 2.4), Figure(None)]
    assert excess(figures, 0.1) == pytest.approx(2.0)
    assert excess(figures[:1], 0.1) == pytest.approx(0.5)


def test_a_single_trial_is_never_precise_and_no_data_ask_for_nothing() -> None:
    assert excess([Figure(3.0)], 0.1) == math.inf
    assert excess([Figure(None)], 0.1) == 0
    assert excess([Figure(0.0, 0.0, 0.0)], 0.1) == 0
    assert excess([], 0.1) == 0


def test_a_doubt_is_above_one_while_the_threshold_is_inside() -> None:
    figure = Figure(10.0, 9.0, 11.0)
    assert doubt(figure, 12.0) == 0.5
    assert doubt(figure, 8.0) == 0.5
    assert doubt(figure, 10.5) == 2.0
    assert doubt(figure, 10.0) == math.inf
    assert doubt(Figure(10.0), 12.0) == math.inf
    assert doubt(Figure(None), 12.0) == 0
    assert doubt(Figure(1.0, 0.0, 5.0), 2.0) == 4.0  # the lower half was cut at 0


@pytest.mark.parametrize(
    ("trials", "wider", "most", "expected"),
    [
        (10, 0.99, 200, 10),
        (10, 1.0, 200, 10),
        (10, 1.01, 200, 13),  # a quarter more at least
        (10, 1.3, 200, 17),  # 10 · 1.69
        (10, 9.0, 200, 20),  # twice as many at most
        (10, math.inf, 200, 20),
        (150, 9.0, 200, 200),
        (200, 9.0, 200, 200),
        (1, math.inf, 200, 2),
    ],
)
def test_the_trials_of_the_next_look(trials: int, wider: float, most: int, expected: int) -> None:
    assert trials_for(trials, wider, most) == expected


@given(trials=st.integers(1, 10**5), wider=st.floats(0, 1e9), most=st.integers(1, 10**5))
def test_looks_grow_until_a_limit(trials: int, wider: float, most: int) -> None:
    wanted = trials_for(trials, wider, most)
    if wider <= 1:
        assert wanted == trials
    else:
        assert wanted == most or trials < wanted <= 2 * trials
