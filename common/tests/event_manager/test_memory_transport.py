"""What only the in-process broker promises."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from headroom_common.contracts.event import Event, Outgoing, root_event
from headroom_common.contracts.events import (
    RequestsRouted,
    RunCancelled,
    RunParameters,
    SegmentHeader,
    TrialAnalysed,
)
from headroom_common.contracts.wire import Encoded
from headroom_common.event_manager import EventManager
from headroom_common.event_manager.virtual_time import in_virtual_time
from headroom_common.transports.memory import MemoryBroker, MemoryTransport
from headroom_common.transports.port import (
    ERROR,
    REASON,
    UNROUTABLE,
    ConnectionLostError,
    Delivery,
    Message,
    PublishRefusedError,
    Queue,
)

TRIALS = Queue("generator", "headroom.trial.analysed.v1")


def message(run: RunParameters, trial: int = 0, **options: Any) -> Message:
    body = TrialAnalysed(run=run, trial=trial)
    event: Event[Any] = root_event(body, source="/tests", time=datetime(2026, 1, 1, tzinfo=UTC))
    return Message(TRIALS.event_type, event, **options)


async def connected(broker: MemoryBroker) -> MemoryTransport:
    transport = broker.transport()
    await transport.connect(lambda *_: None)
    return transport


@in_virtual_time
async def test_bodies_are_handed_over_by_reference(
    manager_of: Callable[..., EventManager], run: RunParameters
) -> None:
    column = np.arange(10)
    header = SegmentHeader(run=run, trial=0, segment=0, watermark_ns=0, final=False)
    got: list[Any] = []

    def handler(event: Event[RequestsRouted]) -> list[Outgoing]:
        got.append(event.body.tables["routed"]["id"])
        return []

    service = manager_of("server-model")
    service.subscribe(RequestsRouted, handler)
    async with service:
        await service.publish(RequestsRouted(header, {"routed": {"id": column}}))
        while not got:  # noqa: ASYNC110 - a handler in a thread cannot set an asyncio event
            await asyncio.sleep(0.01)
    assert got[0] is column


@in_virtual_time
async def test_a_message_never_settled_becomes_a_dead_letter(run: RunParameters) -> None:
    broker = MemoryBroker(delivery_limit=3)
    broker.declare(TRIALS)
    taken: list[Delivery] = []
    publisher = await connected(broker)
    await publisher.publish(message(run))
    for _ in range(5):
        crashing = await connected(broker)
        await crashing.subscribe(TRIALS, taken.append, prefetch=1)
        await crashing.close()
    assert [delivery.redelivered for delivery in taken][:1] == [True]
    assert len(taken) == 3
    (letter,) = await broker.dead_letters.list("generator")
    assert letter.headers[ERROR] == "DeliveryLimit"
    assert letter.headers[REASON] == "delivered 3 times and never settled"


@in_virtual_time
async def test_a_retry_starts_the_count_of_deliveries_anew(run: RunParameters) -> None:
    broker = MemoryBroker(delivery_limit=2)
    transport = await connected(broker)
    taken: list[Delivery] = []
    await transport.subscribe(TRIALS, taken.append, prefetch=1)
    await transport.publish(message(run))
    for number in range(5):
        assert taken[-1].attempt == number + 1
        assert not taken[-1].redelivered
        await taken[-1].retry_later(10.0)
        assert broker.depth(TRIALS) == 1
        await asyncio.sleep(11)
    await taken[-1].ack()
    assert broker.depth(TRIALS) == 0
    assert await broker.dead_letters.list("generator") == ()


@in_virtual_time
async def test_what_is_given_back_comes_first_and_in_order(run: RunParameters) -> None:
    broker = MemoryBroker()
    broker.declare(TRIALS)
    transport = await connected(broker)
    for trial in range(4):
        await transport.publish(message(run, trial))
    taken: list[Delivery] = []
    first = await connected(broker)
    await first.subscribe(TRIALS, taken.append, prefetch=2)
    await first.close()
    await transport.subscribe(TRIALS, taken.append, prefetch=4)
    assert [delivery.message.event_id for delivery in taken[2:4]] == [
        delivery.message.event_id for delivery in taken[:2]
    ]


@in_virtual_time
async def test_a_delivery_is_settled_once(run: RunParameters) -> None:
    broker = MemoryBroker()
    transport = await connected(broker)
    taken: list[Delivery] = []
    await transport.subscribe(TRIALS, taken.append, prefetch=1)
    await transport.publish(message(run))
    await taken[0].ack()
    for settle in (taken[0].ack(), taken[0].retry_later(1), taken[0].dead_letter({})):
        with pytest.raises(ConnectionLostError, match="the delivery is void"):
            await settle


@in_virtual_time
async def test_dead_letters_are_bounded_and_wait_for_room(run: RunParameters) -> None:
    broker = MemoryBroker(dead_letter_limit=2)
    transport = await connected(broker)
    taken: list[Delivery] = []
    await transport.subscribe(TRIALS, taken.append, prefetch=10)
    for trial in range(3):
        await transport.publish(message(run, trial))
    await taken[0].dead_letter({})
    await taken[1].dead_letter({})
    with pytest.raises(PublishRefusedError, match="no room is left for dead letters of generator"):
        await taken[2].dead_letter({})
    await broker.dead_letters.purge("generator")
    await taken[2].dead_letter({})


@in_virtual_time
async def test_unroutable_messages_are_bounded(run: RunParameters) -> None:
    broker = MemoryBroker(dead_letter_limit=1)
    transport = await connected(broker)
    await transport.publish(message(run, 0))
    with pytest.raises(PublishRefusedError, match=r"no service takes headroom\.trial\.analysed\.v1"):
        await transport.publish(message(run, 1))
    await transport.publish(message(run, 2, must_route=False))
    assert broker.dropped == 1


@in_virtual_time
async def test_letters_without_room_or_taker_stay(run: RunParameters) -> None:
    broker = MemoryBroker(queue_limit=1)
    transport = await connected(broker)
    for trial in range(3):
        await transport.publish(message(run, trial))
    assert await broker.dead_letters.replay(UNROUTABLE) == 0
    broker.declare(TRIALS)
    assert await broker.dead_letters.replay(UNROUTABLE) == 1
    assert len(await broker.dead_letters.list(UNROUTABLE)) == 2


@in_virtual_time
async def test_a_refused_message_is_in_no_queue(run: RunParameters) -> None:
    broker = MemoryBroker(queue_limit=1)
    other = Queue("gateway", TRIALS.event_type)
    broker.declare(TRIALS)
    transport = await connected(broker)
    await transport.publish(message(run, 0))
    broker.declare(other)
    with pytest.raises(PublishRefusedError, match=r"queue generator\.headroom\.trial\.analysed\.v1 is full"):
        await transport.publish(message(run, 1))
    assert (broker.depth(TRIALS), broker.depth(other)) == (1, 0)


@in_virtual_time
async def test_a_cancelled_subscription_stays_cancelled_after_a_cut(run: RunParameters) -> None:
    broker = MemoryBroker()
    transport = await connected(broker)
    taken: list[Delivery] = []
    subscription = await transport.subscribe(TRIALS, taken.append, prefetch=10)
    await transport.publish(message(run, 0))
    await subscription.cancel()
    transport.interrupt("cable cut")
    with pytest.raises(ConnectionLostError, match="no connection"):
        await transport.publish(message(run, 1))
    transport.restore("cable mended")
    await transport.publish(message(run, 1))
    assert len(taken) == 1
    assert broker.depth(TRIALS) == 2


@in_virtual_time
async def test_without_a_connection_nothing_works(run: RunParameters) -> None:
    transport = MemoryBroker().transport()
    for call in (
        transport.declare(TRIALS),
        transport.subscribe(TRIALS, lambda _: None, prefetch=1),
        transport.publish(message(run)),
    ):
        with pytest.raises(ConnectionLostError):
            await call
    # Before anybody connected there is nobody to tell.
    transport.interrupt("cable cut")
    transport.restore("cable mended")
    await transport.declare(TRIALS)


def test_a_message_knows_its_event_id(run: RunParameters) -> None:
    by_reference = message(run)
    assert isinstance(by_reference.content, Event)
    assert by_reference.event_id == str(by_reference.content.envelope.id)
    assert Message("t", Encoded({"ce-id": "7"}, b"")).event_id == "7"
    assert Message("t", Encoded({}, b"")).event_id == ""


@in_virtual_time
async def test_encoding_brokers_pass_events_on_as_bytes(run: RunParameters) -> None:
    broker = MemoryBroker(by_reference=False)
    assert not broker.guarantees.by_reference
    transport = await connected(broker)
    await transport.publish(Message("headroom.run.cancelled.v1", Encoded({"ce-id": "7"}, b"{}")))
    (letter,) = await broker.dead_letters.list(UNROUTABLE)
    assert letter.message.event_id == "7"
    assert RunCancelled(run_id=run.run_id).correlation == run.run_id
