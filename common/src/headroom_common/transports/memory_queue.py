"""Work queues of the in-process broker: what waits, what is in whose hands, and how it is settled."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from headroom_common.transports.port import (
    ERROR,
    REASON,
    SERVICE,
    ConnectionLostError,
    Consumer,
    DeadLetter,
    Message,
    PublishRefusedError,
    Queue,
)


@dataclass(slots=True)
class Entry:
    """A message on its way through a queue.

    Attributes:
        message: the message.
        attempt: which attempt comes next, from 1.
        deliveries: unsettled deliveries of this attempt.
    """

    message: Message
    attempt: int = 1
    deliveries: int = 0


class WorkQueue:
    """A bounded queue, its consumers in turn, and its timers.

    Args:
        queue: which one.
        limit: messages that it takes, those waiting for a retry included.
        delivery_limit: unsettled deliveries before a message becomes a dead letter.
        dead_letters: where dead letters go.

    Attributes:
        queue: as given.
        dead_letters: as given.
    """

    def __init__(
        self, queue: Queue, *, limit: int, delivery_limit: int, dead_letters: "MemoryDeadLetters"
    ) -> None:
        self.queue = queue
        self.dead_letters = dead_letters
        self._limit = limit
        self._delivery_limit = delivery_limit
        self._ready: deque[Entry] = deque()
        self._consumers: deque[MemorySubscription] = deque()
        self._delayed = 0

    @property
    def depth(self) -> int:
        """How many messages wait, those waiting for a retry included."""
        return self.backlog + self._delayed

    @property
    def backlog(self) -> int:
        """How many messages could be taken at once."""
        return len(self._ready)

    @property
    def full(self) -> bool:
        """Whether another message is refused."""
        return not self.queue.private and self.depth >= self._limit

    def put(self, entry: Entry) -> None:
        """Append a message and hand out what is ready."""
        if self.queue.private and len(self._ready) >= self._limit:
            self._ready.popleft()
        self._ready.append(entry)
        self.dispatch()

    def put_back(self, entries: Sequence[Entry]) -> None:
        """Return what was in hand to the front; what was in hand too often becomes a dead letter."""
        for entry in reversed(entries):
            if entry.deliveries < self._delivery_limit:
                self._ready.appendleft(entry)
                continue
            reason = f"delivered {entry.deliveries} times and never settled"
            headers = {REASON: reason, ERROR: "DeliveryLimit", SERVICE: self.queue.service}
            self.dead_letters.keep(DeadLetter(self.queue, entry.message, headers))
        self.dispatch()

    def put_later(self, entry: Entry, delay: float) -> None:
        """Append a message after ``delay`` seconds of the loop's time."""
        self._delayed += 1
        asyncio.get_running_loop().call_later(delay, self._due, entry)

    def _due(self, entry: Entry) -> None:
        self._delayed -= 1
        self.put(entry)

    def add_consumer(self, consumer: "MemorySubscription") -> None:
        """Let a consumer take part."""
        self._consumers.append(consumer)
        self.dispatch()

    def remove_consumer(self, consumer: "MemorySubscription") -> None:
        """Let a consumer leave; what is in its hands stays there."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def dispatch(self) -> None:
        """Hand out what is ready, to the consumers in turn."""
        passed_over = 0
        while self._ready and passed_over < len(self._consumers):
            consumer = self._consumers[0]
            self._consumers.rotate(-1)
            if consumer.has_room:
                passed_over = 0
                consumer.take(self._ready.popleft())
            else:
                passed_over += 1


class MemoryDeadLetters:
    """Dead letters by service; see ``port.DeadLetters`` for what the methods do.

    Args:
        takers: tells the queues that a replayed letter goes to.
        limit: letters per service; with so many, giving up another message is refused.
    """

    def __init__(self, takers: Callable[[DeadLetter], Sequence[WorkQueue]], limit: int) -> None:
        self._takers = takers
        self._limit = limit
        self._letters: dict[str, list[DeadLetter]] = {}

    def has_room(self, service: str) -> bool:
        """Whether another dead letter of ``service`` is taken."""
        return len(self._letters.get(service, ())) < self._limit

    def keep(self, letter: DeadLetter) -> None:
        """Keep a letter, over the limit too: the caller has asked ``has_room`` if it could have waited."""
        self._letters.setdefault(letter.queue.service, []).append(letter)

    async def list(self, service: str) -> Sequence[DeadLetter]:
        """Return the dead letters of ``service``, oldest first."""
        return tuple(self._letters.get(service, ()))

    async def replay(self, service: str, event_ids: Collection[str] | None = None) -> int:
        """Put dead letters back as first attempts and return how many found room and a taker."""
        chosen = self._taken_out(service, event_ids)
        put_back = 0
        for letter in chosen:
            queues = self._takers(letter)
            if not queues or any(queue.full for queue in queues):
                self.keep(letter)
                continue
            for queue in queues:
                queue.put(Entry(letter.message))
            put_back += 1
        return put_back

    async def purge(self, service: str, event_ids: Collection[str] | None = None) -> int:
        """Remove dead letters for good and return how many."""
        return len(self._taken_out(service, event_ids))

    def _taken_out(self, service: str, event_ids: Collection[str] | None) -> Sequence[DeadLetter]:
        letters = self._letters.pop(service, [])
        if event_ids is None:
            return letters
        self._letters[service] = [letter for letter in letters if letter.message.event_id not in event_ids]
        return [letter for letter in letters if letter.message.event_id in event_ids]


class MemoryDelivery:
    """One message in one consumer's hands; see ``port.Delivery`` for what the methods do."""

    __slots__ = ("_entry", "_key", "_subscription")

    def __init__(self, subscription: "MemorySubscription", key: int, entry: Entry) -> None:
        self._subscription = subscription
        self._key = key
        self._entry = entry

    @property
    def message(self) -> Message:
        """The message."""
        return self._entry.message

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self._entry.attempt

    @property
    def redelivered(self) -> bool:
        """Whether it was delivered before without being settled."""
        return self._entry.deliveries > 1

    async def ack(self) -> None:
        """Remove the message."""
        self._subscription.let_go(self._key)

    async def retry_later(self, delay: float) -> None:
        """Deliver the message again after ``delay`` seconds."""
        # A retry needs no room of its own: the message was taken once and keeps its place among the delayed.
        self._subscription.let_go(self._key)
        again = replace(self._entry, attempt=self._entry.attempt + 1, deliveries=0)
        self._subscription.work.put_later(again, delay)

    async def dead_letter(self, headers: Mapping[str, str]) -> None:
        """Give the message up."""
        work = self._subscription.work
        letters = work.dead_letters
        if not letters.has_room(work.queue.service):
            refusal = f"no room is left for dead letters of {work.queue.service}"
            raise PublishRefusedError(refusal, next_step="Replay or purge its dead letters.")
        self._subscription.let_go(self._key)
        letters.keep(DeadLetter(work.queue, self._entry.message, dict(headers)))


