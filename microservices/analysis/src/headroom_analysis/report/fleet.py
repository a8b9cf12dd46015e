"""Servers and links: the table of utilisation, queues and memory, and the small panels over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report import formatting, resources
from headroom_analysis.report.grid import SHOWN_ROWS, Cell, Column, Table
from headroom_analysis.report.plots import timeline
from headroom_analysis.report.values import (
    Estimate,
    dig,
    estimate,
    mapping,
    number,
    rows,
    series,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.plots.canvas import Sheet

SHOWN_PANELS = 12


class Panel(NamedTuple):
    """A small plot with its title and its most important number."""

    title: str
    peak: str
    svg: str


class Strip(NamedTuple):
    """The panels of one server or link."""

    name: str
    panels: list[Panel]


class Fleet(NamedTuple):
    """Everything about the servers; ``left_out`` servers have no panels."""

    table: Table | None
    memory: Table | None
    pools: Table | None
    replicas: Table | None
    strips: list[Strip]
    left_out: int


def _ranked(result: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the servers, the fullest first, in file order among equals."""
    return sorted(
        rows(result.get("servers")),
        key=lambda row: -max((r.use for r in resources.resources_of(row)), default=0.0),
    )


def fleet(result: Mapping[str, object], sheet: Sheet, frame: timeline.Frame | None) -> Fleet:
    """Build the tables and draw the panels of the servers."""
    ranked = _ranked(result)
    if not ranked:
        return Fleet(None, None, None, None, [], 0)
    strips, left_out = _strips(result, ranked, sheet, frame)
    return Fleet(_table(ranked), _memory(ranked), _pools(ranked), _replicas(ranked), strips, left_out)


def _table(ranked: list[Mapping[str, object]]) -> Table:
    table = Table("Servers, the fullest first", left_out=max(len(ranked) - SHOWN_ROWS, 0))
    shown = ranked[:SHOWN_ROWS]
    many = [whole(row.get("replicas"), 1) for row in shown]
    cores = [whole(row.get("cores"), 1) for row in shown]
    names = [
        Cell(text(row.get("name")), f"{count:,} {formatting.TIMES} {formatting.plural(core, 'core')}")
        for row, count, core in zip(shown, many, cores, strict=True)
    ]
    table.add(Column("Server", numeric=False), names)
    table.add(Column("Saturated", numeric=False), [_bottleneck(row) for row in shown])
    table.numbers("CPU", [estimate(row.get("utilisation")) for row in shown], "ratio", bars=True)
    if any(count > 1 for count in many):
        table.numbers(
            "Fullest replica", [estimate(row.get("utilisation_max_replica")) for row in shown], "ratio"
        )
    table.numbers("Ready queue", [estimate(dig(row, "queues", "cpu", "mean")) for row in shown], "number")
    table.numbers("at most", [estimate(dig(row, "queues", "cpu", "peak")) for row in shown], "count")
    table.numbers("CPU wait", [estimate(dig(row, "queues", "cpu", "wait_mean")) for row in shown], "duration")
    table.numbers("In system", [estimate(row.get("in_system")) for row in shown], "number")
    table.numbers("Arrivals", [estimate(row.get("arrival_rate")) for row in shown], "rate")
    table.numbers("p99", [estimate(dig(row, "latency", "p99")) for row in shown], "duration")
    for key in ("refused", "shed"):
        counts = [estimate(row.get(key)) for row in shown]
        if any(count.value for count in counts):
            table.numbers(key.capitalize(), counts, "count")
    return table


def _bottleneck(row: Mapping[str, object]) -> Cell:
    kind = text(row.get("bottleneck"))
    words = {"cpu": "CPU", "": formatting.NONE}.get(kind, kind.replace(":", " "))
    if row.get("saturated") is True:
        return Cell(words if kind else "yes", tone="bad", swatch="verdict")
    return Cell("no", tone="muted")


