"""The page of a sensitivity analysis: which parameters move the metric, by rank, tornado and indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headroom_analysis.report import formatting
from headroom_analysis.report.experiments.reading import (
    Parameter,
    label_of,
    metric_of,
    metrics_of,
    points_of,
    value_of,
)
from headroom_analysis.report.experiments.tables import Section, points_table
from headroom_analysis.report.grid import Cell, Column, Table
from headroom_analysis.report.plots import bars
from headroom_analysis.report.plots.curves import Heading
from headroom_analysis.report.values import Estimate, dig, estimate, mapping, number, rows, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.experiments.reading import Metric
    from headroom_analysis.report.plots.plot import Plot

_MU, _SIGMA = "\N{GREEK SMALL LETTER MU}", "\N{GREEK SMALL LETTER SIGMA}"
_METHODS: Final = {
    "morris": (
        "Morris' elementary effects: each trajectory moves one parameter after the other by a part of its "
        f"range. The mean size of the effects, {_MU}*, ranks the parameters; a spread {_SIGMA} as large as "
        f"{_MU}* tells that what a parameter does depends on itself or on others."
    ),
    "sobol": (
        "Sobol's indices share out the metric's variance over all ranges: S1 is the part that a parameter "
        "explains alone, ST the part that would be gone if it were fixed; ST above S1 tells of parameters "
        "that act together."
    ),
}
_MOST_ROWS = 24


def sensitivity(document: Mapping[str, object]) -> list[Section]:
    """Return the sections of a sensitivity analysis; the first one's plots are the main ones."""
    found = mapping(document.get("sensitivity"))
    metric = metric_of(found)
    entries = rows(found.get("parameters"))
    scenario = document.get("scenario")
    labels = [label_of(scenario, text(row.get("path"))) for row in entries]
    labels = [
        label if labels.count(label) == 1 else text(row.get("path"))
        for label, row in zip(labels, entries, strict=True)
    ]
    method = text(found.get("method"))
    base = estimate(found.get("base"))
    tornado = _tornado(entries, labels, base, metric)
    indices = (_sobol if method == "sobol" else _morris)(entries, labels, metric)
    points = points_of(document)
    parameters = [
        Parameter(text(r.get("path")), label, [], log=False) for r, label in zip(entries, labels, strict=True)
    ]
    words = [f"What moves the {metric.label}, each parameter in its range. {_METHODS.get(method, '')}"]
    tables = [_table(entries, labels, metric, base)] if entries else []
    details = [("Every point", points_table(points, parameters, metrics_of(points)))] if points else []
    return [Section("ranking", "What matters", words, [*tornado, *indices], tables, details)]


def _tornado(
    entries: Sequence[Mapping[str, object]], labels: Sequence[str], base: Estimate, metric: Metric
) -> list[Plot]:
    swings = [
        bars.Swing(
            label,
            estimate(dig(row, "tornado", "low")),
            estimate(dig(row, "tornado", "high")),
            end_text(row.get("low")),
            end_text(row.get("high")),
        )
        for row, label in zip(entries, labels, strict=True)
    ]
    known = [swing for swing in swings if swing.low.value is not None or swing.high.value is not None]
    known.sort(key=lambda swing: -_reach(swing, base))
    if not known:
        return []
    heading = Heading(
        "tornado",
        f"{formatting.sentence(metric.label)} at both ends of each range",
        "all other parameters as they are",
    )
    return [bars.tornado(heading, known[:_MOST_ROWS], base.value, metric.kind)]


def _reach(swing: bars.Swing, base: Estimate) -> float:
    ends = [end for end in (swing.low.value, swing.high.value, base.value) if end is not None]
    return max(ends) - min(ends)


def end_text(value: object) -> str:
    """Return the end of a range, given as text or as a value."""
    return text(value) if isinstance(value, str) else value_of(value).text


def _morris(entries: Sequence[Mapping[str, object]], labels: Sequence[str], metric: Metric) -> list[Plot]:
    found = [
        bars.Effect(label, estimate(row.get("mu_star")), spread)
        for row, label in zip(entries, labels, strict=True)
        if (spread := number(row.get("sigma"))) is not None and estimate(row.get("mu_star")).value is not None
    ]
    if not found:
        return []
    heading = Heading(
        "morris", "Elementary effects", "far to the right: moves much; near the diagonal or above: unevenly"
    )
    return [bars.effects(heading, found[:_MOST_ROWS], metric.kind)]


def _sobol(entries: Sequence[Mapping[str, object]], labels: Sequence[str], _: Metric) -> list[Plot]:
    found = [
        bars.Group(label, [estimate(row.get("s1")), estimate(row.get("st"))])
        for row, label in zip(entries, labels, strict=True)
        if estimate(row.get("st")).value is not None or estimate(row.get("s1")).value is not None
    ]
    if not found:
        return []
    heading = Heading("sobol", "Shares of the variance", "whiskers: intervals")
    return [bars.groups(heading, ["S1, alone", "ST, with others"], found[:_MOST_ROWS], "number")]


def _table(
    entries: Sequence[Mapping[str, object]], labels: Sequence[str], metric: Metric, base: Estimate
) -> Table:
    table = Table(f"Parameters by how much they move the {metric.label}")
    table.texts("Parameter", list(labels))
    ranges = [f"{end_text(row.get('low'))} to {end_text(row.get('high'))}" for row in entries]
    table.add(Column("Range", numeric=False), [Cell(words) for words in ranges])
    scale = formatting.SCALES[metric.kind]([estimate(row.get("mu_star")).value for row in entries])
    for key, title in (
        ("mu_star", f"{_MU}*"),
        ("mu", _MU),
        ("sigma", _SIGMA),
    ):
        table.numbers(title, [estimate(row.get(key)) for row in entries], metric.kind, scale=scale)
    for key, title in (("s1", "S1"), ("st", "ST")):
        table.numbers(title, [estimate(row.get(key)) for row in entries], "number")
    ends = {end: [estimate(dig(row, "tornado", end)) for row in entries] for end in ("low", "high")}
    scale = formatting.SCALES[metric.kind]([value.value for values in ends.values() for value in values])
    table.numbers("At the low end", ends["low"], metric.kind, scale=scale)
    table.numbers("At the high end", ends["high"], metric.kind, scale=scale)
    table.numbers("As things are", [base] * len(entries), metric.kind, scale=scale)
    return table
