"""The page of a sweep: lines over one parameter, dots for words, a heat map over two, scatter over more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headroom_analysis.report import formatting
from headroom_analysis.report.experiments.reading import (
    Metric,
    judged_metric,
    limits_of,
    metrics_of,
    parameters_of,
    points_of,
)
from headroom_analysis.report.experiments.tables import (
    Section,
    busiest,
    figures_of,
    limits_tables,
    points_table,
    servers_table,
    shown,
    text_of,
    utilisations,
)
from headroom_analysis.report.plots import curves, heat, scatter
from headroom_analysis.report.plots.curves import Across, Bound, Curve, Heading
from headroom_analysis.report.values import NO_DATA, Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.experiments.reading import Limit, Parameter, Point
    from headroom_analysis.report.plots.plot import Plot

_LINES: Final = ("latency.mean", "latency.p95", "latency.p99")
_SERVERS = 5
_MOST_CELLS = 2_500
_MOST_ROWS = 40
_NOTE = "shaded: intervals; dashed: limits of objectives"
_PAIR = 2


def sweep(document: Mapping[str, object]) -> list[Section]:
    """Return the sections of a sweep; the first one's plots are the main ones."""
    points, parameters = points_of(document), parameters_of(document)
    plots = plots_of(points, parameters)
    words = []
    kept = shown(points)
    if len(kept) < len(points) and len(parameters) > 1:
        words.append(
            f"Of {len(points):,} points {len(kept):,} are shown; the JSON and Parquet results hold all."
        )
    names = busiest(points, _SERVERS)
    details = [("Utilisation of servers", servers_table(points, parameters, names))] if names else []
    details += limits_tables(points)
    table = points_table(points, parameters, metrics_of(points))
    return [Section("points", "What came out", words, plots, [table], details)]


def plots_of(points: Sequence[Point], parameters: Sequence[Parameter]) -> list[Plot]:
    """Return the plots that fit what varies; none without points."""
    if not points or not parameters:
        return []
    if len(parameters) == 1:
        return _over_one(points, parameters[0])
    if len(parameters) == _PAIR:
        return _over_two(points, parameters) or _over_many(points, parameters)
    return _over_many(points, parameters)


def across_of(parameter: Parameter, points: Sequence[Point]) -> Across:
    """Return a numeric parameter as an axis, with its value at every point."""
    values = [point.values.get(parameter.path) for point in points]
    unit = parameter.values[0].unit if parameter.values else ""
    return Across(
        parameter.label,
        [value.number or 0.0 if value else 0.0 for value in values],
        [value.text if value else "" for value in values],
        unit,
        parameter.log,
    )


def bounds_of(limits: Sequence[Limit], metrics: Sequence[Metric]) -> list[Bound]:
    """Return the limits of the metrics that are drawn."""
    return [
        Bound(f"limit {formatting.threshold(limit.threshold, limit.metric.kind)}", limit.threshold, line)
        for limit in limits
        for line, metric in enumerate(metrics)
        if limit.metric == metric
    ]


def latencies(points: Sequence[Point]) -> list[Metric]:
    """Return the latencies that are drawn: mean, p95, p99, and all that have an objective."""
    judged = [limit.metric for limit in limits_of(points) if limit.metric.kind == "duration"]
    wanted = [metric for metric in metrics_of(points) if metric.path in _LINES and not metric.scope]
    return list(dict.fromkeys([*judged, *wanted]))[: curves.MOST_CURVES]


def _over_one(points: Sequence[Point], parameter: Parameter) -> list[Plot]:
    kept = shown(points)
    limits = limits_of(points)
    found = []
    for heading, lines, kind, metrics in _panels(kept):
        bounds = bounds_of(limits, metrics)
        if parameter.numeric:
            found.append(curves.curves(heading, across_of(parameter, kept), lines, kind, bounds))
        else:
            few = kept[:_MOST_ROWS]
            cut = [Curve(line.words, line.figures[:_MOST_ROWS]) for line in lines]
            told = heading._replace(note=heading.note.replace("shaded", "whiskers"))
            found.append(curves.dots(told, [text_of(p, parameter) for p in few], cut, kind, bounds))
    return found


