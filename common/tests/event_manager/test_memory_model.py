"""Any sequence of steps at the in-process broker, against a plain account of where each message is."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_common.contracts.wire import Encoded
from headroom_common.event_manager.virtual_time import in_virtual_time
from headroom_common.transports.memory import MemoryBroker, MemoryTransport
from headroom_common.transports.port import (
    ConnectionLostError,
    Consumer,
    Delivery,
    Message,
    PublishRefusedError,
    Queue,
    Subscription,
)

QUEUE = Queue("generator", "headroom.trial.analysed.v1")
CONSUMERS = 3
LIMIT = 6
PREFETCH = 2


@dataclass
class Account:
    """What happened, as the consumers saw it."""

    broker: MemoryBroker = field(default_factory=lambda: MemoryBroker(queue_limit=LIMIT, delivery_limit=4))
    transports: list[MemoryTransport] = field(default_factory=list)
    claims: list[Subscription] = field(default_factory=list)
    hands: list[list[Delivery]] = field(default_factory=lambda: [[] for _ in range(CONSUMERS)])
    cut: set[int] = field(default_factory=set)
    published: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)

    async def open(self) -> None:
        for hand in self.hands:
            transport = self.broker.transport()
            await transport.connect(lambda *_: None)
            await transport.declare(QUEUE)
            self.transports.append(transport)
            self.claims.append(await transport.subscribe(QUEUE, hand.append, prefetch=PREFETCH))

    async def dead(self) -> list[str]:
        return [letter.message.event_id for letter in await self.broker.dead_letters.list(QUEUE.service)]

    async def check(self) -> None:
        in_hand = sum(len(hand) for hand in self.hands)
        dead = await self.dead()
        assert self.broker.depth(QUEUE) + in_hand + self.acknowledged.total() + len(dead) == self.published
        held = Counter(delivery.message.event_id for hand in self.hands for delivery in hand)
        everywhere = held + self.acknowledged + Counter(dead)
        assert all(count == 1 for count in everywhere.values())
        assert all(len(hand) <= PREFETCH for hand in self.hands)

    async def publish(self, who: int) -> None:
        message = Message(QUEUE.event_type, Encoded({"ce-id": str(self.published)}, b""))
        full = self.broker.depth(QUEUE) >= LIMIT
        try:
            await self.transports[who].publish(message)
        except PublishRefusedError:
            assert full
        except ConnectionLostError:
            assert who in self.cut
        else:
            assert not full
            assert who not in self.cut
            self.published += 1

    async def settle(self, who: int, how: str) -> None:
        if not self.hands[who]:
            return
        delivery = self.hands[who].pop(0)
        if how == "ack":
            self.acknowledged[delivery.message.event_id] += 1
            await delivery.ack()
        elif how == "retry":
            await delivery.retry_later(1.0)
        else:
            await delivery.dead_letter({})

    async def interrupt(self, who: int) -> None:
        if who in self.cut:
            return
        void = list(self.hands[who])
        self.hands[who].clear()
        self.cut.add(who)
        self.transports[who].interrupt("cable cut")
        for delivery in void:
            try:
                await delivery.ack()
            except ConnectionLostError:
                continue
            raise AssertionError(delivery)

    def restore(self, who: int) -> None:
        if who in self.cut:
            self.cut.discard(who)
            self.transports[who].restore("cable mended")

    async def step(self, what: str, who: int) -> None:
        if what == "publish":
            await self.publish(who)
        elif what in {"ack", "retry", "dead"}:
            await self.settle(who, what)
        elif what == "interrupt":
            await self.interrupt(who)
        elif what == "restore":
            self.restore(who)
        elif what == "replay":
            dead = len(await self.dead())
            assert await self.broker.dead_letters.replay(QUEUE.service) <= dead
        else:
            await asyncio.sleep(0.7)
        await self.check()


KINDS = ("publish", "publish", "publish", "ack", "retry", "dead", "interrupt", "restore", "replay", "wait")
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, CONSUMERS - 1)), max_size=60)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_every_message_is_in_exactly_one_place(script: list[tuple[str, int]]) -> None:
    @in_virtual_time
    async def play() -> None:
        account = Account()
        await account.open()
        for what, who in script:
            await account.step(what, who)
        # Then the trouble ends, and everything has to get through.
        for who in range(CONSUMERS):
            account.restore(who)
        await asyncio.sleep(2)
        while any(account.hands):
            for who in range(CONSUMERS):
                await account.settle(who, "ack")
            await account.check()
        assert account.broker.depth(QUEUE) == 0
        assert account.acknowledged.total() + len(await account.dead()) == account.published

    play()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 5), st.data())
def test_consumers_of_equal_speed_get_equal_shares(messages: int, consumers: int, data: Any) -> None:
    prefetch = data.draw(st.integers(1, 3))

    @in_virtual_time
    async def play() -> list[int]:
        broker = MemoryBroker()
        shares = [0] * consumers

        async def work(who: int, delivery: Delivery) -> None:
            await asyncio.sleep(1)
            shares[who] += 1
            await delivery.ack()

        tasks: set[asyncio.Task[None]] = set()

        def consumer(who: int) -> Consumer:
            return lambda delivery: tasks.add(asyncio.ensure_future(work(who, delivery)))

        for who in range(consumers):
            transport = broker.transport()
            await transport.connect(lambda *_: None)
            await transport.subscribe(QUEUE, consumer(who), prefetch=prefetch)
        for number in range(messages):
            broker.route(Message(QUEUE.event_type, Encoded({"ce-id": str(number)}, b"")))
        await asyncio.sleep(messages + 1)
        return shares

    shares = play()
    assert sum(shares) == messages
    assert max(shares) - min(shares) <= prefetch
