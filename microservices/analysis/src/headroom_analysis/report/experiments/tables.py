"""Tables of points: what was put in, what came out, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.experiments.reading import Metric, Parameter, Point, Server, limits_of
from headroom_analysis.report.grid import Cell, Column, Table
from headroom_analysis.report.values import NO_DATA, Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_analysis.report.plots.plot import Plot

SHOWN_POINTS: Final = 1_000
"""Of so many points plots and tables show the figures."""

_COLUMNS = {"latency.mean", "latency.p95", "latency.p99", "throughput", "arrival_rate", "error_ratio"}


class Section(NamedTuple):
    """A part of a page: a heading, sentences, plots, tables, and tables that open on demand."""

    name: str
    title: str
    words: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    details: Sequence[tuple[str, Table]] = ()


def shown(points: Sequence[Point]) -> list[Point]:
    """Return the points that a page shows, evenly chosen when there are too many."""
    step = -(-len(points) // SHOWN_POINTS) or 1
    return list(points[::step])


def figures_of(points: Sequence[Point], metric: Metric) -> list[Estimate]:
    """Return a metric's figure at every point."""
    return [point.figures.get(metric, NO_DATA) for point in points]


def text_of(point: Point, parameter: Parameter) -> str:
    """Return the value of a parameter at a point."""
    value = point.values.get(parameter.path)
    return formatting.NONE if value is None else value.text


def points_table(
    points: Sequence[Point], parameters: Sequence[Parameter], metrics: Sequence[Metric]
) -> Table:
    """Return a row per point: its values, its verdict, the figures, and its busiest server."""
    kept = shown(points)
    table = Table("Every point", left_out=len(points) - len(kept))
    _heads(table, kept, parameters)
    verdicts(table, [point.verdict for point in kept], [point.certain for point in kept])
    table.add(Column("Trials"), [Cell(f"{point.trials:,}") for point in kept])
    judged = {limit.metric for limit in limits_of(points)}
    for metric in metrics:
        if metric in judged or metric.path in _COLUMNS:
            table.numbers(metric.short, figures_of(kept, metric), metric.kind)
    fullest = [_fullest(point) for point in kept]
    if any(fullest):
        table.add(
            Column("Busiest server", numeric=False),
            [Cell(server.name if server else "") for server in fullest],
        )
        uses = [server.utilisation if server else NO_DATA for server in fullest]
        table.numbers("Utilisation", uses, "ratio")
    return table


def _heads(table: Table, points: Sequence[Point], parameters: Sequence[Parameter]) -> None:
    if not parameters:
        table.texts("Point", [f"{point.serial}" for point in points])
    for parameter in parameters:
        cells = [Cell(text_of(point, parameter)) for point in points]
        table.add(Column(parameter.label, numeric=parameter.numeric), cells)


def verdicts(table: Table, states: Sequence[str], certain: Sequence[bool]) -> None:
    """Append a column of verdicts, unless none has one."""
    if not {"pass", "miss"} & set(states):
        return
    words = {"pass": "met", "miss": "missed"}
    tones = {"pass": "good", "miss": "bad"}
    cells = [
        Cell(
            words.get(state, "none"),
            "" if sure else "not certain",
            tone=tones.get(state, "muted"),
            swatch="verdict",
        )
        for state, sure in zip(states, certain, strict=True)
    ]
    table.add(Column("Objectives", numeric=False), cells)


def _fullest(point: Point) -> Server | None:
    return max(point.servers, key=lambda server: server.utilisation.value or 0.0, default=None)


def limits_tables(points: Sequence[Point]) -> list[tuple[str, Table]]:
    """Return the limits that plots show, as a table that opens on demand; none without objectives."""
    limits = limits_of(points)
    if not limits:
        return []
    table = Table("Limits of the objectives")
    table.texts("Metric", [limit.metric.label for limit in limits])
    words = [formatting.threshold(limit.threshold, limit.metric.kind) for limit in limits]
    sides = ["at least" if limit.above else "below" for limit in limits]
    table.add(Column("Limit"), [Cell(f"{side} {word}") for side, word in zip(sides, words, strict=True)])
    return [("Limits of the objectives", table)]


def servers_table(points: Sequence[Point], parameters: Sequence[Parameter], names: Sequence[str]) -> Table:
    """Return how busy the given servers are at every point."""
    kept = shown(points)
    table = Table("Utilisation of servers", left_out=len(points) - len(kept))
    _heads(table, kept, parameters)
    for name in names:
        found = [{server.name: server for server in point.servers}.get(name) for point in kept]
        table.numbers(
            name, [server.utilisation if server else NO_DATA for server in found], "ratio", bars=True
        )
    return table


def busiest(points: Sequence[Point], most: int) -> list[str]:
    """Return the names of the servers that are busiest at any point, the busiest first."""
    uses: dict[str, float] = {}
    for point in points:
        for server in point.servers:
            uses[server.name] = max(uses.get(server.name, 0.0), server.utilisation.value or 0.0)
    return sorted(uses, key=lambda name: -uses[name])[:most]


def utilisations(points: Sequence[Point], name: str) -> list[Estimate]:
    """Return how busy a server is at every point."""
    found = [next((s.utilisation for s in point.servers if s.name == name), NO_DATA) for point in points]
    return list(found)