def _memory(ranked: list[Mapping[str, object]]) -> Table | None:
    found = [row for row in ranked if mapping(row.get("memory"))]
    if not found:
        return None
    table = Table("Memory", left_out=max(len(found) - SHOWN_ROWS, 0))
    found = found[:SHOWN_ROWS]
    table.texts("Server", [text(row.get("name")) for row in found])
    scale = formatting.bytes_scale([estimate(dig(row, "memory", "peak")).value for row in found])
    for key, title in (("capacity", "Capacity"), ("mean", "In use, mean"), ("peak", "at most")):
        table.numbers(title, [estimate(dig(row, "memory", key)) for row in found], "bytes", scale=scale)
    table.numbers("In use", [resources.memory_use(row) for row in found], "ratio", bars=True)
    table.numbers(
        "Waiting for it", [estimate(dig(row, "queues", "memory", "mean")) for row in found], "number"
    )
    table.numbers("at most", [estimate(dig(row, "queues", "memory", "peak")) for row in found], "count")
    table.numbers("Wait", [estimate(dig(row, "queues", "memory", "wait_mean")) for row in found], "duration")
    return table


def _pools(ranked: list[Mapping[str, object]]) -> Table | None:
    found = [(text(row.get("name")), pool) for row in ranked for pool in rows(dig(row, "queues", "pools"))]
    if not found:
        return None
    table = Table("Pools", left_out=max(len(found) - SHOWN_ROWS, 0))
    found = found[:SHOWN_ROWS]
    table.texts("Pool", [f"{name} {formatting.DASH} {text(pool.get('name'))}" for name, pool in found])
    table.numbers("Size", [estimate(pool.get("size")) for _, pool in found], "count")
    table.numbers("In use", [estimate(pool.get("utilisation")) for _, pool in found], "ratio", bars=True)
    table.numbers("Waiting", [estimate(pool.get("mean")) for _, pool in found], "number")
    table.numbers("at most", [estimate(pool.get("peak")) for _, pool in found], "count")
    table.numbers("Wait", [estimate(pool.get("wait_mean")) for _, pool in found], "duration")
    return table


def _replicas(ranked: list[Mapping[str, object]]) -> Table | None:
    found = [
        (f"{text(row.get('name'))} {whole(replica.get('index'), index)}", replica)
        for row in ranked
        if whole(row.get("replicas"), 1) > 1
        for index, replica in enumerate(rows(row.get("per_replica")))
    ]
    if not found:
        return None
    table = Table("Replicas", left_out=max(len(found) - 2 * SHOWN_ROWS, 0))
    found = found[: 2 * SHOWN_ROWS]
    table.texts("Replica", [name for name, _ in found])
    table.numbers("CPU", [estimate(replica.get("utilisation")) for _, replica in found], "ratio", bars=True)
    table.numbers("In system", [estimate(replica.get("in_system")) for _, replica in found], "number")
    table.numbers("Arrivals", [estimate(replica.get("arrival_rate")) for _, replica in found], "rate")
    return table


def _strips(
    result: Mapping[str, object],
    ranked: Sequence[Mapping[str, object]],
    sheet: Sheet,
    frame: timeline.Frame | None,
) -> tuple[list[Strip], int]:
    sampled = rows(dig(result, "series", "servers"))
    if frame is None or not sampled:
        return [], 0
    by_name = {text(row.get("name")): (rank, row) for rank, row in enumerate(ranked)}

    def rank(index: int) -> tuple[int, int]:
        return by_name.get(text(sampled[index].get("name")), (len(by_name), None))[0], index

    chosen = sorted(range(len(sampled)), key=rank)[:SHOWN_PANELS]
    described = []
    ceilings: dict[tuple[str, str], float] = {}
    for index in chosen:
        entry = sampled[index]
        name = text(entry.get("name"))
        server = by_name.get(name, (0, {}))[1]
        lines = _lines(entry, server, f"s{index}")
        described.append((name, _title(entry, server), lines))
        for title, line in lines:
            peak = max((value for value in line.values if value is not None), default=0.0)
            ceilings[name, title] = max(peak, ceilings.get((name, title), 0.0))
    strips = [
        Strip(
            heading,
            [
                _panel(sheet, frame, line._replace(ceiling=ceilings[name, title]), title)
                for title, line in lines
            ],
        )
        for name, heading, lines in described
    ]
    return strips, len(sampled) - len(chosen)


