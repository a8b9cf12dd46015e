"""The page of a capacity search: what was tried, what held, and what fills up first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_analysis.report import formatting
from headroom_analysis.report.experiments.reading import (
    Limit,
    Parameter,
    Point,
    Value,
    label_of,
    limits_of,
    metrics_of,
    points_of,
    value_of,
)
from headroom_analysis.report.experiments.sweeps import across_of
from headroom_analysis.report.experiments.tables import (
    Section,
    busiest,
    limits_tables,
    points_table,
    servers_table,
    utilisations,
)
from headroom_analysis.report.grid import Cell, Column, Table
from headroom_analysis.report.plots import curves, search
from headroom_analysis.report.plots.curves import Bound, Curve, Heading
from headroom_analysis.report.values import NO_DATA, dig, items, mapping, number, rows, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.plots.plot import Plot

_SERVERS = 5
_MOST_PLOTS = 6


def capacity(document: Mapping[str, object]) -> list[Section]:
    """Return the sections of a capacity search; the first one's plots are the main ones."""
    found = mapping(document.get("capacity"))
    path = text(found.get("path"))
    points = [point for point in points_of(document) if path in point.values]
    parameter = Parameter(
        path, label_of(document.get("scenario"), path), [point.values[path] for point in points], log=False
    )
    points.sort(key=lambda point: point.values[path].number or 0.0)
    names = busiest(points, _SERVERS)
    words = [_how(found, document)]
    details = [("Utilisation of servers", servers_table(points, [parameter], names))] if names else []
    details += limits_tables(points)
    return [
        Section(
            "search",
            "What was tried",
            words,
            _plots(found, points, parameter, names),
            [_table(found, points, parameter)],
            details,
        )
    ]


def _how(found: Mapping[str, object], document: Mapping[str, object]) -> str:
    tolerance = number(dig(document, "asked", "tolerance"))
    low, high = (value_of(dig(found, "range", end)).text for end in ("low", "high"))
    between = f" between {low} and {high}" if mapping(found.get("range")) else ""
    if "=" not in text(dig(document, "asked", "vary")) and mapping(found.get("today")):
        between = f" on both sides of today's {value_of(found.get('today')).text}"
    close = (
        f", to within {formatting.percent(tolerance)} of it where it is no whole number" if tolerance else ""
    )
    objectives = [text(row) for row in items(found.get("objectives")) if isinstance(row, str)]
    asked = f" ({'; '.join(objectives)})" if objectives else ""
    return (
        f"The limit{asked} was looked for by bisection{between}{close}. Where an interval reached across a "
        f"limit, trials were added until it did not, or until no more were allowed."
    )


def _steps(found: Mapping[str, object]) -> dict[int, Mapping[str, object]]:
    return {whole(row.get("point"), -1): row for row in rows(found.get("steps"))}


def _tries(found: Mapping[str, object], points: Sequence[Point], limit: Limit, path: str) -> list[search.Try]:
    steps = _steps(found)
    return [
        search.Try(
            point.values[path].number or 0.0,
            point.figures.get(limit.metric, NO_DATA),
            text(mapping(steps.get(point.serial)).get("verdict"), point.verdict) == "pass",
            mapping(steps.get(point.serial)).get("certain", point.certain) is True,
        )
        for point in points
    ]


def _marks(found: Mapping[str, object]) -> list[search.Mark]:
    named = (("answer", "answer", "green"), ("today", "today", "muted"))
    values = [
        (words, value_of(found.get(key)), role) for key, words, role in named if mapping(found.get(key))
    ]
    same = len(values) > 1 and values[0][1].number == values[1][1].number
    if same:
        values = [("answer and today", values[0][1], "green")]
    return [
        search.Mark(f"{words}: {value.text}", value.number, role)
        for words, value, role in values
        if value.number is not None
    ]


def _plots(
    found: Mapping[str, object], points: Sequence[Point], parameter: Parameter, names: Sequence[str]
) -> list[Plot]:
    if not points or any(point.values[parameter.path].number is None for point in points):
        return []
    across = across_of(parameter, points)
    plots = []
    for place, limit in enumerate(limits_of(points)[:_MOST_PLOTS]):
        words = "at least" if limit.above else "limit"
        words = f"{words} {formatting.threshold(limit.threshold, limit.metric.kind)}"
        heading = Heading(
            f"search-{place}", formatting.sentence(limit.metric.label), "whiskers: intervals; dashed: limit"
        )
        plots.append(
            search.search(
                heading,
                across,
                _tries(found, points, limit, parameter.path),
                limit.metric.kind,
                Bound(words, limit.threshold),
                _marks(found),
            )
        )
    if len(points) > 1 and names:
        lines = [Curve(name, utilisations(points, name)) for name in names]
        plots.append(
            curves.curves(
                Heading("utilisation-over", "Utilisation of servers", "busy cores over all cores"),
                across,
                lines,
                "ratio",
                [],
            )
        )
    return plots


def _table(found: Mapping[str, object], points: Sequence[Point], parameter: Parameter) -> Table:
    table = points_table(points, [parameter], metrics_of(points))
    marked: dict[str, Value] = {
        words: value_of(found.get(key))
        for words, key in (("answer", "answer"), ("today", "today"), ("first that misses", "next"))
        if mapping(found.get(key))
    }
    notes = [
        ", ".join(
            words for words, value in marked.items() if value.number == point.values[parameter.path].number
        )
        for point in points
    ]
    table.add(Column("", numeric=False), [Cell(note) for note in notes[: len(table.rows)]])
    table.caption = "Every value that was tried"
    return table