class MemorySubscription:
    """A consumer's claim on a work queue, and what is in its hands; see ``port.Subscription``.

    Args:
        work: the queue.
        consumer: takes the deliveries.
        prefetch: unsettled deliveries at a time.

    Attributes:
        work: as given.
    """

    def __init__(self, work: WorkQueue, consumer: Consumer, prefetch: int) -> None:
        self.work = work
        self._consumer = consumer
        self._prefetch = prefetch
        self._cancelled = False
        self._keys = itertools.count()
        self._in_hand: dict[int, Entry] = {}

    @property
    def has_room(self) -> bool:
        """Whether another delivery is taken now."""
        return len(self._in_hand) < self._prefetch

    def take(self, entry: Entry) -> None:
        """Deliver a message."""
        entry.deliveries += 1
        key = next(self._keys)
        self._in_hand[key] = entry
        self._consumer(MemoryDelivery(self, key, entry))

    def let_go(self, key: int) -> None:
        """Settle a delivery.

        Raises:
            ConnectionLostError: it is not in hand any more.
        """
        if self._in_hand.pop(key, None) is None:
            void = "the delivery is void: it was settled, or the connection was lost"
            raise ConnectionLostError(void, next_step="Nothing: an unsettled message comes again.")
        self.work.dispatch()

    def attach(self) -> None:
        """Take part in the queue, unless cancelled."""
        if not self._cancelled:
            self.work.add_consumer(self)

    def detach(self) -> None:
        """Take no more messages for now."""
        self.work.remove_consumer(self)

    async def cancel(self) -> None:
        """Take no more messages; those in hand may still be settled."""
        self._cancelled = True
        self.detach()

    def drop_all(self) -> None:
        """Return everything in hand to the queue."""
        entries = list(self._in_hand.values())
        self._in_hand.clear()
        self.work.put_back(entries)
