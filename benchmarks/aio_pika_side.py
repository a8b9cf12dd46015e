"""The events with aio-pika alone, the way a careful user of it writes a service by hand.

One robust connection, a channel to consume and one to publish with confirms, a callback per message, manual
acknowledgement after the confirm. Control events are read with pydantic alone and their headers are taken as
they are; columns go through the contracts' codec, because their form on the wire is its own. No inbox, no
retries, no states, no threads.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import aio_pika

from benchmarks import event_models
from benchmarks.broker import QUEUE_LIMIT, URL, Meter
from benchmarks.event_models import batched
from headroom_common.contracts.codec import decode, encode
from headroom_common.contracts.event import Outgoing, caused_event
from headroom_common.contracts.events import ArrivalsGenerated, RequestsRouted, TrialAnalysed
from headroom_common.contracts.wire import Encoded
from headroom_common.event_manager import EventManagerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aio_pika.abc import AbstractExchange, AbstractIncomingMessage, HeadersType

    from benchmarks.sample import Sample

    Answer = Callable[[HeadersType, bytes], tuple[str, str, bytes]]

WORK_QUEUE = {
    "x-queue-type": "quorum",
    "x-max-length": QUEUE_LIMIT,
    "x-overflow": "reject-publish",
    "x-delivery-limit": 49,
    "x-dead-letter-exchange": "dead-letters",
    "x-dead-letter-routing-key": "peer",
    "x-dead-letter-strategy": "at-least-once",
}
"""The same limits and promises as the platform's work queues."""
JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"


def answer_control(_headers: HeadersType, body: bytes) -> tuple[str, str, bytes]:
    """Return subject, media type and body of the answer to a control event."""
    progress = event_models.progress(TrialAnalysed.model_validate_json(body))
    return str(progress.run_id), JSON, progress.model_dump_json().encode()


def answer_data(headers: HeadersType, body: bytes) -> tuple[str, str, bytes]:
    """Return subject, media type and body of the answer to a data event."""
    attributes = {name: str(value) for name, value in headers.items()}
    event = decode(Encoded(attributes, body))
    arrivals = cast("ArrivalsGenerated", event.body)
    answer = RequestsRouted(arrivals.header, {"routed": event_models.routed(arrivals.tables["arrivals"])})
    output = Outgoing(answer)
    encoded = encode(caused_event(event.envelope, output, source=event_models.SOURCE, time=datetime.now(UTC)))
    return answer.subject, ARROW, encoded.body


class Service:
    """Consumes one queue, answers each message, and publishes the answer.

    Args:
        meter: measures it.
        output_type: type of the answers.
        answer: from a body to the answer's subject, media type and body.
    """

    def __init__(self, meter: Meter, output_type: str, answer: Answer) -> None:
        self._meter = meter
        self._left = meter.expected
        self._type = output_type
        self._answer = answer
        self._exchange: Any = None
        self._done = asyncio.Event()

    async def handle(self, message: AbstractIncomingMessage) -> None:
        """Handle one message: decode, answer, wait for the confirm, acknowledge."""
        self._meter.begin()
        subject, media_type, body = self._answer(message.headers, message.body)
        cause, run = str(message.headers["ce-id"]), str(message.headers["ce-correlationid"])
        event_id = uuid.uuid5(uuid.UUID(cause), f"{self._type} {subject}")
        version, trace, _, flags = str(message.headers["ce-traceparent"]).split("-")
        headers: HeadersType = {
            "ce-specversion": "1.0",
            "ce-id": str(event_id),
            "ce-source": event_models.SOURCE,
            "ce-type": self._type,
            "ce-subject": subject,
            "ce-time": datetime.now(UTC).isoformat(),
            "ce-datacontenttype": media_type,
            "ce-correlationid": run,
            "ce-causationid": cause,
            "ce-traceparent": f"{version}-{trace}-{event_id.hex[16:]}-{flags}",
        }
        out = aio_pika.Message(
            body,
            headers=headers,
            content_type=media_type,
            message_id=uuid.uuid4().hex,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._exchange.publish(out, f"{self._type}.{run}")
        await message.ack()
        self._left -= 1
        if not self._left:
            self._meter.end()
            self._done.set()

    async def run(self, inputs: Iterator[Encoded], input_type: str, prefetch: int) -> Sample:
        """Fill a queue, then consume it until it is empty."""
        async with await aio_pika.connect_robust(os.environ[URL]) as connection:
            publishing = await connection.channel(publisher_confirms=True, on_return_raises=True)
            self._exchange = await publishing.declare_exchange("peer.events", "topic", durable=True)
            for event_type in (input_type, self._type):
                queue = await publishing.declare_queue(event_type, durable=True, arguments=WORK_QUEUE)
                await queue.bind(self._exchange, f"{event_type}.#")
            await _fill(self._exchange, input_type, inputs)
            consuming = await connection.channel()
            await consuming.set_qos(prefetch_count=prefetch)
            queue = await consuming.get_queue(input_type)
            await queue.consume(self.handle)
            await self._done.wait()
        return await self._meter.sample(self._type)


async def _fill(exchange: AbstractExchange, event_type: str, inputs: Iterator[Encoded]) -> None:
    """Publish all inputs, a few at once."""
    for encoded in batched(inputs, 20):
        messages = (
            aio_pika.Message(e.body, headers=dict(e.headers), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            for e in encoded
        )
        await asyncio.gather(*(exchange.publish(message, f"{event_type}.run") for message in messages))


def control_events(_seed: int) -> Sample:
    """Consume and answer control events."""
    service = Service(Meter(event_models.CONTROL_EVENTS), "headroom.run.progressed.v1", answer_control)
    prefetch = EventManagerSettings().prefetch_control
    return asyncio.run(service.run(event_models.control_events(), "headroom.trial.analysed.v1", prefetch))


def data_events(_seed: int) -> Sample:
    """Consume and answer data events."""
    service = Service(Meter(event_models.DATA_EVENTS), "headroom.requests.routed.v1", answer_data)
    prefetch = EventManagerSettings().prefetch_data
    return asyncio.run(service.run(event_models.data_events(), "headroom.arrivals.generated.v1", prefetch))
