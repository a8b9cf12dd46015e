"""Consumers of RabbitMQ's queues, and what they have in hand."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from headroom_common.transports.port import ConnectionLostError, Consumer, Message, Queue
from headroom_common.transports.rabbitmq_messages import ATTEMPT, again, attempt_of, incoming_message
from headroom_common.transports.rabbitmq_session import Session, broker_errors
from headroom_common.transports.rabbitmq_topology import DEAD_LETTERS, Topology, delay_queue

QUEUE_INSTANCE: Final = "headroom-queue-instance"
"""Header of a dead letter from a private queue: the instance that the queue belongs to."""

QUEUE_CORRELATION: Final = "headroom-queue-correlation"
"""Header of a dead letter from a private queue: the run that the queue takes."""


class RabbitSubscription:
    """A consumer's claim on a queue over all sessions; see ``port.Subscription``.

    Args:
        queue: the queue.
        consumer: takes the deliveries.
        prefetch: unsettled deliveries at a time.
        topology: declares the queues for retries.
        delays: those that messages can wait for, in seconds, ascending.

    Attributes:
        queue: as given.
        cancelled: whether it takes no more.
    """

    def __init__(
        self, queue: Queue, consumer: Consumer, prefetch: int, topology: Topology, delays: tuple[float, ...]
    ) -> None:
        self.queue = queue
        self.cancelled = False
        self._consumer = consumer
        self._prefetch = prefetch
        self._topology = topology
        self._delays = delays
        self._declared: set[float] = set()
        self._session: Session | None = None
        self._source: AbstractQueue | None = None
        self._tag = ""

    async def start(self, session: Session) -> None:
        """Consume in a new session.

        Raises:
            ConnectionLostError: the connection broke.
        """
        self._declared = set()
        self._session = session
        channel = await session.consumer_channel(self._prefetch)
        with broker_errors():
            self._source = await channel.get_queue(self.queue.name, ensure=False)
            self._tag = await self._source.consume(self._take)

    async def cancel(self) -> None:
        """Take no more messages; those in hand may still be settled."""
        self.cancelled = True
        if self._source is not None and self._session is not None and not self._session.lost.done():
            with broker_errors():
                await self._source.cancel(self._tag)

    async def put_off(self, session: Session, incoming: AbstractIncomingMessage, delay: float) -> None:
        """Publish a delivery to the queue where it waits.

        Raises:
            ConnectionLostError: the connection broke.
            PublishRefusedError: there is no room.
        """
        kept = self._delays[min(bisect_left(self._delays, delay), len(self._delays) - 1)]
        if kept not in self._declared:
            await self._topology.declare_delay(session, self.queue, kept)
            self._declared.add(kept)
        message = again(incoming, session.next_id(), {ATTEMPT: str(attempt_of(incoming) + 1)})
        await session.publish("", delay_queue(self.queue, kept), message, mandatory=True)

    async def _take(self, incoming: AbstractIncomingMessage) -> None:
        session = self._session
        if session is not None and not session.lost.done():
            self._consumer(RabbitDelivery(self, session, incoming))


class RabbitDelivery:
    """One message in one consumer's hands; see ``port.Delivery`` for what the methods do.

    AMQP 0-9-1 has no confirms for acknowledgements. One that is lost with its connection brings the message
    again, as any other crash does.
    """

    __slots__ = ("_incoming", "_message", "_session", "_settled", "_subscription")

    def __init__(
        self, subscription: RabbitSubscription, session: Session, incoming: AbstractIncomingMessage
    ) -> None:
        self._subscription = subscription
        self._session = session
        self._incoming = incoming
        self._message = incoming_message(incoming)
        self._settled = False

    @property
    def message(self) -> Message:
        """The message."""
        return self._message

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return attempt_of(self._incoming)

    @property
    def redelivered(self) -> bool:
        """Whether it was delivered before without being settled."""
        return bool(self._incoming.redelivered)

    async def ack(self) -> None:
        """Remove the message."""
        self._require_in_hand()
        self._settled = True
        with broker_errors():
            await self._incoming.ack()

    async def retry_later(self, delay: float) -> None:
        """Deliver the message again after ``delay`` seconds."""
        self._require_in_hand()
        await self._subscription.put_off(self._session, self._incoming, delay)
        await self.ack()

    async def dead_letter(self, headers: Mapping[str, str]) -> None:
        """Give the message up."""
        self._require_in_hand()
        queue = self._subscription.queue
        whence = {QUEUE_INSTANCE: queue.instance, QUEUE_CORRELATION: queue.correlation}
        noted = {**headers, **{name: value for name, value in whence.items() if value}}
        letter = again(self._incoming, self._session.next_id(), noted)
        await self._session.publish(DEAD_LETTERS, queue.service, letter, mandatory=True)
        await self.ack()

    def _require_in_hand(self) -> None:
        if self._settled or self._session.lost.done():
            void = "the delivery is void: it was settled, or the connection was lost"
            raise ConnectionLostError(void, next_step="Nothing: an unsettled message comes again.")
