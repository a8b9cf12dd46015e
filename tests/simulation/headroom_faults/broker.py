"""A simulated broker: it keeps what RabbitMQ guarantees of durable queues and confirms, and no more."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from headroom_common.contracts.registry import CONTRACTS
from headroom_common.contracts.wire import Encoded
from headroom_common.transports.port import (
    ERROR,
    REASON,
    SERVICE,
    UNROUTABLE,
    DeadLetter,
    Message,
    PublishRefusedError,
    Queue,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from headroom_faults.connection import Claim, Session
    from headroom_faults.plan import Rates
    from headroom_faults.trace import Trace

DELIVERY_LIMIT: Final = 50


@dataclass(slots=True, eq=False)
class Entry:
    """A copy of a message in one queue.

    Attributes:
        message: the message.
        attempt: which attempt comes next, from 1.
        deliveries: how often it came back unsettled.
        confirmed: whether the broker vouches for it; a restart may forget any other.
    """

    message: Message
    attempt: int = 1
    deliveries: int = 0
    confirmed: bool = False


@dataclass(slots=True, eq=False)
class Held:
    """One queue: what is ready, in hand, and waiting for a retry."""

    queue: Queue
    ready: list[Entry] = field(default_factory=list)
    in_hand: dict[int, tuple[Entry, Claim]] = field(default_factory=dict)
    delayed: dict[int, Entry] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)

    @property
    def depth(self) -> int:
        return len(self.ready) + len(self.in_hand) + len(self.delayed)

    def is_full(self, limit: int) -> bool:
        """Tell whether it refuses; a private queue never does."""
        return not self.queue.private and len(self.ready) >= limit


class SimulatedBroker:
    """Queues that survive, at-least-once delivery, refusals, alarms, restarts, and no order.

    Args:
        chance: draws.
        trace: is told of everything.
        queue_limit: messages that a queue takes before it refuses.
        latency: mean seconds of everything that travels or is stored.
        rates: of the faults; the simulation sets them to none in the end.
        damage: what becomes of messages that are poisoned, by type and subject's beginning.

    Attributes:
        up: whether it can be reached.
        dead_letters: what was given up.
        seen: distinct ids by type of what was ever taken.
        taken: messages that were ever taken, copies included, by run.
    """

    def __init__(
        self,
        chance: random.Random,
        trace: Trace,
        *,
        queue_limit: int,
        latency: float,
        rates: Rates,
        damage: Mapping[tuple[str, str], Callable[[Encoded], Encoded]],
    ) -> None:
        self.chance = chance
        self.trace = trace
        self.latency = latency
        self.rates = rates
        self.up = True
        self.dead_letters: list[DeadLetter] = []
        self.seen: dict[str, dict[str, str]] = {}
        self.taken: Counter[str] = Counter()
        self._queue_limit = queue_limit
        self._damage = damage
        self._queues: dict[Queue, Held] = {}
        self._numbers = itertools.count()
        self._sessions: list[Session] = []
        self._blocked: list[Callable[[], None]] | None = None
        for contract in CONTRACTS.values():
            for service in contract.consumers:
                if service not in contract.private:
                    self.declare(Queue(service, contract.event_type))

    # --- what travels ---------------------------------------------------------------------------------------

    def after_a_while(self, call: Callable[[], None]) -> None:
        """Call back after the time that a message is on the wire."""
        delay = self.chance.expovariate(1.0 / self.latency)
        asyncio.get_running_loop().call_later(delay, call)

    def receive(self, work: Callable[[], None]) -> None:
        """Do what a client asked for; under a memory alarm, the broker stops reading."""
        if self._blocked is None:
            work()
        else:
            self._blocked.append(work)

    def open(self, session: Session) -> None:
        self._sessions.append(session)

    def close(self, session: Session) -> None:
        """Notice that a connection is gone: what was in its hands comes back."""
        if session in self._sessions:
            self._sessions.remove(session)
            session.gone = True
            for claim in session.claims:
                self.withdraw(claim)
                self._take_back(claim)

    # --- queues ---------------------------------------------------------------------------------------------

    def declare(self, queue: Queue) -> Held:
        if queue not in self._queues:
            self._queues[queue] = Held(queue)
        return self._queues[queue]

    def forget(self, queue: Queue) -> None:
        """Remove a queue with what it holds."""
        self._queues.pop(queue, None)

    def take(self, message: Message) -> list[Entry]:
        """Put a message into all queues that take it and have room.

        Raises:
            PublishRefusedError: one of them has none; the others have the message all the same.
        """
        message = self._damaged(message)
        self.seen.setdefault(message.event_type, {})[message.event_id] = message.correlation
        self.taken[message.correlation] += 1
        bound = [held for held in self._queues.values() if held.queue.takes(message)]
        entries = []
        refused = ""
        for held in bound:
            if held.is_full(self._queue_limit) or self.chance.random() < self.rates.refuse:
                refused = held.queue.name
                continue
            entry = Entry(message)
            entries.append(entry)
            held.ready.append(entry)
            self.dispatch(held)
        if refused:
            self.trace.note("broker", "refuses", f"{refused} {describe(message)}")
            msg = f"queue {refused} is full"
            raise PublishRefusedError(msg)
        if not bound and message.must_route:
            self.dead_letters.append(DeadLetter(Queue(UNROUTABLE, message.event_type), message))
        return entries

    def delay(self, queue: Queue, message: Message, attempt: int, seconds: float) -> list[Entry]:
        """Put a message into a retry queue, from where it comes back by itself."""
        held, number = self.declare(queue), next(self._numbers)
        entry = held.delayed[number] = Entry(message, attempt)

        def due() -> None:
            if held.delayed.pop(number, None) is not None:
                held.ready.append(entry)
                self.dispatch(held)

        asyncio.get_running_loop().call_later(seconds, due)
        return [entry]

    def bury(self, letter: DeadLetter) -> list[Entry]:
        """Keep a dead letter.

        Raises:
            PublishRefusedError: not this time.
        """
        if self.chance.random() < self.rates.refuse:
            msg = "there is no room for dead letters"
            raise PublishRefusedError(msg)
        self.trace.note("broker", "buries", describe(letter.message))
        self.dead_letters.append(letter)
        return []

    def attach(self, claim: Claim) -> None:
        claim.held.claims.append(claim)
        self.dispatch(claim.held)

    def withdraw(self, claim: Claim) -> None:
        if claim in claim.held.claims:
            claim.held.claims.remove(claim)

    def settle(self, held: Held, number: int) -> None:
        """Forget a message that was in somebody's hands, unless it was taken back before."""
        found = held.in_hand.pop(number, None)
        if found is not None:
            self.trace.note("broker", "removes", f"{held.queue.service} {describe(found[0].message)}")
            self.dispatch(held)

    def dispatch(self, held: Held) -> None:
        """Hand out what is ready, to whom it may, in any order."""
        while self.up and held.ready:
            willing = [claim for claim in held.claims if claim.has_room]
            if not willing:
                return
            overtakes = self.chance.random() < self.rates.reorder
            entry = held.ready.pop(self.chance.randrange(len(held.ready)) if overtakes else 0)
            if self.chance.random() < self.rates.duplicate:
                held.ready.append(Entry(entry.message, entry.attempt))
            number = next(self._numbers)
            claim = self.chance.choice(willing)
            held.in_hand[number] = entry, claim
            claim.deliver(number, entry)

    def _take_back(self, claim: Claim) -> None:
        held = claim.held
        numbers = [number for number, (_, owner) in held.in_hand.items() if owner is claim]
        for number in reversed(numbers):
            entry, _ = held.in_hand.pop(number)
            entry.deliveries += 1
            if entry.deliveries < DELIVERY_LIMIT:
                held.ready.insert(0, entry)
                continue
            headers = {REASON: "delivery limit", ERROR: "DeliveryLimit", SERVICE: held.queue.service}
            self.dead_letters.append(DeadLetter(held.queue, entry.message, headers))
        self.dispatch(held)

    def _damaged(self, message: Message) -> Message:
        content = message.content
        assert isinstance(content, Encoded)
        subject = content.headers.get("ce-subject", "")
        for (event_type, beginning), damage in self._damage.items():
            if message.event_type == event_type and subject.startswith(beginning):
                return Message(message.event_type, damage(content), message.must_route)
        return message

    # --- trouble --------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Die: all connections break, and of what nobody was promised anything may be gone."""
        self.trace.note("broker", "stops")
        self.up = False
        for session in list(self._sessions):
            known = session.alive
            session.cut("the broker stopped", arrives=0.0)
            self.close(session)
            if known:
                session.lost("the broker stopped")
        for held in self._queues.values():
            held.ready = [entry for entry in held.ready if self._survives(entry)]
            for number in [number for number, entry in held.delayed.items() if not self._survives(entry)]:
                del held.delayed[number]
        self._blocked = None if self._blocked is None else []

    def start(self) -> None:
        """Come back with what was kept; clients connect again by themselves."""
        self.trace.note("broker", "starts")
        self.up = True

    def block(self) -> None:
        """Raise the memory alarm: nothing that clients send is read."""
        self.trace.note("broker", "blocks")
        self._blocked = [] if self._blocked is None else self._blocked

    def unblock(self) -> None:
        """End the alarm, and read what has piled up, also from those who do not wait for it any more."""
        waiting, self._blocked = self._blocked or [], None
        self.trace.note("broker", "unblocks", str(len(waiting)))
        for work in waiting:
            work()

    def _survives(self, entry: Entry) -> bool:
        return entry.confirmed or self.chance.random() < 0.5

    # --- what is left ---------------------------------------------------------------------------------------

    def left(self) -> dict[str, int]:
        """Return the depths of the work queues that are not empty."""
        queues = [held for held in self._queues.values() if not held.queue.private]
        return {held.queue.name: held.depth for held in queues if held.depth}

    def holds(self, event_id: str) -> bool:
        """Tell whether any queue has a message."""
        return any(
            entry.message.event_id == event_id
            for held in self._queues.values()
            for entry in (*held.ready, *held.delayed.values(), *(entry for entry, _ in held.in_hand.values()))
        )


def describe(message: Message) -> str:
    """Return a message's type, subject and id, short."""
    content = message.content
    assert isinstance(content, Encoded)
    run, *rest = content.headers.get("ce-subject", "?").split("/")
    subject = "/".join([run[:8], *rest])
    return f"{message.event_type.removeprefix('headroom.')} {subject} [{message.event_id[:8]}]"
