"""The table of servers: how full each one is, and what it is short of."""

from typing import TYPE_CHECKING, Any, cast

from rich.table import Table
from rich.text import Text

from headroom.cli import units
from headroom.cli.looks import bar, section
from headroom.result import Figure, Result, Server

if TYPE_CHECKING:
    from rich.console import JustifyMethod

ROWS = 16
WIDE = 100
_BUSY, _FULL = 0.75, 0.9
_RESOURCES = {"cpu": "cores", "memory": "memory", "pool": "pool"}


def servers_table(result: Result, width: int) -> Table:
    """Saturation per server; the fullest `ROWS` when there are more, in the scenario's order.

    Columns that would say nothing of any server are left out.
    """
    wide = width >= WIDE
    chosen = _fullest(list(result.servers.values()))
    table = section("Servers", overflow="ellipsis", max_width=28 if wide else 18)
    columns = [
        ("cores busy", "left", [_cores(one.utilisation.value, 16 if wide else 10) for one in chosen]),
        ("memory peak" if wide else "memory", "right", [_memory(one) for one in chosen]),
        ("fullest pool" if wide else "pool", "left", [_pool(one) for one in chosen]),
        ("in system", "right", [_number(one.document["in_system"]) for one in chosen]),
        ("longest wait", "left", [_longest_wait(one) for one in chosen] if wide else []),
        ("short of", "left", [_shortage(one) for one in chosen]),
    ]
    kept = [column for column in columns if any(cell.plain for cell in column[2])]
    for title, justify, _ in kept:
        table.add_column(title, justify=cast("JustifyMethod", justify), no_wrap=True, overflow="ellipsis")
    for row, one in enumerate(chosen):
        table.add_row(_name(one), *(cells[row] for _, _, cells in kept))
    hidden = len(result.servers) - len(chosen)
    if hidden:
        table.caption = f"and {hidden} more that are less full; --output result.json has them all"
        table.caption_justify = "left"
    return table


def _fullest(servers: list[Server]) -> list[Server]:
    """The `ROWS` fullest servers, saturated ones before all others, put back in their order."""
    order = sorted(
        range(len(servers)), key=lambda row: (not servers[row].saturated, -_fullness(servers[row]))
    )
    return [servers[row] for row in sorted(order[:ROWS])]


def _fullness(server: Server) -> float:
    """The utilisation of the server's fullest resource."""
    pools = [pool["utilisation"]["value"] or 0.0 for pool in server.document["queues"]["pools"]]
    return max([server.utilisation.value or 0.0, *pools])


def _name(server: Server) -> Text:
    """The name, with the number of replicas when there are several."""
    return Text(server.name) if server.replicas == 1 else Text(f"{server.name} ×{server.replicas}")  # noqa: RUF001 - the sign for "times" is meant


def level_style(share: float) -> str:
    """The colour of a resource used to this share of its capacity."""
    if share >= _FULL:
        return "red"
    return "yellow" if share >= _BUSY else "green"


def _cores(utilisation: float | None, width: int) -> Text:
    """A bar and a percentage of busy core time."""
    share = utilisation or 0.0
    style = level_style(share)
    return Text.assemble(bar(share, width, style), f" {units.percent(utilisation):>7}")


def _memory(server: Server) -> Text:
    """The peak of reserved memory as a share of the capacity."""
    memory: dict[str, Any] | None = server.document["memory"]
    if memory is None or memory["peak"]["value"] is None:
        return Text("")
    peak = memory["peak"]["value"]
    if not memory["capacity"]:
        return Text(units.size(peak))
    share = peak / memory["capacity"]
    return Text(units.percent(share), level_style(share) if share >= _FULL else "")


def _pool(server: Server) -> Text:
    """The pool with the highest utilisation."""
    pools = server.document["queues"]["pools"]
    if not pools:
        return Text("")
    fullest = max(pools, key=lambda pool: pool["utilisation"]["value"] or 0.0)
    share = fullest["utilisation"]["value"]
    style = level_style(share) if share is not None and share >= _BUSY else ""
    return Text(f"{fullest['name']} {units.percent(share)}", style)


def _number(document: dict[str, float | None]) -> Text:
    """A mean number of requests."""
    value = Figure.of(document).value
    return Text(units.NOTHING if value is None else units.significant(value))


def _longest_wait(server: Server) -> Text:
    """The resource for which requests wait longest on average, and how long."""
    queues = server.document["queues"]
    waits = [("a core", queues["cpu"]), ("memory", queues["memory"])]
    waits += [(f"pool {pool['name']}", pool) for pool in queues["pools"]]
    known = [(queue["wait_mean"]["value"] or 0.0, name) for name, queue in waits if queue is not None]
    seconds, name = max(known, key=lambda pair: pair[0])
    return Text(f"{units.duration(seconds)} for {name}" if seconds > 0 else "")


def _shortage(server: Server) -> Text:
    """What the server is saturated in."""
    if not server.saturated:
        return Text("")
    if server.bottleneck is None:
        return Text("overloaded", "bold red")
    kind, _, name = server.bottleneck.partition(":")
    return Text(f"{_RESOURCES.get(kind, kind)} {name}".strip(), "bold red")
