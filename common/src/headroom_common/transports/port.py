"""The port that every transport implements: bounded work queues with confirms, retries and dead letters.

Topology: one work queue per consuming service and event type. The service's instances compete for its
messages; a message goes to the work queues of all services that take its type. Besides, an instance may have
private queues, which get copies of their own. Order is never promised.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from headroom_common.contracts.event import Event
from headroom_common.contracts.events import Body
from headroom_common.contracts.wire import Encoded
from headroom_common.errors import TransientError

REASON: Final = "headroom-reason"
"""Header of a dead letter: why it could not be handled."""

ERROR: Final = "headroom-error"
"""Header of a dead letter: class of the failure."""

ATTEMPTS: Final = "headroom-attempts"
"""Header of a dead letter: how often it was tried."""

SERVICE: Final = "headroom-service"
"""Header of a dead letter: the service that gave up."""

INSTANCE: Final = "headroom-instance"
"""Header of a dead letter: which instance gave up."""

TIME: Final = "headroom-time"
"""Header of a dead letter: when it was given up, in UTC."""

UNROUTABLE: Final = "unroutable"
"""Stands for a service where dead letters are listed: messages that nobody had subscribed to."""


class PublishRefusedError(TransientError):
    """A queue is full; the message was not taken and has to be published again later."""


class ConnectionLostError(TransientError):
    """The broker cannot be reached, or what was asked belongs to a connection that is gone."""


@dataclass(frozen=True)
class Guarantees:
    """What a transport declares about itself; everything else in this module holds for all of them.

    Attributes:
        by_reference: events are handed over as they are; otherwise they have to be encoded.
        durable: confirmed messages survive a restart of the broker.
        max_body_bytes: the largest body that is taken.
        delivery_limit: how often one message is delivered without being settled, before it becomes a
            dead letter.
        delays: the delays that ``retry_later`` can keep, in seconds, ascending; others are rounded up to one
            of them, and what is beyond the last is cut to it. Empty when every delay can be kept.
    """

    by_reference: bool
    durable: bool
    max_body_bytes: int
    delivery_limit: int
    delays: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: an event, by reference or in its wire form.

    Attributes:
        event_type: its type, by which it is routed.
        content: the event.
        must_route: whether it is kept as unroutable when no service takes its type, or dropped.
    """

    event_type: str
    content: Event[Body] | Encoded
    must_route: bool = True

    @property
    def event_id(self) -> str:
        """The event's id, as far as the headers carry one."""
        if isinstance(self.content, Encoded):
            return self.content.headers.get("ce-id", "")
        return str(self.content.envelope.id)

    @property
    def correlation(self) -> str:
        """The run that the event belongs to, as far as the headers carry one; empty when there is none."""
        if isinstance(self.content, Encoded):
            return self.content.headers.get("ce-correlationid", "")
        return str(self.content.envelope.correlationid or "")


