"""Measured figures over a parameter: lines with bands of their intervals, or dots when it is words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import axis
from headroom_analysis.report.plots.chart import ROW, SIZE, Chart, Key, room_for, shortened
from headroom_analysis.report.plots.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.plots.canvas import Surface
    from headroom_analysis.report.values import Estimate

_ROLES: Final = ("blue", "vermillion", "green", "orange", "purple", "sky", "neutral")
_MARKS: Final = "os^Dv<>"
MOST_CURVES: Final = len(_ROLES)
"""More lines cannot be told apart."""

_MOST_DOTTED = 40
_LEFT, _BELOW, _ABOVE = 58.0, 44.0, 12.0
_NAMES = 112.0
_LABELS = 190.0
_STORIES = 3
_NEARLY_RIGHT = 0.75


class Curve(NamedTuple):
    """A line's name and its figures, one for each value of the parameter."""

    words: str
    figures: Sequence[Estimate]


class Bound(NamedTuple):
    """A limit: its words, where it is, and the number of the line that it binds; None for no single one."""

    words: str
    value: float
    line: int | None = None

    @property
    def role(self) -> str:
        """The colour of the line that it binds."""
        return "ink" if self.line is None else _ROLES[self.line]


class Across(NamedTuple):
    """The parameter: its words, its values as numbers and texts, their unit, and whether by logarithm."""

    words: str
    numbers: Sequence[float]
    texts: Sequence[str]
    unit: str
    log: bool


class Heading(NamedTuple):
    """A plot's name (prefix of ids), title, and the smaller words under it."""

    name: str
    title: str
    note: str = ""


def curves(
    heading: Heading, across: Across, lines: Sequence[Curve], kind: str, bounds: Sequence[Bound]
) -> Plot:
    """Return lines over a numeric parameter, ascending, with bands where they have intervals.

    Args:
        heading: Of the plot.
        across: The parameter.
        lines: At most :data:`MOST_CURVES`.
        kind: How the figures are shown.
        bounds: Limits of the figures, dashed.
    """
    order = sorted(range(len(across.numbers)), key=lambda index: across.numbers[index])
    xs = [across.numbers[index] for index in order]
    sorted_lines = [Curve(line.words, [line.figures[index] for index in order]) for line in lines]

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        names = [line.words for line in lines] + [bound.words for bound in bounds]
        right = room_for(names, _NAMES) + 8.0
        values = [v for line in lines for figure_ in line.figures for v in (figure_.value, figure_.high)]
        up = axis.measured([*values, *(bound.value for bound in bounds)], kind)
        level = axis.chosen(xs, across.unit, log=across.log, width=SIZE[0] - _LEFT - right)
        drawn = Chart(figure, colour, (_LEFT, _BELOW, right, _ABOVE), level, up)
        drawn.title_across(shortened(across.words, SIZE[0] - _LEFT - right))
        ends = []
        for bound in bounds:
            drawn.limit(bound.value, bound.role)
            ends.append((bound.value, shortened(bound.words, _NAMES), bound.role))
        for line, role in zip(sorted_lines, _ROLES, strict=False):
            _curve(drawn, xs, line, role, up.low)
            known = [figure_.value for figure_ in line.figures if figure_.value is not None]
            if known:
                ends.append((max(known[-1], up.low), shortened(line.words, _NAMES), role))
        drawn.name_lines(ends)

    label = f"{heading.title} over {across.words}: " + formatting.listing(
        [_range(line, kind) for line in lines]
    )
    return Plot(*heading, label, SIZE, draw)


def _curve(drawn: Chart, xs: Sequence[float], line: Curve, role: str, floor: float) -> None:
    for part in _with_intervals(line.figures):
        lows = [max(line.figures[index].low or 0.0, floor) for index in part]
        highs = [max(line.figures[index].high or 0.0, floor) for index in part]
        places = [xs[index] for index in part]
        if len(part) == 1:
            drawn.whiskers(places, lows, highs, role)
        else:
            drawn.band(places, lows, highs, role)
    values = [figure.value for figure in line.figures]
    drawn.line(xs, values, role)
    known = [(x, value) for x, value in zip(xs, values, strict=True) if value is not None]
    if len(known) <= _MOST_DOTTED:
        drawn.dots([x for x, _ in known], [max(value, floor) for _, value in known], role, size=4.5)


def _with_intervals(figures: Sequence[Estimate]) -> list[list[int]]:
    """Return the stretches of neighbours that have an interval."""
    parts: list[list[int]] = [[]]
    for index, figure in enumerate(figures):
        if figure.value is not None and figure.has_interval:
            parts[-1].append(index)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _range(line: Curve, kind: str) -> str:
    known = [figure.value for figure in line.figures if figure.value is not None]
    if not known:
        return f"{line.words} without data"
    low, high = (formatting.single(end, kind) for end in (min(known), max(known)))
    return f"{line.words} {low} to {high}"


def dots(
    heading: Heading, rows: Sequence[str], lines: Sequence[Curve], kind: str, bounds: Sequence[Bound]
) -> Plot:
    """Return dots with their intervals, one row for each value of a parameter.

    Args:
        heading: Of the plot.
        rows: The values in words, top to bottom.
        lines: Figures by row; each has its own colour and mark.
        kind: How they are shown.
        bounds: Limits, dashed.
    """
    stories = min(len(bounds), _STORIES)
    above = 24.0 + ROW * stories
    height = above + len(rows) * max(24.0, 11.0 * len(lines) + 10.0) + _BELOW

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        left = room_for(rows, _LABELS) + 8.0
        values = [v for line in lines for figure_ in line.figures for v in (figure_.value, figure_.high)]
        level = axis.measured([*values, *(bound.value for bound in bounds)], kind, 4)
        names = [shortened(row, _LABELS) for row in rows]
        up = axis.of_words(names, downward=True)
        drawn = Chart(figure, colour, (left, 26.0, 24.0, above), level, up, grid="x")
        for index, bound in enumerate(sorted(bounds, key=lambda bound: bound.value)):
            drawn.limit(bound.value, bound.role, upright=True)
            shift = (0.0, 8.0 + ROW * (index % stories))
            align = "right" if bound.value > _NEARLY_RIGHT * level.high else "center"
            drawn.words(bound.value, -0.5, shortened(bound.words, _LABELS), bound.role, align, shift)
        start = level.low
        for index, (line, role, mark) in enumerate(zip(lines, _ROLES, _MARKS, strict=False)):
            offset = (index - (len(lines) - 1) / 2) * 0.22
            known = [(row + offset, f) for row, f in enumerate(line.figures) if f.value is not None]
            spread = [(y, f) for y, f in known if f.has_interval]
            lows, highs = [max(f.low or 0.0, start) for _, f in spread], [f.high or 0.0 for _, f in spread]
            drawn.whiskers([y for y, _ in spread], lows, highs, role, level=True)
            drawn.dots([f.value or 0.0 for _, f in known], [y for y, _ in known], role, marker=mark)
        keys = [Key(line.words, role, mark) for line, role, mark in zip(lines, _ROLES, _MARKS, strict=False)]
        drawn.legend(keys, lift=above - 12.0)

    label = f"{heading.title}: " + formatting.listing([_range(line, kind) for line in lines])
    return Plot(*heading, label, (SIZE[0], height), draw)