def _panels(points: Sequence[Point]) -> list[tuple[Heading, list[Curve], str, list[Metric]]]:
    """Return what is drawn of one parameter: latency, utilisation, throughput, and errors if any."""
    times = latencies(points)
    limits = [limit.metric for limit in limits_of(points)]
    names = busiest(points, _SERVERS)
    flows = [m for m in metrics_of(points) if m.path in {"throughput", "arrival_rate"} and not m.scope]
    errors = [m for m in metrics_of(points) if m.path == "error_ratio"]
    failing = any(figure.value for metric in errors for figure in figures_of(points, metric))
    panels = [
        (Heading("latency-over", "Latency", _NOTE), _lines(points, times), "duration", times),
        (
            Heading("utilisation-over", "Utilisation of servers", "busy cores over all cores"),
            [Curve(name, utilisations(points, name)) for name in names],
            "ratio",
            [metric for metric in limits if metric.path == "utilisation"],
        ),
        (Heading("throughput-over", "Throughput", "per second"), _lines(points, flows), "rate", flows),
        (Heading("errors-over", "Errors", "share of all requests"), _lines(points, errors), "ratio", errors),
    ]
    return [panel for panel in panels if panel[1] and (panel[2] != "ratio" or panel[3] != errors or failing)]


def _lines(points: Sequence[Point], metrics: Sequence[Metric]) -> list[Curve]:
    return [Curve(metric.short, figures_of(points, metric)) for metric in metrics]


def _over_two(points: Sequence[Point], parameters: Sequence[Parameter]) -> list[Plot]:
    """Return heat maps of the judged latency and of the busiest server; none with too many cells."""
    across, up = parameters
    columns, rows = ([value.text for value in p.values] for p in (across, up))
    if not 0 < len(columns) * len(rows) <= _MOST_CELLS or len(columns) * len(rows) < len(points):
        return []
    if len(rows) > len(columns):
        across, up, columns, rows = up, across, rows, columns
    metric = judged_metric(points)
    marked = any(point.verdict in {"pass", "miss"} for point in points)
    note = "dot: objectives met; cross: missed" if marked else ""
    plots = []
    for heading, kind, value_of, with_verdict in (
        (
            Heading("heat-latency", formatting.sentence(metric.label), note),
            metric.kind,
            lambda p: p.figures.get(metric, NO_DATA),
            True,
        ),
        (Heading("heat-utilisation", "Utilisation of the busiest server", ""), "ratio", _highest_use, False),
    ):
        cells = {
            (columns.index(text_of(point, across)), rows.index(text_of(point, up))): (
                value_of(point).value,
                point.verdict if with_verdict else "",
            )
            for point in points
            if text_of(point, across) in columns and text_of(point, up) in rows
        }
        if any(value is not None for value, _ in cells.values()):
            plots.append(
                heat.heat_map(heading, heat.Grid(across.label, up.label, columns, rows, cells), kind)
            )
    return plots


def _highest_use(point: Point) -> Estimate:
    return max(
        (server.utilisation for server in point.servers), key=lambda use: use.value or 0.0, default=NO_DATA
    )


def _over_many(points: Sequence[Point], parameters: Sequence[Parameter]) -> list[Plot]:
    metric = judged_metric(points)
    bounds = bounds_of(limits_of(points), [metric])
    kept = [
        (point, value)
        for point in shown(points)
        if (value := point.figures.get(metric, NO_DATA).value) is not None
    ]
    plots = []
    for place, parameter in enumerate(parameters):
        if not kept:
            break
        across = across_of(parameter, [point for point, _ in kept])
        places = across.numbers
        if not parameter.numeric:
            texts = [value.text for value in parameter.values]
            places = [texts.index(text) if text in texts else 0 for text in across.texts]
            across = across._replace(numbers=[], texts=texts)
        dots = [scatter.Dot(x, value, point.verdict) for (point, value), x in zip(kept, places, strict=True)]
        heading = Heading(
            f"scatter-{place}",
            f"{formatting.sentence(metric.label)} over {parameter.label}",
            "cross: objectives missed; dashed: limit" if bounds else "",
        )
        plots.append(scatter.scatter(heading, across, dots, metric.kind, bounds))
    return plots
