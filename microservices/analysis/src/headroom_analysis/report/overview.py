"""The upper half of the page: facts, key figures, objectives, latency, outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report import formatting, resources, verdict
from headroom_analysis.report.grid import SHOWN_ROWS, Cell, Column, Table, tone_of
from headroom_analysis.report.plots import latency as plots
from headroom_analysis.report.values import (
    Estimate,
    dig,
    estimate,
    mapping,
    number,
    rows,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headroom_analysis.report.plots.canvas import Sheet

_OUTCOMES = {
    "ok": "Answered (ok)",
    "dropped": "Lost on a link (dropped)",
    "refused": "Server down (refused)",
    "shed": "Turned away by a limit (shed)",
    "timed_out": "Too late for the client (timed out)",
}
_QUANTITIES = {
    "mean": "mean",
    "sd": "sd",
    "min": "min",
    "p50": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "p999": "p99.9",
    "max": "max",
}


class Card(NamedTuple):
    """A key figure: its name, its value, the ends of its interval, and the tone of the value."""

    title: str
    value: str
    interval: str
    tone: str = ""


def partial(result: Mapping[str, object]) -> str:
    """Return how much of its run a partial result holds, in words; empty for a complete one."""
    requested = whole(dig(result, "partial", "trials_requested"))
    if not requested:
        return ""
    return f"{whole(result.get('trials'), 1):,} of {formatting.plural(requested, 'trial')}"


def facts(result: Mapping[str, object]) -> list[str]:
    """Return what was run, in a few words each."""
    warmup = number(result.get("warmup"))
    requests = number(dig(result, "requests", "total"))
    found = [
        partial(result) or formatting.plural(whole(result.get("trials"), 1), "trial"),
        f"{formatting.span(number(result.get('horizon')))} each",
        f"{formatting.span(warmup)} warm-up left out" if warmup else "",
        formatting.plural(int(requests), "request") if requests is not None else "",
        f"seed {result['seed']}" if isinstance(result.get("seed"), int) else "",
    ]
    return [fact for fact in found if fact]


def _card(title: str, value: Estimate, kind: str, tone: str = "") -> Card:
    return Card(
        title,
        formatting.single(value.value, kind),
        formatting.interval(value.low, value.high, value.value, kind),
        tone,
    )


def cards(result: Mapping[str, object]) -> list[Card]:
    """Return the key figures, those without any data left out except the latency's."""
    latency = mapping(result.get("latency"))
    found = [_card(f"{key} latency", estimate(latency.get(key)), "duration") for key in ("p50", "p95", "p99")]
    more = [
        ("throughput", estimate(result.get("throughput")), "rate", ""),
        ("arrival rate", estimate(result.get("arrival_rate")), "rate", ""),
        ("error ratio", estimate(result.get("error_ratio")), "ratio", ""),
    ]
    first = next(iter(resources.ranked(result)), None)
    if first is not None:
        tone = tone_of(first.use)
        more.append(
            (f"{first.label} of {first.server}", first.measured, "ratio", "" if tone == "calm" else tone)
        )
    return found + [_card(*entry) for entry in more if entry[1].value is not None]


def objectives(result: Mapping[str, object]) -> Table | None:
    """Return the table of objectives, None without any."""
    found = verdict.objectives_of(result)
    if not found:
        return None
    table = Table("Objectives", headed=True)
    table.texts(
        "Objective",
        [
            f"{o.words} ({o.scope})" if o.scope and o.scope.split()[-1] not in o.words else o.words
            for o in found
        ],
    )
    table.add(
        Column("Verdict", numeric=False),
        [
            Cell(
                "met" if o.met else "no data" if o.met is None else "missed",
                tone="good" if o.met else "bad",
                swatch="verdict",
            )
            for o in found
        ],
    )
    table.add(Column("Measured"), [Cell(formatting.single(o.value.value, o.kind)) for o in found])
    if any(o.value.has_interval for o in found):
        ends = [
            formatting.interval(o.value.low, o.value.high, o.value.value, o.kind) or formatting.NONE
            for o in found
        ]
        table.add(Column("Interval"), [Cell(end) for end in ends])
    table.add(
        Column("Limit"),
        [
            Cell(
                f"{'at least' if o.above else 'below'} {formatting.single(o.threshold, o.kind)}"
                if o.threshold is not None
                else formatting.NONE
            )
            for o in found
        ],
    )
    margins = [formatting.NONE if o.margin is None else _signed(o.margin) for o in found]
    table.add(Column("Margin"), [Cell(margin) for margin in margins])
    table.add(Column("Certain", numeric=False), [Cell("yes" if o.certain else "not yet") for o in found])
    return table


def _signed(share: float) -> str:
    sign = formatting.MINUS if share < 0.0 else "+"
    return f"{sign}{formatting.percent(abs(share))}"


