"""The tables of experiments: points, steps of a search, differences, and parameters by their rank."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from headroom.cli import units
from headroom.cli.looks import Column, bar, fitted, section
from headroom.result import Figure
from headroom_analysis.report.causes import cause_words
from headroom_analysis.report.experiments.answers import beyond_chance, other_names
from headroom_analysis.report.experiments.reading import (
    Metric,
    Point,
    judged_metric,
    label_of,
    limits_of,
    metric_of,
    parameters_of,
    points_of,
    value_of,
)
from headroom_analysis.report.values import NO_DATA, dig, estimate, mapping, number, rows, text, whole

SHOWN_POINTS = 40
SHOWN_DIFFERENCES = 16
SHOWN_CAUSES = 6
LONGEST_NAME = 22
_BAR = 16
_MORE = (
    Metric("latency.mean", "", "duration"),
    Metric("throughput", "", "rate"),
    Metric("error_ratio", "", "ratio"),
)
_MARKS = {"pass": Text("✔", "green"), "miss": Text("✘", "red")}


def precision(document: Mapping[str, Any]) -> Table:
    """How precisely each judged metric is known."""
    table = section("Precision", overflow="ellipsis")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("± half width", justify="right", no_wrap=True)
    wanted = number(dig(document, "asked", "precision"))
    found = points_of(document)
    for row in rows(dig(document, "replicate", "judged")):
        metric, width = metric_of(row), number(row.get("half_width"))
        value = found[0].figures.get(metric, NO_DATA).value if found else None
        wide = width is None or (wanted is not None and width > wanted)
        shown = Text("no interval" if width is None else units.percent(width), "yellow" if wide else "")
        table.add_row(metric.label, units.of_kind(value, metric.kind), shown)
    return table


def points(document: Mapping[str, Any], width: int) -> Table:
    """Every point of a sweep, or evenly chosen ones when there are many."""
    found = points_of(document)
    step = -(-len(found) // SHOWN_POINTS) or 1
    shown = found[::step]
    judged = judged_metric(found)
    varied = parameters_of(document)
    values = [
        [point.values[one.path].text if one.path in point.values else "" for point in shown] for one in varied
    ]
    columns = [
        *(Column(one.label, cells, "left") for one, cells in zip(varied[1:], values[1:], strict=True)),
        Column("", [_verdict(point.verdict, certain=point.certain) for point in shown], "left"),
        *_measured(shown, judged, spare=2),
        *(
            Column(one.short, _figures(shown, one), spare=place)
            for place, one in enumerate(_MORE, 3)
            if one != judged
        ),
        Column("busiest", [_busiest(point) for point in shown], spare=1),
    ]
    names = values[0] if values else [str(point.serial) for point in shown]
    table = fitted(varied[0].label if varied else "Points", names, columns, width)
    if len(shown) < len(found):
        said = f"{len(shown)} of {len(found):,} points; --output sweep.html, .parquet or .json has them all"
        table.caption, table.caption_justify = said, "left"
    return table


def _measured(shown: Sequence[Point], metric: Metric, spare: int) -> list[Column]:
    """A metric and its intervals."""
    figures = [Figure(*point.figures.get(metric, NO_DATA)) for point in shown]
    intervals = [units.interval_of_kind(figure, metric.kind) for figure in figures]
    return [
        Column(metric.short, _figures(shown, metric), style="bold"),
        Column("interval", intervals, "left", spare, "dim"),
    ]


def _figures(shown: Sequence[Point], metric: Metric) -> list[str]:
    return [units.of_kind(point.figures.get(metric, NO_DATA).value, metric.kind) for point in shown]


def _busiest(point: Point) -> str:
    uses = [server.utilisation.value or 0.0 for server in point.servers]
    return units.percent(max(uses)) if uses else units.NOTHING


def _verdict(verdict: str, *, certain: bool) -> Text:
    mark = _MARKS.get(verdict, Text(""))
    return mark if certain or not mark.plain else Text.assemble(mark, (" ?", "yellow"))


def steps(document: Mapping[str, Any], width: int) -> Table:
    """Everything that a search for a limit tried, in order of the value."""
    found = mapping(document.get("capacity"))
    tried = {point.serial: point for point in points_of(document)}
    order = sorted(rows(found.get("steps")), key=lambda row: number(dig(row, "value", "number")) or 0.0)
    order = [row for row in order if whole(row.get("point"), -1) in tried]
    shown = [tried[whole(row.get("point"))] for row in order]
    first, *others = [limit.metric for limit in limits_of(shown)] or [judged_metric(shown)]
    values = [value_of(row.get("value")) for row in order]
    names = {"answer": "answer", "today": "today", "next": "misses first"}
    notes = [
        ", ".join(words for key, words in names.items() if value_of(found.get(key)) == one) for one in values
    ]
    marks = [_verdict(text(row.get("verdict")), certain=row.get("certain") is True) for row in order]
    columns = [
        Column("", marks, "left"),
        *_measured(shown, first, spare=1),
        *(Column(one.short, _figures(shown, one), spare=place) for place, one in enumerate(others, 3)),
        Column("trials", [f"{whole(row.get('trials')):,}" for row in order], spare=2),
        Column("", notes, "left", style="bold"),
    ]
    what = label_of(document.get("scenario"), text(found.get("path")))
    return fitted(what, [value.text for value in values], columns, width)


def differences(document: Mapping[str, Any], width: int) -> Table:
    """The differences of all requests, and the largest beyond chance of parts."""
    entries = rows(dig(document, "comparison", "metrics"))
    of_all = [row for row in entries if not mapping(row.get("scope"))]
    of_parts = [row for row in entries if mapping(row.get("scope")) and beyond_chance(row)]
    of_parts.sort(key=lambda row: -abs(number(row.get("relative_difference")) or 0.0))
    shown = [*of_all, *of_parts][:SHOWN_DIFFERENCES]
    metrics = [metric_of(row) for row in shown]
    columns = [
        *_both(document, shown, [metric.kind for metric in metrics]),
        Column("change", [_signed(row) for row in shown]),
        Column("interval", [_relative_interval(row) for row in shown], "left", 2, "dim"),
        Column("sure", [Text("yes", "bold") if beyond_chance(row) else Text("no", "dim") for row in shown]),
        Column(
            "p (Holm)", [_probability(number(row.get("p_adjusted"))) for row in shown], spare=3, style="dim"
        ),
    ]
    table = fitted("Differences", [metric.short for metric in metrics], columns, width)
    left = len(entries) - len(shown)
    if left > 0:
        table.caption = f"and {left:,} more metrics of parts; --output compare.html has them all"
        table.caption_justify = "left"
    return table


def _both(
    document: Mapping[str, Any], found: Sequence[Mapping[str, object]], kinds: Sequence[str]
) -> list[Column]:
    """A column for each of the two scenarios."""
    return [
        Column(
            name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
            [
                units.of_kind(estimate(row.get(key)).value, kind)
                for row, kind in zip(found, kinds, strict=True)
            ],
        )
        for key, name in zip(("a", "b"), other_names(document), strict=True)
    ]


def _signed(row: Mapping[str, object]) -> Text:
    share = number(row.get("relative_difference"))
    words = units.NOTHING if share is None else f"{share * 100:+.1f} %"
    return Text(words, "bold" if beyond_chance(row) else "")


def _relative_interval(row: Mapping[str, object]) -> str:
    base = estimate(row.get("a")).value
    _, low, high = estimate(row.get("difference"))
    return (
        units.signed_interval(low / base, high / base)
        if base and low is not None and high is not None
        else ""
    )


def _probability(value: float | None) -> str:
    if value is None:
        return units.NOTHING
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"  # noqa: PLR2004 - the last digit shown


def anatomy(document: Mapping[str, Any], width: int) -> Table:
    """Where the slowest requests' time changed most."""
    found = mapping(dig(document, "anatomy", "p99"))
    parts = rows(found.get("parts"))[:SHOWN_CAUSES]
    names = [cause_words(text(part.get("cause")), text(part.get("server"))) for part in parts]
    listed = [*parts, mapping(found.get("total"))] if parts else []
    columns = [
        *_both(document, listed, ["duration"] * len(listed)),
        Column("change", [_change(part) for part in listed]),
    ]
    return fitted("The slowest 1 %", [*names, "all of it"][: len(listed)], columns, width)


