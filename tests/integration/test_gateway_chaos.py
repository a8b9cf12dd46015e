"""Accepted runs while the gateway, analysis and their databases are killed: each completes exactly once."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import cycle, islice

from headroom_platforms.backends import Backend
from headroom_platforms.gateways import SMALL, Caller, GatewayPlatform

from headroom import Scenario, run_async

KILLS = int(os.environ.get("HEADROOM_CHAOS_KILLS", "30")) // 10
SEED = int(os.environ.get("HEADROOM_CHAOS_SEED", "1"))
RUNS = 50
TRIALS = 4
COMPARED = 5
Victim = Callable[[Backend, GatewayPlatform], Awaitable[None]]


async def gateway(_: Backend, platform: GatewayPlatform) -> None:
    for process in platform.gateways:
        process.kill()
        await asyncio.to_thread(process.start)


async def analysis(_: Backend, platform: GatewayPlatform) -> None:
    platform.services["analysis"].kill()
    await asyncio.to_thread(platform.services["analysis"].start)


async def postgresql(backend: Backend, _: GatewayPlatform) -> None:
    await asyncio.to_thread(backend.postgres.kill)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(backend.postgres.start)


async def all_of_them(backend: Backend, platform: GatewayPlatform) -> None:
    for process in (*platform.gateways, platform.services["analysis"]):
        process.kill()
    await postgresql(backend, platform)
    for process in (*platform.gateways, platform.services["analysis"]):
        await asyncio.to_thread(process.start)


def plan(kills: int, chance: random.Random) -> list[Victim]:
    """Each of them once at least, in random order."""
    victims: list[Victim] = list(islice(cycle((gateway, analysis, postgresql, all_of_them)), max(4, kills)))
    chance.shuffle(victims)
    return victims


async def complete_once(caller: Caller, scenario_id: str, accepted: Mapping[int, str]) -> None:
    """Every accepted run is completed, was told so once, and is listed once."""
    ended = await caller.until_ended(len(accepted))
    assert sorted(run["id"] for run in ended) == sorted(accepted.values()), "each is listed once"
    assert {run["id"]: run["state"] for run in ended} == dict.fromkeys(accepted.values(), "completed")
    for run_id in accepted.values():
        history = await caller.history(run_id)
        sequences = [news.sequence for news in history]
        assert sequences == sorted(set(sequences))
        states = [news.data["state"] for news in history if news.kind == "state"]
        assert states == ["queued", "running", "completed"]
    again = {seed: await caller.submit(scenario_id, seed, TRIALS) for seed in list(accepted)[:COMPARED]}
    assert again.items() <= accepted.items()


async def results_are_those_of_embedded_runs(caller: Caller, accepted: Mapping[int, str]) -> None:
    for seed in list(accepted)[:: len(accepted) // COMPARED]:
        stored = await caller.ask("GET", f"/runs/{accepted[seed]}/results")
        embedded = await run_async(Scenario.from_yaml(SMALL), trials=TRIALS, seed=seed)
        assert stored.text == embedded.to_json()


async def disturb(
    backend: Backend, platform: GatewayPlatform, victims: Sequence[Victim], chance: random.Random
) -> None:
    for victim in victims:
        await asyncio.sleep(chance.uniform(0.1, 1.5))
        await victim(backend, platform)


async def test_accepted_runs_complete_once_whatever_is_killed(backend: Backend) -> None:
    chance = random.Random(SEED)  # noqa: S311 - faults, not secrets
    async with GatewayPlatform(backend) as platform, Caller(platform.gateways[0]) as caller:
        scenario_id = await caller.scenario(SMALL)
        disturbing = asyncio.create_task(disturb(backend, platform, plan(KILLS, chance), chance))

        async def submit(seed: int) -> tuple[int, str]:
            await asyncio.sleep(chance.uniform(0, 6))
            return seed, await caller.submit(scenario_id, seed, TRIALS)

        accepted = dict(await asyncio.gather(*(submit(seed) for seed in range(RUNS))))
        await disturbing
        assert caller.asked_again > 0, "nothing was killed while somebody asked"
        await complete_once(caller, scenario_id, accepted)
        await results_are_those_of_embedded_runs(caller, accepted)
        assert platform.count("SELECT count(*) FROM outbox") == 0
        assert await backend.until_work_queues_are_empty() == {}
        assert await backend.dead_letters() == []
