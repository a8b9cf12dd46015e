"""The page of a comparison: which differences are beyond chance, and where the time went in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headroom_analysis.report import formatting
from headroom_analysis.report.causes import cause_words
from headroom_analysis.report.experiments.answers import beyond_chance, other_names
from headroom_analysis.report.experiments.reading import metric_of, points_of
from headroom_analysis.report.experiments.tables import Section, points_table
from headroom_analysis.report.grid import SHOWN_ROWS, Cell, Column, Table
from headroom_analysis.report.plots import bars
from headroom_analysis.report.plots.curves import Heading
from headroom_analysis.report.values import Estimate, dig, estimate, mapping, number, rows, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.experiments.reading import Metric
    from headroom_analysis.report.plots.plot import Plot

_MOST_ROWS: Final = 24
_MOST_CAUSES: Final = 10
_GROUPS = {"p99": "The slowest 1%", "mean": "All requests"}
_LEAST_P = 0.0001
_BEYOND: Final = Column("Beyond chance", numeric=False)


def compare(document: Mapping[str, object]) -> list[Section]:
    """Return the sections of a comparison; the first one's plots are the main ones."""
    found = mapping(document.get("comparison"))
    names = other_names(document)
    entries = rows(found.get("metrics"))
    sections = [
        Section(
            "differences",
            "Differences",
            [_how(found, names)],
            _forest(entries, names),
            [_table(entries, names)] if entries else [],
            [("Both scenarios", points_table(points_of(document), [], _known(document)))],
        )
    ]
    anatomy = _anatomy(document, names)
    if anatomy.tables:
        sections.append(anatomy)
    changed = rows(found.get("scenario_differences"))
    if changed:
        sections.append(
            Section(
                "changed",
                "What was changed",
                tables=[_changed(changed, names, whole(found.get("more_differences")))],
            )
        )
    return sections


def _known(document: Mapping[str, object]) -> list[Metric]:
    return list(dict.fromkeys(metric for point in points_of(document) for metric in point.figures))


def _how(found: Mapping[str, object], names: tuple[str, str]) -> str:
    level = formatting.trimmed(100.0 * (number(found.get("confidence")) or 0.95))
    told = f"Differences are {names[1]} less {names[0]}, with their {level}% intervals."
    if found.get("paired") is not True:
        return told
    pairs = formatting.plural(whole(found.get("pairs")), "pair")
    return (
        f"{told} Both met the same random numbers in {pairs} of trials, so what chance they share "
        f"cancels out. A difference is called beyond chance when it is so for all metrics together (Holm)."
    )


def _relative(row: Mapping[str, object]) -> Estimate:
    base = estimate(row.get("a")).value
    difference = estimate(row.get("difference"))
    if not base:
        return Estimate(None)
    return Estimate(
        number(row.get("relative_difference")),
        *(None if end is None else end / base for end in difference[1:]),
    )


def _forest(entries: Sequence[Mapping[str, object]], names: tuple[str, str]) -> list[Plot]:
    found = [bars.Difference(metric_of(row).short, _relative(row), beyond_chance(row)) for row in entries]
    known = [row for row in found if row.share.value is not None]
    if not known:
        return []
    whole_run, members = (
        [
            r
            for r, e in zip(found, entries, strict=True)
            if r.share.value is not None and bool(mapping(e.get("scope"))) is part
        ]
        for part in (False, True)
    )
    plots = []
    if whole_run:
        plots.append(
            bars.forest(
                Heading("forest-all", "Differences of all requests", f"{names[1]} against {names[0]}"),
                whole_run[:_MOST_ROWS],
            )
        )
    if members:
        plots.append(
            bars.forest(
                Heading(
                    "forest-members", "Differences by part", "of workloads, endpoints, servers and links"
                ),
                _largest(members),
            )
        )
    return plots


def _largest(differences: Sequence[bars.Difference]) -> list[bars.Difference]:
    """Return those beyond chance, then those that may be chance, the largest first; not more than fit."""
    order = sorted(differences, key=lambda one: (not one.significant, -abs(one.share.value or 0.0)))
    return order[:_MOST_ROWS]


