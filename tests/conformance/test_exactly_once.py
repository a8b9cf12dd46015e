"""A thousand events through two stages that fail at random: every effect happens exactly once."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from headroom_common.contracts.envelope import child_id
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunProgressed, TrialAnalysed
from headroom_common.errors import TransientError
from headroom_common.event_manager import EventManagerSettings
from headroom_common.event_manager.inbox import MemoryInbox

EVENTS = 1_000
PATIENT = EventManagerSettings(retry_base=0.02, retry_cap=0.2, max_attempts=50)


class Moody:
    """Fails at random, before its work is done."""

    def __init__(self, seed: int, chance: float) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a seeded test
        self.chance = chance
        self.failures = 0

    def mood(self) -> None:
        if self.random.random() < self.chance:
            self.failures += 1
            moody = "not in the mood"
            raise TransientError(moody)


async def disturb(world: Any, services: list[Any], dice: random.Random) -> None:
    """Cut and mend connections at random."""
    while True:
        await asyncio.sleep(dice.random() * 0.3)
        transport = world.transport_of(dice.choice(services))
        world.factory.interrupt(transport)
        try:
            await asyncio.sleep(dice.random() * 0.1)
        finally:
            world.factory.restore(transport)


async def send(world: Any, source: Any) -> None:
    """Publish all events, one in ten of them twice."""
    for trial in range(EVENTS):
        for _ in range(2 if trial % 10 == 0 else 1):
            await source.publish(world.trial(trial))
        if trial % 50 == 0:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_effect_happens_exactly_once(world: Any, seed: int) -> None:
    stage_mood, sink_mood = Moody(seed, 0.3), Moody(seed + 100, 0.2)
    effects: Counter[int] = Counter()
    ids: dict[int, Any] = {}

    def stage(event: Event[TrialAnalysed]) -> list[Outgoing]:
        stage_mood.mood()
        run, trial = event.body.run, event.body.trial
        body = RunProgressed(
            run_id=run.run_id, trials_done=0, trials=1, requests=0, simulated_ns=0, trial=trial
        )
        return [Outgoing(body, "progress")]

    def sink(event: Event[RunProgressed]) -> list[Outgoing]:
        sink_mood.mood()
        effects[event.body.trial] += 1
        ids[event.body.trial] = (event.envelope.id, event.envelope.causationid)
        return []

    async def story() -> None:
        inbox = MemoryInbox()
        stages = [
            world.service("generator", {TrialAnalysed: stage}, instance=name, settings=PATIENT)
            for name in ("1", "2")
        ]
        sinks = [world.service("gateway", {RunProgressed: sink}, instance="1", settings=PATIENT, inbox=inbox)]
        source = world.service("analysis")
        services = stages + sinks
        async with source:
            await asyncio.gather(*(service.start() for service in services))
            dice = random.Random(seed)  # noqa: S311 - a seeded test
            trouble = asyncio.create_task(disturb(world, services, dice))
            await send(world, source)
            await world.until(lambda: len(effects) == EVENTS, within=120)
            trouble.cancel()
            await asyncio.gather(trouble, return_exceptions=True)
            for service in services:
                await service.stop()
        assert effects == Counter(range(EVENTS))
        assert all(child_id(cause, "progress") == event_id for event_id, cause in ids.values())
        assert stage_mood.failures > 100
        assert sink_mood.failures > 100
        for service in ("generator", "gateway"):
            assert await world.letters(service) == ()

    world.play(story())
