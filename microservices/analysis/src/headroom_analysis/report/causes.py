"""The latency anatomy: which wait made the mean, which made the tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.grid import SHOWN_ROWS, Cell, Column, Table
from headroom_analysis.report.plots import breakdown
from headroom_analysis.report.values import NO_DATA, Estimate, dig, estimate, number, rows, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headroom_analysis.report.plots.canvas import Sheet

_WORDS = {
    "link": "on link {}",
    "memory_wait": "waiting for memory",
    "pool_wait": "waiting for pool {}",
    "cpu_wait": "waiting for CPU",
    "cpu_run": "running on CPU",
    "io": "in I/O",
}
_ROLES = {
    "link": "sky",
    "memory_wait": "purple",
    "pool_wait": "orange",
    "cpu_wait": "vermillion",
    "cpu_run": "green",
    "io": "blue",
}
_STRENGTHS = (0.85, 0.6, 0.38)
_SHOWN_PARTS = 14
_HEADINGS = {"mean": "All requests", "p99": "The slowest 1%"}


class Cause(NamedTuple):
    """A cause at a place: its words, its colour, and its time per request by group (``mean``, ``p99``)."""

    words: str
    role: str
    strength: float
    seconds: dict[str, Estimate]
    shares: dict[str, float | None]

    @property
    def swatch(self) -> str:
        """The style-sheet class of its colour."""
        return f"{self.role}-{_STRENGTHS.index(self.strength)}"


def cause_words(cause: str, server: str) -> str:
    """Return a cause in words, with the server where the time went: ``waiting for CPU, app``."""
    kind, _, name = cause.partition(":")
    words = _WORDS.get(kind, cause.replace("_", " ")).format(name)
    return f"{words}, {server}" if server else words


class Anatomy(NamedTuple):
    """The plot for wide and for narrow screens, the legend, and the table; plots are empty without data."""

    wide: str
    narrow: str
    legend: list[Cause]
    table: Table | None


def _key(part: Mapping[str, object]) -> tuple[str, str]:
    return text(part.get("cause")), text(part.get("server"))


def causes_of(result: Mapping[str, object]) -> list[Cause]:
    """Return the causes of the mean and of the tail, in the order of a request's way."""
    parts = {
        group: {_key(part): part for part in rows(dig(result, "anatomy", group, "parts"))}
        for group in _HEADINGS
    }
    keys = list(dict.fromkeys(key for group in parts.values() for key in group))
    kinds = list(_WORDS)
    keys.sort(
        key=lambda key: kinds.index(kind) if (kind := key[0].partition(":")[0]) in kinds else len(kinds)
    )
    seen: dict[str, int] = {}
    found = []
    for cause, server in keys:
        kind = cause.partition(":")[0]
        order = seen[kind] = seen.get(kind, -1) + 1
        found.append(
            Cause(
                cause_words(cause, server),
                _ROLES.get(kind, "neutral"),
                _STRENGTHS[order % len(_STRENGTHS)],
                {group: estimate(dig(parts[group].get((cause, server)), "seconds")) for group in _HEADINGS},
                {group: number(dig(parts[group].get((cause, server)), "share")) for group in _HEADINGS},
            )
        )
    return [cause for cause in found if any(seconds.value for seconds in cause.seconds.values())]


def tail_sentence(result: Mapping[str, object]) -> str:
    """Say what the slowest requests spend most of their time on; empty without an anatomy of the tail."""
    parts = rows(dig(result, "anatomy", "p99", "parts"))
    largest = max(parts, key=lambda part: number(part.get("share")) or 0.0, default={})
    share = number(largest.get("share"))
    if not share:
        return ""
    kind, _, name = text(largest.get("cause")).partition(":")
    words, server = _WORDS.get(kind, kind.replace("_", " ")).format(name), text(largest.get("server"))
    where = f" at {server}" if server else ""
    return f"The slowest 1% of the requests spend {100.0 * share:.0f}% of their time {words}{where}."


def _gathered(causes: list[Cause]) -> list[Cause]:
    """Return the largest causes, in order, and the rest as one."""
    if len(causes) <= _SHOWN_PARTS:
        return causes

    def size(cause: Cause) -> float:
        return max(seconds.value or 0.0 for seconds in cause.seconds.values())

    least = sorted(map(size, causes), reverse=True)[_SHOWN_PARTS - 2]
    kept = [cause for cause in causes if size(cause) >= least][: _SHOWN_PARTS - 1]
    rest = [cause for cause in causes if cause not in kept]
    sums = {group: Estimate(sum(cause.seconds[group].value or 0.0 for cause in rest)) for group in _HEADINGS}
    return [*kept, Cause(f"{len(rest)} others", "neutral", _STRENGTHS[0], sums, dict.fromkeys(_HEADINGS))]


def anatomy(result: Mapping[str, object], sheet: Sheet) -> Anatomy:
    """Draw the anatomy and build its table."""
    causes = causes_of(result)
    if not causes:
        return Anatomy("", "", [], None)
    legend = _gathered(causes)
    stacks = [
        breakdown.Stack(
            heading,
            [breakdown.Part(max(c.seconds[group].value or 0.0, 0.0), c.role, c.strength) for c in legend],
        )
        for group, heading in _HEADINGS.items()
    ]
    stacks = [stack for stack in stacks if stack.total > 0.0]
    return Anatomy(
        breakdown.stacks(sheet, "anatomy-wide", stacks, breakdown.WIDE) if stacks else "",
        breakdown.stacks(sheet, "anatomy-narrow", stacks, breakdown.NARROW) if stacks else "",
        legend,
        _table(result, causes),
    )


def _table(result: Mapping[str, object], causes: list[Cause]) -> Table:
    by_tail = sorted(causes, key=lambda c: -(c.seconds["p99"].value or c.seconds["mean"].value or 0.0))
    shown = by_tail[:SHOWN_ROWS]
    table = Table("Time per request by cause, the tail's largest first", left_out=len(by_tail) - len(shown))
    table.texts(
        "Cause",
        [*(c.words for c in shown), "Latency"],
        swatches=[*(c.swatch for c in shown), ""],
    )
    scale = formatting.duration_scale([c.seconds["p99"].value or c.seconds["mean"].value for c in shown])
    percent = formatting.ratio_scale([])
    for group, title in (("mean", "All requests"), ("p99", "Slowest 1%")):
        total = number(dig(result, "anatomy", group, "total"))
        seconds = [c.seconds[group] for c in shown]
        if total is None and all(value == NO_DATA for value in seconds):
            continue
        table.numbers(title, [*seconds, Estimate(total)], "duration", scale=scale)
        shares = [c.shares[group] for c in shown]
        cells = [
            Cell(text_of, bar=share, tone="calm")
            for text_of, share in zip([formatting.fixed(s, percent, 1) for s in shares], shares, strict=True)
        ]
        table.add(Column("Share", "%"), [*cells, Cell("")])
    table.foot = True
    return table
