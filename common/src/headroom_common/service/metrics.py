"""The metrics of a service, for Prometheus: what its event manager did, how long it took, how it is."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from inspect import iscoroutinefunction
from typing import Any, Final, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from headroom_common.contracts.event import AsyncHandler, Event, Handler, Outgoing
from headroom_common.contracts.events import RequestsCompleted, ServiceState
from headroom_common.event_manager import EventManager
from headroom_common.event_manager.handling import Handling, Proceed
from headroom_common.event_manager.subscriptions import Handlers

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of handling times, in seconds."""

_COUNTED: Final[Mapping[str, str]] = {
    "received": "Deliveries taken in hand.",
    "handled": "Events handled, with their outputs confirmed.",
    "duplicates": "Copies dropped because the event had been handled.",
    "unwanted": "Events dropped because their run is cancelled.",
    "retried": "Events put off to a later attempt.",
    "dead_lettered": "Events given up.",
    "refused": "Publishes and settlements that the broker did not take at once.",
}
"""Counters of the event manager and what they count."""


# When a counter began is no question that anyone asks here, and it doubles the series.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own gap


class Metrics:
    """Measures the handling of events: a middleware of the event manager, and a wrapper of handlers.

    Args:
        registry: where the metrics are kept.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "headroom_event_handling_seconds",
            "Time from taking an event in hand to its verdict, in seconds; outputs are confirmed by then.",
            ["event_type", "verdict"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._simulated = Counter(
            "headroom_simulated_requests",
            "Requests whose simulation ended in events handled here; what is handled again counts again.",
            registry=registry,
        )
        ProcessCollector(registry=registry)

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event and note how long it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await proceed(handling)
        labels = handling.subscribed.contract.event_type, handling.verdict_name
        self._seconds.labels(*labels).observe(loop.time() - began)

    def counting(self, handlers: Handlers) -> Handlers:
        """Return the handlers, with the requests counted whose simulation ends in their outputs."""
        return {body: self._counting(handler) for body, handler in handlers.items()}

    def _counting(self, handler: Handler[Any] | AsyncHandler[Any]) -> Handler[Any] | AsyncHandler[Any]:
        if iscoroutinefunction(handler):
            return handler  # Who waits for others simulates nothing.
        computing = cast("Handler[Any]", handler)

        def handle(event: Event[Any]) -> Iterable[Outgoing]:
            outputs = list(computing(event))
            ended = sum(map(_ended_requests, outputs))
            if ended:
                self._simulated.inc(ended)
            return outputs

        return handle


def _ended_requests(output: Outgoing) -> int:
    if not isinstance(output.body, RequestsCompleted):
        return 0
    return len(output.body.tables["requests"]["id"])


class ManagerCollector(Collector):
    """Reads the counters and the state of an event manager whenever metrics are asked for.

    Args:
        manager: the event manager.
    """

    def __init__(self, manager: EventManager) -> None:
        self._manager = manager

    def collect(self) -> Iterator[Metric]:
        """Return all metrics."""
        manager = self._manager
        for name, meaning in _COUNTED.items():
            count = getattr(manager.counters, name)
            yield CounterMetricFamily(f"headroom_events_{name}", meaning, value=count)
        published = CounterMetricFamily(
            "headroom_events_published", "Events confirmed by the broker.", labels=["event_type"]
        )
        for event_type, count in manager.counters.published_by_type.items():
            published.add_metric([event_type], count)
        yield published
        yield GaugeMetricFamily("headroom_events_in_hand", "Events being handled.", value=manager.in_hand)
        state = GaugeMetricFamily(
            "headroom_service_state", "1 for the state of the service, 0 for the others.", labels=["state"]
        )
        for each in ServiceState:
            state.add_metric([each.value], float(each is manager.state))
        yield state
        build = InfoMetricFamily("headroom_build", "What runs here.")
        build.add_metric([], {"service": manager.service, "version": manager.version})
        yield build
