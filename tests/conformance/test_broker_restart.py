"""A broker that is killed and comes back: nothing confirmed is lost, and services carry on by themselves."""

import asyncio
from typing import Any

import pytest

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunProgressed, ServiceState, TrialAnalysed
from headroom_common.errors import PermanentError, TransientError
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.transports.port import UNROUTABLE


@pytest.fixture(autouse=True)
def _durable_ones_only(world: Any) -> None:
    if not world.factory.transport().guarantees.durable:
        pytest.skip("this transport does not promise to survive its broker")


def progress(trial: int, world: Any) -> RunProgressed:
    return RunProgressed(
        run_id=world.run.run_id, trials_done=0, trials=1, requests=0, simulated_ns=0, trial=trial
    )


def test_what_was_confirmed_survives(world: Any, seen: Any) -> None:
    got, private = seen(), seen()

    def picky(event: Event[TrialAnalysed]) -> list[Outgoing]:
        if event.body.trial == 0:
            never = "never"
            raise PermanentError(never)
        later = "later"
        raise TransientError(later, delay=2.0)

    async def story() -> None:
        client = world.service("client", instance="1")
        client.subscribe(RunProgressed, private, inline=True, private=True)
        await client.start()
        analysis = world.service("analysis")
        async with analysis:
            async with world.service("generator", {TrialAnalysed: picky}) as generator:
                # One becomes a dead letter, one waits for its next attempt.
                for trial in range(2):
                    await analysis.publish(world.trial(trial))
                await world.until(lambda: generator.counters.dead_lettered + generator.counters.retried == 2)
            for trial in range(2, 30):
                await analysis.publish(world.trial(trial))
            # Nobody takes the failure of trial 0, and the client is away when it is told of progress.
            world.factory.interrupt(world.transport_of(client))
            await analysis.publish(progress(5, world))

            await asyncio.to_thread(world.factory.restart)

            world.factory.restore(world.transport_of(client))
            async with world.service("generator", {TrialAnalysed: got}, instance="2"):
                await world.until(lambda: len(got.events) == 29)
            await world.until(lambda: private.trials == [5])
            assert sorted(got.trials) == list(range(1, 30))
            (letter,) = await world.letters("generator")
            assert letter.headers["headroom-reason"] == "never"
            (unroutable,) = await world.letters(UNROUTABLE)
            assert unroutable.message.event_type == "headroom.run.failed.v1"

    world.play(story())


def test_services_carry_on_and_no_effect_is_lost_or_repeated(world: Any) -> None:
    effects: list[int] = []

    def stage(event: Event[TrialAnalysed]) -> list[Outgoing]:
        return [Outgoing(progress(event.body.trial, world), "progress")]

    def sink(event: Event[RunProgressed]) -> list[Outgoing]:
        effects.append(event.body.trial)
        return []

    async def story() -> None:
        first = world.service("generator", {TrialAnalysed: stage})
        last = world.service("gateway", {RunProgressed: sink}, inbox=MemoryInbox())
        source = world.service("analysis")
        async with first, last, source:
            publishing = [asyncio.create_task(source.publish(world.trial(trial))) for trial in range(300)]
            await world.until(lambda: len(effects) > 20)
            killing = asyncio.create_task(asyncio.to_thread(world.factory.restart))
            await world.until(lambda: first.state is ServiceState.DEGRADED)
            await killing
            await world.until(lambda: first.state is ServiceState.READY)
            await asyncio.gather(*publishing)
            await world.until(lambda: len(effects) >= 300)
            await world.settled(first, last)
        assert sorted(effects) == list(range(300))
        for service in ("generator", "gateway"):
            assert await world.letters(service) == ()

    world.play(story())