@dataclass(frozen=True, slots=True)
class Queue:
    """A work queue, or the private queue of one instance.

    A private queue outlives a lost connection and a restart of the broker, but not its transport's ``close``,
    nor being left alone for long. It never refuses a message: when it is full it forgets its oldest ones.

    Attributes:
        service: the consuming service.
        event_type: the type that it takes.
        instance: whose private queue it is; empty for the work queue that all instances share.
        correlation: the only run whose messages it takes; empty for those of all runs and of none.
    """

    service: str
    event_type: str
    instance: str = ""
    correlation: str = ""

    @property
    def name(self) -> str:
        """Name of the queue at the broker."""
        return ".".join(filter(None, (self.service, self.event_type, self.instance)))

    @property
    def private(self) -> bool:
        """Whether it belongs to one instance."""
        return bool(self.instance)

    def takes(self, message: Message) -> bool:
        """Tell whether a message goes to this queue."""
        return message.event_type == self.event_type and self.correlation in {"", message.correlation}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up.

    Attributes:
        queue: the work queue that it came from; an unroutable message has the service ``unroutable``.
        message: the message.
        headers: why, by whom and when (``REASON``, ``ERROR``, …).
    """

    queue: Queue
    message: Message
    headers: Mapping[str, str] = field(default_factory=dict)


class Delivery(Protocol):
    """One message in the hands of one consumer, until it is settled by one of the methods.

    A method that returned is confirmed by the broker. ``ConnectionLostError`` means that the delivery is
    void: the message comes again. A delivery that is settled twice raises ``ConnectionLostError`` as well.
    """

    @property
    def message(self) -> Message:
        """The message."""
        ...

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1: one more after every ``retry_later``."""
        ...

    @property
    def redelivered(self) -> bool:
        """Whether the message may have been in somebody's hands before without being settled."""
        ...

    async def ack(self) -> None:
        """Remove the message from its queue.

        Raises:
            ConnectionLostError: the delivery is void.
        """
        ...

    async def retry_later(self, delay: float) -> None:
        """Deliver the message again, as the next attempt, after ``delay`` seconds or a little more.

        Raises:
            ConnectionLostError: the delivery is void.
            PublishRefusedError: there is no room; the message is still in hand.
        """
        ...

    async def dead_letter(self, headers: Mapping[str, str]) -> None:
        """Move the message to the dead letters of the consuming service.

        Raises:
            ConnectionLostError: the delivery is void.
            PublishRefusedError: there is no room; the message is still in hand.
        """
        ...


class Subscription(Protocol):
    """A consumer's claim on a work queue."""

    async def cancel(self) -> None:
        """Take no more messages; those in hand may still be settled."""
        ...


class DeadLetters(Protocol):
    """The messages that were given up, by service; ``UNROUTABLE`` holds those that nobody takes."""

    async def list(self, service: str) -> Sequence[DeadLetter]:
        """Return the dead letters of ``service``, oldest first, and leave them where they are."""
        ...

    async def replay(self, service: str, event_ids: Collection[str] | None = None) -> int:
        """Put dead letters back as first attempts and return how many.

        They go to the work queue that they came from, unroutable ones to whoever takes them now. Letters
        that find no room or no taker stay.

        Args:
            service: whose dead letters.
            event_ids: which ones; None for all.
        """
        ...

    async def purge(self, service: str, event_ids: Collection[str] | None = None) -> int:
        """Remove dead letters for good and return how many; arguments as in ``replay``."""
        ...


Consumer = Callable[[Delivery], None]
"""Takes a delivery into its hands; returns at once and settles it later."""

ConnectionListener = Callable[[bool, str], None]
"""Is told, on the event loop, when the connection is lost (False) or back (True), and why."""


class Transport(Protocol):
    """One connection of one instance of a service to a broker."""

    @property
    def guarantees(self) -> Guarantees:
        """What this transport declares about itself."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """The broker's dead letters."""
        ...

    async def connect(self, listener: ConnectionListener) -> None:
        """Connect; a connection lost afterwards is restored by the transport, with all subscriptions.

        Raises:
            ConnectionLostError: the broker cannot be reached.
        """
        ...

    async def declare(self, queue: Queue) -> None:
        """Make sure that the queue exists and gets its messages; a work queue stays when all leave.

        Raises:
            ConnectionLostError: the broker cannot be reached.
        """
        ...

    async def subscribe(self, queue: Queue, consumer: Consumer, *, prefetch: int) -> Subscription:
        """Hand the messages of a declared queue to ``consumer``, at most ``prefetch`` unsettled at a time.

        Raises:
            ConnectionLostError: the broker cannot be reached.
        """
        ...

    async def publish(self, message: Message) -> None:
        """Hand a message to the broker; returning means that the broker has it in all queues that take it.

        Raises:
            PublishRefusedError: a queue is full.
            ConnectionLostError: the broker cannot be reached; whether it has the message is unknown.
        """
        ...

    async def backlog(self, queue: Queue) -> int:
        """Return how many messages of ``queue`` nobody has taken yet; 0 when there is no such queue.

        What is in hand does not count, nor what waits for its next attempt.

        Raises:
            ConnectionLostError: the broker cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Leave the broker; what is in hand unsettled is delivered again, to whoever is there.

        The private queues that this transport declared are gone with it.
        """
        ...
