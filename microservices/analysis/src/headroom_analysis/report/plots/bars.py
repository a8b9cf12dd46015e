"""One row for each thing that is compared: forest plots, tornados, pairs of bars; and Morris' plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import axis
from headroom_analysis.report.plots.chart import SIZE, Chart, Key, room_for, shortened
from headroom_analysis.report.plots.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.plots.canvas import Surface
    from headroom_analysis.report.plots.curves import Bound, Heading
    from headroom_analysis.report.values import Estimate

_WIDTH: Final = SIZE[0]
_LABELS = 200.0
_ROW = 24.0
_BELOW, _ABOVE, _RIGHT = 26.0, 36.0, 26.0
_MARKS = "os"


class Difference(NamedTuple):
    """A row of a forest plot: words, the relative difference with its interval, whether beyond chance."""

    words: str
    share: Estimate
    significant: bool


class Swing(NamedTuple):
    """A row of a tornado: words, and what the metric is at the low and at the high end of the parameter."""

    words: str
    low: Estimate
    high: Estimate
    low_text: str
    high_text: str


class Group(NamedTuple):
    """A row of bars: words, and one figure for each of the things that are compared."""

    words: str
    figures: Sequence[Estimate]


def _rows(words: Sequence[str]) -> tuple[axis.Axis, float]:
    names = [shortened(text, _LABELS) for text in words]
    return axis.of_words(names, downward=True), room_for(names, _LABELS) + 8.0


def _height(rows: int, each: float = _ROW) -> float:
    return _ABOVE + _BELOW + rows * each


def forest(heading: Heading, rows: Sequence[Difference]) -> Plot:
    """Return relative differences with their intervals; those that may be chance are hollow.

    Args:
        heading: Of the plot.
        rows: Top to bottom; at least one.
    """

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        up, left = _rows([row.words for row in rows])
        level = axis.signed([end for row in rows for end in row.share], 4)
        drawn = Chart(figure, colour, (left, _BELOW, _RIGHT, _ABOVE), level, up, grid="x")
        drawn.upright(0.0, "ink")
        for place, row in enumerate(rows):
            role = "vermillion" if row.significant else "neutral"
            if row.share.low is not None and row.share.high is not None:
                drawn.whiskers([place], [row.share.low], [row.share.high], role, level=True)
            if row.share.value is not None:
                drawn.dots([row.share.value], [place], role, hollow=not row.significant)
        drawn.legend([Key("beyond chance", "vermillion"), Key("may be chance", "neutral", hollow=True)])

    label = f"{heading.title}: " + formatting.listing(
        [f"{row.words} {formatting.percent(row.share.value)}" for row in rows if row.share.value is not None]
    )
    return Plot(*heading, label, (_WIDTH, _height(len(rows))), draw)


def tornado(heading: Heading, rows: Sequence[Swing], base: float | None, kind: str) -> Plot:
    """Return what a metric becomes at both ends of each parameter, all others left as they are.

    Args:
        heading: Of the plot.
        rows: The parameter that moves most first; at least one.
        base: The metric with all parameters as they are.
        kind: How it is shown.
    """

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        up, left = _rows([row.words for row in rows])
        level = axis.around([base, *(end for row in rows for end in (*row.low, *row.high))], kind, 4)
        drawn = Chart(figure, colour, (left, _BELOW, _RIGHT, _ABOVE), level, up, grid="x")
        start = base if base is not None else level.low
        for place, row in enumerate(rows):
            for end, role, offset in ((row.low, "sky", -0.36), (row.high, "orange", 0.0)):
                if end.value is None:
                    continue
                drawn.bar(min(start, end.value), place + offset, abs(end.value - start), 0.34, role)
                if end.low is not None and end.high is not None:
                    drawn.whiskers([place + offset + 0.17], [end.low], [end.high], "muted", level=True)
        drawn.upright(start, "ink")
        drawn.legend([Key("at the low end", "sky", "s"), Key("at the high end", "orange", "s")])

    label = f"{heading.title}: " + formatting.listing(
        [
            f"{row.words} {formatting.single(row.low.value, kind)} at {row.low_text} and "
            f"{formatting.single(row.high.value, kind)} at {row.high_text}"
            for row in rows
        ]
    )
    return Plot(*heading, label, (_WIDTH, _height(len(rows), 30.0)), draw)


def groups(
    heading: Heading, names: Sequence[str], rows: Sequence[Group], kind: str, bounds: Sequence[Bound] = ()
) -> Plot:
    """Return bars beside each other, with their intervals, for two things that are compared.

    Args:
        heading: Of the plot.
        names: Of the two things.
        rows: Top to bottom; at least one.
        kind: How the figures are shown.
        bounds: Values to compare with, dashed.
    """
    roles = ("blue", "orange")

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        up, left = _rows([row.words for row in rows])
        ends = [end for row in rows for one in row.figures for end in (one.value, one.high)]
        level = axis.linear([*ends, *(bound.value for bound in bounds)], kind, 4)
        drawn = Chart(figure, colour, (left, _BELOW, _RIGHT, _ABOVE), level, up, grid="x")
        for bound in bounds:
            drawn.limit(bound.value, upright=True)
        for place, row in enumerate(rows):
            for offset, one, role in zip((-0.36, 0.02), row.figures, roles, strict=False):
                drawn.bar(0.0, place + offset, max(one.value or 0.0, 0.0), 0.34, role)
                if one.low is not None and one.high is not None:
                    lows, highs = [max(one.low, 0.0)], [max(one.high, 0.0)]
                    drawn.whiskers([place + offset + 0.17], lows, highs, "ink", level=True)
        drawn.legend(
            [Key(shortened(name, 150.0), role, "s") for name, role in zip(names, roles, strict=False)]
        )

    label = f"{heading.title}: " + formatting.listing(
        [
            f"{row.words} {' and '.join(formatting.single(one.value, kind) for one in row.figures)}"
            for row in rows
        ]
    )
    return Plot(*heading, label, (_WIDTH, _height(len(rows), 30.0)), draw)


class Effect(NamedTuple):
    """A parameter's elementary effects: words, the mean of their sizes with its interval, their spread."""

    words: str
    mean: Estimate
    spread: float


