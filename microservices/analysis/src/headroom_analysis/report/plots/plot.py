"""A plot that is drawn into a page or, alone or beside others, into a file."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Final, NamedTuple

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from headroom_analysis.report.plots.canvas import POINTS_PER_INCH, TEXT_SIZE, Drawing, Sheet, drawing
from headroom_analysis.report.plots.palette import COLOUR, LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headroom_analysis.report.plots.canvas import Surface

SUFFIXES: Final = (".png", ".svg", ".pdf")
"""What :func:`in_file` writes."""

_CANVAS: Final = {".png": FigureCanvasAgg, ".svg": FigureCanvasSVG, ".pdf": FigureCanvasPdf}
_UNTOLD: Final = {
    ".png": ("Software",),
    ".svg": ("Date", "Creator", "Format", "Type"),
    ".pdf": ("CreationDate", "Creator", "Producer"),
}
_DOTS_PER_INCH = 160.0
_BESIDE = 2
PLOT_WIDTH: Final = 460.0
"""Width of plots that stand beside each other, in their own units."""

_TITLE = 46.0
_MARGIN = 12.0
_LINE = TEXT_SIZE + 4.0
_BOLD_LETTER = 7.4


class Plot(NamedTuple):
    """A plot, ready to be drawn.

    Attributes:
        name: Prefix of ids, unique on a page.
        title: What stands above it.
        note: Smaller words under the title.
        label: What it shows, for those who do not see it.
        size: Width and height in the plot's own units, points.
        draw: Draws it on a figure of that size with the given colours of the roles.
    """

    name: str
    title: str
    note: str
    label: str
    size: tuple[float, float]
    draw: Callable[[Surface, Mapping[str, str]], None]

    @property
    def broad(self) -> bool:
        """Whether it is too wide to stand beside another one."""
        return self.size[0] > PLOT_WIDTH


def on_page(sheet: Sheet, plot: Plot) -> str:
    """Return the plot as an element of a page.

    Args:
        sheet: The page's plot styles.
        plot: What to draw.
    """
    with (drawn := Drawing(sheet, plot.name, plot.label, plot.size)) as figure:
        plot.draw(figure, COLOUR)
    return drawn.svg


def in_file(plots: Sequence[Plot], heading: str, suffix: str) -> bytes:
    """Return plots as one picture on white, two beside each other; the same plots give the same bytes.

    Args:
        plots: What to draw; at least one.
        heading: What stands above all.
        suffix: One of :data:`SUFFIXES`.
    """
    across = min(_BESIDE, len(plots))
    rows = [plots[start : start + across] for start in range(0, len(plots), across)]
    widest = max(plot.size[0] for plot in plots)
    heights = [max(plot.size[1] for plot in row) + _TITLE for row in rows]
    lines = textwrap.wrap(heading, int(across * widest / _BOLD_LETTER)) or [""]
    above = (len(lines) + 0.5) * _LINE
    size = (across * widest + 2 * _MARGIN, sum(heights) + 2 * _MARGIN + above)
    untold = dict.fromkeys(_UNTOLD[suffix])
    with drawing(LIGHT), mpl.rc_context({"svg.fonttype": "path"}):
        inches = (size[0] / POINTS_PER_INCH, size[1] / POINTS_PER_INCH)
        figure = Figure(figsize=inches, facecolor=LIGHT["page"], dpi=POINTS_PER_INCH)
        _words(figure, (_MARGIN, size[1] - _MARGIN), "\n".join(lines), "ink", bold=True)
        top = size[1] - _MARGIN - above
        for row, height in zip(rows, heights, strict=True):
            for place, plot in enumerate(row):
                _place(figure, plot, (_MARGIN + place * widest, top))
            top -= height
        written = io.BytesIO()
        canvas = _CANVAS[suffix](figure)
        canvas.print_figure(written, format=suffix[1:], dpi=_DOTS_PER_INCH, metadata=untold)
    return written.getvalue()


def _place(figure: Figure, plot: Plot, corner: tuple[float, float]) -> None:
    """Draw a plot under its title, with its upper left corner there."""
    left, top = corner
    _words(figure, (left, top), plot.title, "ink", bold=True)
    _words(figure, (left, top - _LINE), plot.note, "muted")
    width, height = figure.bbox.size
    part = figure.add_subfigure(figure.add_gridspec()[0], facecolor="none")
    part.bbox_relative.p0 = (left / width, (top - _TITLE + _MARGIN - plot.size[1]) / height)
    part.bbox_relative.p1 = ((left + plot.size[0]) / width, (top - _TITLE + _MARGIN) / height)
    plot.draw(part, LIGHT)


def _words(figure: Figure, corner: tuple[float, float], words: str, role: str, *, bold: bool = False) -> None:
    width, height = figure.bbox.size
    figure.text(
        corner[0] / width,
        corner[1] / height,
        words,
        color=LIGHT[role],
        fontweight="bold" if bold else "normal",
        verticalalignment="top",
    )
