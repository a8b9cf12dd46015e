"""Private queues: an instance's own copies, of one run where it wants no others."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from headroom_common.contracts.events import RunProgressed
from headroom_common.errors import PermanentError

OTHER_RUN = UUID("99999999-4c7b-4f5e-8d0a-3b1f7f1f9a11")


def progress(run_id: UUID, trial: int) -> RunProgressed:
    return RunProgressed(run_id=run_id, trials_done=0, trials=9, requests=0, simulated_ns=0, trial=trial)


def test_every_instance_gets_a_copy_and_the_shared_queue_another(world: Any, seen: Any) -> None:
    first, second, shared = seen(), seen(), seen()

    async def story() -> None:
        managers = [world.service("client", instance=name) for name in ("1", "2")]
        for manager, got in zip(managers, (first, second), strict=True):
            manager.subscribe(RunProgressed, got, inline=True, private=True)
        async with managers[0], managers[1], world.service("gateway", {RunProgressed: shared}) as gateway:
            for trial in range(20):
                await gateway.publish(progress(world.run.run_id, trial), event_id=UUID(int=trial + 1))
            await world.until(lambda: len(first.events) == len(second.events) == len(shared.events) == 20)
        assert sorted(first.trials) == sorted(second.trials) == sorted(shared.trials) == list(range(20))

    world.play(story())


def test_a_private_queue_may_take_one_run_only(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        client = world.service("client", instance="1")
        client.subscribe(RunProgressed, got, inline=True, private=True, run_id=world.run.run_id)
        async with client, world.service("analysis") as analysis:
            await analysis.publish(progress(OTHER_RUN, 1))
            await analysis.publish(progress(world.run.run_id, 2))
            await world.until(lambda: got.events)
            await asyncio.sleep(0.2)
        assert got.trials == [2]

    world.play(story())


def test_what_is_private_is_gone_with_its_instance(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("analysis") as analysis:
            for trial in range(3):
                client = world.service("client", instance="1")
                client.subscribe(RunProgressed, got, inline=True, private=True)
                async with client:
                    await analysis.publish(progress(world.run.run_id, trial), event_id=UUID(int=trial + 1))
                    await world.until(lambda trial=trial: len(got.events) == trial + 1)
                # Nobody is there, and the event need not reach anybody.
                await analysis.publish(progress(world.run.run_id, 9), event_id=UUID(int=100 + trial))
        assert got.trials == [0, 1, 2]

    world.play(story())


def test_a_lost_connection_loses_nothing_private(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        client = world.service("client", instance="1")
        client.subscribe(RunProgressed, got, inline=True, private=True)
        async with client, world.service("analysis") as analysis:
            world.factory.interrupt(world.transport_of(client))
            await analysis.publish(progress(world.run.run_id, 1))
            world.factory.restore(world.transport_of(client))
            await world.until(lambda: got.trials == [1])

    world.play(story())


def test_a_shared_subscription_takes_all_runs(world: Any, seen: Any) -> None:
    client = world.service("client")
    with pytest.raises(PermanentError, match="run_id"):
        client.subscribe(RunProgressed, seen(), run_id=world.run.run_id)
