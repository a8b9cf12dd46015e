"""The in-process transport: a broker object that the event managers of one process share.

Events are handed over by reference, so nothing is copied or encoded, unless the broker is told otherwise. All
of it runs on one event loop; timers follow that loop's clock, so virtual time works.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from headroom_common.contracts.wire import MAX_BODY_BYTES
from headroom_common.transports.memory_queue import Entry, MemoryDeadLetters, MemorySubscription, WorkQueue
from headroom_common.transports.port import (
    ERROR,
    REASON,
    SERVICE,
    UNROUTABLE,
    ConnectionListener,
    ConnectionLostError,
    Consumer,
    DeadLetter,
    Guarantees,
    Message,
    PublishRefusedError,
    Queue,
)

QUEUE_LIMIT: Final = 1_000
"""Messages that a work queue holds by default, those waiting for a retry included."""

DEAD_LETTER_LIMIT: Final = 10_000
"""Dead letters that are kept by default per service."""

DELIVERY_LIMIT: Final = 50
"""Unsettled deliveries of one message by default; a crash counts as one for every message in hand."""


class MemoryBroker:
    """Work queues, bindings and dead letters, within one process and one event loop.

    Args:
        queue_limit: messages that a work queue holds at most, those waiting for a retry included; what is
            returned by a leaving consumer comes on top.
        delivery_limit: unsettled deliveries before a message becomes a dead letter.
        dead_letter_limit: dead letters per service; with so many, giving up another one is refused.
        by_reference: False has every event encoded and decoded on its way, as with a real broker.

    Attributes:
        queue_limit: as given.
        guarantees: what every transport of this broker declares.
        dead_letters: the messages that were given up.
        dropped: messages that nobody takes and that need not reach anybody.
    """

    def __init__(
        self,
        *,
        queue_limit: int = QUEUE_LIMIT,
        delivery_limit: int = DELIVERY_LIMIT,
        dead_letter_limit: int = DEAD_LETTER_LIMIT,
        by_reference: bool = True,
    ) -> None:
        self.queue_limit = queue_limit
        self.guarantees = Guarantees(
            by_reference=by_reference,
            durable=False,
            max_body_bytes=MAX_BODY_BYTES,
            delivery_limit=delivery_limit,
        )
        self.dead_letters = MemoryDeadLetters(self._takers, dead_letter_limit)
        self.dropped = 0
        self._queues: dict[Queue, WorkQueue] = {}
        self._bindings: dict[str, list[WorkQueue]] = {}

    def transport(self) -> "MemoryTransport":
        """Return a new connection to this broker."""
        return MemoryTransport(self)

    def depth(self, queue: Queue) -> int:
        """Return how many messages wait in a declared queue, those waiting for a retry included."""
        return self._queues[queue].depth

    def backlog(self, queue: Queue) -> int:
        """Return how many messages of a queue nobody has taken yet; 0 when there is no such queue."""
        work = self._queues.get(queue)
        return 0 if work is None else work.backlog

    def declare(self, queue: Queue) -> WorkQueue:
        """Return the work queue, made and bound when it is new."""
        work = self._queues.get(queue)
        if work is None:
            work = self._queues[queue] = WorkQueue(
                queue,
                limit=self.queue_limit,
                delivery_limit=self.guarantees.delivery_limit,
                dead_letters=self.dead_letters,
            )
            self._bindings.setdefault(queue.event_type, []).append(work)
        return work

    def forget(self, queue: Queue) -> None:
        """Remove a queue with what it holds."""
        work = self._queues.pop(queue, None)
        if work is not None:
            self._bindings[queue.event_type].remove(work)

    def _bound(self, message: Message) -> Sequence[WorkQueue]:
        return [work for work in self._bindings.get(message.event_type, ()) if work.queue.takes(message)]

    def _takers(self, letter: DeadLetter) -> Sequence[WorkQueue]:
        if letter.queue.service == UNROUTABLE:
            return self._bound(letter.message)
        work = self._queues.get(letter.queue)
        return () if work is None else (work,)

    def route(self, message: Message) -> None:
        """Put a message into all queues that take its type, or into none.

        Raises:
            PublishRefusedError: a queue is full.
        """
        queues = self._bound(message)
        for queue in queues:
            if queue.full:
                refusal = f"queue {queue.queue.name} is full ({self.queue_limit} messages)"
                raise PublishRefusedError(refusal, next_step="Wait for its consumers, or start more of them.")
        for queue in queues:
            queue.put(Entry(message))
        if not queues:
            self._keep_unroutable(message)

    def _keep_unroutable(self, message: Message) -> None:
        if not message.must_route:
            self.dropped += 1
            return
        if not self.dead_letters.has_room(UNROUTABLE):
            refusal = f"no service takes {message.event_type}, and no room is left for unroutable messages"
            raise PublishRefusedError(refusal, next_step="Start the service that takes it.")
        headers = {REASON: f"no service takes {message.event_type}", ERROR: "Unroutable", SERVICE: UNROUTABLE}
        self.dead_letters.keep(DeadLetter(Queue(UNROUTABLE, message.event_type), message, headers))


class MemoryTransport:
    """One connection to a ``MemoryBroker``; see ``port.Transport`` for what the methods do.

    Args:
        broker: the broker.
    """

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._listener: ConnectionListener | None = None
        self._connected = False
        self._private: list[Queue] = []
        self._subscriptions: list[MemorySubscription] = []

    @property
    def guarantees(self) -> Guarantees:
        """What the broker declares."""
        return self._broker.guarantees

    @property
    def dead_letters(self) -> MemoryDeadLetters:
        """The broker's dead letters."""
        return self._broker.dead_letters

    async def connect(self, listener: ConnectionListener) -> None:
        """Connect; always succeeds."""
        self._listener = listener
        self._connected = True

    async def declare(self, queue: Queue) -> None:
        """Make sure that the queue exists and gets its messages."""
        self._require_connection()
        self._broker.declare(queue)
        if queue.private and queue not in self._private:
            self._private.append(queue)

    async def subscribe(self, queue: Queue, consumer: Consumer, *, prefetch: int) -> MemorySubscription:
        """Hand the messages of ``queue`` to ``consumer``, at most ``prefetch`` unsettled at a time."""
        self._require_connection()
        subscription = MemorySubscription(self._broker.declare(queue), consumer, prefetch)
        self._subscriptions.append(subscription)
        subscription.attach()
        return subscription

    async def publish(self, message: Message) -> None:
        """Put a message into all queues that take it."""
        self._require_connection()
        self._broker.route(message)
        # A confirm takes a turn of the loop, as with any broker: publishing in a loop starves nobody.
        await asyncio.sleep(0)

    async def backlog(self, queue: Queue) -> int:
        """Return how many messages of ``queue`` nobody has taken yet."""
        self._require_connection()
        return self._broker.backlog(queue)

    async def close(self) -> None:
        """Leave; what is in hand goes back to its queues, and private queues are gone."""
        self._leave()
        self._subscriptions.clear()
        for queue in self._private:
            self._broker.forget(queue)
        self._private.clear()

    def interrupt(self, reason: str) -> None:
        """Cut the connection, as a network would: what is in hand is void, and publishes fail."""
        self._leave()
        if self._listener is not None:
            self._listener(False, reason)  # noqa: FBT003 - the port's listener has positional arguments

    def restore(self, reason: str) -> None:
        """Bring the connection back, with its subscriptions."""
        self._connected = True
        for subscription in self._subscriptions:
            subscription.attach()
        if self._listener is not None:
            self._listener(True, reason)  # noqa: FBT003 - the port's listener has positional arguments

    def _leave(self) -> None:
        self._connected = False
        for subscription in self._subscriptions:
            subscription.detach()
        for subscription in self._subscriptions:
            subscription.drop_all()

    def _require_connection(self) -> None:
        if not self._connected:
            lost = "there is no connection to the in-memory broker"
            raise ConnectionLostError(lost, next_step="Connect, or wait until the connection is back.")
