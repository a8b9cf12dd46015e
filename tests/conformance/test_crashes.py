"""Crashes between any two steps of handling an event: work is repeated, effects are not."""

import asyncio
import io
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunProgressed, TrialAnalysed
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.transports.port import (
    ConnectionListener,
    Consumer,
    DeadLetters,
    Delivery,
    Guarantees,
    Message,
    Queue,
    Subscription,
    Transport,
)

STEPS = ("handle", "publish", "confirm", "mark", "acknowledge")


class Fault:
    """Happens once, at one step: the process hangs there (and is then killed), or its connection breaks."""

    def __init__(self, step: str, *, breaks: bool = False) -> None:
        self.step: str | None = step
        self.breaks = breaks
        self.happened = False

    async def at(self, step: str) -> None:
        if step != self.step:
            return
        self.step = None
        self.happened = True
        if self.breaks:
            # What AMQP clients raise in waiting calls when the heartbeat is missed.
            raise asyncio.CancelledError
        await asyncio.Event().wait()


class FaultyInbox(MemoryInbox):
    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault

    async def seen(self, event_id: UUID) -> bool:
        await self.fault.at("handle")
        return await super().seen(event_id)

    async def mark(self, event_id: UUID) -> None:
        await self.fault.at("mark")
        await super().mark(event_id)


class FaultyDelivery:
    def __init__(self, inner: Delivery, fault: Fault) -> None:
        self.inner = inner
        self.fault = fault
        self.message, self.attempt, self.redelivered = inner.message, inner.attempt, inner.redelivered

    async def ack(self) -> None:
        await self.fault.at("acknowledge")
        await self.inner.ack()

    async def retry_later(self, delay: float) -> None:
        await self.inner.retry_later(delay)

    async def dead_letter(self, headers: Mapping[str, str]) -> None:
        await self.inner.dead_letter(headers)


class FaultyTransport:
    def __init__(self, inner: Transport, fault: Fault) -> None:
        self.inner = inner
        self.fault = fault

    @property
    def guarantees(self) -> Guarantees:
        return self.inner.guarantees

    @property
    def dead_letters(self) -> DeadLetters:
        return self.inner.dead_letters

    async def connect(self, listener: ConnectionListener) -> None:
        await self.inner.connect(listener)

    async def declare(self, queue: Queue) -> None:
        await self.inner.declare(queue)

    async def subscribe(self, queue: Queue, consumer: Consumer, *, prefetch: int) -> Subscription:
        def take(delivery: Delivery) -> None:
            consumer(FaultyDelivery(delivery, self.fault))

        return await self.inner.subscribe(queue, take, prefetch=prefetch)

    async def publish(self, message: Message) -> None:
        if message.event_type == "headroom.run.progressed.v1":
            await self.fault.at("publish")
        await self.inner.publish(message)
        if message.event_type == "headroom.run.progressed.v1":
            await self.fault.at("confirm")

    async def close(self) -> None:
        await self.inner.close()


def progress(event: Event[TrialAnalysed]) -> list[Outgoing]:
    run, trial = event.body.run, event.body.trial
    body = RunProgressed(
        run_id=run.run_id, trials_done=trial, trials=run.trials, requests=0, simulated_ns=0, trial=trial
    )
    return [Outgoing(body, "progress")]


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_repeats_work_and_no_effect(world: Any, seen: Any, step: str) -> None:
    got = seen()
    fault = Fault(step)

    async def story() -> None:
        doomed = world.service(
            "generator",
            {TrialAnalysed: progress},
            transport=FaultyTransport(world.factory.transport(), fault),
            inbox=FaultyInbox(fault),
        )
        sink = world.service("gateway", {RunProgressed: got})
        async with sink:
            await doomed.start()
            await sink.publish(world.trial(0))
            await world.until(lambda: fault.happened)
            await doomed.stop()
            async with world.service("generator", {TrialAnalysed: progress}, instance="2") as heir:
                await world.until(lambda: heir.counters.handled == 1)
                await asyncio.sleep(0.5)
                await world.settled(sink)
            assert got.trials == [0]
            # From the confirm on, the first instance's output was out, and the second's was a copy of it.
            copies = 1 if STEPS.index(step) >= STEPS.index("confirm") else 0
            assert sink.counters.duplicates == copies
        assert await world.letters("generator") == ()

    world.play(story())


