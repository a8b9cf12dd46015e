"""Plots of the latency distribution: where the requests lie, and how the percentiles climb into the tail."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import ticks
from headroom_analysis.report.plots.canvas import TEXT_SIZE, Drawing, Sheet, axes_of
from headroom_analysis.report.plots.palette import COLOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from headroom_analysis.report.values import Estimate

SIZE = (460.0, 250.0)
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
NAMES = {"p999": "p99.9"}
_MOST_BARS = 90
_NANOSECOND = 1e-9
_MARKED = {"p50": "blue", "p95": "orange", "p99": "vermillion"}
_ROW = TEXT_SIZE + 5.0
_BELOW, _ABOVE = 26.0, _ROW * 4 + 2.0
_ROOM = 0.78
"""Words fit to the right of what is left of this share of the width."""


class Bar(NamedTuple):
    """A bar of the histogram: requests with a latency in [low, high) seconds."""

    low: float
    high: float
    requests: int


def joined(bars: Sequence[Bar], most: int = _MOST_BARS) -> list[Bar]:
    """Join neighbouring bars until no more than ``most`` are left."""
    group = math.ceil(len(bars) / most)
    return [
        Bar(part[0].low, part[-1].high, sum(bar.requests for bar in part))
        for part in (bars[start : start + group] for start in range(0, len(bars), group or 1))
    ]


def without_fastest(bars: Sequence[Bar]) -> list[Bar]:
    """Leave out the fastest 0.1 % of the requests: a logarithmic axis would give them most of its length."""
    allowed = sum(bar.requests for bar in bars) / 1000.0
    passed = 0
    for index, bar in enumerate(bars):
        passed += bar.requests
        if passed > allowed:
            return list(bars[index:])
    return []


def histogram(
    sheet: Sheet, bars: Sequence[Bar], percentiles: Mapping[str, Estimate], limits: Mapping[str, float]
) -> str:
    """Draw the histogram on a logarithmic axis with the median, p95, p99 and the objectives' limits marked.

    The height is the density per decade of latency, so that equal areas are equal shares of the requests
    whatever the width of the bars.

    Args:
        sheet: The page's plot styles.
        bars: Ascending, not empty.
        percentiles: ``p50``, ``p95``, ``p99`` in seconds, any of them without data.
        limits: Thresholds in seconds by the percentile that they bind.
    """
    marks = [
        (key, value, role)
        for key, role in _MARKED.items()
        if (value := percentiles[key].value) is not None and value > 0.0
    ]
    label = "Histogram of latency on a logarithmic axis; " + formatting.listing(
        [f"{NAMES.get(key, key)} at {formatting.single(value, 'duration')}" for key, value, _ in marks]
    )
    with (drawing := Drawing(sheet, "histogram", label, SIZE)) as figure:
        axes = axes_of(figure, 6.0, _BELOW, 6.0, _ABOVE)
        xs, ys = _outline(bars)
        axes.fill(xs, ys, color=COLOUR["blue"], alpha=0.35, linewidth=0, clip_on=False)
        axes.set_xscale("log")
        ends = [xs[0], xs[-1], *(value for _, value, _ in marks), *limits.values()]
        axes.set_xlim(min(ends) / 1.08, max(ends) * 1.08)
        axes.set_ylim(0.0, max(ys))
        axes.grid(visible=False)
        axes.set_yticks([])
        ticks.place(axes.xaxis, *ticks.log(*axes.get_xlim(), "duration", 7))
        words = [(value, f"{NAMES.get(key, key)} {_short(value)}", role) for key, value, role in marks]
        words += [(value, f"limit {_short(value)}", "ink") for value in sorted(set(limits.values()))[:1]]
        _mark_all(axes, sorted(words))
    return drawing.svg


def _outline(bars: Sequence[Bar]) -> tuple[list[float], list[float]]:
    """Return the silhouette of the bars: seconds and requests per decade."""
    xs: list[float] = []
    ys: list[float] = []
    for bar in bars:
        high = max(bar.high, _NANOSECOND)
        low = min(max(bar.low, _NANOSECOND / 2), high / 1.0001)
        height = bar.requests / math.log10(high / low)
        xs += [low, low, high, high]
        ys += [0.0, height, height, 0.0]
    return xs, ys


def _short(value: float) -> str:
    return formatting.single(value, "duration")


def _mark_all(axes: Axes, marks: Sequence[tuple[float, str, str]]) -> None:
    """Mark latencies, ascending, by lines up to rows of their own above the plot, where their words stand.

    The words stand on one side of all lines, and the lines on the other side are the longer ones, so that no
    line crosses the words of another; only where they do not fit they change sides.
    """
    left, right = (math.log10(end) for end in axes.get_xlim())
    places = [(math.log10(value) - left) / (right - left) for value, _, _ in marks]
    to_the_right = not places or places[-1] < _ROOM or places[0] < 1.0 - _ROOM
    for index, ((value, words, role), place) in enumerate(zip(marks, places, strict=True)):
        row = index if to_the_right else len(marks) - 1 - index
        _mark(axes, value, row, words, role, left=place >= _ROOM if to_the_right else True)


def _mark(axes: Axes, value: float, row: int, words: str, role: str, *, left: bool) -> None:
    height = SIZE[1] - _BELOW - _ABOVE
    top = 1.0 + (_ROW * (4 - row) - 6.0) / height
    limit = words.startswith("limit")
    axes.plot(
        [value, value],
        [0.0, top],
        color=COLOUR[role],
        linewidth=1.25,
        linestyle=(0, (4, 3)) if limit else "-",
        transform=axes.get_xaxis_transform(),
        clip_on=False,
    )
    axes.annotate(
        words,
        (value, top),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-5.0 if left else 5.0, -8.0),
        textcoords="offset points",
        ha="right" if left else "left",
        color=COLOUR["ink"],
        annotation_clip=False,
    )


def percentile_curve(
    sheet: Sheet, bars: Sequence[Bar], percentiles: Mapping[str, Estimate], limits: Mapping[str, float]
) -> str:
    """Draw latency over percentile, the axis stretched towards the tail, with intervals as whiskers.

    The line is the quantile function of all trials' requests together; the points are the means over trials.

    Args:
        sheet: The page's plot styles.
        bars: Ascending, may be empty.
        percentiles: Seconds by ``p50`` … ``p999``; at least one with data.
        limits: Thresholds in seconds by percentile.
    """
    points = [
        (key, value) for key, value in percentiles.items() if key in PERCENTILES and value.value is not None
    ]
    label = "Latency by percentile: " + formatting.listing(
        [f"{NAMES.get(key, key)} {formatting.single(value.value, 'duration')}" for key, value in points]
    )
    with (drawing := Drawing(sheet, "percentiles", label, SIZE)) as figure:
        axes = axes_of(figure, 50.0, 26.0, 10.0, 14.0)
        xs, ys = _quantiles(bars)
        if xs:
            axes.plot(xs, ys, color=COLOUR["sky"], linewidth=1.5, clip_on=False)
        for key, (value, low, high) in points:
            x = _stretched(PERCENTILES[key])
            if low is not None and high is not None:
                axes.plot([x, x], [max(low, 0.0), high], color=COLOUR["blue"], linewidth=2.0, clip_on=False)
                _dash(axes, x, max(low, 0.0), 7.0, "blue", 1.5)
                _dash(axes, x, high, 7.0, "blue", 1.5)
            axes.plot([x], [value or 0.0], marker="o", markersize=5.5, color=COLOUR["blue"], clip_on=False)
        for key, limit in limits.items():
            _dash(axes, _stretched(PERCENTILES[key]), limit, 14.0, "vermillion", 2.0)
        highest = max([*ys, *limits.values(), *(value.high or value.value or 0.0 for _, value in points)])
        positions, labels = ticks.linear(highest or 1.0, "duration", 5)
        ticks.place(axes.yaxis, positions, labels)
        axes.set_ylim(0.0, max(highest * 1.02, positions[-1]) if highest else 1.0)
        axes.set_xlim(0.0, 3.12)
        ticks.place(
            axes.xaxis,
            [_stretched(PERCENTILES[key]) for key in PERCENTILES],
            [NAMES.get(key, key) for key in PERCENTILES],
        )
    return drawing.svg


def _stretched(share: float) -> float:
    """Return where a percentile stands: -log10(1 - share), which spaces 90, 99 and 99.9 % evenly."""
    return -math.log10(1.0 - share)


def _dash(axes: Axes, x: float, y: float, length: float, role: str, width: float) -> None:
    axes.plot(
        [x],
        [y],
        marker="_",
        markersize=length,
        markeredgewidth=width,
        color=COLOUR[role],
        linestyle="none",
        clip_on=False,
    )


def _quantiles(bars: Sequence[Bar]) -> tuple[list[float], list[float]]:
    """Return the quantile function at the bars' upper ends, cut at 99.9 %."""
    total = sum(bar.requests for bar in bars)
    xs: list[float] = []
    ys: list[float] = []
    passed = 0
    for bar in bars:
        if not passed:
            xs.append(0.0)
            ys.append(bar.low)
        passed += bar.requests
        share = passed / total if total else 1.0
        xs.append(_stretched(share) if share < 1.0 else math.inf)
        ys.append(bar.high)
    return _cut(xs, ys, _stretched(0.999))


def _cut(xs: list[float], ys: list[float], end: float) -> tuple[list[float], list[float]]:
    """Cut a rising line at ``x = end``, between two of its points where necessary."""
    kept_x, kept_y = xs[:1], ys[:1]
    for (x0, y0), (x1, y1) in pairwise(zip(xs, ys, strict=True)):
        if x1 > end:
            kept_x.append(end if math.isfinite(x1) else max(x0, min(end, x0 + 0.3)))
            kept_y.append(y0 + (y1 - y0) * (end - x0) / (x1 - x0) if math.isfinite(x1) else y1)
            break
        kept_x.append(x1)
        kept_y.append(y1)
    return kept_x, kept_y
