"""Axes and marks of the plots of experiments: what is written where, and nothing over something else."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headroom_analysis.report
from headroom_analysis.report.formatting import MINUS, NBSP
from headroom_analysis.report.plots import axis
from headroom_analysis.report.plots.chart import apart, room_for, shortened
from headroom_analysis.report.plots.curves import Bound
from headroom_analysis.report.plots.heat import Shade
from headroom_analysis.report.plots.palette import LIGHT

PLACES = st.lists(st.floats(0, 300), max_size=8).map(sorted)


class TestApart:
    @given(PLACES)
    def test_words_keep_their_distance_and_order(self, places: list[float]) -> None:
        found = apart(places, 15.0)
        assert len(found) == len(places)
        assert all(b - a >= 15.0 - 1e-6 for a, b in pairwise(found))

    @given(PLACES)
    def test_words_stay_below_the_top(self, places: list[float]) -> None:
        found = apart(places, 15.0, 300.0)
        assert all(place <= 300.0 for place in found)
        assert all(b - a >= 15.0 - 1e-6 for a, b in pairwise(found))

    @given(st.lists(st.integers(0, 20), unique=True, max_size=8).map(sorted))
    def test_words_with_room_stay_where_they_are(self, places: list[int]) -> None:
        wide = [place * 15.0 for place in places]
        assert apart(wide, 15.0) == pytest.approx(wide)


class TestChosen:
    def test_few_values_have_a_tick_each(self) -> None:
        found = axis.chosen([3, 1, 2], "", log=False, width=300.0)
        assert (found.positions, found.labels, found.log) == ([1, 2, 3], ["1", "2", "3"], False)

    def test_units_are_written_as_users_write_them(self) -> None:
        assert axis.chosen([100.0, 250.0], "/s", log=False, width=300.0).labels == ["100/s", "250/s"]
        assert axis.with_unit_of(412.3456, "ms") == "412.3ms"

    def test_crowded_values_lose_their_words_and_the_last_keeps_its_own(self) -> None:
        found = axis.chosen([1000.0, 1001.0, 1002.0, 2000.0], "ms", log=False, width=300.0)
        assert found.labels == ["1,002ms", "2,000ms"]

    def test_values_far_apart_are_shown_by_their_logarithm(self) -> None:
        assert axis.chosen([1, 10, 100], "", log=False, width=300.0).log
        assert not axis.chosen([0, 10, 100], "", log=False, width=300.0).log

    def test_many_values_have_round_ticks(self) -> None:
        found = axis.chosen([300 + 7.3 * index for index in range(50)], "/s", log=False, width=300.0)
        assert all(position % 50 == 0 for position in found.positions)

    @given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=40), st.booleans())
    def test_every_value_is_on_the_axis(self, numbers: list[float], log: bool) -> None:  # noqa: FBT001 - drawn
        found = axis.chosen(numbers, "", log=log, width=300.0)
        assert found.low < min(numbers) or found.low == pytest.approx(min(numbers))
        assert found.high > max(numbers) or found.high == pytest.approx(max(numbers))
        assert len(found.positions) == len(found.labels)


class TestMeasured:
    def test_times_far_apart_are_shown_by_their_logarithm(self) -> None:
        assert axis.measured([0.05, 2.0], "duration").log
        assert not axis.measured([0.5, 2.0], "duration").log
        assert not axis.measured([1.0, 900.0], "rate").log

    def test_a_share_ends_at_all_of_it(self) -> None:
        assert axis.measured([0.998, 1.02], "ratio").labels[-1] == "100%"

    def test_nothing_known_is_an_axis_too(self) -> None:
        assert axis.measured([None], "duration").low == 0.0

    def test_changes_have_their_signs(self) -> None:
        labels = axis.signed([-0.04, 0.02], 4).labels
        assert labels[0].startswith(MINUS)
        assert "0%" in labels
        assert labels[-1].startswith("+")


def test_long_names_are_cut() -> None:
    assert shortened("short", 100.0) == "short"
    assert shortened("x" * 64, 64.0) == "x" * 9 + "\N{HORIZONTAL ELLIPSIS}"
    assert room_for(["x" * 64], 100.0) == 100.0


def test_a_limit_has_the_colour_of_the_line_that_it_binds() -> None:
    assert [Bound("", 1.0, line).role for line in (None, 0, 1)] == ["ink", "blue", "vermillion"]


class TestShade:
    def test_colours_go_from_dark_to_bright(self) -> None:
        shade = Shade([1.0, 2.0, 3.0])
        assert [shade(1.0), shade(3.0)] == ["#00224e", "#fee838"]

    def test_values_far_apart_are_shaded_by_their_logarithm(self) -> None:
        assert Shade([1.0, 100.0])(10.0) == Shade([1.0, 3.0])(2.0)

    def test_equal_values_have_a_colour(self) -> None:
        assert Shade([2.0])(2.0).startswith("#")


def test_files_have_the_colours_of_the_light_theme() -> None:
    styles = (Path(headroom_analysis.report.__file__).parent / "templates" / "report.css").read_text()
    light = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", styles.partition("@media")[0]))
    assert {role: light[role] for role in LIGHT} == LIGHT


def test_ticks_of_times_have_their_unit() -> None:
    assert axis.measured([0.05, 2.0], "duration").labels[0] == f"50{NBSP}ms"


def test_what_is_compared_with_a_base_need_not_start_at_nothing() -> None:
    found = axis.around([0.115, 0.122, None, 0.169], "duration")
    assert found.low > 0.05
    assert found.high >= 0.169
    assert found.labels[-1].endswith("ms")
