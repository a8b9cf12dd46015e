"""One process' connection to the simulated broker, which breaks in every way that connections do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headroom_common.contracts.wire import MAX_BODY_BYTES
from headroom_common.errors import TransientError
from headroom_common.transports.port import ConnectionLostError, DeadLetter, Guarantees
from headroom_faults.broker import DELIVERY_LIMIT, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headroom_common.transports.port import ConnectionListener, Consumer, Message, Queue
    from headroom_faults.broker import Entry, Held, SimulatedBroker
    from headroom_faults.process import Process

GUARANTEES = Guarantees(
    by_reference=False, durable=True, max_body_bytes=MAX_BODY_BYTES, delivery_limit=DELIVERY_LIMIT
)


class Session:
    """A connection from its opening to its end. The client may learn of the end long before the broker.

    Args:
        broker: the other end.
        lost: tells the client that the broker ended it.

    Attributes:
        lost: as given.
        alive: whether the client has it.
        gone: whether the broker has noticed its end.
        claims: the consumers on it.
    """

    def __init__(self, broker: SimulatedBroker, lost: Callable[[str], None]) -> None:
        self.lost = lost
        self.alive = True
        self.gone = False
        self.claims: list[Claim] = []
        self._broker = broker
        self._arrives = 0.5
        self._waiting: dict[asyncio.Future[None], None] = {}
        broker.open(self)

    def send(self, work: Callable[[], None]) -> None:
        """Have the broker do ``work``; what is under way when the connection breaks may arrive or not."""

        def arrive() -> None:
            if self.alive or self._broker.chance.random() < self._arrives:
                self._broker.receive(read)

        def read() -> None:
            # After a restart nothing of an old connection is left to be read.
            if self.alive or self._arrives:
                work()

        self._broker.after_a_while(arrive)

    def ask(self, take: Callable[[], list[Entry]]) -> asyncio.Future[None]:
        """Have the broker take something; the result comes with its confirm, if that ever comes."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[answer] = None

        def work() -> None:
            try:
                entries = take()
            except TransientError as error:
                refusal = error
                self._broker.after_a_while(lambda: self._answer(answer, refusal))
            else:
                self._broker.after_a_while(lambda: self._confirm(answer, entries))

        self.send(work)
        return answer

    def cut(self, reason: str, *, arrives: float = 0.5) -> None:
        """Break. Who waits for an answer gets an error, or is cancelled as AMQP clients do it."""
        self.alive, self._arrives = False, arrives
        for answer in self._waiting:
            if answer.done():
                continue
            if self._broker.chance.random() < 0.5:
                answer.cancel()
            else:
                answer.set_exception(ConnectionLostError(reason))
        self._waiting.clear()

    def _confirm(self, answer: asyncio.Future[None], entries: list[Entry]) -> None:
        if not self._broker.up or self.gone:
            return
        for entry in entries:
            entry.confirmed = True
        if self._broker.chance.random() >= self._broker.rates.lost_confirm:
            self._broker.after_a_while(lambda: self._answer(answer, None))

    def _answer(self, answer: asyncio.Future[None], error: Exception | None) -> None:
        self._waiting.pop(answer, None)
        if not self.alive or answer.done():
            return
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)


class Claim:
    """One consumer on one connection, as the broker sees it."""

    def __init__(self, subscription: SimulatedSubscription, session: Session, held: Held) -> None:
        self.held = held
        self._subscription = subscription
        self._session = session

    @property
    def has_room(self) -> bool:
        in_hand = sum(owner is self for _, owner in self.held.in_hand.values())
        return in_hand < self._subscription.prefetch

    def deliver(self, number: int, entry: Entry) -> None:
        """Send a message to the client; it is lost on the way when the connection breaks."""
        subscription, session = self._subscription, self._session
        transport = subscription.transport

        def arrive() -> None:
            if session.alive and transport.host.delivered(entry.message):
                subscription.consumer(SimulatedDelivery(transport, session, self.held, number, entry))

        transport.broker.after_a_while(arrive)


class SimulatedSubscription:
    """A consumer that comes back with every connection until it is cancelled; see ``port.Subscription``."""

    def __init__(
        self, transport: SimulatedTransport, queue: Queue, consumer: Consumer, prefetch: int
    ) -> None:
        self.transport = transport
        self.queue = queue
        self.consumer = consumer
        self.prefetch = prefetch
        self._claim: Claim | None = None
        self._cancelled = False

    def attach(self, session: Session) -> None:
        if self._cancelled:
            return
        broker = self.transport.broker
        self._claim = Claim(self, session, broker.declare(self.queue))
        session.claims.append(self._claim)
        broker.attach(self._claim)

    async def cancel(self) -> None:
        await self.transport.host.step("unsubscribe", self.queue.name)
        self._cancelled = True
        if self._claim is not None:
            self.transport.broker.withdraw(self._claim)


