"""The relay: runs are let in one after the other, and whatever has to be told is told, whoever dies."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from gateway_testing.clocks import NOON
from gateway_testing.posts import Post, relay_of
from gateway_testing.scenarios import stored
from gateway_testing.storage import Storage
from gateway_testing.waits import until

from headroom_common.contracts.events import RunCancelled, RunDeleted, RunRequested
from headroom_common.errors import PermanentError
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.transports.memory import MemoryBroker
from headroom_gateway import relay as relay_module
from headroom_gateway.domain.lives import CancelAsked, Failed, Message, RunState, Stalled, Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from uuid import UUID

    from headroom_common.contracts.event import Event, Outgoing
    from headroom_common.contracts.events import ControlBody
    from headroom_gateway.relay import Relay

LEASE = relay_module._LEASE.total_seconds()


@asynccontextmanager
async def at_work(relay: Relay, manager: object) -> AsyncIterator[None]:
    task = asyncio.create_task(relay.run(cast("EventManager", manager)))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def send(relay: Relay, post: Post) -> int:
    return await relay._send(cast("EventManager", post))


async def states(storage: Storage, runs: Iterable[UUID]) -> list[str]:
    return [(await storage.runs.get(run)).state.value for run in runs]


async def until_sent(post: Post, count: int) -> None:
    await until(lambda: len(post.sent) >= count)


async def test_runs_are_let_in_oldest_first_as_many_as_there_is_room_for(storage: Storage) -> None:
    seconds = (3, 1, 4, 0, 2)
    runs = [await storage.accept(at=NOON + timedelta(seconds=second)) for second in seconds]
    oldest = [run.id for _, run in sorted(zip(seconds, runs, strict=True), key=lambda pair: pair[0])]
    relay = relay_of(storage, most_running=2)
    assert await relay._admit() == 2
    assert await states(storage, oldest) == ["running"] * 2 + ["queued"] * 3
    assert await relay._admit() == 0
    await storage.tell(oldest[1], Failed("it broke", None))
    assert await relay._admit() == 1
    assert await states(storage, oldest) == ["running", "failed", "running", "queued", "queued"]
    await storage.tell(oldest[0], CancelAsked())
    assert await relay._admit() == 0, "what is being cancelled still takes room"
    await storage.tell(oldest[0], Stopped(0, None))
    assert await relay._admit() == 1


async def test_a_cancelled_run_that_waited_is_never_let_in(storage: Storage) -> None:
    run = await storage.accept()
    await storage.tell(run.id, CancelAsked())
    relay, post = relay_of(storage), Post()
    assert await relay._admit() + await send(relay, post) == 0
    assert post.sent == []


async def test_instances_together_let_in_no_more_than_there_is_room_for(storage: Storage) -> None:
    runs = [await storage.accept(at=NOON + timedelta(seconds=second)) for second in range(8)]
    async with Storage(storage.url) as other, Storage(storage.url) as third:
        relays = [relay_of(one, most_running=3) for one in (storage, other, third)]
        for _ in range(3):
            await asyncio.gather(*(relay._admit() for relay in relays))
    assert (await states(storage, [run.id for run in runs])).count("running") == 3


async def test_a_run_that_is_let_in_is_told_in_full(storage: Storage) -> None:
    run = await storage.accept(trials=7, seed=42, confidence=0.9, segment_arrivals=500, late_bound=True)
    relay, post = relay_of(storage), Post()
    await relay._admit()
    assert await send(relay, post) == 1
    (body,) = post.sent
    assert isinstance(body, RunRequested)
    found = body.run.model_dump()
    scenario = await storage.scenarios.get(run.scenario_id)
    assert found == {
        "run_id": run.id,
        "scenario": scenario.document,
        "scenario_hash": stored().row["content_hash"],
        "seed": 42,
        "trials": 7,
        "segment_arrivals": 500,
        "window": 4,
        "late_bound": True,
        "confidence": 0.9,
    }
    assert await storage.waiting() == []
    assert await send(relay, post) == 0


async def test_messages_go_in_the_order_in_which_they_came_true(storage: Storage) -> None:
    first = await storage.running()
    storage.clock.turn(seconds=1)
    await storage.tell(first.id, CancelAsked())
    storage.clock.turn(seconds=1)
    second = await storage.running()
    storage.clock.turn(seconds=1)
    gone = await storage.accept()
    await storage.tell(gone.id, CancelAsked())
    await storage.runs.delete(gone.id, storage.clock.now())
    relay, post = relay_of(storage), Post()
    storage.clock.turn(seconds=1)
    assert await send(relay, post) == 4
    assert post.told == [
        ("requested", first.id),
        ("cancelled", first.id),
        ("requested", second.id),
        ("deleted", gone.id),
    ]
    assert [type(body) for body in post.sent][1::2] == [RunCancelled, RunDeleted]


async def test_a_run_that_ended_before_it_was_told_is_not_told(storage: Storage) -> None:
    run = await storage.running()
    await storage.tell(run.id, Stalled(900))
    relay, post = relay_of(storage), Post()
    storage.clock.turn(seconds=1)
    await send(relay, post)
    assert post.told == [("cancelled", run.id)]
    assert await storage.waiting() == []


async def test_two_relays_send_each_message_once(storage: Storage) -> None:
    runs = [await storage.running() for _ in range(24)]
    async with Storage(storage.url) as other:
        post = Post()
        for one in (storage, other):
            one.clock.turn(seconds=1)
        relays = [relay_of(storage), relay_of(other)]
        while any(await asyncio.gather(*(send(relay, post) for relay in relays))):
            pass
    assert sorted(run for _, run in post.told if run) == sorted(run.id for run in runs)


async def test_the_messages_of_a_dead_relay_are_sent_when_its_lease_has_run_out(storage: Storage) -> None:
    run = await storage.running()
    storage.clock.turn(seconds=1)
    dead, other, post = relay_of(storage), relay_of(storage), Post()
    assert len(await dead._lease()) == 1
    storage.clock.turn(seconds=LEASE)
    assert await send(other, post) == 0
    storage.clock.turn(seconds=1)
    assert await send(other, post) == 1
    assert post.told == [("requested", run.id)]


class CrashError(BaseException):
    """The process ends here."""


async def test_a_relay_that_dies_after_publishing_tells_the_same_event_again(storage: Storage) -> None:
    broker, workers = MemoryBroker(), WorkerPool(1)
    handled = []

    def manager(service: str) -> EventManager:
        return EventManager(
            service=service,
            instance="one",
            version="0",
            transport=broker.transport(),
            inbox=MemoryInbox(),
            settings=EventManagerSettings(),
            clock=SystemClock(),
            workers=workers,
        )

    def handle(event: Event[RunRequested]) -> list[Outgoing]:
        handled.append(event.body.run.run_id)
        return []

    class DiesAfterwards:
        async def publish(self, body: ControlBody) -> None:
            await gateway.publish(body)
            raise CrashError

    gateway, generator = manager("gateway"), manager("generator")
    generator.subscribe(RunRequested, handle)
    run = await storage.running()
    storage.clock.turn(seconds=1)
    async with gateway, generator:
        with pytest.raises(CrashError):
            await relay_of(storage)._send(cast("EventManager", DiesAfterwards()))
        assert len(await storage.waiting()) == 1
        storage.clock.turn(seconds=LEASE + 1)
        assert await relay_of(storage)._send(gateway) == 1
        await until(lambda: generator.counters.received == 2 and not generator.in_hand)
    workers.close()
    assert handled == [run.id], "the second is a copy of the first"
    assert await storage.waiting() == []


async def test_a_run_that_cannot_be_published_fails_with_the_reason(sqlite: Storage) -> None:
    run = await sqlite.running()
    sqlite.clock.turn(seconds=1)
    relay, post = relay_of(sqlite), Post()

    def refuse(body: ControlBody) -> None:
        if isinstance(body, RunRequested):
            message = "the event is larger than the broker takes"
            raise PermanentError(message)

    post.refuses = refuse
    await send(relay, post)
    failed = await sqlite.runs.get(run.id)
    assert failed.state is RunState.FAILED
    assert failed.failure is not None
    assert failed.failure.reason == "the event is larger than the broker takes"
    assert await sqlite.waiting() == [(run.id, Message.CANCELLED)]


async def test_it_works_when_it_is_woken(sqlite: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "_POLL", 3600.0)
    relay, post = relay_of(sqlite, most_running=1), Post()
    async with at_work(relay, post):
        first, second = await sqlite.accept(), await sqlite.accept(at=NOON + timedelta(seconds=1))
        sqlite.clock.turn(seconds=1)
        relay.wake()
        await until_sent(post, 1)
        await sqlite.tell(first.id, Failed("it broke", None))
        sqlite.clock.turn(seconds=1)
        relay.wake()
        await until_sent(post, 3)
    assert sorted(post.told) == sorted(
        [("requested", first.id), ("cancelled", first.id), ("requested", second.id)]
    )


async def test_a_broker_that_is_away_is_waited_for(sqlite: Storage) -> None:
    relay, post = relay_of(sqlite), Post()
    post.open.clear()
    runs = [await sqlite.accept() for _ in range(3)]

    async def running() -> bool:
        return set(await states(sqlite, [run.id for run in runs])) == {"running"}

    sqlite.clock.turn(seconds=1)
    async with at_work(relay, post):
        await until(running)
        assert len(await sqlite.waiting()) == 3
        post.open.set()
        await until_sent(post, 3)
    assert len(set(post.told)) == 3


async def test_a_database_that_fails_is_waited_for(
    sqlite: Storage, monkeypatch: pytest.MonkeyPatch, log_lines: list[Any]
) -> None:
    monkeypatch.setattr(relay_module, "_POLL", 0.01)
    relay, post = relay_of(sqlite), Post()
    run = await sqlite.accept()
    sqlite.clock.turn(seconds=1)
    async with sqlite.without("outbox"), at_work(relay, post):
        await until(lambda: bool(log_lines))
    assert log_lines[0]["event"] == "the relay waits for the database"
    assert post.sent == []
    async with at_work(relay, post):
        await until_sent(post, 1)
    assert post.told == [("requested", run.id)]


async def test_what_a_broker_forgot_is_told_again_of_the_runs_under_way(storage: Storage) -> None:
    running, cancelling, failed = [(await storage.accept()).id for _ in range(3)]
    relay, post = relay_of(storage), Post()
    await relay._admit()
    await storage.tell(failed, Failed("it broke", None))
    await storage.tell(cancelling, CancelAsked())
    queued = (await storage.accept()).id
    await send(relay, post)
    assert await send(relay, post) == 0
    post.sent.clear()
    await relay.repeat()
    await send(relay, post)
    assert set(post.told) == {("requested", running), ("cancelled", cancelling)}
    assert await states(storage, [queued]) == ["queued"]
