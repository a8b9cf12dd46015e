"""Plots over simulated time: the run's throughput and errors, and the small panels of servers and links."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import ticks
from headroom_analysis.report.plots.canvas import TEXT_SIZE, Drawing, Sheet, axes_of
from headroom_analysis.report.plots.palette import COLOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

WIDE = (460.0, 190.0)
PANEL = (200.0, 112.0)
_FAR = 4.0
_MOST_POINTS = {WIDE: 600, PANEL: 240}


class Span(NamedTuple):
    """A stretch of simulated time, in seconds, that the plot shades; ``mark`` is its number in the legend."""

    start: float
    end: float
    mark: str


class Frame(NamedTuple):
    """What all plots over time share.

    Attributes:
        times: The instants of the samples, seconds.
        horizon: The end of the axis, seconds.
        warmup: The end of the part that no figure counts, seconds.
        spans: The faults' stretches.
    """

    times: Sequence[float]
    horizon: float
    warmup: float
    spans: Sequence[Span]


class Line(NamedTuple):
    """A sampled quantity.

    Attributes:
        name: Prefix of ids on the page.
        label: What it is, for those who do not see it.
        kind: A key of :data:`headroom_analysis.report.formatting.SCALES`.
        role: The colour's role in the palette.
        values: One per instant; None is a gap.
        limit: Its capacity, drawn as a dashed line unless far above all values; None: unlimited.
        ceiling: The axis reaches at least this, so that several plots compare.
    """

    name: str
    label: str
    kind: str
    role: str
    values: Sequence[float | None]
    limit: float | None = None
    ceiling: float = 0.0


def plot(sheet: Sheet, frame: Frame, line: Line, size: tuple[float, float]) -> str:
    """Draw one quantity over time, from zero, with warm-up and faults shaded.

    Args:
        sheet: The page's plot styles.
        frame: The time axis.
        line: The quantity; values beyond the last instant are not drawn.
        size: :data:`WIDE` or :data:`PANEL`.
    """
    wide = size == WIDE
    xs, ys = thinned(frame.times, line.values, _MOST_POINTS[size])
    present = ys[np.isfinite(ys)]
    highest = float(present.max()) if present.size else 0.0
    label = f"{line.label} over time, at most {formatting.single(highest, line.kind)}"
    with (drawing := Drawing(sheet, line.name, label, size)) as figure:
        axes = axes_of(figure, 58.0 if wide else 38.0, 24.0, 14.0, 18.0 if frame.spans else 8.0)
        limit = (
            line.limit if line.limit is not None and line.limit <= _FAR * max(highest, line.ceiling) else None
        )
        positions, labels = ticks.linear(
            max(highest, limit or 0.0, line.ceiling) or 1.0, line.kind, 4 if wide else 2
        )
        axes.set_ylim(0.0, positions[-1])
        axes.set_xlim(0.0, frame.horizon)
        ticks.place(axes.yaxis, positions, labels)
        ticks.place(axes.xaxis, *ticks.time(frame.horizon, 6 if wide else 3))
        _shade(axes, frame)
        axes.fill_between(xs, ys, color=COLOUR[line.role], alpha=0.16, linewidth=0, clip_on=False)
        axes.plot(xs, ys, color=COLOUR[line.role], linewidth=1.75 if wide else 1.4, clip_on=False)
        if limit is not None:
            axes.plot(
                [0.0, frame.horizon],
                [limit, limit],
                color=COLOUR["ink"],
                linewidth=1.0,
                linestyle=(0, (4, 3)),
                alpha=0.6,
            )
    return drawing.svg


def _shade(axes: Axes, frame: Frame) -> None:
    if frame.warmup > 0.0:
        axes.axvspan(0.0, frame.warmup, color=COLOUR["neutral"], alpha=0.18, linewidth=0)
    for span in frame.spans:
        axes.axvspan(span.start, span.end, color=COLOUR["neutral"], alpha=0.18, linewidth=0)
        edge = axes.get_xaxis_transform()
        axes.plot(
            [span.start, span.end], [1.0, 1.0], color=COLOUR["vermillion"], transform=edge, clip_on=False
        )
        axes.annotate(
            span.mark,
            ((span.start + span.end) / 2.0, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0.0, 4.0),
            textcoords="offset points",
            ha="center",
            fontsize=TEXT_SIZE,
            color=COLOUR["vermillion"],
            annotation_clip=False,
        )


def thinned(
    times: Sequence[float], values: Sequence[float | None], most: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return at most about ``most`` points of a series that keep each group's lowest and highest value.

    Args:
        times: Instants, seconds, ascending.
        values: Values; None is a gap (NaN in the answer). The shorter of both counts.
        most: Upper limit for the points kept, at least 2.
    """
    length = min(len(times), len(values))
    xs = np.asarray(times[:length], dtype=np.float64)
    ys = np.asarray([np.nan if value is None else value for value in values[:length]], dtype=np.float64)
    if length <= most:
        return xs, ys
    groups = np.array_split(np.arange(length), max(most // 2, 1))
    kept = sorted(
        {int(i) for group in groups for i in (group[_lowest(ys[group])], group[_highest(ys[group])])}
    )
    return xs[kept], ys[kept]


def _lowest(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
    return int(np.argmin(np.where(np.isnan(values), np.inf, values)))


def _highest(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
    return int(np.argmax(np.where(np.isnan(values), -np.inf, values)))
