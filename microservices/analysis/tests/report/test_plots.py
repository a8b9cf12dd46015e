"""What the plots draw: their shapes, ticks and thinning, and the compact SVG that comes out."""

import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_testing.pages import Node, read

from headroom_analysis.report.formatting import NBSP
from headroom_analysis.report.plots import breakdown, latency, ticks, timeline
from headroom_analysis.report.plots.canvas import Drawing, Sheet, axes_of
from headroom_analysis.report.plots.palette import COLOUR, ROLES
from headroom_analysis.report.values import NO_DATA, Estimate

BARS = [latency.Bar(0.01 * 1.1**i, 0.01 * 1.1 ** (i + 1), 1 + 10 * (i % 7)) for i in range(40)]
KNOWN = {"p50": 0.05, "p90": 0.2, "p95": 0.25, "p99": 0.35, "p999": 0.4}
PERCENTILES = {key: Estimate(value, value * 0.9, value * 1.1) for key, value in KNOWN.items()}
FRAME = timeline.Frame([0.0, 1.0, 2.0, 3.0, 4.0], 5.0, 1.0, [timeline.Span(2.0, 3.0, "1")])


def root_of(svg: str) -> Node:
    (root,) = read(svg).children
    return root


def words(svg: str) -> list[str]:
    return [node.text.replace(NBSP, " ") for node in root_of(svg).all("text")]


def drawn(**settings_of_the_line: Any) -> str:
    sheet = Sheet()
    with (drawing := Drawing(sheet, "test", "a line", (100.0, 50.0))) as figure:
        axes = axes_of(figure, 0.0, 0.0, 0.0, 0.0)
        axes.plot([0, 1, 2], [0, 2, 1], **settings_of_the_line)
    return drawing.svg


class TestCanvas:
    def test_an_element_that_scales(self) -> None:
        root = root_of(drawn())
        assert root.tag == "svg"
        assert root.attributes == {
            "class": "plot test",
            "viewbox": "0 0 100 50",
            "role": "img",
            "aria-label": "a line",
        }

    def test_no_trace_of_a_file_of_its_own(self) -> None:
        svg = drawn()
        assert not re.search(r"style=|font-family|DOCTYPE|metadata|<style|xlink|matplotlib|<!--", svg)

    def test_numbers_are_short(self) -> None:
        assert max(len(number.partition(".")[2]) for number in re.findall(r"-?\d+\.\d+", drawn())) <= 2

    def test_styles_are_shared(self) -> None:
        sheet = Sheet()
        first = sheet.class_of("fill: none; stroke: #123456; font-family: 'X'")
        assert sheet.class_of("fill: none; stroke: #123456") == first
        assert sheet.class_of(f"fill: {COLOUR['blue']}") != first
        assert str(sheet) == f".{first}{{fill:none;stroke:#123456}}\n.p1{{fill:var(--blue)}}"

    def test_sentinels_differ(self) -> None:
        assert len(set(COLOUR.values())) == len(ROLES)

    def test_an_error_while_drawing_leaves_the_settings_as_they_were(self) -> None:
        before = drawn()
        with pytest.raises(ZeroDivisionError), Drawing(Sheet(), "test", "", (10.0, 10.0)):
            raise ZeroDivisionError
        assert drawn() == before

    def test_markers_refer_to_ids_of_this_plot(self) -> None:
        svg = drawn(marker="o")
        assert set(re.findall(r'href="#(.*?)"', svg)) <= set(re.findall(r'id="(.*?)"', svg))
        assert all(name.startswith("test-") for name in re.findall(r'id="(.*?)"', svg))


