"""The result of a run as one screen of text: the verdict first, then what led to it."""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from headroom.cli import units
from headroom.cli.looks import bar, heading, section
from headroom.cli.servers import servers_table
from headroom.result import Cause, Figure, Objective, Result

WIDEST = 120
GAP = 4
MISSED_SHOWN = 3
CAUSES_SHOWN = 6
SMALLEST_SHARE = 0.005
BAR = 24
_QUANTITIES = {
    "mean": "mean",
    "p50": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "p999": "p99.9",
    "max": "max",
}
_OUTCOMES = {
    "ok": "ok",
    "dropped": "dropped (link loss)",
    "refused": "refused (server down)",
    "shed": "shed (limits)",
    "timed_out": "timed out",
}
_CAUSES = {
    "memory_wait": "waiting for memory",
    "cpu_wait": "waiting for a core",
    "cpu_run": "running on a core",
    "io": "I/O",
}


def print_summary(console: Console, result: Result) -> None:
    """Print `result` on `console`, at most `WIDEST` columns wide."""
    width = min(console.width, WIDEST)
    console.print(Group(*summary(console, result, width)), width=width)


def summary(console: Console, result: Result, width: int) -> Iterator[RenderableType]:
    """The parts of the page, in order, laid out for `width` columns."""
    yield from _verdict(result)
    yield Text()
    if result.objectives:
        yield _objectives(result)
        yield Text()
    yield from _side_by_side(console, width, _latency(result), _outcomes(result))
    yield Text()
    yield servers_table(result, width)
    yield from _anatomy(result)
    yield from _remarks(result)


def _side_by_side(console: Console, width: int, left: Table, right: Table) -> Iterator[RenderableType]:
    """Two tables beside each other, or below each other where the terminal is too narrow."""
    needed = sum(Measurement.get(console, console.options, table).maximum for table in (left, right))
    if needed + GAP <= width:
        grid = Table.grid(padding=(0, GAP))
        grid.add_row(left, right)
        yield grid
    else:
        yield left
        yield Text()
        yield right


def _verdict(result: Result) -> Iterator[Text]:
    """The verdict in a line, and what was run in another."""
    missed = [one.text for one in result.objectives if not one.met]
    count = len(result.objectives)
    name = Text(result.name, "bold")
    match result.verdict:
        case "pass":
            said = "the objective is met" if count == 1 else f"all {count} objectives are met"
            yield Text.assemble(("✔ PASS", "bold green"), "  ", name, f": {said}")
        case "miss":
            which = "the objective is" if count == 1 else f"{len(missed)} of {count} objectives"
            more = f" and {len(missed) - MISSED_SHOWN} more" if len(missed) > MISSED_SHOWN else ""
            said = f"{which} missed: {', '.join(missed[:MISSED_SHOWN])}{more}"
            yield Text.assemble(("✘ MISS", "bold red"), "  ", name, f": {said}")
        case _:
            yield Text.assemble(("● DONE", "bold"), "  ", name, ": no objectives to judge it by")
    if result.trials < result.trials_requested:
        counted = f"{result.trials} of {result.trials_requested} trials"
        yield Text.assemble(("◐ PARTIAL", "bold yellow"), f"  {counted}: the run was cancelled")
    document = result.document
    warmup = document["warmup"]
    left_out = f", the first {units.clock(warmup)} left out" if warmup else ""
    trials = "1 trial" if result.trials == 1 else f"{result.trials} trials"
    horizon = (
        units.clock(document["horizon"]) if document["horizon"] >= 1 else units.duration(document["horizon"])
    )
    yield Text(
        f"{trials} of {horizon}{left_out} · {result.requests:,} requests · seed {result.seed}",
        "dim",
    )


def _interval_heading(result: Result) -> str:
    """What the column of intervals is called."""
    return f"{result.document['confidence'] * 100:g} % interval" if result.trials > 1 else ""


def _objectives(result: Result) -> Table:
    """Each objective with what was measured."""
    table = section("Objectives")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column(_interval_heading(result), no_wrap=True)
    table.add_column("")
    for one, document in zip(result.objectives, result.document["objectives"], strict=True):
        mark = Text("✔", "green") if one.met else Text("✘", "red")
        value, interval = measured(document["metric"], one.value)
        table.add_row(
            Text.assemble(mark, " ", one.text),
            value,
            Text(interval, "dim"),
            Text(_certainty(one, result.trials), "yellow"),
        )
    return table


