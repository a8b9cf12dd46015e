"""Flow control: bounded queues refuse, publishers back off, and nothing is lost on the way."""

import asyncio
from typing import Any

import pytest

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunProgressed, TrialAnalysed
from headroom_common.errors import TransientError
from headroom_common.transports.port import PublishRefusedError, Queue, Transport

TRIALS = Queue("generator", "headroom.trial.analysed.v1")


async def filled(world: Any, transport: Transport) -> int:
    """Publish until the queue is full, and return how many it took."""
    for trial in range(100):
        try:
            await transport.publish(world.message(TRIALS.event_type, world.trial(trial)))
        except PublishRefusedError:
            return trial
    pytest.fail("the queue took everything")


def test_a_full_queue_refuses_and_takes_again_when_there_is_room(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: seen()}, queue_limit=10):
            pass
        other = world.service("analysis", queue_limit=10)
        async with other:
            transport = world.transport_of(other)
            taken = await filled(world, transport)
            # A quorum queue may overshoot its limit by a little.
            assert 10 <= taken <= 15
            async with world.service("generator", {TrialAnalysed: got}, instance="2", queue_limit=10):
                await world.until(lambda: len(got.events) == taken)
                await transport.publish(world.message(TRIALS.event_type, world.trial(100)))
                await world.until(lambda: len(got.events) == taken + 1)

    world.play(story())


def test_a_refused_publisher_waits_and_loses_nothing(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: seen()}, queue_limit=10):
            pass
        analysis = world.service("analysis", queue_limit=10)
        async with analysis:
            taken = await filled(world, world.transport_of(analysis))
            trials = [*range(taken), *range(100, 160)]
            publishing = [
                asyncio.create_task(analysis.publish(world.trial(trial))) for trial in trials[taken:]
            ]
            await asyncio.sleep(1)
            assert not all(task.done() for task in publishing)
            async with world.service("generator", {TrialAnalysed: got}, instance="2", queue_limit=10):
                await world.until(lambda: len(set(got.trials)) == len(trials))
                await asyncio.gather(*publishing)
        assert sorted(got.trials) == trials
        assert analysis.counters.refused > 0

    world.play(story())


def test_a_slow_consumer_slows_the_stage_before_it(world: Any, seen: Any) -> None:
    got = seen()

    def double(event: Event[TrialAnalysed]) -> list[Outgoing]:
        run, trial = event.body.run, event.body.trial
        return [
            Outgoing(
                RunProgressed(
                    run_id=run.run_id, trials_done=0, trials=1, requests=copy, simulated_ns=0, trial=trial
                ),
                f"copy/{copy}",
            )
            for copy in range(4)
        ]

    async def story() -> None:
        async with world.service("gateway", {RunProgressed: seen()}, queue_limit=10):
            pass
        # A quorum queue may overshoot by what is on its way to it: here the outputs of two inputs.
        stage = world.service("generator", {TrialAnalysed: double}, queue_limit=10, prefetch=2)
        async with stage:
            publishing = [asyncio.create_task(stage.publish(world.trial(trial))) for trial in range(30)]
            await asyncio.sleep(2)
            # It holds what it has in hand and takes no more, instead of computing what nobody takes.
            assert stage.counters.handled < 10
            async with world.service("gateway", {RunProgressed: got}, instance="2", queue_limit=10):
                await world.until(lambda: len(got.events) == 120)
                await asyncio.gather(*publishing)
        assert sorted(got.trials) == sorted(4 * list(range(30)))

    world.play(story())


def test_a_retry_finds_room_in_a_full_queue(world: Any) -> None:
    handled: list[int] = []

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        handled.append(event.body.trial)
        if handled.count(event.body.trial) == 1:
            busy = "busy"
            raise TransientError(busy)
        return []

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: handler}, queue_limit=5, prefetch=2)
        async with service:
            await asyncio.gather(*(service.publish(world.trial(trial)) for trial in range(20)))
            await world.until(lambda: service.counters.handled == 20)
        assert sorted(handled) == sorted(2 * list(range(20)))

    world.play(story())
