"""Which service sends which event to whom: drawn from the registry of contracts."""

from __future__ import annotations

from diagrams.palette import CONTROL, DATA, MUTED, SERVICE, header, node, text
from headroom_common.contracts.registry import CONTRACTS, Contract

FROM_MANY = 3
"""An event with more producers or consumers is listed in a note: arrows from or to everywhere say nothing."""
OUTSIDE = "gateway"


def node_name(value: str) -> str:
    """Return an identifier that DOT takes without quotes."""
    return value.replace("-", "_").replace(".", "_")


def split_type(contract: Contract) -> tuple[str, str]:
    """Return an event's short name and its version: ``run.requested`` and ``v1``."""
    parts = contract.event_type.removeprefix("headroom.").rsplit(".", 1)
    return parts[0], parts[1]


def service_line(service: str) -> str:
    """Return the node of a service; the gateway stands outside the ring."""
    if service == OUTSIDE:
        below = text("HTTP: users, programs,\nthe command line", size=10, colour=MUTED)
        label = f"{text(service, bold=True, size=15)}<br/>{below}"
        return node(node_name(service), label, SERVICE, margin="0.2,0.14")
    label = text(service, bold=True, size=15)
    return node(node_name(service), label, SERVICE, margin="0.28,0.2", group="ring")


def event_line(contract: Contract) -> str:
    """Return the node of an event, coloured by how its body travels."""
    name, version = split_type(contract)
    label = f"{text(name, size=12)} {text(version, size=9, colour=MUTED)}"
    colours = DATA if contract.kind == "data" else CONTROL
    return node(
        node_name(contract.event_type), label, colours, style="filled", margin="0.12,0.05", height="0.3"
    )


def arrow_lines(contract: Contract, services: list[str]) -> list[str]:
    """Return the arrows from producers to the event and on to its consumers, the way ahead kept straight."""
    colour = (DATA if contract.kind == "data" else CONTROL)[1]
    event = node_name(contract.event_type)
    last = max(services.index(name) for name in contract.producers)
    onward = all(services.index(name) == last + 1 for name in contract.consumers)
    look = f'color="{colour}", weight={9 if onward else 1}'
    into = [f"  {node_name(name)} -> {event} [{look}, arrowhead=none]" for name in contract.producers]
    return into + [f"  {event} -> {node_name(name)} [{look}]" for name in contract.consumers]


def legend(contracts: list[Contract]) -> str:
    """Return what the colours mean, and the events that have no arrows, as a table for the graph's label."""
    rows = [
        (DATA[0], "data event", "columns: NumPy arrays in one process, Arrow on a wire"),
        (CONTROL[0], "control event", "a small JSON body"),
    ]
    for contract in contracts:
        name, version = split_type(contract)
        rows.append((CONTROL[0], f"{name} {version}", f"{contract.summary} From {many(contract.producers)}."))
    cells = "".join(
        f'<tr><td align="left" bgcolor="{fill}">{text(name, size=11)}</td>'
        f'<td align="left">{text(meaning, size=11, colour=MUTED)}</td></tr>'
        for fill, name, meaning in rows
    )
    return f'<table border="0" cellborder="0" cellspacing="4" cellpadding="3">{cells}</table>'


def many(names: tuple[str, ...]) -> str:
    """Return a list of services in words, short when it is all of them."""
    services = {name for contract in CONTRACTS.values() for name in contract.producers}
    if set(names) == services:
        return "every service"
    return "every service of the ring" if set(names) == services - {OUTSIDE} else ", ".join(names)


def source() -> str:
    """Return the DOT source."""
    drawn = [c for c in CONTRACTS.values() if max(len(c.producers), len(c.consumers)) <= FROM_MANY]
    noted = [c for c in CONTRACTS.values() if c not in drawn]
    services = list(dict.fromkeys(name for c in drawn for name in (*c.producers, *c.consumers)))
    lines = header("event_flow", "Who sends which event to whom", rankdir="TB", below=legend(noted))
    lines += ["  graph [nodesep=0.45, ranksep=0.32]"]
    lines += [service_line(service) for service in services]
    for contract in drawn:
        lines += [event_line(contract), *arrow_lines(contract, services)]
    return "\n".join([*lines, "}"]) + "\n"
