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
_LEAST_LABELLED = 34.0


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
    """Draw horizontal stacked bars on one axis of seconds, each part with its share where there is room.

    Args:
        sheet: The page's plot styles.
        name: Prefix of ids on the page.
        bars: Top to bottom; at least one with a length.
        size: :data:`WIDE` or :data:`NARROW`.
    """
    longest = max(bar.total for bar in bars)
    label = "Latency by cause: " + formatting.listing(
        [f"{bar.heading} {formatting.single(bar.total, 'duration')}" for bar in bars]
    )
    with (drawing := Drawing(sheet, name, label, size)) as figure:
        axes = axes_of(figure, 4.0, 24.0, 24.0, 4.0)
        per_second = (size[0] - 28.0) / longest
        for row, bar in enumerate(bars):
            start = 0.0
            axes.barh(row, bar.total, height=0.46, color=COLOUR["paper"], linewidth=0, clip_on=False)
            for part in bar.parts:
                axes.barh(
                    row,
                    part.seconds,
                    left=start,
                    height=0.46,
                    color=COLOUR[part.role],
                    alpha=part.strength,
                    edgecolor=COLOUR["page"],
                    linewidth=1.0,
                    clip_on=False,
                )
                if part.seconds * per_second >= _LEAST_LABELLED:
                    share = formatting.trimmed(100.0 * part.seconds / bar.total, 0)
                    middle = start + part.seconds / 2.0
                    axes.text(middle, row, f"{share}{formatting.NBSP}%", ha="center", va="center", color=COLOUR["print"])
                start += part.seconds
            words = f"{bar.heading}: {formatting.single(bar.total, 'duration')}"
            axes.text(0.0, row - 0.31, words, ha="left", va="bottom", color=COLOUR["ink"], fontweight="bold")
        axes.set_ylim(len(bars) - 0.62, -0.62)
        axes.set_xlim(0.0, longest)
        axes.set_yticks([])
        axes.grid(visible=False)
        positions, labels = ticks.linear(longest, "duration", 6 if size == WIDE else 3)
        kept = [(p, text) for p, text in zip(positions, labels, strict=True) if p <= longest]
        unit = formatting.duration_scale([longest]).unit
        ticks.place(
            axes.xaxis,
            [p for p, _ in kept],
            [f"{text.split(formatting.NBSP)[0]}{formatting.NBSP}{unit}" if p else "0" for p, text in kept],
        )
    return drawing.svg
