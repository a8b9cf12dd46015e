"""Who gets what: work queues, competing consumers, fan-out, unroutable events, and large bodies."""

import asyncio
from typing import Any

import numpy as np

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    RequestsRouted,
    RunCancelled,
    RunProgressed,
    SegmentHeader,
    TrialAnalysed,
)
from headroom_common.transports.port import REASON, UNROUTABLE, Delivery, Queue


def progress(event: Event[TrialAnalysed]) -> list[Outgoing]:
    run, trial = event.body.run, event.body.trial
    body = RunProgressed(
        run_id=run.run_id, trials_done=trial, trials=run.trials, requests=0, simulated_ns=0, trial=trial
    )
    return [Outgoing(body, "progress")]


def test_an_event_reaches_its_subscriber_with_its_envelope(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: got}), world.service("analysis") as analysis:
            event_id = await analysis.publish(world.trial(3))
            await world.until(lambda: got.events)
        (event,) = got.events
        assert event.body == world.trial(3)
        assert event.envelope.id == event_id
        assert event.envelope.source == "/headroom/analysis/1"
        assert event.envelope.correlationid == world.run.run_id
        assert event.envelope.subject == f"{world.run.run_id}/3"

    world.play(story())


def test_outputs_are_published_as_children_of_their_input(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        generator = world.service("generator", {TrialAnalysed: progress})
        async with generator, world.service("gateway", {RunProgressed: got}):
            cause = await generator.publish(world.trial(0))
            await world.until(lambda: got.events)
        envelope = got.events[0].envelope
        assert envelope.causationid == cause
        assert envelope.correlationid == world.run.run_id
        assert envelope.traceparent.split("-")[1] == world.run.run_id.hex

    world.play(story())


def test_instances_of_a_service_compete(world: Any, seen: Any) -> None:
    first, second = seen(), seen()

    async def story() -> None:
        one = world.service("generator", {TrialAnalysed: first}, instance="1", prefetch=1)
        two = world.service("generator", {TrialAnalysed: second}, instance="2", prefetch=1)
        async with one, two:
            for trial in range(40):
                await one.publish(world.trial(trial))
            await world.until(lambda: len(first.events) + len(second.events) >= 40)
        assert sorted(first.trials + second.trials) == list(range(40))
        assert min(len(first.events), len(second.events)) > 0

    world.play(story())


def test_every_service_gets_its_own_copy(world: Any, seen: Any) -> None:
    generator, gateway = seen(), seen()

    async def story() -> None:
        one = world.service("generator", {TrialAnalysed: generator})
        other = world.service("gateway", {TrialAnalysed: gateway})
        async with one, other:
            for trial in range(10):
                await one.publish(world.trial(trial))
            await world.until(lambda: len(generator.events) == len(gateway.events) == 10)
        assert sorted(generator.trials) == sorted(gateway.trials) == list(range(10))

    world.play(story())


def test_all_events_arrive_whatever_their_order(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: got}, inline=False) as generator:
            for trial in range(200):
                await generator.publish(world.trial(trial))
            await world.until(lambda: len(got.events) == 200)
        # A set, because no transport promises an order.
        assert set(got.trials) == set(range(200))

    world.play(story())


def test_events_wait_for_a_service_that_is_away(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: seen()}):
            pass
        async with world.service("analysis") as analysis:
            for trial in range(5):
                await analysis.publish(world.trial(trial))
            async with world.service("generator", {TrialAnalysed: got}, instance="2"):
                await world.until(lambda: len(got.events) == 5)

    world.play(story())


def test_an_event_that_must_route_is_kept_until_somebody_takes_it(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("analysis") as analysis:
            event_id = await analysis.publish(world.trial(0))
            (letter,) = await world.letters(UNROUTABLE)
            assert letter.message.event_id == str(event_id)
            assert "headroom.trial.analysed.v1" in letter.headers[REASON]
            async with world.service("generator", {TrialAnalysed: got}):
                assert await world.dead_letters().replay(UNROUTABLE) == 1
                await world.until(lambda: got.trials == [0])
        assert await world.letters(UNROUTABLE) == ()

    world.play(story())


def test_an_event_that_need_not_route_is_dropped(world: Any) -> None:
    async def story() -> None:
        async with world.service("gateway") as gateway:
            await gateway.publish(RunCancelled(run_id=world.run.run_id))
        assert await world.letters(UNROUTABLE) == ()

    world.play(story())


def test_four_mebibytes_arrive_as_they_left(world: Any, seen: Any) -> None:
    got = seen()
    noise = np.random.default_rng(7).integers(-(2**62), 2**62, 2**19)
    header = SegmentHeader(run=world.run, trial=0, segment=0, watermark_ns=0, final=True)

    async def story() -> None:
        async with world.service("server-model", {RequestsRouted: got}, inline=False) as service:
            await service.publish(RequestsRouted(header, {"routed": {"id": noise}}))
            await world.until(lambda: got.events)
        body = got.events[0].body
        assert body.header == header
        assert body.tables["routed"]["id"].nbytes == 4 * 2**20
        assert np.array_equal(body.tables["routed"]["id"], noise)

    world.play(story())


def test_the_declared_guarantees_are_usable(world: Any) -> None:
    guarantees = world.factory.transport().guarantees
    assert guarantees.max_body_bytes >= 8 * 2**20
    assert guarantees.delivery_limit >= 20
    assert list(guarantees.delays) == sorted(guarantees.delays)


def test_prefetch_bounds_what_is_unsettled(world: Any) -> None:
    queue = Queue("generator", "headroom.trial.analysed.v1")
    taken: list[Delivery] = []

    async def story() -> None:
        transport = world.factory.transport()
        await transport.connect(lambda *_: None)
        await transport.declare(queue)
        await transport.subscribe(queue, taken.append, prefetch=3)
        async with world.service("analysis") as analysis:
            for trial in range(10):
                await analysis.publish(world.trial(trial))
            await asyncio.sleep(0.5)
            assert len(taken) == 3
            await taken[0].ack()
            await world.until(lambda: len(taken) == 4)
            await asyncio.sleep(0.5)
            assert len(taken) == 4
        await transport.close()

    world.play(story())
