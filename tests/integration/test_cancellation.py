"""Real processes stop a cancelled run within seconds, whoever of them was away when it was cancelled."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from headroom_platforms.backends import Backend
from headroom_platforms.platforms import Running, running_platform

from headroom import load_scenario, run_async
from headroom.remote import visiting
from headroom.runs import run_parameters
from headroom_common.contracts.event import Event
from headroom_common.contracts.events import RunCancelled, RunProgressed, RunRequested, RunStopped
from headroom_common.event_manager import EventManager

SCENARIO = load_scenario(Path(__file__).parents[2] / "examples" / "database-pool-saturation.yaml").scenario
REPLICAS = {"generator": 2, "router": 2, "server-model": 2}
SECONDS = 20.0
PATIENCE = 120.0

Before = Callable[[Running], Awaitable[None]]


class Follower:
    """Takes what a gateway would of a run."""

    def __init__(self, run_id: UUID) -> None:
        self._run_id = run_id
        self.came_further = asyncio.Event()
        self.completed_a_trial = asyncio.Event()
        self.stops: dict[UUID, RunStopped] = {}

    def subscribe(self, manager: EventManager) -> None:
        manager.subscribe(RunProgressed, self._progressed, inline=True, private=True, run_id=self._run_id)
        manager.subscribe(RunStopped, self._stopped, inline=True, private=True, run_id=self._run_id)

    def _progressed(self, event: Event[RunProgressed]) -> tuple[()]:
        self.came_further.set()
        if event.body.trials_done:
            self.completed_a_trial.set()
        return ()

    def _stopped(self, event: Event[RunStopped]) -> tuple[()]:
        self.stops[event.envelope.id] = event.body
        return ()


async def nothing(_: Running) -> None:
    """All are there."""


async def kill_the_stages(platform: Running) -> None:
    """None of those that simulate is there; they are started again."""
    for instance, process_id in platform.process_ids.items():
        if not instance.startswith("analysis"):
            platform.note(f"kill -9 {instance}")
            os.kill(process_id, signal.SIGKILL)


@pytest.mark.parametrize("before", [nothing, kill_the_stages])
async def test_a_cancelled_run_is_out_of_all_queues_within_seconds(backend: Backend, before: Before) -> None:
    run = run_parameters(
        SCENARIO, trials=100_000, seed=1, window=4, segment_arrivals=4_000, confidence=0.95, run_id=uuid4()
    )
    follower = Follower(run.run_id)
    async with (
        running_platform(backend, REPLICAS) as platform,
        visiting(backend.broker_url, follower.subscribe) as client,
    ):
        await client.publish(RunRequested(run=run))
        await asyncio.wait_for(follower.completed_a_trial.wait(), PATIENCE)
        await before(platform)
        await client.publish(RunCancelled(run_id=run.run_id))
        platform.note("cancelled")
        await platform.until_ready()
        assert await backend.until_queues_are_empty(SECONDS) == {}
        platform.note("all queues are empty")
        follower.came_further.clear()
        await asyncio.sleep(2)
        assert not follower.came_further.is_set()
        assert await backend.until_queues_are_empty(SECONDS) == {}
        (stopped,) = follower.stops.values()
        assert 0 < stopped.trials_done < run.trials
        assert stopped.result is not None
        assert await backend.dead_letters() == []
        # Whoever dropped those events takes others as before.
        after = await run_async(SCENARIO, trials=1, broker=backend.broker_url)
        assert after.to_json() == (await run_async(SCENARIO, trials=1)).to_json()
