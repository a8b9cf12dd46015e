"""A linear coordinate system on a figure, without matplotlib's axes.

Axes with their ticks and labels take most of the time of drawing a small plot; a report has dozens, which
place their few lines and words themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Transform

from headroom_analysis.report.plots.palette import COLOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

Align = Literal["left", "center", "right"]
_POINTS_PER_INCH = 72.0
_DASHES = (0, (4, 3))


class Plane:
    """Data coordinates from (0, 0) to (``right``, ``top``) between margins in the plot's own units.

    Args:
        figure: Where to draw.
        margins: Left, bottom, right and top.
        right: The data's end on the horizontal axis, above 0.
        top: The data's end on the vertical axis, above 0.
    """

    def __init__(
        self, figure: Figure, margins: tuple[float, float, float, float], right: float, top: float
    ) -> None:
        width, height = figure.get_size_inches() * _POINTS_PER_INCH
        left, bottom, beyond, above = margins
        self.right, self.top = right, top
        self._figure = figure
        self._scale = ((width - left - beyond) / right, (height - bottom - above) / top)
        self._origin = (left, bottom)
        self._drawn = 0

    def _transform(self, dx: float = 0.0, dy: float = 0.0) -> Transform:
        to_units = Affine2D().scale(*self._scale).translate(self._origin[0] + dx, self._origin[1] + dy)
        return to_units.scale(1.0 / _POINTS_PER_INCH) + self._figure.dpi_scale_trans

    def _add(self, artist: Artist) -> None:
        """Add an artist above all that are there: matplotlib would sort them by their kind."""
        self._drawn += 1
        artist.set_zorder(self._drawn)
        self._figure.add_artist(artist)

    def line(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        role: str,
        width: float = 1.0,
        *,
        dashed: bool = False,
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Draw a line through data points, shifted by plot units; NaN interrupts it."""
        style = _DASHES if dashed else "-"
        self._add(Line2D(xs, ys, color=COLOUR[role], lw=width, ls=style, transform=self._transform(*shift)))

    def area(self, xs: Sequence[float], ys: Sequence[float], role: str, strength: float) -> None:
        """Fill between a line and zero with a colour of the given opacity."""
        corners = [(xs[0], 0.0), *zip(xs, ys, strict=True), (xs[-1], 0.0)]
        self._add(
            Polygon(corners, facecolor=COLOUR[role], alpha=strength, linewidth=0, transform=self._transform())
        )

    def words(
        self, x: float, y: float, text: str, role: str, align: Align, shift: tuple[float, float]
    ) -> None:
        """Write at a data point shifted by plot units."""
        place = self._transform(*shift)
        self._add(Text(x, y, text, color=COLOUR[role], ha=align, va="baseline", transform=place))

    def axes(
        self, across: tuple[Sequence[float], Sequence[str]], up: tuple[Sequence[float], Sequence[str]]
    ) -> None:
        """Draw a base line and labelled grid lines; positions come with their labels."""
        for position, label in zip(*up, strict=True):
            if position:
                self.line([0.0, self.right], [position, position], "rule")
            self.words(0.0, position, label, "muted", "right", (-6.0, -4.0))
        self.line([0.0, self.right], [0.0, 0.0], "rule")
        for position, label in zip(*across, strict=True):
            self.words(position, 0.0, label, "muted", "center", (0.0, -16.0))
