"""What RabbitMQ's queues do with messages: limits, alarms, delays, dead letters, private queues."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
import structlog

from headroom_common import telemetry
from headroom_common.errors import PermanentError
from headroom_common.transports.port import (
    ERROR,
    REASON,
    UNROUTABLE,
    ConnectionLostError,
    PublishRefusedError,
    Queue,
)


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """What was logged, as JSON lines."""
    stream = io.StringIO()
    telemetry.configure(level="warning", stream=stream)
    yield stream
    structlog.reset_defaults()


async def test_an_alarm_stops_publishes_and_nothing_else(
    site: Any, trials: Any, taken: Any, until: Any
) -> None:
    sender, receiver = await site.connected(), await site.connected()
    got = taken(settle=False)
    await receiver.declare(trials)
    first, second = site.message(), site.message()
    await sender.publish(first)
    await asyncio.to_thread(site.broker.set_memory_alarm, on=True)
    try:
        publishing = [asyncio.create_task(sender.publish(second))]
        await until(
            lambda: (False, "the broker takes no messages: it is short of memory or disk space") in site.told
        )
        publishing.append(asyncio.create_task(sender.publish(site.message())))
        # Consumers are not held up: their connection publishes nothing.
        await receiver.subscribe(trials, got, prefetch=2)
        await until(lambda: first.event_id in got.ids)
        await got.deliveries[0].ack()
        assert not any(task.done() for task in publishing)
    finally:
        await asyncio.to_thread(site.broker.set_memory_alarm, on=False)
    await asyncio.gather(*publishing)
    await until(lambda: site.told[-1] == (True, "the broker takes messages again"))
    await until(lambda: second.event_id in got.ids)


async def test_a_connection_lost_during_an_alarm_ends_the_wait(site: Any, until: Any) -> None:
    sender = await site.connected()
    await asyncio.to_thread(site.broker.set_memory_alarm, on=True)
    try:
        publishing = [asyncio.create_task(sender.publish(site.message())) for _ in range(2)]
        await until(lambda: site.told)
        publishing.append(asyncio.create_task(sender.publish(site.message())))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(site.broker.kill)
        answers = await asyncio.gather(*publishing, return_exceptions=True)
        assert {type(answer) for answer in answers} == {ConnectionLostError}
    finally:
        await asyncio.to_thread(site.broker.start)
    await until(lambda: site.told[-1] == (True, "the connection is back"))


async def test_a_body_of_a_mebibyte_arrives_and_a_larger_one_is_refused(
    site: Any, trials: Any, taken: Any, until: Any
) -> None:
    transport = await site.connected(max_body_bytes=2**20)
    got = taken()
    await transport.declare(trials)
    await transport.subscribe(trials, got, prefetch=4)
    body = bytes(range(256)) * 2**12
    await asyncio.gather(*(transport.publish(site.message(body=body)) for _ in range(16)))
    await until(lambda: len(got.ids) == 16)
    assert all(delivery.message.content.body == body for delivery in got.deliveries)
    with pytest.raises(PermanentError, match="expected at most 1048576 bytes, found 1048577"):
        await transport.publish(site.message(body=body + b"x"))


async def test_delays_are_kept_and_attempts_counted(site: Any, trials: Any, taken: Any, until: Any) -> None:
    transport = await site.connected()
    got = taken(settle=False)
    await transport.declare(trials)
    await transport.subscribe(trials, got, prefetch=1)
    message = site.message(body=b"[1]")
    await transport.publish(message)
    loop = asyncio.get_running_loop()
    for attempt, (asked, kept) in enumerate([(0.0, 0.2), (0.15, 0.2), (0.3, 1.0), (99.0, 1.0)], start=1):
        await until(lambda attempt=attempt: len(got.deliveries) == attempt)
        assert got.deliveries[-1].attempt == attempt
        began = loop.time()
        await got.deliveries[-1].retry_later(asked)
        await until(lambda attempt=attempt: len(got.deliveries) == attempt + 1)
        assert loop.time() - began >= kept - 0.01
    assert got.deliveries[-1].message == message
    with pytest.raises(ConnectionLostError):
        await got.deliveries[0].ack()


async def test_retries_count_towards_the_prefetch(site: Any, trials: Any, taken: Any, until: Any) -> None:
    transport = await site.connected()
    got = taken(settle=False)
    await transport.declare(trials)
    subscription = await transport.subscribe(trials, got, prefetch=2)
    for _ in range(6):
        await transport.publish(site.message())
    for number in range(2):
        await until(lambda number=number: len(got.deliveries) == 2 + number)
        await got.deliveries[number].retry_later(0.1)
    await until(lambda: len(got.deliveries) == 4)
    await asyncio.sleep(1)
    assert len(got.deliveries) == 4
    # What came over the prefetch is returned with the claim, for others to take.
    await subscription.cancel()
    others = taken()
    other = await site.connected()
    await other.subscribe(trials, others, prefetch=10)
    await until(lambda: len(others.ids) == 4)
    assert not set(others.ids) & set(got.ids[2:])


async def test_what_is_never_settled_becomes_a_dead_letter(
    site: Any, trials: Any, taken: Any, until: Any
) -> None:
    message = site.message()
    for delivery in range(3):
        transport = await site.connected(delivery_limit=3)
        got = taken(settle=False)
        await transport.declare(trials)
        await transport.subscribe(trials, got, prefetch=1)
        if delivery == 0:
            await transport.publish(message)
        await until(lambda got=got: len(got.deliveries) == 1)
        assert got.deliveries[0].redelivered == (delivery > 0)
        await transport.close()
    transport = await site.connected(delivery_limit=3)
    letters = await transport.dead_letters.list("generator")
    async with asyncio.timeout(30):
        while not letters:
            letters = await transport.dead_letters.list("generator")
    (letter,) = letters
    assert (letter.queue, letter.message) == (trials, message)
    assert letter.headers[REASON] == "delivered 3 times and never settled"
    assert letter.headers[ERROR] == "DeliveryLimit"
    got = taken()
    await transport.subscribe(trials, got, prefetch=1)
    assert await transport.dead_letters.replay("generator") == 1
    await until(lambda: got.ids == [message.event_id])
    assert got.deliveries[0].attempt == 1


async def test_looking_at_dead_letters_changes_nothing(
    site: Any, trials: Any, taken: Any, until: Any
) -> None:
    transport = await site.connected(delivery_limit=2)
    got = taken(settle=False)
    await transport.declare(trials)
    await transport.subscribe(trials, got, prefetch=10)
    for _ in range(5):
        await transport.publish(site.message())
    await until(lambda: len(got.deliveries) == 5)
    for delivery in got.deliveries:
        await delivery.dead_letter({REASON: "because", "headroom-odd": "kept"})
    for _ in range(6):
        letters = await transport.dead_letters.list("generator")
        assert [letter.message.event_id for letter in letters] == got.ids
    assert await transport.dead_letters.replay("generator", [got.ids[1], got.ids[3]]) == 2
    await until(lambda: len(got.deliveries) == 7)
    letters = await transport.dead_letters.list("generator")
    assert [letter.message.event_id for letter in letters] == [got.ids[0], got.ids[2], got.ids[4]]


async def test_dead_letters_are_bounded(site: Any, trials: Any, taken: Any, until: Any) -> None:
    transport = await site.connected(dead_letter_limit=3)
    got = taken(settle=False)
    await transport.declare(trials)
    await transport.subscribe(trials, got, prefetch=10)
    for _ in range(8):
        await transport.publish(site.message())
    await until(lambda: len(got.deliveries) == 8)
    refused = 0
    for delivery in got.deliveries:
        try:
            await delivery.dead_letter({REASON: "because"})
        except PublishRefusedError:
            refused += 1
            await delivery.ack()
    assert 1 <= refused <= 5
    assert len(await transport.dead_letters.list("generator")) == 8 - refused


async def test_a_letter_that_finds_no_taker_stays(site: Any, trials: Any) -> None:
    transport = await site.connected()
    message = site.message()
    await transport.publish(message)
    assert await transport.dead_letters.replay(UNROUTABLE) == 0
    (letter,) = await transport.dead_letters.list(UNROUTABLE)
    assert letter.message.event_id == message.event_id
    await transport.declare(trials)
    assert await transport.dead_letters.replay(UNROUTABLE) == 1


async def test_a_letter_whose_queue_is_full_stays(site: Any, trials: Any, taken: Any, until: Any) -> None:
    transport = await site.connected(queue_limit=1)
    got = taken(settle=False)
    await transport.declare(trials)
    subscription = await transport.subscribe(trials, got, prefetch=1)
    await transport.publish(site.message())
    await until(lambda: got.deliveries)
    await got.deliveries[0].dead_letter({REASON: "because"})
    await subscription.cancel()
    for _ in range(10):
        with suppress(PublishRefusedError):
            await transport.publish(site.message())
    assert await transport.dead_letters.replay("generator") == 0
    assert len(await transport.dead_letters.list("generator")) == 1


async def test_other_settings_leave_a_queue_as_it_is(site: Any, trials: Any, logs: io.StringIO) -> None:
    await (await site.connected(queue_limit=10)).declare(trials)
    transport = await site.connected(queue_limit=20)
    await transport.declare(trials)
    assert "queue exists with other arguments and keeps them" in logs.getvalue()
    assert site.queues()[trials.name]["arguments"]["x-max-length"] == 10
    await transport.publish(site.message())


async def test_a_private_queue_forgets_its_oldest_and_expires(site: Any, taken: Any, until: Any) -> None:
    run = UUID(int=7)
    private = Queue("client", "headroom.run.progressed.v1", "client-1", str(run))
    sender = await site.connected()
    owner = await site.connected(queue_limit=3, private_queue_expiry=1.0)
    await owner.declare(private)
    messages = [site.message(event_type=private.event_type, run=run, must_route=False) for _ in range(10)]
    for message in messages:
        await sender.publish(message)
    got = taken()
    subscription = await owner.subscribe(private, got, prefetch=10)
    await until(lambda: len(got.ids) >= 3)
    assert got.ids == [message.event_id for message in messages[-len(got.ids) :]]
    assert len(got.ids) < 10
    await subscription.cancel()
    await until(lambda: private.name not in site.queues())


async def test_a_private_queue_waits_for_retries_by_itself(site: Any, taken: Any, until: Any) -> None:
    private = Queue("client", "headroom.run.progressed.v1", "client-1")
    transport = await site.connected()
    await transport.declare(private)
    got = taken(settle=False)
    await transport.subscribe(private, got, prefetch=1)
    message = site.message(event_type=private.event_type, must_route=False)
    await transport.publish(message)
    await until(lambda: got.deliveries)
    await got.deliveries[0].retry_later(0.05)
    await until(lambda: len(got.deliveries) == 2)
    assert (got.deliveries[1].attempt, got.ids[1]) == (2, message.event_id)
    await got.deliveries[1].dead_letter({REASON: "because"})
    (letter,) = await transport.dead_letters.list("client")
    assert letter.queue == private
    assert await transport.dead_letters.replay("client") == 1
    await until(lambda: len(got.deliveries) == 3)
    await transport.close()
    assert private.name not in site.queues()


async def test_strangers_may_send_what_they_like(site: Any, trials: Any, taken: Any, until: Any) -> None:
    transport = await site.connected()
    got = taken(settle=False)
    await transport.declare(trials)
    await transport.subscribe(trials, got, prefetch=10)
    site.broker.management(
        "POST",
        f"/api/exchanges/{site.virtual_host}/headroom.events/publish",
        {
            "properties": {"headers": {"ce-id": 7, "ce-odd": [1], "headroom-attempt": "x", "other": 1.5}},
            "routing_key": f"{trials.event_type}.a",
            "payload": "?",
            "payload_encoding": "string",
        },
    )
    await until(lambda: got.deliveries)
    (delivery,) = got.deliveries
    assert (delivery.attempt, delivery.message.event_id) == (1, "7")
    assert delivery.message.content.body == b"?"
    await delivery.retry_later(0)
    await until(lambda: len(got.deliveries) == 2)
    assert got.deliveries[1].attempt == 2
    await got.deliveries[1].dead_letter({REASON: "because"})
    (letter,) = await transport.dead_letters.list("generator")
    assert letter.message.event_id == "7"
