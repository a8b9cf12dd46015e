"""Poison messages: each becomes a dead letter, its run fails with the reason, and no other run is harmed."""

import asyncio
from pathlib import Path

from headroom_platforms.backends import Backend
from headroom_platforms.platforms import running_platform
from headroom_platforms.poisons import poisons, run_of

from headroom import load_scenario, run_async
from headroom.remote import visiting
from headroom_common.contracts.event import Event
from headroom_common.contracts.events import RunFailed
from headroom_common.event_manager import EventManager
from headroom_common.transports.opening import open_transport
from headroom_common.transports.port import ERROR, REASON
from headroom_common.transports.settings import BrokerSettings

SCENARIO = Path(__file__).parents[2] / "examples" / "single-server.yaml"
LARGE = 64 * 2**20


async def test_poison_reaches_the_dead_letters_and_harms_no_run(backend: Backend) -> None:
    scenario = load_scenario(SCENARIO).scenario
    bad = poisons(scenario)
    failures: dict[str, str] = {}

    def failed(event: Event[RunFailed]) -> tuple[()]:
        failures[str(event.body.run_id)] = event.body.reason
        return ()

    def subscribe(manager: EventManager) -> None:
        manager.subscribe(RunFailed, failed, inline=True, private=True)

    settings = BrokerSettings.model_validate({"url": backend.broker_url, "max_body_bytes": LARGE})
    poisoner = open_transport(settings, name="poisoner")
    async with running_platform(backend, {}), visiting(backend.broker_url, subscribe):
        await poisoner.connect(lambda _connected, _reason: None)
        healthy = asyncio.create_task(run_async(scenario, trials=4, seed=3, broker=backend.broker_url))
        for message in bad.values():
            await poisoner.publish(message)
        result = await asyncio.wait_for(healthy, 120)
        expected = await run_async(scenario, trials=4, seed=3)
        assert result.to_json() == expected.to_json()
        assert await backend.until_only_dead_letters() == {}
        letters = {letter.message.event_id: letter for letter in await backend.dead_letters()}
        for name, message in bad.items():
            letter = letters.pop(message.event_id)
            assert letter.headers[REASON], name
            assert letter.headers[ERROR], name
            assert failures[str(run_of(message))] == letter.headers[REASON], name
        assert letters == {}
        await poisoner.close()