def _title(entry: Mapping[str, object], server: Mapping[str, object]) -> str:
    replica, replicas = number(entry.get("replica")), whole(server.get("replicas"), 1)
    name = text(entry.get("name"))
    if replicas <= 1:
        return name
    return f"{name}, {replicas:,} replicas together" if replica is None else f"{name}, replica {int(replica)}"


def _lines(
    entry: Mapping[str, object], server: Mapping[str, object], prefix: str
) -> list[tuple[str, timeline.Line]]:
    """Return the panels of one sampled server: title and line; what is never used has none."""
    many = 1 if number(entry.get("replica")) is not None else whole(server.get("replicas"), 1)
    cores, memory = number(server.get("cores")), number(dig(server, "memory", "capacity"))
    wanted: list[tuple[str, str, str, object, float | None]] = [
        ("Ready queue", "count", "vermillion", entry.get("ready"), None),
        ("Busy cores", "number", "green", entry.get("busy"), cores),
        ("In I/O", "number", "blue", entry.get("io"), None),
        ("Memory in use", "bytes", "purple", entry.get("memory"), memory),
    ]
    sizes = {
        text(pool.get("name")): number(pool.get("size")) for pool in rows(dig(server, "queues", "pools"))
    }
    wanted += [
        (f"Pool {text(name)} in use", "number", "orange", values, sizes.get(text(name)))
        for name, values in mapping(entry.get("pools")).items()
    ]
    found = []
    for index, (title, kind, role, values, limit) in enumerate(wanted):
        points = series(values)
        if any(points) or (points and title in {"Ready queue", "Busy cores"}):
            whole_limit = None if limit is None else limit * many
            found.append((title, timeline.Line(f"{prefix}-{index}", title, kind, role, points, whole_limit)))
    return found


def _panel(sheet: Sheet, frame: timeline.Frame, line: timeline.Line, title: str) -> Panel:
    peak = max((value for value in line.values if value is not None), default=None)
    svg = timeline.plot(sheet, frame, line, timeline.PANEL)
    return Panel(title, f"max {formatting.single(peak, line.kind)}", svg)


class Links(NamedTuple):
    """The links' table and panels; ``left_out`` links have no panel."""

    table: Table | None
    panels: list[Panel]
    left_out: int


def links(result: Mapping[str, object], sheet: Sheet, frame: timeline.Frame | None) -> Links:
    """Build the table and draw the panels of the requests in transit on the links."""
    found = rows(result.get("links"))
    table = None
    if found:
        table = Table("Links", headed=True, left_out=max(len(found) - SHOWN_ROWS, 0))
        shown = found[:SHOWN_ROWS]
        table.texts("Link", [text(row.get("name")) for row in shown])
        means: list[Estimate] = [estimate(row.get("in_transit_mean")) for row in shown]
        table.numbers("In transit, mean", means, "number")
        table.numbers("at most", [estimate(row.get("in_transit_peak")) for row in shown], "count")
    sampled = rows(dig(result, "series", "links"))
    if frame is None:
        return Links(table, [], 0)
    panels = [
        _panel(
            sheet,
            frame,
            timeline.Line(f"l{index}", "Requests in transit", "number", "sky", points),
            text(row.get("name")),
        )
        for index, row in enumerate(sampled[:SHOWN_PANELS])
        if (points := series(row.get("in_transit")))
    ]
    return Links(table, panels, max(len(sampled) - SHOWN_PANELS, 0))
