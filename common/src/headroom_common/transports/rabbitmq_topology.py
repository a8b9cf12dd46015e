"""What is declared at RabbitMQ: exchanges, queues and bindings; docs/rabbitmq.md draws it.

Everything is durable, and every queue is a quorum queue.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from headroom_common.logs import Log
from headroom_common.transports.port import UNROUTABLE, Message, Queue
from headroom_common.transports.rabbitmq_session import Session, describe
from headroom_common.transports.settings import BrokerSettings

EVENTS: Final = "headroom.events"
"""Topic exchange that all events are published to."""

UNROUTED: Final = "headroom.unroutable"
"""Alternate exchange of the events, and the queue of those among them that had to reach somebody."""

DEAD_LETTERS: Final = "headroom.dead-letters"
"""Direct exchange of dead letters; the routing key is the service."""

RETRIES: Final = "headroom.retries"
"""Topic exchange of messages that wait for their next attempt; ``retry_key`` tells where."""

DUE: Final = "headroom.due"
"""Topic exchange of messages whose wait is over; the key is still that of ``RETRIES``."""

MUST_ROUTE: Final = "headroom-must-route"
"""Header of messages that are kept when nobody takes them."""

_NO_RUN: Final = "none"
_UUID_LENGTH: Final = 36
_UNLIMITED: Final = 2**31 - 1
_log = Log(__name__)


def routing_key(message: Message) -> str:
    """Return the key that a message is published with: its type and its run."""
    run = message.correlation
    well_formed = len(run) == _UUID_LENGTH and "." not in run
    return f"{message.event_type}.{run if well_formed else _NO_RUN}"


def dead_letter_queue(service: str) -> str:
    """Return the name of the queue with the dead letters of ``service``."""
    return UNROUTED if service == UNROUTABLE else f"{service}.dead-letters"


def delay_queue(service: str, delay: float) -> str:
    """Return the name of the queue where messages of ``service`` wait for ``delay`` seconds."""
    return f"{service}.delay.{delay:g}s"


def retry_queue(queue: Queue) -> str:
    """Return the name of the queue beside ``queue`` for messages whose wait is over.

    It is never full: a message that was taken once keeps its place, and the broker would try a refused one
    again only after minutes.
    """
    return f"{queue.name}.retry"


def consumed_queues(queue: Queue) -> Sequence[str]:
    """Return the names of what is consumed for ``queue``: itself, and what comes back to it."""
    return (queue.name,) if queue.private else (queue.name, retry_queue(queue))


def retry_key(queue: Queue, delay: float) -> str:
    """Return the key of a message that waits for ``delay`` seconds and then returns to ``queue``."""
    return f"{queue.service}.{_milliseconds(delay)}.{queue.event_type}"


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


class Topology:
    """Declares at one broker.

    Args:
        settings: limits of the queues.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings

    async def declare_common(self, session: Session) -> None:
        """Declare what all services share.

        Raises:
            ConnectionLostError: the connection broke.
        """
        async with session.calling():
            async with await session.channel() as channel:
                await channel.declare_exchange(UNROUTED, "headers", durable=True)
                await channel.declare_exchange(DEAD_LETTERS, "direct", durable=True)
                await channel.declare_exchange(RETRIES, "topic", durable=True)
                await channel.declare_exchange(DUE, "topic", durable=True)
                await channel.declare_exchange(
                    EVENTS, "topic", durable=True, arguments={"alternate-exchange": UNROUTED}
                )
            await self._declare(session, UNROUTED, self._letters())
            wanted = {"x-match": "all", MUST_ROUTE: "yes"}
            await self._bind(session, UNROUTED, UNROUTED, "", wanted)

    async def declare_queue(self, session: Session, queue: Queue) -> None:
        """Declare a queue with its bindings, and what its service needs for failures.

        Raises:
            ConnectionLostError: the connection broke.
        """
        letters = dead_letter_queue(queue.service)
        async with session.calling():
            await self._declare(session, letters, self._letters())
            await self._bind(session, letters, DEAD_LETTERS, queue.service)
            if queue.private:
                await self._declare(session, queue.name, self._private())
            else:
                await self._declare_delays(session, queue.service)
                await self._declare(session, retry_queue(queue), self._work(queue))
                await self._bind(session, retry_queue(queue), DUE, f"{queue.service}.*.{queue.event_type}")
                await self._declare(session, queue.name, {**self._work(queue), **self._bounded()})
            await self._bind(session, queue.name, EVENTS, f"{queue.event_type}.{queue.correlation or '*'}")

    async def _declare_delays(self, session: Session, service: str) -> None:
        for delay in self._settings.retry_delays:
            name = delay_queue(service, delay)
            arguments = {
                "x-message-ttl": _milliseconds(delay),
                "x-dead-letter-exchange": DUE,
                "x-dead-letter-strategy": "at-least-once",
            }
            await self._declare(session, name, self._quorum({**arguments, **self._bounded()}))
            await self._bind(session, name, RETRIES, f"{service}.{_milliseconds(delay)}.#")

    async def backlog(self, session: Session, queue: Queue) -> int:
        """Return how many messages of a queue nobody has taken yet; 0 when there is no such queue.

        Raises:
            ConnectionLostError: the connection broke.
        """
        waiting = 0
        async with session.calling():
            try:
                # The broker closes the channel on which it is asked for what is not there.
                async with await session.channel() as channel:
                    for name in consumed_queues(queue):
                        found = await channel.declare_queue(name, passive=True)
                        waiting += found.declaration_result.message_count or 0
            except ChannelNotFoundEntity:
                return 0
        return waiting

    async def delete_private(self, session: Session, queue: Queue) -> None:
        """Delete a private queue with what it holds.

        Raises:
            ConnectionLostError: the connection broke.
        """
        async with session.calling(), await session.channel() as channel:
            await channel.queue_delete(queue.name)

    async def _declare(self, session: Session, name: str, arguments: Mapping[str, Any]) -> None:
        try:
            async with await session.channel() as channel:
                await channel.declare_queue(name, durable=True, arguments=dict(arguments))
        except ChannelPreconditionFailed as error:
            # A change of settings must not keep services from starting while the queue is in use.
            _log.warning(
                "queue exists with other arguments and keeps them", queue=name, reason=describe(error)
            )

    async def _bind(
        self,
        session: Session,
        name: str,
        exchange: str,
        key: str,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        async with await session.channel() as channel:
            queue = await channel.get_queue(name, ensure=False)
            await queue.bind(exchange, key, arguments=dict(arguments or {}))

    def _quorum(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        size = self._settings.quorum_group_size
        group = {} if size is None else {"x-quorum-initial-group-size": size}
        return {"x-queue-type": "quorum", **group, **arguments}

    def _work(self, queue: Queue) -> dict[str, Any]:
        return self._quorum(
            {
                # At-least-once dead-lettering asks for it, with and without a limit.
                "x-overflow": "reject-publish",
                # The broker counts deliveries after the first one.
                "x-delivery-limit": self._settings.delivery_limit - 1,
                "x-dead-letter-exchange": DEAD_LETTERS,
                "x-dead-letter-routing-key": queue.service,
                "x-dead-letter-strategy": "at-least-once",
            }
        )

    def _bounded(self) -> dict[str, Any]:
        return {"x-max-length": self._settings.queue_limit, "x-overflow": "reject-publish"}

    def _private(self) -> dict[str, Any]:
        return self._quorum(
            {
                "x-max-length": self._settings.queue_limit,
                "x-overflow": "drop-head",
                "x-delivery-limit": self._settings.delivery_limit - 1,
                "x-expires": _milliseconds(self._settings.private_queue_expiry),
            }
        )

    def _letters(self) -> dict[str, Any]:
        return self._quorum(
            {
                "x-max-length": self._settings.dead_letter_limit,
                "x-overflow": "reject-publish",
                # Being looked at counts as a delivery, and no letter is lost for that.
                "x-delivery-limit": _UNLIMITED,
            }
        )