def _change(part: Mapping[str, object]) -> str:
    change = estimate(part.get("difference")).value
    return f"{'+' if change and change > 0 else ''}{units.duration(change)}"


def parameters(document: Mapping[str, Any], width: int) -> Table:
    """The parameters, what moves the metric most first."""
    found = mapping(document.get("sensitivity"))
    metric = metric_of(found)
    sobol = found.get("method") == "sobol"
    ranked = rows(found.get("parameters"))
    titles = {"s1": "S1", "st": "ST"} if sobol else {"mu_star": "μ*", "sigma": "\N{GREEK SMALL LETTER SIGMA}"}
    figures = {key: [estimate(row.get(key)).value for row in ranked] for key in titles}
    sizes = [value or 0.0 for value in figures["st" if sobol else "mu_star"]]
    largest = max(sizes, default=0.0) or 1.0
    ends = [[_end(row.get(end)) for end in ("low", "high")] for row in ranked]
    reached = [[estimate(dig(row, "tornado", end)).value for end in ("low", "high")] for row in ranked]
    columns = [
        Column("range", [" … ".join(pair) for pair in ends], "left"),
        *(
            Column(
                title,
                [_index(value) if sobol else units.of_kind(value, metric.kind) for value in figures[key]],
            )
            for key, title in titles.items()
        ),
        Column("", [bar(size / largest, _BAR, "magenta") for size in sizes], "left", 2),
        Column(
            f"{metric.short} at its ends",
            [" → ".join(units.of_kind(end, metric.kind) for end in pair) for pair in reached],
            "left",
            1,
        ),
    ]
    names = [label_of(document.get("scenario"), text(row.get("path"))) for row in ranked]
    return fitted("Parameters by rank", names, columns, width)


def _index(value: float | None) -> str:
    return units.NOTHING if value is None else f"{value:.3f}"


def _end(value: object) -> str:
    return text(value) if isinstance(value, str) else value_of(value).text
