"""What is declared at RabbitMQ for one service: drawn from the transport's names and the contracts."""

from __future__ import annotations

from typing import Final

from diagrams.palette import CONTROL, DATA, MUTED, PLANNED, SERVICE, SHARED, header, node, text
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.transports.port import Queue
from headroom_common.transports.rabbitmq_topology import (
    DEAD_LETTERS,
    DUE,
    EVENTS,
    RETRIES,
    UNROUTED,
    dead_letter_queue,
    delay_queue,
    retry_queue,
)
from headroom_common.transports.settings import BrokerSettings

TAKES: Final = "headroom.requests.completed.v1"
"""The event of the example."""

INSTANCE: Final = "<instance>"


def exchange(key: str, name: str, kind: str) -> str:
    """Return the node of an exchange."""
    label = f"{text(name, bold=True)}<br/>{text(f'{kind} exchange', size=10, colour=MUTED)}"
    return node(key, label, SHARED, shape="hexagon", style="filled", margin="0.1,0.1")


def queue(key: str, name: str, words: str, colours: tuple[str, str]) -> str:
    """Return the node of a queue."""
    return node(
        key,
        f"{text(name)}<br/>{text(words, size=10, colour=MUTED)}",
        colours,
        style="filled",
        margin="0.15,0.09",
    )


def arrow(start: str, end: str, words: str, look: str = "") -> str:
    """Return an arrow with its words, a little beside it."""
    return f"  {start} -> {end} [label=<&#160;&#160;{text(words)}>{', ' + look if look else ''}]"


def queues(consumer: str) -> list[str]:
    """Return the nodes of the queues that one service has for the example's event."""
    settings = BrokerSettings()
    work, private = Queue(consumer, TAKES), Queue(consumer, TAKES, INSTANCE)
    full, kept = (
        f"at most {settings.queue_limit:,} messages",
        f"at most {settings.dead_letter_limit:,} messages",
    )
    nodes = [
        queue("work", work.name, f"work queue: {full}, then refuses", DATA),
        queue("private", private.name, f"private queue: {full}, then forgets the oldest", PLANNED),
        queue("letters", dead_letter_queue(consumer), f"dead letters: {kept}", CONTROL),
        queue("unrouted", UNROUTED, f"unroutable ones: {kept}", CONTROL),
    ]
    waits = [delay_queue(consumer, delay) for delay in settings.retry_delays]
    rows = "<br/>".join(text(name) for name in waits)
    words = text("delay queues: messages expire after that time", size=10, colour=MUTED)
    return [
        *nodes,
        node("waiting", f"{rows}<br/>{words}", DATA, style="filled", margin="0.15,0.09"),
        queue("again", retry_queue(work), "whose wait is over: never full", DATA),
    ]


def source() -> str:
    """Return the DOT source."""
    contract = CONTRACTS[TAKES]
    producer, consumer = contract.producers[0], contract.consumers[0]
    settings = BrokerSettings()
    note = text(
        "Everything is durable, every queue a quorum queue; publishes are confirmed.", size=11, colour=MUTED
    )
    lines = header(
        "broker_topology",
        f"At the broker: {contract.event_type} on its way to {consumer}",
        rankdir="TB",
        below=note,
    )
    lines += [
        "  graph [nodesep=0.7, ranksep=0.62]",
        node("producer", text(producer, bold=True, size=15), SERVICE, margin="0.28,0.2"),
        node("consumers", text(f"{consumer}, all instances", bold=True, size=15), SERVICE, margin="0.28,0.2"),
        node(
            "one",
            text(f"{consumer}, one instance", bold=True, size=13),
            PLANNED,
            style="rounded,filled,dashed",
        ),
        node(
            "operator",
            text("headroom dead-letters", bold=True, size=13),
            PLANNED,
            style="rounded,filled,dashed",
        ),
        exchange("events", EVENTS, "topic"),
        exchange("alternate", UNROUTED, "headers, alternate"),
        exchange("dead", DEAD_LETTERS, "direct"),
        exchange("retries", RETRIES, "topic"),
        exchange("due", DUE, "topic"),
        *queues(consumer),
        arrow("producer", "events", f"{TAKES}.<run>"),
        arrow(
            "work",
            "dead",
            f"delivered {settings.delivery_limit} times, never settled",
            "style=dashed",
        ),
        arrow("events", "work", f"{TAKES}.*", "weight=9, penwidth=2.2"),
        arrow("consumers", "again", "", "dir=back, tailport=w, headport=w"),
        arrow("events", "private", "<type>.* or\n<type>.<run>", "style=dashed"),
        arrow("events", "alternate", "no queue takes it", "style=dashed"),
        arrow("alternate", "unrouted", "only what must route", "style=dashed"),
        arrow("work", "consumers", "instances compete", "weight=9, penwidth=2.2"),
        arrow("private", "one", "copies of its own", "style=dashed"),
        arrow("consumers", "retries", "transient error:\npublished again, confirmed, then acknowledged"),
        arrow("retries", "waiting", "by service and delay"),
        arrow("waiting", "due", "expired"),
        arrow("due", "again", "by service and type"),
        arrow("consumers", "dead", "permanent error, or too many attempts"),
        arrow("dead", "letters", consumer),
        arrow("letters", "operator", "list, show, replay, purge", "style=dashed"),
        arrow("unrouted", "operator", "", "style=dashed"),
    ]
    return "\n".join([*lines, "}"]) + "\n"
