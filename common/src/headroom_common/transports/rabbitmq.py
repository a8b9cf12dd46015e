"""The RabbitMQ transport: durable queues, confirms, and a connection that comes back.

The parts: ``rabbitmq_session`` (one life of the connection), ``rabbitmq_topology`` (what is declared),
``rabbitmq_messages`` (the wire form), ``rabbitmq_delivery`` (consumers and what they have in hand),
``rabbitmq_dead_letters``.
"""

import asyncio
from contextlib import suppress
from typing import Final

from headroom_common.contracts.wire import Encoded
from headroom_common.errors import HeadroomError, PermanentError, TransientError
from headroom_common.event_manager.backoff import backoff
from headroom_common.logs import Log
from headroom_common.transports.port import (
    ConnectionListener,
    ConnectionLostError,
    Consumer,
    Guarantees,
    Message,
    Queue,
)
from headroom_common.transports.rabbitmq_dead_letters import RabbitDeadLetters
from headroom_common.transports.rabbitmq_delivery import RabbitSubscription
from headroom_common.transports.rabbitmq_messages import outgoing
from headroom_common.transports.rabbitmq_session import Session
from headroom_common.transports.rabbitmq_topology import EVENTS, Topology, routing_key
from headroom_common.transports.settings import BrokerSettings

_CANCEL_PATIENCE: Final = 1.0
_log = Log(__name__)


class RabbitTransport:
    """One instance's connection to RabbitMQ; see ``port.Transport`` for what the methods do.

    Args:
        settings: of the broker.
        name: what the broker calls the connection.
    """

    def __init__(self, settings: BrokerSettings, *, name: str) -> None:
        self._settings = settings
        self._name = name
        self._guarantees = Guarantees(
            by_reference=False,
            durable=True,
            max_body_bytes=settings.max_body_bytes,
            delivery_limit=settings.delivery_limit,
            delays=settings.retry_delays,
        )
        self._topology = Topology(settings)
        self._letters = RabbitDeadLetters(settings, name)
        self._listener: ConnectionListener = lambda _connected, _reason: None
        self._session: Session | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._queues: list[Queue] = []
        self._subscriptions: list[RabbitSubscription] = []

    @property
    def guarantees(self) -> Guarantees:
        """What this transport declares about itself."""
        return self._guarantees

    @property
    def dead_letters(self) -> RabbitDeadLetters:
        """The broker's dead letters; they need no connection of this transport."""
        return self._letters

    async def connect(self, listener: ConnectionListener) -> None:
        """Connect; a connection lost afterwards is restored, with queues and subscriptions.

        Raises:
            PermanentError: the broker refuses this client, and will again.
            ConnectionLostError: it cannot be reached.
        """
        self._listener = listener
        self._session = await self._opened()
        self._supervisor = asyncio.get_running_loop().create_task(self._supervise(self._session))

    async def declare(self, queue: Queue) -> None:
        """Make sure that the queue exists and gets its messages."""
        session = self._current()
        await self._topology.declare_queue(session, queue)
        session.require()
        if queue not in self._queues:
            self._queues.append(queue)

    async def subscribe(self, queue: Queue, consumer: Consumer, *, prefetch: int) -> RabbitSubscription:
        """Hand the messages of ``queue`` to ``consumer``, at most ``prefetch`` unsettled at a time."""
        session = self._current()
        delays = self._settings.retry_delays
        subscription = RabbitSubscription(queue, consumer, prefetch, delays)
        await subscription.start(session)
        session.require()
        self._subscriptions.append(subscription)
        return subscription

    async def publish(self, message: Message) -> None:
        """Publish a message and wait until the broker has it in all queues that take it.

        Raises:
            PermanentError: it is larger than the broker takes.
            PublishRefusedError: a queue is full.
            ConnectionLostError: whether the broker has it is unknown.
        """
        content = message.content
        if isinstance(content, Encoded) and len(content.body) > self._settings.max_body_bytes:
            limit = self._settings.max_body_bytes
            msg = f"{message.event_type}: body: expected at most {limit} bytes, found {len(content.body)}"
            raise PermanentError(msg, next_step="Make its segments smaller.")
        session = self._current()
        wire = outgoing(message, session.next_id())
        await session.publish(EVENTS, routing_key(message), wire, mandatory=message.must_route)

    async def backlog(self, queue: Queue) -> int:
        """Return how many messages of ``queue`` nobody has taken yet."""
        return await self._topology.backlog(self._current(), queue)

    async def close(self) -> None:
        """Leave the broker; private queues are gone with it."""
        while self._supervisor is not None:
            # More than once if need be: the library may take a cancellation for its own.
            self._supervisor.cancel()
            done, _ = await asyncio.wait({self._supervisor}, timeout=_CANCEL_PATIENCE)
            if done:
                self._supervisor = None
        session, self._session = self._session, None
        if session is not None:
            for queue in filter(lambda queue: queue.private, self._queues):
                # Without a connection they are left to expire.
                with suppress(TransientError):
                    await self._topology.delete_private(session, queue)
            await session.close()
        self._queues.clear()
        self._subscriptions.clear()

    def _current(self) -> Session:
        if self._session is None:
            lost = f"there is no connection to {self._settings.address}"
            raise ConnectionLostError(lost, next_step="Connect, or wait until the connection is back.")
        self._session.require()
        return self._session

    async def _opened(self) -> Session:
        session = await Session.open(self._settings, self._name)
        try:
            await self._topology.declare_common(session)
            for queue in self._queues:
                await self._topology.declare_queue(session, queue)
            for subscription in self._subscriptions:
                if not subscription.cancelled:
                    await subscription.start(session)
            session.require()
        except BaseException:
            await session.close()
            raise
        session.watch_for_alarms(self._alarm)
        return session

    async def _supervise(self, session: Session) -> None:
        while True:
            reason = await asyncio.shield(session.lost)
            self._session = None
            self._listener(False, f"connection lost: {reason}")  # noqa: FBT003 - the port's listener
            await session.close()
            session = self._session = await self._reopened()
            self._listener(True, "the connection is back")  # noqa: FBT003 - the port's listener

    async def _reopened(self) -> Session:
        number = 1
        base, cap = self._settings.reconnect_base, self._settings.reconnect_cap
        while True:
            await asyncio.sleep(backoff(self._name, number, base=base, cap=cap))
            try:
                return await self._opened()
            except HeadroomError as error:
                # Refusals too: a broker that has just started may not know its users yet.
                _log.warning("broker not reached", reason=str(error), tries=number)
            number += 1

    def _alarm(self, blocked: bool) -> None:  # noqa: FBT001 - as the session calls it
        reason = "the broker takes no messages: it is short of memory or disk space"
        self._listener(not blocked, reason if blocked else "the broker takes messages again")
