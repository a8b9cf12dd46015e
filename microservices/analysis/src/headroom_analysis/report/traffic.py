"""Throughput and errors over simulated time, with the faults that the scenario schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.grid import SHOWN_ROWS, Table
from headroom_analysis.report.plots import timeline
from headroom_analysis.report.values import Estimate, dig, mapping, number, rows, series, text
from headroom_common.scenario.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headroom_analysis.report.plots.canvas import Sheet

_FAULTS = {
    "server_down": "server down",
    "link_delay": "slower link",
    "link_loss": "lossy link",
    "server_slowdown": "slow server",
}


class Fault(NamedTuple):
    """A fault for the legend: the number in the plots, and what happens when."""

    mark: str
    words: str


class Traffic(NamedTuple):
    """The plots over time of the whole run, the legend of the faults, and the numbers.

    Both plots are empty without series, ``errors`` also when no request failed.
    """

    throughput: str
    errors: str
    faults: list[Fault]
    table: Table | None


def _seconds(value: object) -> float | None:
    try:
        return parse_duration(value) / 1e9
    except ValueError:
        return None


def _faults(result: Mapping[str, object], horizon: float) -> tuple[list[timeline.Span], list[Fault]]:
    spans: list[timeline.Span] = []
    legend: list[Fault] = []
    for row in rows(dig(result, "scenario", "spec", "faults")):
        start, end, length = (_seconds(row.get(key)) for key in ("start", "end", "duration"))
        if start is None or start >= horizon:
            continue
        end = end if end is not None else horizon if length is None else start + length
        kind = text(row.get("kind"))
        target = text(row.get("server")) or text(row.get("link"))
        replica = number(row.get("replica"))
        which = f" (replica {int(replica)})" if replica is not None else ""
        mark = str(len(spans) + 1)
        spans.append(timeline.Span(start, min(end, horizon), mark))
        when = f"{formatting.span(start)} {formatting.DASH} {formatting.span(end)}"
        legend.append(Fault(mark, f"{_FAULTS.get(kind, kind)}: {target}{which}, {when}"))
    return spans, legend


def frame_of(result: Mapping[str, object]) -> tuple[timeline.Frame | None, list[Fault]]:
    """Return the time axis of all plots with its faults, and their legend; no axis without samples."""
    times = [time for time in series(dig(result, "series", "times")) if time is not None]
    horizon = number(result.get("horizon")) or (times[-1] if times else 0.0)
    if len(times) < 2 or horizon <= 0.0:  # noqa: PLR2004 - a line has two ends
        return None, []
    spans, legend = _faults(result, horizon)
    return timeline.Frame(times, horizon, number(result.get("warmup")) or 0.0, spans), legend


def traffic(
    result: Mapping[str, object], sheet: Sheet, frame: timeline.Frame | None, faults: list[Fault]
) -> Traffic:
    """Draw throughput and errors over time."""
    found = mapping(result.get("series"))
    throughput, errors = series(found.get("throughput")), series(found.get("errors"))
    if frame is None or not throughput:
        return Traffic("", "", [], None)
    lines = [
        timeline.Line("throughput", "Requests answered per second", "rate", "blue", throughput),
        timeline.Line("errors", "Errors per second", "rate", "vermillion", errors),
    ]
    drawn = [timeline.plot(sheet, frame, lines[0], timeline.WIDE)]
    drawn.append(timeline.plot(sheet, frame, lines[1], timeline.WIDE) if any(errors) else "")
    return Traffic(drawn[0], drawn[1], faults, _table(frame, throughput, errors))


def _table(frame: timeline.Frame, throughput: list[float | None], errors: list[float | None]) -> Table:
    length = min(len(frame.times), len(throughput), len(errors) or len(throughput))
    step = -(-length // SHOWN_ROWS)
    shown = range(0, length, step)
    table = Table("Throughput and errors over time", left_out=length - len(shown))
    table.numbers(
        "Time", [Estimate(frame.times[i]) for i in shown], "duration", scale=formatting.Scale(1.0, "s")
    )
    table.numbers("Throughput", [Estimate(throughput[i]) for i in shown], "rate")
    table.numbers("Errors", [Estimate(errors[i]) for i in shown] if errors else [], "rate")
    return table