def _table(entries: Sequence[Mapping[str, object]], names: tuple[str, str]) -> Table:
    table = Table("Every difference")
    table.texts("Metric", [metric_of(row).label for row in entries])
    for key, title in (("a", names[0]), ("b", names[1]), ("difference", "Difference")):
        table.add(Column(title), [_figure(estimate(row.get(key)), metric_of(row).kind) for row in entries])
    relative = [_relative(row) for row in entries]
    table.add(Column("Relative"), [_signed_share(share) for share in relative])
    table.add(_BEYOND, [_answer(beyond_chance(row)) for row in entries])
    if any(number(row.get("p_adjusted")) is not None for row in entries):
        table.add(Column("p (Holm)"), [Cell(_probability(number(row.get("p_adjusted")))) for row in entries])
    costs = [number(row.get("unpaired_trials")) for row in entries]
    if any(cost is not None for cost in costs):
        table.add(
            Column("Unpaired trials"),
            [Cell(formatting.NONE if cost is None else f"{cost:,.0f}") for cost in costs],
        )
    return table


def _answer(yes: bool) -> Cell:  # noqa: FBT001 - the answer itself
    return Cell("yes") if yes else Cell("no", tone="muted")


def _figure(value: Estimate, kind: str) -> Cell:
    if value.value is None:
        return Cell(formatting.NONE)
    ends = formatting.interval(value.low, value.high, value.value, kind)
    if formatting.MINUS in ends:
        ends = ends.replace(f" {formatting.DASH} ", " to ")
    return Cell(formatting.single(value.value, kind), ends)


def _signed_share(share: Estimate) -> Cell:
    if share.value is None:
        return Cell(formatting.NONE)

    def signed(value: float) -> str:
        words = formatting.percent(abs(value))
        sign = "" if words == "0.0%" else "+" if value > 0 else formatting.MINUS
        return f"{sign}{words}"

    ends = (
        f"{signed(share.low)} to {signed(share.high)}"
        if share.low is not None and share.high is not None
        else ""
    )
    return Cell(signed(share.value), ends)


def _probability(value: float | None) -> str:
    if value is None:
        return formatting.NONE
    return f"<{formatting.NBSP}{_LEAST_P}" if value < _LEAST_P else f"{value:.4f}"


def _anatomy(document: Mapping[str, object], names: tuple[str, str]) -> Section:
    plots, tables = [], []
    for group, title in _GROUPS.items():
        found = mapping(dig(document, "anatomy", group))
        parts = rows(found.get("parts"))
        if not parts:
            continue
        words = [cause_words(text(part.get("cause")), text(part.get("server"))) for part in parts]
        pairs = [[estimate(part.get(key)) for key in ("a", "b")] for part in parts]
        drawn = [bars.Group(*pair) for pair in zip(words[:_MOST_CAUSES], pairs, strict=False)]
        plots.append(
            bars.groups(
                Heading(f"anatomy-{group}", title, "time per request by cause, the largest change first"),
                names,
                drawn,
                "duration",
            )
        )
        tables.append(_causes(title, found, words, names))
    return Section("anatomy", "Where the time goes", [], plots, tables)


def _causes(title: str, found: Mapping[str, object], words: Sequence[str], names: tuple[str, str]) -> Table:
    parts = rows(found.get("parts"))
    listed = [*parts[:SHOWN_ROWS], mapping(found.get("total"))]
    table = Table(f"{title}: time per request by cause", left_out=max(0, len(parts) - SHOWN_ROWS), foot=True)
    table.texts("Cause", [*words[:SHOWN_ROWS], "Latency"])
    for key, heading in (("a", names[0]), ("b", names[1]), ("difference", "Difference")):
        table.add(Column(heading), [_figure(estimate(row.get(key)), "duration") for row in listed])
    table.add(_BEYOND, [_answer(row.get("significant") is True) for row in listed])
    return table


def _changed(changed: Sequence[Mapping[str, object]], names: tuple[str, str], more: int) -> Table:
    table = Table("Differences of the scenarios", headed=True, left_out=more)
    table.texts("Place", [text(row.get("path")) for row in changed])
    for key, title in (("a", names[0]), ("b", names[1])):
        table.texts(title, [_shown(row.get(key)) for row in changed])
    return table


def _shown(value: object) -> str:
    if value is None:
        return formatting.NONE
    return text(value if isinstance(value, str) else str(value))
