"""The page of replications: how precisely what is judged is known; the run's ordinary report follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_analysis.report.experiments.reading import limits_of, metric_of, points_of
from headroom_analysis.report.experiments.sweeps import latencies
from headroom_analysis.report.experiments.tables import Section, points_table
from headroom_analysis.report.grid import Cell, Column, Table
from headroom_analysis.report.plots import curves
from headroom_analysis.report.plots.curves import Bound, Curve, Heading
from headroom_analysis.report.values import NO_DATA, Estimate, dig, number, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headroom_analysis.report.experiments.reading import Metric, Point
    from headroom_analysis.report.plots.plot import Plot


def replicate(document: Mapping[str, object]) -> list[Section]:
    """Return the section of replications."""
    points = points_of(document)
    metrics = latencies(points)
    tables = [table] if (table := _judged(document)) else []
    details = [("Figures with their intervals", points_table(points, [], metrics))] if points else []
    return [Section("precision", "How precise this is", [], _plots(points[:1], metrics), tables, details)]


def _plots(points: list[Point], metrics: list[Metric]) -> list[Plot]:
    figures = {metric: figure for point in points for metric, figure in point.figures.items()}
    known = [metric for metric in metrics if figures.get(metric, NO_DATA).value is not None]
    if not known:
        return []
    line = Curve("mean over trials", [figures[metric] for metric in known])
    heading = Heading("figures", "Latency with its intervals", "dashed: limits of objectives")
    bounds = [
        Bound(f"limit of {limit.metric.short}", limit.threshold)
        for limit in limits_of(points)
        if limit.metric in known
    ]
    return [curves.dots(heading, [metric.short for metric in known], [line], "duration", bounds)]


def _judged(document: Mapping[str, object]) -> Table | None:
    judged = rows(dig(document, "replicate", "judged"))
    if not judged:
        return None
    widths = [number(row.get("half_width")) for row in judged]
    table = Table("Half widths of the intervals of what is judged: shares of it, of ratios percentage points")
    table.texts("Metric", [metric_of(row).label for row in judged])
    table.numbers("Half width", [Estimate(width) for width in widths], "ratio")
    wanted = number(dig(document, "asked", "precision"))
    if wanted is not None:
        table.numbers("Asked for", [Estimate(wanted)] * len(judged), "ratio")
        table.add(Column("Precision", numeric=False), [_reached(width, wanted) for width in widths])
    return table


def _reached(width: float | None, wanted: float) -> Cell:
    if width is None:
        return Cell("no interval", tone="muted", swatch="verdict")
    if width <= wanted:
        return Cell("reached", tone="good", swatch="verdict")
    return Cell("not reached", tone="bad", swatch="verdict")
