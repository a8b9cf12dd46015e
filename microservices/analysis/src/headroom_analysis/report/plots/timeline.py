"""Plots over simulated time: the run's throughput and errors, and the small panels of servers and links."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import ticks
from headroom_analysis.report.plots.canvas import Drawing, Sheet
from headroom_analysis.report.plots.plane import Plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

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
    top_margin = 18.0 if frame.spans else 8.0
    limit = line.limit if line.limit is not None and line.limit <= _FAR * max(highest, line.ceiling) else None
    heights = ticks.linear(max(highest, limit or 0.0, line.ceiling) or 1.0, line.kind, 4 if wide else 2)
    with (drawing := Drawing(sheet, line.name, label, size)) as figure:
        margins = (58.0 if wide else 38.0, 24.0, 14.0, top_margin)
        plane = Plane(figure, margins, frame.horizon, heights[0][-1])
        plane.axes(ticks.time(frame.horizon, 6 if wide else 3), heights)
        _shade(plane, frame)
        for part in _unbroken(ys):
            plane.area(xs[part].tolist(), ys[part].tolist(), line.role, 0.16)
        plane.line(xs.tolist(), ys.tolist(), line.role, 1.75 if wide else 1.4)
        if limit is not None:
            plane.line([0.0, frame.horizon], [limit, limit], "muted", dashed=True)
    return drawing.svg


def _shade(plane: Plane, frame: Frame) -> None:
    full = [plane.top, plane.top]
    if frame.warmup > 0.0:
        plane.area([0.0, frame.warmup], full, "neutral", 0.18)
    for span in frame.spans:
        plane.area([span.start, span.end], full, "neutral", 0.18)
        plane.line([span.start, span.end], full, "vermillion", 1.75)
        plane.words((span.start + span.end) / 2.0, plane.top, span.mark, "vermillion", "center", (0.0, 5.0))


def _unbroken(values: Floats) -> list[slice]:
    """Return the stretches without gaps."""
    known = np.concatenate(([False], np.isfinite(values), [False]))
    edges = np.flatnonzero(known[1:] != known[:-1]).tolist()
    return [slice(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def thinned(times: Sequence[float], values: Sequence[float | None], most: int) -> tuple[Floats, Floats]:
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


def _lowest(values: Floats) -> int:
    return int(np.argmin(np.where(np.isnan(values), np.inf, values)))


def _highest(values: Floats) -> int:
    return int(np.argmax(np.where(np.isnan(values), -np.inf, values)))
