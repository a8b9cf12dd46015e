"""Puts a service and its settings together: transport, inbox, event manager, metrics, traces, HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from headroom_common.event_manager import EventManager, WorkerPool
from headroom_common.event_manager.cancellations import heed_cancellations
from headroom_common.event_manager.clock import Clock, SystemClock
from headroom_common.event_manager.inbox import Inbox, MemoryInbox
from headroom_common.event_manager.subscriptions import answer_polls, subscribing
from headroom_common.service.app import create_app
from headroom_common.service.definition import Service
from headroom_common.service.metrics import Metrics, StatusCollector
from headroom_common.service.settings import ServiceSettings
from headroom_common.service.status import Status
from headroom_common.service.threads import in_thread
from headroom_common.transports.opening import open_transport
from headroom_common.transports.port import Transport

ALONE: Final = "handled events are remembered in this process alone, for HEADROOM_REDIS_URL is not set"
"""What a service says of itself that shares its inbox with nobody."""

Closer = Callable[[], Awaitable[None]]
"""Closes something that was opened."""


@dataclass(frozen=True)
class Composition:
    """All parts of one instance.

    Attributes:
        manager: its event manager, subscribed and not yet started.
        workers: the threads of its handlers.
        status: what it tells of itself.
        app: its HTTP interface.
        closers: what has to be closed once the event manager has stopped, by what it is.
    """

    manager: EventManager
    workers: WorkerPool
    status: Status
    app: FastAPI
    closers: dict[str, Closer]


def compose(
    service: Service,
    settings: ServiceSettings,
    *,
    transport: Transport | None = None,
    inbox: Inbox | None = None,
    clock: Clock | None = None,
) -> Composition:
    """Return all parts of one instance; nothing is connected yet.

    Args:
        service: the service.
        settings: its settings.
        transport: a connection of its own; None opens the one that the settings say.
        inbox: its inbox; None opens the one that the settings say.
        clock: time; None takes the machine's.
    """
    clock = clock or SystemClock()
    closers: dict[str, Closer] = {}
    workers = WorkerPool(settings.threads)
    manager = EventManager(
        service=service.name,
        instance=settings.instance,
        version=service.version,
        transport=transport or open_transport(settings.broker, name=f"{service.name}/{settings.instance}"),
        inbox=inbox or _inbox(service, settings, clock, closers),
        settings=settings.event_manager,
        clock=clock,
        workers=workers,
    )
    if inbox is None and settings.redis_url is None:
        manager.remark(ALONE)
    registry = CollectorRegistry()
    metrics = Metrics(registry, clock)
    manager.use(metrics)
    if settings.otlp_endpoint is not None:
        _trace(manager, settings.otlp_endpoint, clock, closers)
    subscribing(metrics.counting(service.handlers))(manager)
    service.subscribe(manager)
    answer_polls(manager)
    heed_cancellations(manager)
    status = Status(manager, settings, service.bearable)
    for collector in (StatusCollector(status), *service.collectors):
        registry.register(collector)
    return Composition(manager, workers, status, create_app(service, status, registry), closers)


def _inbox(service: Service, settings: ServiceSettings, clock: Clock, closers: dict[str, Closer]) -> Inbox:
    if settings.redis_url is None:
        return MemoryInbox()
    from headroom_common.event_manager.redis_inbox import RedisInbox  # noqa: PLC0415 - brings much along

    inbox = RedisInbox.open(
        settings.redis_url.get_secret_value(),
        service=service.name,
        expiry=settings.inbox_expiry,
        timeout=settings.redis_timeout,
        pause=settings.redis_pause,
        clock=clock,
    )
    closers["inbox"] = inbox.close
    return inbox


def _trace(manager: EventManager, endpoint: str, clock: Clock, closers: dict[str, Closer]) -> None:
    from headroom_common.service.tracing import open_tracing  # noqa: PLC0415 - dear, and off by default

    tracing = open_tracing(
        endpoint,
        service=manager.service,
        instance=manager.instance,
        version=manager.version,
        clock=clock,
    )
    manager.use(tracing)
    closers["traces"] = lambda: in_thread(tracing.close)