def _certainty(objective: Objective, trials: int) -> str:
    """A word of caution when the interval does not settle the objective."""
    if objective.value.value is None:
        return "nothing to measure"
    return "" if objective.certain or trials == 1 else "not certain"


def measured(metric: str, figure: Figure) -> tuple[str, str]:
    """A measured value and its interval, in the unit of the metric."""
    if metric.startswith("latency"):
        return units.duration(figure.value), units.duration_interval(figure)
    if metric == "throughput":
        return units.rate(figure.value), units.plain_interval(figure)
    return units.percent(figure.value), units.percent_interval(figure)


def _latency(result: Result) -> Table:
    """Latency by quantity, with intervals."""
    table = section("Latency", overflow="ellipsis")
    table.add_column("", justify="right", no_wrap=True, min_width=8)
    table.add_column(_interval_heading(result), no_wrap=True)
    for quantity, label in _QUANTITIES.items():
        figure = result.latency[quantity]
        strong = "bold" if quantity == "p99" else ""
        table.add_row(
            Text(label, strong),
            Text(units.duration(figure.value), strong),
            Text(units.duration_interval(figure), "dim"),
        )
    return table


def _outcomes(result: Result) -> Table:
    """How requests ended, per trial, and the rates."""
    table = section("Outcomes per trial", overflow="ellipsis")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    total = sum(figure.value or 0.0 for figure in result.outcomes.values())
    for outcome, figure in result.outcomes.items():
        if outcome != "ok" and not figure.value:
            continue
        share = figure.value / total if figure.value is not None and total else None
        style = "" if outcome == "ok" else "yellow"
        label = Text(_OUTCOMES.get(outcome, outcome), style)
        table.add_row(label, units.whole(figure.value), units.percent(share))
    table.add_row("errors in all", "", units.percent(result.error_ratio.value), style="dim")
    table.add_row("throughput", units.rate(result.throughput.value), "")
    table.add_row("arrivals", units.rate(Figure.of(result.document["arrival_rate"]).value), "", style="dim")
    return table


def _anatomy(result: Result) -> Iterator[RenderableType]:
    """What made the slowest hundredth slow; nothing when no request ended well."""
    causes = [one for one in result.anatomy("p99") if one.share > 0]
    if not causes:
        return
    shown = [one for one in causes if one.share >= SMALLEST_SHARE][:CAUSES_SHOWN]
    total = units.duration(result.document["anatomy"]["p99"]["total"])
    yield Text()
    yield heading(f"What made the p99: where the slowest requests spent their {total}")
    table = section("")
    table.show_header = False
    table.add_column("", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    for cause in shown:
        table.add_row(
            cause_in_words(cause),
            bar(cause.share, BAR, "magenta"),
            units.share(cause.share),
            units.duration(cause.seconds.value),
        )
    rest = 1 - sum(one.share for one in shown)
    if rest >= SMALLEST_SHARE / 10:
        table.add_row("everything else", "", units.share(rest), "", style="dim")
    yield table


def cause_in_words(cause: Cause) -> str:
    """`pool_wait:db` on app becomes `app: waiting for pool db`."""
    kind, _, name = cause.cause.partition(":")
    words = {"link": f"link {name}", "pool_wait": f"waiting for pool {name}"}.get(kind) or _CAUSES.get(
        kind, kind
    )
    return words if cause.server is None else f"{cause.server}: {words}"


def _remarks(result: Result) -> Iterator[RenderableType]:
    """What a careful reader must know before believing the numbers."""
    remarks = list(remarks_on(result))
    if remarks:
        yield Text()
    for remark in remarks:
        yield Text.assemble(("! ", "bold yellow"), remark)


def remarks_on(result: Result) -> Sequence[str]:
    """The cautions that a result calls for, as sentences."""
    remarks = []
    if result.trials == 1:
        remarks.append("One trial gives no intervals; run with -n 10 to see how far the figures scatter.")
    unsure = [one.text for one in result.objectives if not one.certain and one.value.value is not None]
    if unsure and result.trials > 1:
        more = f"{', '.join(unsure)}: the interval reaches across the threshold"
        remarks.append(f"{more}; more trials (-n {result.trials * 4}) would tell.")
    if result.document["checks"]["littles_law_residual"] != 0:
        remarks.append(
            "Little's law does not hold exactly in this run: please report it as a fault of Headroom."
        )
    if result.latency["p99"].value is None:
        remarks.append("No request ended well after the warm-up, so there is no latency to show.")
    return remarks
