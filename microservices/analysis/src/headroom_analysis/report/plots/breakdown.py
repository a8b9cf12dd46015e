"""The latency anatomy as stacked bars: where the time of the mean and of the slowest requests goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import ticks
from headroom_analysis.report.plots.canvas import Drawing, Sheet, axes_of
from headroom_analysis.report.plots.palette import COLOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDE = (960.0, 158.0)
NARROW = (360.0, 190.0)
_LEAST_LABELLED = 28.0


class Part(NamedTuple):
    """A piece of a bar: its seconds, its colour's role, and the strength of the colour (0 to 1)."""

    seconds: float
    role: str
    strength: float


class Stack(NamedTuple):
    """A bar: its heading, and its parts in the order of a request's way."""

    heading: str
    parts: Sequence[Part]

    @property
    def total(self) -> float:
        """The bar's length in seconds."""
        return sum(part.seconds for part in self.parts)


def stacks(sheet: Sheet, name: str, bars: Sequence[Stack], size: tuple[float, float]) -> str:
    """Draw horizontal stacked bars of equal length, so that their make-up compares.

    Each part shows its share where there is room.

    Args:
        sheet: The page's plot styles.
        name: Prefix of ids on the page.
        bars: Top to bottom; at least one with a length.
        size: :data:`WIDE` or :data:`NARROW`.
    """
    label = "Latency by cause: " + formatting.listing(
        [f"{bar.heading} {formatting.single(bar.total, 'duration')}" for bar in bars]
    )
    with (drawing := Drawing(sheet, name, label, size)) as figure:
        axes = axes_of(figure, 2.0, 24.0, 18.0, 4.0)
        for row, bar in enumerate(bars):
            start = 0.0
            axes.barh(row, 1.0, height=0.46, color=COLOUR["paper"], linewidth=0, clip_on=False)
            for part in bar.parts:
                share = part.seconds / bar.total
                axes.barh(
                    row,
                    share,
                    left=start,
                    height=0.46,
                    color=COLOUR[part.role],
                    alpha=part.strength,
                    edgecolor=COLOUR["page"],
                    linewidth=1.0,
                    clip_on=False,
                )
                if share * size[0] >= _LEAST_LABELLED:
                    words = f"{100.0 * share:.0f}%"
                    axes.text(
                        start + share / 2.0, row, words, ha="center", va="center", color=COLOUR["print"]
                    )
                start += share
            words = f"{bar.heading}: {formatting.single(bar.total, 'duration')}"
            axes.text(0.0, row - 0.31, words, ha="left", va="bottom", color=COLOUR["ink"], fontweight="bold")
        axes.set_ylim(len(bars) - 0.62, -0.62)
        axes.set_xlim(0.0, 1.0)
        axes.set_yticks([])
        axes.grid(visible=False)
        shares = (0.0, 0.25, 0.5, 0.75, 1.0)
        ticks.place(axes.xaxis, shares, [f"{100.0 * share:.0f}%" for share in shares])
    return drawing.svg
