"""A heat map: one figure over two parameters, with its number and verdict in each cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import matplotlib as mpl

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import axis
from headroom_analysis.report.plots.chart import SIZE, Chart, room_for, shortened
from headroom_analysis.report.plots.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.plots.canvas import Surface
    from headroom_analysis.report.plots.curves import Heading

_SHADES: Final = 48
_LEAST_WIDTH, _LEAST_HEIGHT = 46.0, 24.0
_WIDTH, _HEIGHT = SIZE
_WIDEST, _HIGHEST = 960.0, 620.0
_RIGHT, _BELOW, _ABOVE = 12.0, 44.0, 42.0
_LABELS = 120.0
_DECADE = 10.0
_BRIGHT = 0.5
_KEY = 110.0


class Grid(NamedTuple):
    """The cells of a heat map.

    Attributes:
        across, up: The two parameters in words.
        columns, rows: Their values in words, left to right and bottom to top.
        cells: Value and verdict (``pass``, ``miss`` or nothing) by column and row; those without are blank.
    """

    across: str
    up: str
    columns: Sequence[str]
    rows: Sequence[str]
    cells: Mapping[tuple[int, int], tuple[float | None, str]]


def heat_map(heading: Heading, grid: Grid, kind: str) -> Plot:
    """Return cells in the colours of a map that everybody can tell apart, dark to bright with the value.

    Args:
        heading: Of the plot.
        grid: The cells.
        kind: How the values are shown.
    """
    left = room_for(grid.rows, _LABELS) + 24.0
    narrow = left + _RIGHT + _LEAST_WIDTH * len(grid.columns) <= _WIDTH
    width = _WIDTH if narrow else _WIDEST
    height = min(_HIGHEST, max(_HEIGHT, _ABOVE + _BELOW + _LEAST_HEIGHT * len(grid.rows)))
    known = [value for value, _ in grid.cells.values() if value is not None]
    scale = formatting.SCALES[kind](known)
    shade = Shade(known)

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        cell = ((width - left - _RIGHT) / len(grid.columns), (height - _ABOVE - _BELOW) / len(grid.rows))
        drawn = Chart(
            figure,
            colour,
            (left, _BELOW, _RIGHT, _ABOVE),
            axis.of_words(_cut(grid.columns), every=_every(room_for(grid.columns, _LABELS) + 4.0, cell[0])),
            axis.of_words(_cut(grid.rows), every=_every(16.0, cell[1])),
        )
        drawn.axes.grid(visible=False)
        drawn.axes.spines["bottom"].set_visible(False)
        drawn.axes.tick_params(length=0)
        drawn.title_across(shortened(grid.across, width - left))
        drawn.words(
            -0.5,
            len(grid.rows) - 0.5,
            shortened(grid.up, _WIDTH - _KEY - 60.0),
            "muted",
            shift=(16.0 - left, 14.0),
        )
        roomy = cell[0] >= _LEAST_WIDTH - 8.0 and cell[1] >= _LEAST_HEIGHT - 6.0
        gap = 0.5 if roomy else 0.0
        for (column, row), (value, verdict) in grid.cells.items():
            fill = shade(value) if value is not None else colour["rule"]
            inset = (gap / cell[0], gap / cell[1])
            corner = (column - 0.5 + inset[0], row - 0.5 + inset[1])
            drawn.cell(*corner, 1 - 2 * inset[0], 1 - 2 * inset[1], fill)
            if roomy:
                _inside(drawn, (column, row), value, verdict, fill, scale)
        if known:
            _key(drawn, known, shade, kind)

    unit = f"numbers in {scale.unit}" if known and scale.unit else ""
    note = "; ".join(words for words in (heading.note, unit) if words)
    label = f"{heading.title} over {grid.across} and {grid.up}"
    if known:
        low, high = (formatting.single(end, kind) for end in (min(known), max(known)))
        label += f": {low} to {high}"
    return Plot(heading.name, heading.title, note, label, (width, height), draw)


def _inside(
    drawn: Chart,
    place: tuple[int, int],
    value: float | None,
    verdict: str,
    fill: str,
    scale: formatting.Scale,
) -> None:
    role = "muted" if value is None else "print" if _luminance(fill) > _BRIGHT else "paper"
    text = (
        formatting.NONE
        if value is None
        else formatting.fixed(value, scale, formatting.decimals_for([value], scale))
    )
    if verdict in {"pass", "miss"}:
        drawn.dots(
            [place[0] - 0.38],
            [place[1]],
            role,
            hollow=False,
            marker="o" if verdict == "pass" else "x",
            size=3.6,
        )
    drawn.words(*place, text, role, "center", (4.0 if verdict in {"pass", "miss"} else 0.0, 0.0))


def _key(drawn: Chart, known: Sequence[float], shade: Shade, kind: str) -> None:
    """Draw what the colours mean above the right end."""
    low, high = min(known), max(known)
    columns, rows = drawn.axes.get_xlim()[1], drawn.axes.get_ylim()[1]
    unit_x = (columns + 0.5) / drawn.width
    unit_y = (rows + 0.5) / drawn.height
    start = columns - _KEY * unit_x
    steps = 24
    for step in range(steps):
        share = step / (steps - 1)
        drawn.cell(
            start + step * _KEY / steps * unit_x,
            rows + 8.0 * unit_y,
            _KEY / steps * unit_x * 1.03,
            7.0 * unit_y,
            shade.at(share),
        )
    drawn.words(start, rows, formatting.single(low, kind), "muted", "left", (0.0, 25.0))
    drawn.words(columns, rows, formatting.single(high, kind), "muted", "right", (0.0, 25.0))


class Shade:
    """Colours from the smallest to the largest of some values, by logarithm when they are far apart."""

    def __init__(self, known: Sequence[float]) -> None:
        self._low, self._high = min(known, default=0.0), max(known, default=1.0)
        self._log = self._low > 0.0 and self._high > _DECADE * self._low

    def __call__(self, value: float) -> str:
        """Return the colour of a value."""
        ends = (self._low, self._high, value)
        low, high, here = (math.log(end) for end in ends) if self._log else ends
        return self.at((here - low) / (high - low) if high > low else 0.5)

    def at(self, share: float) -> str:
        """Return the colour at a share of the way, from dark to bright."""
        step = round(min(max(share, 0.0), 1.0) * (_SHADES - 1)) / (_SHADES - 1)
        found: str = mpl.colors.to_hex(mpl.colormaps["cividis"](step))
        return found


def _cut(texts: Sequence[str]) -> list[str]:
    return [shortened(text, _LABELS) for text in texts]


def _every(room: float, cell: float) -> int:
    """Return one of how many words has room."""
    return max(1, math.ceil(room / cell))


def _luminance(fill: str) -> float:
    """Return how bright a colour is, from 0 to 1 (ITU-R BT.709 weights)."""
    red, green, blue = mpl.colors.to_rgb(fill)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
