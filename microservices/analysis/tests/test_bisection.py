"""The search of a limit against looking at every number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_analysis.domain.bisection import Limit, Terrain, find_limit

if TYPE_CHECKING:
    from collections.abc import Callable


def play(
    terrain: Terrain, is_met: Callable[[float], bool], start: float | None = None
) -> tuple[Limit, list[float]]:
    """The limit that is found, and what was asked on the way."""
    search = find_limit(terrain, start)
    asked = [next(search)]
    while True:
        try:
            asked.append(search.send(is_met(asked[-1])))
        except StopIteration as end:
            return end.value, asked


@given(
    low=st.integers(0, 50),
    width=st.integers(1, 3000),
    share=st.floats(-0.1, 1.1),
    start=st.none() | st.floats(0, 1),
    largest=st.booleans(),
)
def test_whole_numbers_are_exact(
    low: int, width: int, share: float, start: float | None, *, largest: bool
) -> None:
    high = low + width
    turn = math.floor(low + share * width)
    easy, hard = (low, high) if largest else (high, low)
    begin = None if start is None or low == 0 else float(math.floor(low + start * width))

    def is_met(number: float) -> bool:
        return number <= turn if largest else number >= turn

    limit, asked = play(Terrain(easy, hard, whole=True, tolerance=0.01), is_met, begin)
    met = [number for number in range(low, high + 1) if is_met(number)]
    missed = [number for number in range(low, high + 1) if not is_met(number)]
    best, worst = (max, min) if largest else (min, max)
    assert limit == Limit(best(met, default=None), worst(missed, default=None))
    assert all(low <= number <= high and number == int(number) for number in asked)
    assert len(set(asked)) == len(asked)
    assert len(asked) <= 2 * math.log2(width + 1) + 4


@given(
    low=st.just(0.0) | st.floats(0.001, 10),
    width=st.floats(0.1, 1e6),
    share=st.floats(-0.1, 1.1),
    start=st.none() | st.floats(0, 1),
    largest=st.booleans(),
    tolerance=st.sampled_from([0.001, 0.01, 0.2]),
)
def test_amounts_are_within_the_tolerance(
    low: float, width: float, share: float, start: float | None, *, largest: bool, tolerance: float
) -> None:
    low, high = float(f"{low:.6g}"), float(f"{low + width:.6g}")
    turn = low + share * width
    easy, hard = (low, high) if largest else (high, low)
    terrain = Terrain(easy, hard, whole=False, tolerance=tolerance)
    begin = None if start is None or low == 0 else min(max(terrain.rounded(low + start * width), low), high)

    def is_met(number: float) -> bool:
        return number <= turn if largest else number >= turn

    limit, asked = play(terrain, is_met, begin)
    assert all(low <= number <= high for number in asked)
    assert len(set(asked)) == len(asked)
    assert len(asked) <= 100
    assert (limit.met is None) == (not is_met(easy))
    assert (limit.missed is None) == is_met(hard)
    if limit.met is not None:
        assert is_met(limit.met)
    if limit.missed is not None:
        assert not is_met(limit.missed)
    if limit.met is not None and limit.missed is not None:
        assert terrain.close(limit.met, limit.missed)
        between = (terrain.rounded(end) for end in (limit.met, limit.missed))
        assert sorted((limit.met, limit.missed)) == sorted(between)


def test_the_hard_end_is_asked_for_last() -> None:
    limit, asked = play(Terrain(1, 100, whole=True, tolerance=0.01), lambda _: True)
    assert limit == Limit(100, None)
    assert asked[0] == 1
    assert asked[-1] == 100
    limit, asked = play(Terrain(1, 100, whole=True, tolerance=0.01), lambda number: number < 100)
    assert limit == Limit(99, 100)
    assert asked[-1] == 100


def test_a_missed_easy_end_is_the_end() -> None:
    limit, asked = play(Terrain(20, 1, whole=True, tolerance=0.01), lambda _: False)
    assert limit == Limit(None, 20)
    assert asked == [20]


def test_from_todays_value_it_goes_to_the_double_or_the_half() -> None:
    terrain = Terrain(1, 1024, whole=True, tolerance=0.01)
    assert play(terrain, lambda number: number <= 35, 10.0)[1][:4] == [10, 20, 40, 30]
    assert play(terrain, lambda number: number <= 3, 10.0)[1] == [10, 5, 2, 3, 4]


def test_a_wide_bracket_is_cut_in_its_logarithm() -> None:
    terrain = Terrain(1.0, 1e4, whole=False, tolerance=0.01)
    assert terrain.middle(1.0, 1e4) == 100.0
    assert terrain.middle(1e4, 1.0) == 100.0
    assert terrain.middle(100.0, 300.0) == 200.0


def test_next_to_zero_the_search_ends() -> None:
    limit, asked = play(Terrain(0.0, 5.0, whole=False, tolerance=0.01), lambda number: number == 0)
    assert limit.met == 0
    assert limit.missed == pytest.approx(5 * 0.01**2, rel=1)
    assert len(asked) < 20


@pytest.mark.parametrize(
    ("terrain", "limit", "known", "expected"),
    [
        (Terrain(1, 20, whole=True, tolerance=0.01), Limit(7, 8), [1, 7, 8, 20], [6, 9]),
        (Terrain(20, 1, whole=True, tolerance=0.01), Limit(8, 7), [20, 8, 7, 6], [9]),
        (Terrain(1, 8, whole=True, tolerance=0.01), Limit(7, 8), [6, 7, 8], []),
        (Terrain(1, 10_000, whole=True, tolerance=0.01), Limit(500, 501), [500, 501], [495, 506]),
        (Terrain(1.0, 9.0, whole=False, tolerance=0.1), Limit(4.0, 4.2), [4.0, 4.2], [3.8, 4.4]),
        (Terrain(1, 8, whole=True, tolerance=0.01), Limit(8, None), [8], []),
        (Terrain(1, 8, whole=True, tolerance=0.01), Limit(None, 1), [1], []),
    ],
)
def test_numbers_beside_a_limit(
    terrain: Terrain, limit: Limit, known: list[float], expected: list[float]
) -> None:
    assert terrain.beside(limit, known) == pytest.approx(expected)