class SimulatedDelivery:
    """A message in one process' hands; see ``port.Delivery``."""

    def __init__(
        self, transport: SimulatedTransport, session: Session, held: Held, number: int, entry: Entry
    ) -> None:
        self.message = entry.message
        self.attempt = entry.attempt
        self.redelivered = entry.deliveries > 0
        self._transport = transport
        self._session = session
        self._held = held
        self._number = number
        self._settled = False

    async def ack(self) -> None:
        """Acknowledge; nobody ever learns whether that was heard."""
        host = self._transport.host
        await host.step("acknowledge", describe(self.message))
        self._require()
        host.auditor.acknowledges(host, self.message)
        self._settle()
        await host.step("acknowledged", describe(self.message))

    async def retry_later(self, delay: float) -> None:
        broker, queue, attempt = self._transport.broker, self._held.queue, self.attempt + 1
        await self._move("put off", lambda: broker.delay(queue, self.message, attempt, delay))

    async def dead_letter(self, headers: Mapping[str, str]) -> None:
        letter = DeadLetter(self._held.queue, self.message, dict(headers))
        await self._move("give up", lambda: self._transport.broker.bury(letter))

    async def _move(self, step: str, take: Callable[[], list[Entry]]) -> None:
        """Have a copy taken elsewhere, then remove the original; a crash in between leaves both."""
        host = self._transport.host
        await host.step(step, describe(self.message))
        self._require()
        await self._session.ask(take)
        await host.step(f"{step}: ack", describe(self.message))
        self._require()
        self._settle()

    def _settle(self) -> None:
        self._settled = True
        broker, held, number = self._transport.broker, self._held, self._number
        self._session.send(lambda: broker.settle(held, number))

    def _require(self) -> None:
        if self._settled or not self._session.alive:
            msg = "the delivery is void"
            raise ConnectionLostError(msg)


class SimulatedTransport:
    """See ``port.Transport``.

    Args:
        broker: the broker.
        host: the process whose connection this is; every step asks it for leave.

    Attributes:
        broker: as given.
        host: as given.
    """

    guarantees = GUARANTEES

    def __init__(self, broker: SimulatedBroker, host: Process) -> None:
        self.broker = broker
        self.host = host
        self._session: Session | None = None
        self._listener: ConnectionListener | None = None
        self._subscriptions: list[SimulatedSubscription] = []

    async def connect(self, listener: ConnectionListener) -> None:
        await self.host.step("connect")
        if not self.broker.up:
            msg = "the broker does not answer"
            raise ConnectionLostError(msg)
        self._listener = listener
        self._session = Session(self.broker, self._lost)

    async def declare(self, queue: Queue) -> None:
        await self.host.step("declare", queue.name)
        self._connection()
        self.broker.declare(queue)

    async def subscribe(self, queue: Queue, consumer: Consumer, *, prefetch: int) -> SimulatedSubscription:
        await self.host.step("subscribe", queue.name)
        session = self._connection()
        subscription = SimulatedSubscription(self, queue, consumer, prefetch)
        self._subscriptions.append(subscription)
        subscription.attach(session)
        return subscription

    async def publish(self, message: Message) -> None:
        what = describe(message)
        await self.host.step("publish", what)
        session = self._connection()
        self.host.auditor.publishes(self.host, message)
        await session.ask(lambda: self.broker.take(message))
        await self.host.step("confirm", what)
        self.host.auditor.confirmed(self.host, message)

    async def close(self) -> None:
        self.die()

    def die(self) -> None:
        """End the connection for good; the broker may notice at once, or when heartbeats fail."""
        self._listener = None
        for subscription in self._subscriptions:
            # What its process alone took is of use to nobody, whether it is deleted or left to expire.
            if subscription.queue.private:
                self.broker.forget(subscription.queue)
        self._subscriptions.clear()
        self._break("the process ended")

    def cut(self, reason: str) -> None:
        """Break the connection; it comes back by itself after a while."""
        if self._session is None or not self._session.alive:
            return
        self._break(reason)
        self._lost(reason)

    def _lost(self, reason: str) -> None:
        if self._listener is not None:
            self._listener(False, reason)  # noqa: FBT003 - the port's listener has positional arguments
            self._reconnect_later()

    def _break(self, reason: str) -> None:
        session = self._session
        if session is None or not session.alive:
            return
        session.cut(reason)
        if self.broker.chance.random() < 0.5:
            self.broker.close(session)
        else:
            delay = self.broker.chance.uniform(0.0, 10.0)
            asyncio.get_running_loop().call_later(delay, self.broker.close, session)

    def _reconnect_later(self) -> None:
        asyncio.get_running_loop().call_later(self.broker.chance.expovariate(2.0), self._reconnect)

    def _reconnect(self) -> None:
        if self._listener is None:
            return
        if not self.broker.up:
            self._reconnect_later()
            return
        self.broker.trace.note(self.host.name, "reconnected")
        session = self._session = Session(self.broker, self._lost)
        for subscription in self._subscriptions:
            subscription.attach(session)
        self._listener(True, "the broker answers again")  # noqa: FBT003 - as above

    def _connection(self) -> Session:
        if self._session is None or not self._session.alive:
            msg = "there is no connection"
            raise ConnectionLostError(msg)
        return self._session