class TestTicks:
    def test_decades_and_their_fractions(self) -> None:
        assert ticks.log(0.009, 0.12, "duration", 7)[1] == [f"{n}{NBSP}ms" for n in (10, 20, 50, 100)]

    def test_many_decades_are_thinned_to_whole_ones(self) -> None:
        labels = [label.replace(NBSP, " ") for label in ticks.log(1e-6, 100.0, "duration", 5)[1]]
        assert labels == ["1 \N{MICRO SIGN}s", "100 \N{MICRO SIGN}s", "10 ms", "1 s", "100 s"]

    def test_a_range_without_round_numbers_has_its_ends(self) -> None:
        positions, labels = ticks.log(0.031, 0.034, "duration", 5)
        assert positions == [0.031, 0.034]
        assert len(labels) == 2

    @pytest.mark.parametrize(
        ("high", "kind", "labels"),
        [
            (0.3, "duration", ["0", "100", "200", "300 ms"]),
            (1000.0, "rate", ["0", "500", "1,000/s"]),
            (1.7 * 2**30, "bytes", ["0", "1", "2 GiB"]),
            (0.02, "ratio", ["0", "1", "2%"]),
            (7.0, "count", ["0", "5", "10"]),
        ],
    )
    def test_linear(self, high: float, kind: str, labels: list[str]) -> None:
        positions, shown = ticks.linear(high, kind, 3)
        assert [label.replace(NBSP, " ") for label in shown] == labels
        assert positions[-1] >= high

    @pytest.mark.parametrize(
        ("horizon", "last"),
        [
            (0.5, "500 ms"),
            (3.0, "3 s"),
            (60.0, "60 s"),
            (200.0, "180 s"),
            (600.0, "10 min"),
            (86400.0, "24 h"),
            (30 * 86400.0, "30 d"),
        ],
    )
    def test_time(self, horizon: float, last: str) -> None:
        positions, labels = ticks.time(horizon, 6)
        assert labels[0] == "0"
        assert positions[-1] <= horizon * (1 + 1e-9)
        assert labels[-1].replace(NBSP, " ") == last

    @settings(deadline=None)
    @given(st.floats(1e-6, 1e8), st.integers(3, 8))
    def test_time_has_a_few_ticks_at_any_scale(self, horizon: float, most: int) -> None:
        positions, labels = ticks.time(horizon, most)
        assert 2 <= len(positions) == len(labels) <= most + 2
        assert positions == sorted(set(positions))
        assert len(set(labels)) == len(labels)


class TestLatency:
    def test_marks_stand_at_their_latencies(self) -> None:
        svg = latency.histogram(Sheet(), BARS, PERCENTILES, {"p99": 0.3})
        assert {"p50 50 ms", "p95 250 ms", "p99 350 ms", "limit 300 ms"} <= set(words(svg))

    def test_equal_areas_are_equal_shares(self) -> None:
        xs, ys = latency._outline([latency.Bar(0.001, 0.01, 30), latency.Bar(0.01, 1.0, 60)])
        assert ys == [0.0, 30.0, 30.0, 0.0, 0.0, 30.0, 30.0, 0.0]
        assert xs == [0.001, 0.001, 0.01, 0.01, 0.01, 0.01, 1.0, 1.0]

    def test_a_latency_of_zero_has_a_place_on_a_logarithmic_axis(self) -> None:
        nothing = dict.fromkeys(PERCENTILES, NO_DATA)
        svg = latency.histogram(Sheet(), [latency.Bar(0.0, 1e-9, 5)], nothing, {})
        assert "nan" not in svg

    def test_joining_keeps_every_request(self) -> None:
        joined = latency.joined(BARS, 7)
        assert len(joined) <= 7
        assert sum(bar.requests for bar in joined) == sum(bar.requests for bar in BARS)
        assert (joined[0].low, joined[-1].high) == (BARS[0].low, BARS[-1].high)
        assert latency.joined([], 7) == []

    def test_the_fastest_thousandth_is_left_out(self) -> None:
        bars = [latency.Bar(1e-6, 2e-6, 1), latency.Bar(0.1, 0.2, 1998), latency.Bar(0.2, 0.4, 1)]
        assert latency.without_fastest(bars) == bars[1:]
        assert latency.without_fastest(bars[1:]) == bars[1:]
        assert latency.without_fastest([]) == []

    @pytest.mark.parametrize(
        ("values", "sides"),
        [
            ([0.02, 0.03, 0.04], "left"),  # text-anchor start is CSS's default and stays unsaid
            ([0.3, 0.5, 0.6], "right"),
            ([0.011, 0.3, 0.9], "both"),
        ],
    )
    def test_the_words_of_marks_stand_where_there_is_room(self, values: list[float], sides: str) -> None:
        sheet = Sheet()
        marks = {key: Estimate(value) for key, value in zip(("p50", "p95", "p99"), values, strict=True)}
        bars = [latency.Bar(0.01, 0.1, 5), latency.Bar(0.1, 1.0, 5)]
        root = root_of(latency.histogram(sheet, bars, marks, {}))
        styles = dict(re.findall(r"\.(p\d+)\{(.*?)\}", str(sheet)))
        said = [node for node in root.all("text") if node.text.startswith("p")]
        anchors = {"right" if "text-anchor:end" in styles[node.classes[0]] else "left" for node in said}
        assert anchors == ({"left", "right"} if sides == "both" else {sides})

    def test_the_quantile_function_rises_and_stops_at_the_last_percentile(self) -> None:
        xs, ys = latency._quantiles(BARS)
        assert xs == sorted(xs)
        assert ys == sorted(ys)
        assert xs[-1] <= 3.0 + 1e-12

    def test_half_of_the_requests_are_below_the_median(self) -> None:
        xs, ys = latency._quantiles([latency.Bar(1.0, 2.0, 50), latency.Bar(2.0, 3.0, 50)])
        assert (xs[1], ys[1]) == (pytest.approx(-math.log10(0.5)), 2.0)

    @pytest.mark.parametrize("values", [PERCENTILES, PERCENTILES | {"p999": NO_DATA}, {"p50": Estimate(0.0)}])
    def test_percentiles_name_what_they_show(self, values: dict[str, Estimate]) -> None:
        svg = latency.percentile_curve(Sheet(), BARS, values, {"p99": 0.3})
        label = root_of(svg).attributes["aria-label"]
        shown = [key for key, value in values.items() if value.value is not None]
        assert label.count(NBSP) == len(shown)

    def test_without_intervals_there_are_points_only(self) -> None:
        points = {key: Estimate(value) for key, value in KNOWN.items()}
        with_whiskers = latency.percentile_curve(Sheet(), [], PERCENTILES, {})
        assert len(latency.percentile_curve(Sheet(), [], points, {})) < len(with_whiskers)