def effects(heading: Heading, rows: Sequence[Effect], kind: str) -> Plot:
    """Return the plane of Morris: how much a parameter moves the metric, and how unevenly it does so.

    Args:
        heading: Of the plot.
        rows: At least one.
        kind: How the metric is shown.
    """

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        across = axis.linear([end for row in rows for end in (row.mean.value, row.mean.high)], kind, 4)
        up = axis.linear([row.spread for row in rows], kind, 4)
        drawn = Chart(figure, colour, (58.0, 44.0, 24.0, 34.0), across, up, grid="both")
        drawn.title_across("mean size of the effects \N{GREEK SMALL LETTER MU}*")
        drawn.words(
            across.low,
            up.high,
            "spread of the effects \N{GREEK SMALL LETTER SIGMA}",
            "muted",
            shift=(-52.0, 22.0),
        )
        end = min(across.high, up.high)
        drawn.line([0.0, end], [0.0, end], "neutral", dashed=True)
        known = [row for row in rows if row.mean.value is not None]
        for row in known:
            if row.mean.has_interval:
                drawn.whiskers(
                    [row.spread], [max(row.mean.low or 0.0, 0.0)], [row.mean.high or 0.0], "sky", level=True
                )
        drawn.dots([row.mean.value or 0.0 for row in known], [row.spread for row in known], "blue")
        drawn.name_dots([(row.mean.value or 0.0, row.spread, row.words) for row in known])

    label = f"{heading.title}: " + formatting.listing(
        [f"{row.words} {formatting.single(row.mean.value, kind)}" for row in rows]
    )
    return Plot(*heading, label, SIZE, draw)
