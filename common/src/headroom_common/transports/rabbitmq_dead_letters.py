"""Dead letters at RabbitMQ: looked at, put back and removed over a connection of their own.

Letters are fetched one by one and stay unsettled until the connection closes, which returns them to where
they were, in their order.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity

from headroom_common.transports.port import (
    ATTEMPTS,
    ERROR,
    INSTANCE,
    REASON,
    SERVICE,
    TIME,
    UNROUTABLE,
    DeadLetter,
    PublishRefusedError,
    Queue,
)
from headroom_common.transports.rabbitmq_delivery import QUEUE_CORRELATION, QUEUE_INSTANCE
from headroom_common.transports.rabbitmq_messages import again, incoming_message
from headroom_common.transports.rabbitmq_session import Session
from headroom_common.transports.rabbitmq_topology import EVENTS, dead_letter_queue, routing_key
from headroom_common.transports.settings import BrokerSettings


class RabbitDeadLetters:
    """The dead letters of one virtual host; see ``port.DeadLetters`` for what the methods do.

    Args:
        settings: of the broker.
        name: of the connections.
    """

    def __init__(self, settings: BrokerSettings, name: str) -> None:
        self._settings = settings
        self._name = name

    async def list(self, service: str) -> Sequence[DeadLetter]:
        """Return the dead letters of ``service``, oldest first."""
        async with self._session() as session:
            return tuple([self._letter(service, found) async for found in _fetched(session, service)])

    async def replay(self, service: str, event_ids: Collection[str] | None = None) -> int:
        """Put dead letters back as first attempts and return how many found room and a taker."""
        put_back = 0
        async with self._session() as session:
            async for found in _fetched(session, service):
                letter = self._letter(service, found)
                if event_ids is None or letter.message.event_id in event_ids:
                    put_back += await _put_back(session, letter, found)
        return put_back

    async def purge(self, service: str, event_ids: Collection[str] | None = None) -> int:
        """Remove dead letters for good and return how many."""
        removed = 0
        async with self._session() as session:
            async for found in _fetched(session, service):
                if event_ids is None or incoming_message(found).event_id in event_ids:
                    async with session.calling():
                        await found.ack()
                    removed += 1
        return removed

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        session = await Session.open(self._settings, f"{self._name} dead letters")
        try:
            yield session
        finally:
            await session.close()

    def _letter(self, service: str, found: AbstractIncomingMessage) -> DeadLetter:
        message = incoming_message(found)
        noted = {name: str(value) for name, value in found.headers.items() if isinstance(value, str)}
        instance, correlation = noted.get(QUEUE_INSTANCE, ""), noted.get(QUEUE_CORRELATION, "")
        queue = Queue(service, message.event_type, instance, correlation)
        if service == UNROUTABLE:
            reason = f"no service takes {message.event_type}"
            return DeadLetter(queue, message, {REASON: reason, ERROR: "Unroutable", SERVICE: UNROUTABLE})
        if REASON not in noted:
            # The broker gave it up by itself, and notes no more than that.
            reason = f"delivered {self._settings.delivery_limit} times and never settled"
            return DeadLetter(queue, message, {REASON: reason, ERROR: "DeliveryLimit", SERVICE: service})
        known = (REASON, ERROR, ATTEMPTS, SERVICE, INSTANCE, TIME)
        return DeadLetter(queue, message, {name: noted[name] for name in known if name in noted})


async def _fetched(session: Session, service: str) -> AsyncIterator[AbstractIncomingMessage]:
    """Fetch the letters that are there now; what comes meanwhile is left for later."""
    channel = await session.channel()
    async with session.calling():
        try:
            queue = await channel.declare_queue(dead_letter_queue(service), passive=True)
        except ChannelNotFoundEntity:
            return
        found = await queue.get(fail=False)
    # Not the count that the declaration gives: it is 0 while the queue has no leader.
    left = 0 if found is None else found.message_count or 0
    while found is not None:
        yield found
        if left == 0:
            return
        left -= 1
        async with session.calling():
            found = await queue.get(fail=False)


async def _put_back(session: Session, letter: DeadLetter, found: AbstractIncomingMessage) -> bool:
    message = again(found, session.next_id())
    everywhere = letter.queue.service == UNROUTABLE
    exchange, key = (EVENTS, routing_key(letter.message)) if everywhere else ("", letter.queue.name)
    try:
        await session.publish(exchange, key, message, mandatory=True)
    except PublishRefusedError:
        return False
    async with session.calling():
        await found.ack()
    return True
