"""Axes with the few marks that the plots of experiments are made of: lines, bands, dots, whiskers, words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from matplotlib.patches import Rectangle

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import ticks
from headroom_analysis.report.plots.canvas import POINTS_PER_INCH, axes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import FigureBase

SIZE: Final = (460.0, 270.0)
"""Of a plot that stands beside another one."""

ROW: Final = 15.0
"""Least distance of words that stand under each other; they are larger on narrow screens."""

_DASHES = (0, (4, 3))
_WIDE_APART = 50.0
"""A linear axis cannot show values that differ by more than this factor."""
_CHARACTER = 6.4


class Axis(NamedTuple):
    """One of the two axes: its ends, whether it is logarithmic, and its ticks.

    Attributes:
        low, high: The ends.
        log: Whether it is logarithmic.
        positions, labels: Of the ticks.
    """

    low: float
    high: float
    log: bool
    positions: Sequence[float]
    labels: Sequence[str]


def measured(values: Sequence[float | None], kind: str, most: int = 5) -> Axis:
    """Return the axis of something that was measured: from zero, or logarithmic where values are far apart.

    Args:
        values: All that the axis has to show; None is nothing.
        kind: A key of :data:`headroom_analysis.report.formatting.SCALES`.
        most: About so many ticks.
    """
    known = [value for value in values if value is not None]
    highest = max(known, default=0.0)
    lowest = min((value for value in known if value > 0.0), default=0.0)
    if lowest and kind != "ratio" and min(known) > 0.0 and highest > _WIDE_APART * lowest:
        low, high = lowest / 1.15, highest * 1.15
        return Axis(low, high, True, *ticks.log(low, high, kind, most))  # noqa: FBT003 - a field of a tuple
    return linear(known, kind, most)


def linear(values: Sequence[float | None], kind: str, most: int = 5) -> Axis:
    """Return the axis of something that was measured, from zero."""
    highest = max((value for value in values if value is not None), default=0.0)
    positions, labels = ticks.linear(highest or 1.0, kind, most)
    return Axis(0.0, max(highest * 1.02, positions[-1]), False, positions, labels)  # noqa: FBT003 - as above


def chosen(numbers: Sequence[float], unit: str, *, log: bool, width: float) -> Axis:
    """Return the axis of values that were chosen, with ticks at as many of them as have room.

    Args:
        numbers: At least one, in any order.
        unit: As users write it behind a number.
        log: Whether they are spread in the logarithm; values far apart are shown so anyway.
        width: Of the axis in the plot's own units.
    """
    known = sorted(set(numbers))
    log = known[0] > 0.0 and (log or known[-1] > _WIDE_APART * known[0])
    places = [math.log(number) for number in known] if log else known
    extent = places[-1] - places[0] or 1.0
    labels = [with_unit_of(number, unit) for number in known]
    kept: list[int] = []
    for index in reversed(range(len(known))):  # the last one is always there
        room = _CHARACTER * (len(labels[index]) + len(labels[kept[-1]])) / 2 + 10.0 if kept else 0.0
        if not kept or (places[kept[-1]] - places[index]) / extent * width * 0.92 >= room:
            kept.append(index)
    kept.reverse()
    edge = 0.04 * extent
    low, high = places[0] - edge, places[-1] + edge
    ends = (math.exp(low), math.exp(high)) if log else (low, high)
    return Axis(*ends, log, [known[index] for index in kept], [labels[index] for index in kept])


def with_unit_of(number: float, unit: str) -> str:
    """Return a value as users write it, in four significant digits: ``412/s``, ``250ms``."""
    digits = max(0, 3 - math.floor(math.log10(abs(number)))) if number else 0
    return f"{formatting.trimmed(number, min(digits, 9))}{unit}"


def signed(values: Sequence[float | None], most: int = 6) -> Axis:
    """Return the axis of shares on both sides of zero, in per cent."""
    known = [100.0 * value for value in values if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    if low == high:
        low, high = -1.0, 1.0
    positions = ticks.between(low, high, most)
    labels = [f"{'+' if p > 0 else ''}{formatting.trimmed(p)}%".replace("-", formatting.MINUS) for p in positions]
    ends = min(low, positions[0]), max(high, positions[-1])
    return Axis(ends[0] / 100, ends[1] / 100, False, [p / 100 for p in positions], labels)  # noqa: FBT003 - as above


class Chart:
    """Axes on a figure, with margins in the plot's own units.

    Args:
        figure: Where to draw.
        colour: What each role is drawn with.
        margins: Left, bottom, right and top.
        across: The horizontal axis.
        up: The vertical axis.
        grid: Along which axis lines lead from the ticks: ``x``, ``y`` or ``both``.

    Attributes:
        axes: matplotlib's.
        width, height: Of the part between the margins, in the plot's own units.
    """

    def __init__(
        self,
        figure: FigureBase,
        colour: Mapping[str, str],
        margins: tuple[float, float, float, float],
        across: Axis,
        up: Axis,
        grid: str = "y",
    ) -> None:
        self._colour = colour
        self.axes = axes_of(figure, *margins)
        scale = POINTS_PER_INCH / figure.dpi
        self.width = figure.bbox.width * scale - margins[0] - margins[2]
        self.height = figure.bbox.height * scale - margins[1] - margins[3]
        if across.log:
            self.axes.set_xscale("log")
        if up.log:
            self.axes.set_yscale("log")
        self.axes.set_xlim(across.low, across.high)
        self.axes.set_ylim(up.low, up.high)
        self.axes.grid(visible=False, axis="both")
        self.axes.grid(visible=True, axis=grid)  # type: ignore[arg-type] # matplotlib's literal has no name
        ticks.place(self.axes.xaxis, across.positions, across.labels)
        ticks.place(self.axes.yaxis, up.positions, up.labels)

    def line(self, xs: Sequence[float], ys: Sequence[float | None], role: str, *, dashed: bool = False) -> None:
        """Draw a line; None interrupts it."""
        whole = [float("nan") if y is None else y for y in ys]
        style = _DASHES if dashed else "-"
        self.axes.plot(xs, whole, color=self._colour[role], linestyle=style, clip_on=False)

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], role: str) -> None:
        """Fill between two lines without gaps."""
        around = ([*xs, *reversed(xs)], [*lows, *reversed(highs)])
        self.axes.fill(*around, color=self._colour[role], alpha=0.2, linewidth=0)

    def limit(self, value: float, role: str = "ink", *, upright: bool = False) -> None:
        """Draw a dashed line across the whole plot."""
        draw = self.axes.axvline if upright else self.axes.axhline
        draw(value, color=self._colour[role], linestyle=_DASHES, linewidth=1.25)

    def upright(self, x: float, role: str) -> None:
        """Draw a line across the whole plot."""
        self.axes.axvline(x, color=self._colour[role], linewidth=1.25)

    def dots(
        self, xs: Sequence[float], ys: Sequence[float], role: str, *, hollow: bool = False, marker: str = "o", size: float = 6.0
    ) -> None:
        """Draw dots, filled or hollow."""
        self.axes.plot(
            xs,
            ys,
            linestyle="none",
            marker=marker,
            markersize=size,
            markeredgewidth=1.4,
            markeredgecolor=self._colour[role],
            markerfacecolor=self._colour["page" if hollow else role],
            clip_on=False,
        )

    def whiskers(
        self, places: Sequence[float], lows: Sequence[float], highs: Sequence[float], role: str, *, level: bool = False
    ) -> None:
        """Draw intervals: upright ones, or level ones."""
        draw = self.axes.hlines if level else self.axes.vlines
        lines = draw(places, lows, highs, color=self._colour[role], linewidth=2.0)
        lines.set_clip_on(False)

    def bar(self, x: float, y: float, width: float, height: float, role: str, *, strength: float = 1.0) -> None:
        """Draw a rectangle from a corner, in data coordinates."""
        self.cell(x, y, width, height, self._colour[role], strength)

    def cell(self, x: float, y: float, width: float, height: float, fill: str, strength: float = 1.0) -> None:
        """Draw a rectangle of any colour."""
        self.axes.add_patch(
            Rectangle((x, y), width, height, facecolor=fill, alpha=strength, linewidth=0, clip_on=False)
        )

    def words(
        self, x: float, y: float, text: str, role: str, align: str = "left", shift: tuple[float, float] = (0.0, 0.0), *, bold: bool = False,
    ) -> None:
        """Write at a point of the data, shifted by the plot's own units."""
        self.axes.annotate(
            text,
            (x, y),
            xytext=shift,
            textcoords="offset points",
            color=self._colour[role],
            fontweight="bold" if bold else "normal",
            ha=align,
            va="center",
            annotation_clip=False,
        )

    def title_across(self, text: str) -> None:
        """Say under the horizontal axis what it shows."""
        self.axes.annotate(
            text,
            (1.0, 0.0),
            xycoords="axes fraction",
            xytext=(0.0, -34.0),
            textcoords="offset points",
            color=self._colour["muted"],
            ha="right",
            va="center",
            annotation_clip=False,
        )

    def name_dots(self, named: Sequence[tuple[float, float, str]]) -> None:
        """Write words beside dots, on the side that has room, and above or below of what is there already."""
        taken: list[tuple[float, float, float]] = []
        low, high = self.axes.get_xlim()
        bottom, top = self.axes.get_ylim()
        for x, y, words in sorted(named, reverse=True):
            at = ((x - low) / (high - low) * self.width, (y - bottom) / (top - bottom) * self.height)
            text = shortened(words, self.width / 2)
            room = len(text) * _CHARACTER
            left = at[0] + room + 8.0 > self.width
            start = at[0] - room - 8.0 if left else at[0] + 8.0
            lift = 0.0
            while any(
                abs(at[1] + lift - height) < ROW - 2.0 and start < right and begin < start + room
                for begin, right, height in taken
            ):
                lift += 4.0
            taken.append((start, start + room, at[1] + lift))
            self.words(x, y, text, "ink", "right" if left else "left", (-8.0 if left else 8.0, lift))

    def flags(self, marks: Sequence[tuple[float, str, str]]) -> None:
        """Draw upright lines that reach above the plot, where their words stand in rows: x, words, role."""
        low, high = self._place(self.axes.get_xlim()[0]), self._place(self.axes.get_xlim()[1])
        for row, (x, words, role) in enumerate(marks):
            share = (self._place(x) - low) / (high - low)
            top = 1.0 + (6.0 + ROW * row) / self.height
            self.axes.plot(
                [x, x],
                [0.0, top],
                color=self._colour[role],
                linewidth=1.25,
                transform=self.axes.get_xaxis_transform(),
                clip_on=False,
            )
            self.axes.annotate(
                words,
                (x, top),
                xycoords=self.axes.get_xaxis_transform(),
                xytext=(-5.0 if share > 0.5 else 5.0, 1.0),  # noqa: PLR2004 - the side with more room
                textcoords="offset points",
                color=self._colour[role],
                ha="right" if share > 0.5 else "left",  # noqa: PLR2004 - as above
                va="center",
                annotation_clip=False,
            )

    def _place(self, x: float) -> float:
        return math.log(x) if self.axes.get_xscale() == "log" else x

    def legend(self, entries: Sequence[tuple[str, str, str]], lift: float = 24.0) -> None:
        """Write above the plot what marks mean: words, the colour's role, and matplotlib's marker."""
        x = 4.0 / self.width
        y = 1.0 + lift / self.height
        for words, role, marker in entries:
            self.axes.plot(
                [x], [y], marker, markersize=6.0, color=self._colour[role], transform=self.axes.transAxes, clip_on=False
            )
            self.axes.annotate(
                words,
                (x, y),
                xycoords="axes fraction",
                xytext=(8.0, 0.0),
                textcoords="offset points",
                color=self._colour["muted"],
                va="center",
                annotation_clip=False,
            )
            x += (len(words) * 7.5 + 26.0) / self.width

    def name_lines(self, ends: Sequence[tuple[float, str, str]]) -> None:
        """Write the names of lines, with their colours' roles, beside their ends at the right."""
        to_data = self.axes.transData.inverted()
        places = [self.axes.transData.transform((self.axes.get_xlim()[1], y))[1] for y, _, _ in ends]
        order = sorted(range(len(ends)), key=lambda index: places[index])
        gap = ROW * self.axes.figure.dpi / POINTS_PER_INCH
        heights = apart([places[index] for index in order], gap)
        for index, height in zip(order, heights, strict=True):
            _, words, role = ends[index]
            at = float(to_data.transform((0.0, height))[1])
            self.axes.annotate(
                words,
                (1.0, at),
                xycoords=("axes fraction", "data"),
                xytext=(8.0, 0.0),
                textcoords="offset points",
                color=self._colour[role],
                va="center",
                annotation_clip=False,
            )


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Return ascending places moved as little as needed to be at least ``gap`` apart from their neighbours."""
    groups: list[tuple[float, int]] = []  # the middle of places that touch, and how many they are
    for place in places:
        groups.append((place, 1))
        while len(groups) > 1:
            (lower, many), (upper, more) = groups[-2:]
            if upper - lower >= gap * (many + more) / 2:
                break
            groups[-2:] = [((lower * many + upper * more) / (many + more), many + more)]
    return [middle + gap * (index - (many - 1) / 2) for middle, many in groups for index in range(many)]


def shortened(text: str, room: float) -> str:
    """Return the text, cut with an ellipsis where it would not fit into so many of the plot's own units."""
    most = max(4, int(room / _CHARACTER))
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def room_for(texts: Sequence[str], most: float) -> float:
    """Return how many of the plot's own units the longest text needs, at most ``most``."""
    return min(most, max((len(text) for text in texts), default=0) * _CHARACTER + 6.0)
