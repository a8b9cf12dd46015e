"""Axes with the few marks that the plots of experiments are made of: lines, bands, dots, whiskers, words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from matplotlib.patches import Rectangle

from headroom_analysis.report.plots import ticks
from headroom_analysis.report.plots.axis import LARGE_LETTER, LETTER
from headroom_analysis.report.plots.canvas import POINTS_PER_INCH, axes_of
from headroom_analysis.report.plots.plot import PLOT_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.plots.axis import Axis
    from headroom_analysis.report.plots.canvas import Surface

SIZE: Final = (PLOT_WIDTH, 270.0)
"""Of a plot that stands beside another one."""

ROW: Final = 15.0
"""Least distance of words that stand under each other; they are larger on narrow screens."""

_DASHES = (0, (4, 3))


class Key(NamedTuple):
    """What a mark means: words, the colour's role, matplotlib's marker, and whether it is hollow."""

    words: str
    role: str
    marker: str = "o"
    hollow: bool = False


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
        figure: Surface,
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

    def line(
        self, xs: Sequence[float], ys: Sequence[float | None], role: str, *, dashed: bool = False
    ) -> None:
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
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        role: str,
        *,
        hollow: bool = False,
        marker: str = "o",
        size: float = 6.0,
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
        self,
        places: Sequence[float],
        lows: Sequence[float],
        highs: Sequence[float],
        role: str,
        *,
        level: bool = False,
    ) -> None:
        """Draw intervals: upright ones, or level ones."""
        draw = self.axes.hlines if level else self.axes.vlines
        lines = draw(places, lows, highs, color=self._colour[role], linewidth=2.0)
        lines.set_clip_on(False)

    def bar(
        self, x: float, y: float, width: float, height: float, role: str, *, strength: float = 1.0
    ) -> None:
        """Draw a rectangle from a corner, in data coordinates."""
        self.cell(x, y, width, height, self._colour[role], strength)

    def cell(self, x: float, y: float, width: float, height: float, fill: str, strength: float = 1.0) -> None:
        """Draw a rectangle of any colour."""
        self.axes.add_patch(
            Rectangle((x, y), width, height, facecolor=fill, alpha=strength, linewidth=0, clip_on=False)
        )

    def words(
        self,
        x: float,
        y: float,
        text: str,
        role: str,
        align: str = "left",
        shift: tuple[float, float] = (0.0, 0.0),
        *,
        bold: bool = False,
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
        """Write words above dots, where they have room; the ones to the right come first."""
        taken: list[tuple[float, float, float]] = []
        low, high = self.axes.get_xlim()
        bottom, top = self.axes.get_ylim()
        for x, y, words in sorted(named, reverse=True):
            at = ((x - low) / (high - low) * self.width, (y - bottom) / (top - bottom) * self.height)
            text = shortened(words, self.width / 2)
            room = len(text) * LETTER
            left = at[0] + room > self.width
            start = at[0] - room if left else at[0]
            for lift in (10.0, -10.0, 23.0):
                crowded = any(
                    abs(at[1] + lift - height) < ROW - 2.0 and start < right and begin < start + room
                    for begin, right, height in taken
                )
                if not crowded and at[1] + lift > 0.0:
                    taken.append((start, start + room, at[1] + lift))
                    self.words(x, y, text, "ink", "right" if left else "left", (0.0, lift))
                    break

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

    def legend(self, keys: Sequence[Key], lift: float = 24.0) -> None:
        """Write above the plot what marks mean."""
        x = 4.0 / self.width
        y = 1.0 + lift / self.height
        for words, role, marker, hollow in keys:
            self.axes.plot(
                [x],
                [y],
                marker,
                markersize=6.0,
                markeredgewidth=1.4,
                color=self._colour[role],
                markerfacecolor=self._colour["page" if hollow else role],
                transform=self.axes.transAxes,
                clip_on=False,
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
            x += (len(words) * LARGE_LETTER + 26.0) / self.width

    def name_lines(self, ends: Sequence[tuple[float, str, str]]) -> None:
        """Write the names of lines, with their colours' roles, beside their ends at the right."""
        to_data = self.axes.transData.inverted()
        places = [self.axes.transData.transform((self.axes.get_xlim()[1], y))[1] for y, _, _ in ends]
        order = sorted(range(len(ends)), key=lambda index: places[index])
        gap = ROW * self.axes.figure.dpi / POINTS_PER_INCH
        top = self.axes.transData.transform((0.0, self.axes.get_ylim()[1]))[1]
        heights = apart([places[index] for index in order], gap, float(top))
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


def apart(places: Sequence[float], gap: float, top: float = math.inf) -> list[float]:
    """Return ascending places moved as little as needed to be ``gap`` apart and not above the top."""
    groups: list[tuple[float, int]] = []  # the middle of places that touch, and how many they are
    for place in places:
        groups.append((place, 1))
        while len(groups) > 1:
            (lower, many), (upper, more) = groups[-2:]
            if upper - lower >= gap * (many + more) / 2:
                break
            groups[-2:] = [((lower * many + upper * more) / (many + more), many + more)]
    found = [middle + gap * (index - (many - 1) / 2) for middle, many in groups for index in range(many)]
    for index in reversed(range(len(found))):
        found[index] = min(found[index], top)
        top = found[index] - gap
    return found


def shortened(text: str, room: float) -> str:
    """Return the text, cut with an ellipsis where it would not fit into so many of the plot's own units."""
    most = max(4, int(room / LETTER))
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def room_for(texts: Sequence[str], most: float) -> float:
    """Return how many of the plot's own units the longest text needs, at most ``most``."""
    return min(most, max((len(text) for text in texts), default=0) * LETTER + 6.0)