def latency_table(result: Mapping[str, object]) -> Table:
    """Return the latency of all requests, and of each workload and endpoint where there are several."""
    groups = [("all requests", result.get("latency"))]
    for key, noun in (("workloads", "workload"), ("endpoints", "endpoint")):
        found = rows(result.get(key))
        groups += [(f"{noun} {text(row.get('name'))}", row.get("latency")) for row in found if len(found) > 1]
    table = Table("Latency of answered requests", left_out=max(len(groups) - SHOWN_ROWS, 0))
    groups = groups[:SHOWN_ROWS]
    table.texts("Requests", [name for name, _ in groups])
    estimates = {key: [estimate(mapping(values).get(key)) for _, values in groups] for key in _QUANTITIES}
    scale = formatting.duration_scale([value.value for values in estimates.values() for value in values])
    for key, title in _QUANTITIES.items():
        table.numbers(title, estimates[key], "duration", scale=scale)
    return table


def traffic_table(result: Mapping[str, object]) -> Table | None:
    """Return throughput and errors of each workload and endpoint; None when there is one of each."""
    groups = [
        (f"{noun} {text(row.get('name'))}", row)
        for key, noun in (("workloads", "workload"), ("endpoints", "endpoint"))
        for row in rows(result.get(key))
        if len(rows(result.get(key))) > 1
    ]
    if not groups:
        return None
    table = Table("Throughput and errors by workload and endpoint", left_out=max(len(groups) - SHOWN_ROWS, 0))
    groups = groups[:SHOWN_ROWS]
    table.texts("Requests", [name for name, _ in groups])
    table.numbers("Arrivals", [estimate(row.get("arrival_rate")) for _, row in groups], "rate")
    table.numbers("Throughput", [estimate(row.get("throughput")) for _, row in groups], "rate")
    table.numbers("Error ratio", [estimate(row.get("error_ratio")) for _, row in groups], "ratio")
    return table


def outcomes(result: Mapping[str, object]) -> Table | None:
    """Return how the requests ended, None when the document does not say."""
    counts = {key: estimate(value) for key, value in mapping(result.get("outcomes")).items()}
    if not any(count.value is not None for count in counts.values()):
        return None
    total = sum(count.value or 0.0 for count in counts.values())
    shares = [Estimate((count.value or 0.0) / total if total else None) for count in counts.values()]
    table = Table("How the requests ended")
    table.texts("Outcome", [_OUTCOMES.get(key, text(key)) for key in counts])
    table.numbers("Requests per trial", list(counts.values()), "count")
    table.numbers("Share", shares, "ratio")
    return table


class Distribution(NamedTuple):
    """The latency plots, with the table of the histogram's bars; the plots are empty without data.

    ``cut`` tells that the histogram starts after the fastest requests, ``limited`` that limits are drawn.
    """

    histogram: str
    percentiles: str
    bars: Table | None
    cut: bool
    limited: bool


def distribution(result: Mapping[str, object], sheet: Sheet) -> Distribution:
    """Draw the latency distribution of all trials' answered requests."""
    latency = mapping(result.get("latency"))
    bars = _bars(latency.get("histogram"))
    percentiles = {key: estimate(latency.get(key)) for key in plots.PERCENTILES}
    limits = {
        key: o.threshold
        for o in verdict.objectives_of(result)
        if (key := o.metric.removeprefix("latency.")) in percentiles
        and not o.scope
        and not o.above
        and o.threshold is not None
        and o.threshold > 0.0
    }
    known = any(value.value is not None for value in percentiles.values())
    shown = plots.joined(plots.without_fastest(bars))
    return Distribution(
        plots.histogram(sheet, shown, percentiles, limits) if bars else "",
        plots.percentile_curve(sheet, bars, percentiles, limits) if known else "",
        _bar_table(plots.joined(bars)) if bars else None,
        bool(bars) and shown[0].low > bars[0].low,
        bool(limits),
    )


def _bars(value: object) -> list[plots.Bar]:
    found = []
    for row in rows(value):
        low, high, count = number(row.get("low")), number(row.get("high")), whole(row.get("count"))
        if low is not None and high is not None and high > low >= 0.0 and count > 0:
            found.append(plots.Bar(low, high, count))
    return sorted(found)


def _bar_table(bars: list[plots.Bar]) -> Table:
    total = sum(bar.requests for bar in bars)
    scale = formatting.duration_scale([bar.low for bar in bars])
    table = Table("Requests by latency, all trials")
    table.numbers("From", [Estimate(bar.low) for bar in bars], "duration", scale=scale)
    table.numbers("to below", [Estimate(bar.high) for bar in bars], "duration", scale=scale)
    table.numbers("Requests", [Estimate(float(bar.requests)) for bar in bars], "count")
    table.numbers("Share", [Estimate(bar.requests / total) for bar in bars], "ratio")
    return table
