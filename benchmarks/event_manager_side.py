"""The events with the event manager: everything that a service does around its handlers."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from benchmarks import event_models
from benchmarks.broker import QUEUE_LIMIT, URL, Meter
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import ArrivalsGenerated, RequestsRouted, TrialAnalysed
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.telemetry import configure
from headroom_common.transports.opening import open_transport
from headroom_common.transports.port import Message, Queue, Transport
from headroom_common.transports.settings import BrokerSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.sample import Sample
    from headroom_common.contracts.event import Handler
    from headroom_common.contracts.wire import Encoded

_POLL: Final = 0.01


def answer_control(event: Event[TrialAnalysed]) -> Iterable[Outgoing]:
    """Answer a control event."""
    yield Outgoing(event_models.progress(event.body))


def answer_data(event: Event[ArrivalsGenerated]) -> Iterable[Outgoing]:
    """Answer a data event."""
    tables = {"routed": event_models.routed(event.body.tables["arrivals"])}
    yield Outgoing(RequestsRouted(event.body.header, tables))


async def _measured(
    queues: tuple[Queue, Queue],
    handler: Handler[Any],
    body: type[Any],
    inputs: Iterator[Encoded],
    meter: Meter,
) -> Sample:
    """Fill the first queue, then consume it until it is empty; answers go to the second one."""
    configure(level="warning")  # JSON lines as in a service; changes of state would clutter the table
    settings = BrokerSettings(url=SecretStr(os.environ[URL]), queue_limit=QUEUE_LIMIT)
    before, after = queues
    feeder = open_transport(settings, name="feeder")
    await feeder.connect(lambda _connected, _reason: None)
    for queue in queues:
        await feeder.declare(queue)
    await _fill(feeder, before.event_type, inputs)
    workers = WorkerPool(1)
    manager = EventManager(
        service=before.service,
        instance="1",
        version="0",
        transport=open_transport(settings, name="measured"),
        inbox=MemoryInbox(),
        settings=EventManagerSettings(),
        clock=SystemClock(),
        workers=workers,
    )

    def handle(event: Event[Any]) -> Iterable[Outgoing]:
        meter.begin()
        return handler(event)

    manager.subscribe(body, handle, inline=body is TrialAnalysed)
    async with manager:
        while manager.counters.handled < meter.expected:  # noqa: ASYNC110 - the counter is all there is
            await asyncio.sleep(_POLL)
        meter.end()
    workers.close()
    await feeder.close()
    return await meter.sample(after.name)


async def _fill(transport: Transport, event_type: str, inputs: Iterator[Encoded]) -> None:
    """Publish all inputs, a few at once."""
    for batch in event_models.batched(inputs, 20):
        await asyncio.gather(*(transport.publish(Message(event_type, encoded)) for encoded in batch))


def control_events(_seed: int) -> Sample:
    """Consume and answer control events."""
    queues = Queue("generator", "headroom.trial.analysed.v1"), Queue("gateway", "headroom.run.progressed.v1")
    meter = Meter(event_models.CONTROL_EVENTS)
    inputs = event_models.control_events()
    return asyncio.run(_measured(queues, answer_control, TrialAnalysed, inputs, meter))


def data_events(_seed: int) -> Sample:
    """Consume and answer data events."""
    queues = (
        Queue("router", "headroom.arrivals.generated.v1"),
        Queue("server-model", "headroom.requests.routed.v1"),
    )
    meter = Meter(event_models.DATA_EVENTS)
    inputs = event_models.data_events()
    return asyncio.run(_measured(queues, answer_data, ArrivalsGenerated, inputs, meter))
