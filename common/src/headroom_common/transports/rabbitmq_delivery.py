"""Consumers of RabbitMQ's queues, and what they have in hand."""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from typing import Final

from aio_pika.abc import AbstractIncomingMessage, AbstractQueue, ConsumerTag

from headroom_common.transports.port import ConnectionLostError, Consumer, Message, Queue
from headroom_common.transports.rabbitmq_messages import ATTEMPT, again, attempt_of, incoming_message
from headroom_common.transports.rabbitmq_session import Session
from headroom_common.transports.rabbitmq_topology import DEAD_LETTERS, RETRIES, consumed_queues, retry_key

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
        delays: those that messages can wait for, in seconds, ascending.

    Attributes:
        queue: as given.
        consumer: as given.
        prefetch: as given.
        cancelled: whether it takes no more.
    """

    def __init__(self, queue: Queue, consumer: Consumer, prefetch: int, delays: tuple[float, ...]) -> None:
        self.queue = queue
        self.consumer = consumer
        self.prefetch = prefetch
        self.cancelled = False
        self._delays = delays
        self._hands: Hands | None = None

    async def start(self, session: Session) -> None:
        """Consume in a new session.

        Raises:
            ConnectionLostError: the connection broke.
        """
        self._hands = Hands(self, session)
        await self._hands.open()

    async def cancel(self) -> None:
        """Take no more messages; those in hand may still be settled."""
        self.cancelled = True
        if self._hands is not None:
            await self._hands.close()

    def rounded_up(self, delay: float) -> float:
        """Return the delay that a message waits for: the next one that there is, or the longest."""
        return self._delays[min(bisect_left(self._delays, delay), len(self._delays) - 1)]


class Hands:
    """What a subscription holds in one session.

    A work queue has a second queue beside it, for the messages whose wait is over, and the broker counts the
    prefetch of each: what is over the subscription's own waits here.

    Args:
        subscription: the subscription.
        session: the session.

    Attributes:
        subscription: as given.
        session: as given.
    """

    def __init__(self, subscription: RabbitSubscription, session: Session) -> None:
        self.subscription = subscription
        self.session = session
        self._claims: list[tuple[AbstractQueue, ConsumerTag]] = []
        self._waiting: deque[AbstractIncomingMessage] = deque()
        self._held = 0

    async def open(self) -> None:
        """Begin to consume.

        Raises:
            ConnectionLostError: the connection broke.
        """
        queue = self.subscription.queue
        channel = await self.session.consumer_channel(self.subscription.prefetch)
        async with self.session.calling():
            for name in consumed_queues(queue):
                source = await channel.get_queue(name, ensure=False)
                self._claims.append((source, await source.consume(self._take)))

    async def close(self) -> None:
        """Take no more; what is waiting here goes back.

        Raises:
            ConnectionLostError: the connection broke, and everything goes back.
        """
        if self.session.lost.done():
            return
        async with self.session.calling():
            for source, tag in self._claims:
                await source.cancel(tag)
            while self._waiting:
                await self._waiting.popleft().nack(requeue=True)

    def let_go(self) -> None:
        """Note that a delivery was settled."""
        self._held -= 1
        self._hand_over()

    async def _take(self, incoming: AbstractIncomingMessage) -> None:
        self._waiting.append(incoming)
        self._hand_over()

    def _hand_over(self) -> None:
        while self._waiting and self._held < self.subscription.prefetch and not self.session.lost.done():
            self._held += 1
            self.subscription.consumer(RabbitDelivery(self, self._waiting.popleft()))


class RabbitDelivery:
    """One message in one consumer's hands; see ``port.Delivery`` for what the methods do.

    AMQP 0-9-1 has no confirms for acknowledgements. One that is lost with its connection brings the message
    again, as any other crash does.
    """

    __slots__ = ("_hands", "_incoming", "_message", "_settled")

    def __init__(self, hands: Hands, incoming: AbstractIncomingMessage) -> None:
        self._hands = hands
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
        async with self._hands.session.calling():
            # Not until it is written: many acknowledgements go out in one piece.
            await self._incoming.channel.basic_ack(self._incoming.delivery_tag or 0, wait=False)
        self._hands.let_go()

    async def retry_later(self, delay: float) -> None:
        """Deliver the message again after ``delay`` seconds."""
        self._require_in_hand()
        subscription, session = self._hands.subscription, self._hands.session
        attempt = {ATTEMPT: str(self.attempt + 1)}
        if subscription.queue.private:
            # It goes when its instance does, so it may as well wait in the instance's hands.
            await asyncio.sleep(delay)
            exchange, key = "", subscription.queue.name
        else:
            exchange, key = RETRIES, retry_key(subscription.queue, subscription.rounded_up(delay))
        await session.publish(
            exchange, key, again(self._incoming, session.next_id(), attempt), mandatory=True
        )
        await self.ack()

    async def dead_letter(self, headers: Mapping[str, str]) -> None:
        """Give the message up."""
        self._require_in_hand()
        queue, session = self._hands.subscription.queue, self._hands.session
        whence = {QUEUE_INSTANCE: queue.instance, QUEUE_CORRELATION: queue.correlation}
        noted = {**headers, **{name: value for name, value in whence.items() if value}}
        letter = again(self._incoming, session.next_id(), noted)
        await session.publish(DEAD_LETTERS, queue.service, letter, mandatory=True)
        await self.ack()

    def _require_in_hand(self) -> None:
        if self._settled or self._hands.session.lost.done():
            void = "the delivery is void: it was settled, or the connection was lost"
            raise ConnectionLostError(void, next_step="Nothing: an unsettled message comes again.")
