"""How sure an experiment is: trials and precision of every point, and what was left out at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_analysis.report import formatting
from headroom_analysis.report.experiments.tables import Section, shown
from headroom_analysis.report.grid import Cell, Column, Table
from headroom_analysis.report.values import Estimate, dig, number, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.experiments.reading import Point

_RULE = (
    "{rule} found that in a pilot of {trials} per point: of all cuts it takes the one after which the mean "
    "number of requests in the servers is known best."
)


def certainty(document: Mapping[str, object], points: Sequence[Point]) -> Section:
    """Return the section that every page of an experiment has."""
    words = [_trials(document, points), _precision(document, points), *_warm_up(points)]
    table = _table(points)
    many = len(points) > 1
    return Section(
        "certainty",
        "How sure this is",
        [sentence for sentence in words if sentence],
        tables=[] if many else [table],
        details=[("Trials and warm-up of every point", table)] if many else [],
    )


def _trials(document: Mapping[str, object], points: Sequence[Point]) -> str:
    counts = [point.trials for point in points] or [whole(document.get("trials"), 1)]
    total = formatting.plural(sum(counts), "trial")
    if len(counts) == 1:
        return f"The point was simulated in {total}."
    each = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
    same = "all met the same random numbers, so differences between them are due to what was varied"
    return f"{formatting.plural(len(counts), 'point')} of {each} trials each, {total} in all; {same}."


def _precision(document: Mapping[str, object], points: Sequence[Point]) -> str:
    wanted = number(dig(document, "asked", "precision"))
    most = whole(dig(document, "asked", "most_trials"))
    level = formatting.trimmed(100.0 * (number(document.get("confidence")) or 0.95))
    if wanted is None:
        return f"Intervals are at {level}%; no precision was asked for, so trials are as many as asked for."
    reached = sum(point.precise is True for point in points)
    target = f"within {formatting.percent(wanted)} of what is judged"
    if reached == len(points):
        return f"Trials were added until the half widths of the {level}% intervals were {target}."
    limit = f" with at most {most:,} trials" if most else ""
    counted = f"{reached:,} of {formatting.plural(len(points), 'point')}"
    return f"{counted} reached half widths {target}{limit}; take the others with care."


def _warm_up(points: Sequence[Point]) -> list[str]:
    cuts = [point.cut for point in points if point.cut is not None]
    left = [point.warmup for point in points if point.warmup is not None]
    if not left:
        return []
    ends = (min(left), max(left))
    span = (
        formatting.span(ends[0])
        if ends[0] == ends[1]
        else f"{formatting.span(ends[0])} to {formatting.span(ends[1])}"
    )
    if not cuts:
        return [
            f"The first {span} of every trial, the scenario's warm-up, enter no figure."
            if ends[1]
            else "No warm-up was left out."
        ]
    said = (
        f"The first {span} of every trial enter no figure. "
        if ends[1]
        else "Nothing had to be left out at the start. "
    )
    said += _RULE.format(
        rule=cuts[0].rule or "A rule", trials=formatting.plural(cuts[0].pilot_trials, "trial")
    )
    unsettled = sum(not cut.settled for cut in cuts)
    if unsettled:
        which = "It" if len(cuts) == 1 else f"{unsettled:,} of {len(cuts):,} points"
        return [
            said,
            f"{which} did not settle within the horizon: it is too short, or there is no steady state.",
        ]
    return [said]


def _table(points: Sequence[Point]) -> Table:
    kept = shown(points)
    table = Table("Trials and warm-up", left_out=len(points) - len(kept))
    table.texts("Point", [point.words for point in kept])
    table.add(Column("Trials"), [Cell(f"{point.trials:,}") for point in kept])
    if any(point.precise is not None for point in kept):
        words = {True: "reached", False: "not reached", None: formatting.NONE}
        table.add(Column("Precision", numeric=False), [Cell(words[point.precise]) for point in kept])
    table.numbers("Left out", [Estimate(point.warmup) for point in kept], "duration")
    if any(point.cut is not None for point in kept):
        rules = [point.cut.rule if point.cut else "scenario" for point in kept]
        table.texts("By", rules)
        settled = ["" if point.cut is None else "yes" if point.cut.settled else "no" for point in kept]
        table.texts("Settled", settled)
    return table
