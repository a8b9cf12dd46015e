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
from headroom_common.event_manager.clock import Clock
from headroom_common.event_manager.handling import Handling, Proceed
from headroom_common.event_manager.states import Trouble
from headroom_common.event_manager.subscriptions import Handlers
from headroom_common.service.status import Status

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of handling times, in seconds."""

AGES: Final = (0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Upper bounds of the buckets of ages, in seconds."""

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
        clock: time.
    """

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        self._seconds = Histogram(
            "headroom_event_handling_seconds",
            "Time from taking an event in hand to its verdict, in seconds; outputs are confirmed by then.",
            ["event_type", "verdict"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._age = Histogram(
            "headroom_event_age_seconds",
            "Time from the making of an event to its being taken in hand, in seconds; of clocks that agree.",
            ["event_type"],
            buckets=AGES,
            registry=registry,
        )
        self._simulated = Counter(
            "headroom_simulated_requests",
            "Requests whose simulation ended in events handled here; what is handled again counts again.",
            registry=registry,
        )
        ProcessCollector(registry=registry)

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event and note how long it took, and how old it was."""
        loop = asyncio.get_running_loop()
        began, taken = loop.time(), self._clock.now()
        await proceed(handling)
        event_type = handling.subscribed.contract.event_type
        self._seconds.labels(event_type, handling.verdict_name).observe(loop.time() - began)
        if handling.envelope is not None:
            age = (taken - handling.envelope.time).total_seconds()
            self._age.labels(event_type).observe(max(0.0, age))

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


class StatusCollector(Collector):
    """Reads the counters and the state of an instance whenever metrics are asked for.

    Args:
        status: what the instance tells of itself.
    """

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Return all metrics."""
        manager = self._status.manager
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
        yield from self._condition(manager)
        build = InfoMetricFamily("headroom_build", "What runs here.")
        build.add_metric([], {"service": manager.service, "version": manager.version})
        yield build

    def _condition(self, manager: EventManager) -> Iterator[Metric]:
        """Return how the instance is."""
        yield GaugeMetricFamily(
            "headroom_service_ready", "1 while the instance can do its work.", value=float(self._status.ready)
        )
        state = GaugeMetricFamily(
            "headroom_service_state", "1 for the state of the service, 0 for the others.", labels=["state"]
        )
        for each in ServiceState:
            state.add_metric([each.value], float(each is manager.state))
        yield state
        trouble = GaugeMetricFamily(
            "headroom_service_trouble", "1 for what is wrong now, 0 for what is not.", labels=["trouble"]
        )
        for kind in Trouble:
            trouble.add_metric([kind.value], float(kind in manager.troubles))
        yield trouble