@pytest.mark.parametrize("step", STEPS)
def test_a_broken_connection_is_no_cancellation(world: Any, seen: Any, step: str) -> None:
    got = seen()
    fault = Fault(step, breaks=True)

    async def story() -> None:
        shaken = world.service(
            "generator",
            {TrialAnalysed: progress},
            transport=FaultyTransport(world.factory.transport(), fault),
            inbox=FaultyInbox(fault),
        )
        sink = world.service("gateway", {RunProgressed: got})
        async with sink:
            await shaken.start()
            for trial in range(3):
                await sink.publish(world.trial(trial))
            await world.until(lambda: len(got.events) == 3)
            await world.settled(shaken, sink)
            assert fault.happened
            assert sorted(got.trials) == [0, 1, 2]
            if step == "acknowledge":
                # The service cannot know whether the acknowledgement was heard; leaving gives the event back.
                await shaken.stop()
                async with world.service("generator", {TrialAnalysed: progress}, instance="2") as heir:
                    await world.until(lambda: heir.counters.handled == 1)
                    await world.settled(sink)
            assert sorted(got.trials) == [0, 1, 2]
        assert await world.letters("generator") == ()

    world.play(story())


@pytest.mark.parametrize("step", ["publish", "confirm"])
def test_no_output_is_lost_when_a_publish_breaks(world: Any, seen: Any, step: str) -> None:
    got = seen()
    fault = Fault(step, breaks=True)

    def several(event: Event[TrialAnalysed]) -> list[Outgoing]:
        (output,) = progress(event)
        assert isinstance(output.body, RunProgressed)
        return [Outgoing(output.body.model_copy(update={"trial": copy}), f"{copy}") for copy in range(3)]

    async def story() -> None:
        transport = FaultyTransport(world.factory.transport(), fault)
        stage = world.service("generator", {TrialAnalysed: several}, transport=transport)
        async with world.service("gateway", {RunProgressed: got}) as sink, stage:
            await sink.publish(world.trial(0))
            await world.until(lambda: stage.counters.handled == 1)
            await world.until(lambda: len(got.events) == 3)
        assert sorted(got.trials) == [0, 1, 2]

    world.play(story())


@pytest.mark.parametrize("step", ["publish", "confirm"])
def test_a_caller_is_not_cancelled_by_a_broken_publish(world: Any, seen: Any, step: str) -> None:
    got = seen()
    fault = Fault(step, breaks=True)

    async def story() -> None:
        body = RunProgressed(
            run_id=world.run.run_id, trials_done=0, trials=1, requests=0, simulated_ns=0, trial=0
        )
        transport = FaultyTransport(world.factory.transport(), fault)
        async with world.service("gateway", {RunProgressed: got}):
            async with world.service("analysis", transport=transport) as analysis:
                await analysis.publish(body)
            await world.until(lambda: got.events)
        assert fault.happened
        assert got.trials == [0]

    world.play(story())


def test_copies_of_an_event_have_one_effect(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: got})
        async with service:
            for _ in range(5):
                await service.publish(world.trial(1))
            await service.publish(world.trial(2))
            await world.until(lambda: service.counters.received == 6)
            await world.settled(service)
        assert sorted(got.trials) == [1, 2]
        assert service.counters.duplicates == 4

    world.play(story())


def test_copies_in_hand_at_once_take_turns(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: got}, inline=False, prefetch=10)
        other = world.service("analysis")
        async with other:
            async with world.service("generator", {TrialAnalysed: seen()}, instance="0"):
                pass
            for _ in range(10):
                await other.publish(world.trial(1))
            async with service:
                await world.until(lambda: service.counters.duplicates == 9)
        assert got.trials == [1]

    world.play(story())


def test_instances_that_share_an_inbox_share_what_they_handled(world: Any, seen: Any) -> None:
    got = seen()
    inbox = MemoryInbox()

    async def story() -> None:
        for instance in ("1", "2"):
            service = world.service("generator", {TrialAnalysed: got}, inbox=inbox, instance=instance)
            async with service:
                await service.publish(world.trial(1))
                await world.until(lambda service=service: service.counters.received == 1)
                await world.settled(service)
        assert got.trials == [1]

    world.play(story())


def test_a_lost_connection_gives_back_what_is_in_hand(world: Any, seen: Any, logs: io.StringIO) -> None:
    got = seen(answer=progress)
    results = seen()

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: got}, inline=False, prefetch=2)
        sink = world.service("gateway", {RunProgressed: results})
        async with service, sink:
            for trial in range(20):
                await sink.publish(world.trial(trial))
            for _ in range(5):
                await world.until(lambda: service.in_hand > 0 or len(results.events) == 20)
                world.factory.interrupt(world.transport_of(service))
                await asyncio.sleep(0.05)
                world.factory.restore(world.transport_of(service))
                await asyncio.sleep(0.05)
            await world.until(lambda: len(results.events) == 20)
            await world.settled(service, sink)
        assert sorted(results.trials) == list(range(20))
        # To lose a delivery with its connection is ordinary, and no error.
        assert "error" not in logs.getvalue()

    world.play(story())