class TestTimeline:
    def line(self, values: list[float | None], **more: Any) -> timeline.Line:
        return timeline.Line("test", "Requests", "number", "blue", values, **more)

    def test_faults_are_marked(self) -> None:
        svg = timeline.plot(Sheet(), FRAME, self.line([1.0, 2.0, 3.0, 2.0, 1.0]), timeline.WIDE)
        assert "1" in words(svg)
        assert root_of(svg).attributes["aria-label"] == "Requests over time, at most 3"

    def test_a_limit_near_the_values_is_drawn_and_one_far_away_is_not(self) -> None:
        def dashes(limit: float | None) -> bool:
            sheet = Sheet()
            timeline.plot(sheet, FRAME, self.line([1.0, 2.0], limit=limit), timeline.PANEL)
            return "stroke-dasharray" in str(sheet)

        assert dashes(4.0)
        assert not dashes(400.0)
        assert not dashes(None)

    def test_a_ceiling_makes_plots_comparable(self) -> None:
        low = timeline.plot(Sheet(), FRAME, self.line([1.0, 2.0], ceiling=100.0), timeline.PANEL)
        high = timeline.plot(Sheet(), FRAME, self.line([1.0, 99.0], ceiling=100.0), timeline.PANEL)
        assert words(low) == words(high)

    @pytest.mark.parametrize(
        "values",
        [[], [None, None], [0.0, 0.0], [1.0, None, 3.0, None, 5.0], [1e-300, 0.0], [1e15, 0.0], [1.0] * 50],
    )
    def test_any_series_can_be_drawn(self, values: list[float | None]) -> None:
        svg = timeline.plot(Sheet(), FRAME, self.line(values), timeline.PANEL)
        assert "nan" not in svg

    def test_a_gap_interrupts_the_line(self) -> None:
        assert timeline._unbroken(np.array([1.0, np.nan, 2.0, 3.0, np.nan])) == [slice(0, 1), slice(2, 4)]

    @settings(deadline=None)
    @given(st.lists(st.none() | st.floats(0, 1e6), max_size=300), st.integers(2, 50))
    def test_thinning_keeps_the_extremes(self, values: list[float | None], most: int) -> None:
        xs, ys = timeline.thinned(list(range(len(values))), values, most)
        assert len(xs) == len(ys) <= max(most, min(len(values), most))
        assert all(earlier < later for earlier, later in pairwise(xs))
        known = [value for value in values if value is not None]
        if known:
            assert (np.nanmin(ys), np.nanmax(ys)) == (min(known), max(known))


class TestBreakdown:
    def stack(self, *seconds: float) -> breakdown.Stack:
        return breakdown.Stack("All", [breakdown.Part(part, "blue", 0.85) for part in seconds])

    def test_shares_stand_where_there_is_room(self) -> None:
        svg = breakdown.stacks(Sheet(), "test", [self.stack(0.6, 0.39, 0.01)], breakdown.WIDE)
        assert {"60%", "39%"} <= set(words(svg))
        assert "1%" not in words(svg)
        assert "All: 1 s" in words(svg)

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.floats(1e-9, 10.0), min_size=1, max_size=12))
    def test_the_parts_fill_the_bar(self, seconds: list[float]) -> None:
        svg = breakdown.stacks(Sheet(), "test", [self.stack(*seconds)], breakdown.NARROW)
        assert "nan" not in svg
