"""An experiment while every process of the platform and its database are killed: the bytes of one process."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable

from headroom_platforms.backends import Backend
from headroom_platforms.gateways import SMALL, Caller, GatewayPlatform

from headroom.embedded_experiments import drive
from headroom_common.experiments.asking import experiment_of
from headroom_common.result_format import published
from headroom_common.scenario import Scenario

SEED = int(os.environ.get("HEADROOM_CHAOS_SEED", "1"))
PLAN = {
    "kind": "sweep",
    "vary": ["spec.servers[0].cores=2..4", "spec.workloads[0].rate=80/s..140/s:4"],
}
ASKED = {"trials": 4, "seed": 7, "precision": 0.02, "most_trials": 60, "warm_up": "auto"}
"""A pilot of each point, and then rounds, each of which depends on what the ones before gave."""


def victims(backend: Backend, platform: GatewayPlatform) -> list[Callable[[], Awaitable[None]]]:
    """Every process once, both gateways at once, and the database."""

    async def kill(*names: str) -> None:
        processes = [platform.services[name] for name in names] or platform.gateways
        for process in processes:
            process.kill()
        for process in processes:
            await asyncio.to_thread(process.start)

    async def database() -> None:
        await asyncio.to_thread(backend.postgres.kill)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(backend.postgres.start)

    one_by_one = [lambda name=name: kill(name) for name in platform.services]
    return [*one_by_one, kill, kill, database]


async def ended(state: Callable[[], Awaitable[str]]) -> None:
    async with asyncio.timeout(120):
        while await state() in {"queued", "running"}:  # noqa: ASYNC110 - it ends elsewhere
            await asyncio.sleep(0.5)


async def test_an_experiment_gives_the_bytes_of_one_process_whatever_is_killed(backend: Backend) -> None:
    chance = random.Random(SEED)  # noqa: S311 - faults, not secrets
    async with GatewayPlatform(backend, gateways=2) as platform, Caller(platform.gateways[0]) as caller:
        body = {"scenario": SMALL, "plan": PLAN, **ASKED}
        accepted = await caller.ask("POST", "/experiments", json=body, headers={"Idempotency-Key": "one"})
        assert accepted.status_code == 202, accepted.text
        path = f"/experiments/{accepted.json()['id']}"

        async def state() -> str:
            return str((await caller.ask("GET", path)).json()["state"])

        killed = 0
        plan = victims(backend, platform)
        chance.shuffle(plan)
        for victim in plan:
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            killed += await state() in {"queued", "running"}
            await victim()
        assert killed > len(plan) / 2, "it ended before most of it was killed"
        await ended(state)
        experiment = (await caller.ask("GET", path)).json()
        assert experiment["state"] == "completed", experiment["failure"]
        found = await caller.ask("GET", f"{path}/results")
        asked = experiment_of(Scenario.from_yaml(SMALL), PLAN, **ASKED)
        assert found.content == published(await drive(asked, threads=2))
        progress = experiment["progress"]
        assert progress["rounds"] > 2
        assert progress["runs_done"] == progress["runs"]
        again = await caller.ask("POST", "/experiments", json=body, headers={"Idempotency-Key": "one"})
        assert again.json()["id"] == experiment["id"]
        assert platform.count("SELECT count(*) FROM experiments") == 1
        assert platform.count("SELECT count(*) FROM runs") == progress["runs"]
        assert (await caller.ask("DELETE", path)).status_code == 204
        assert platform.count("SELECT count(*) FROM runs") == 0
        assert platform.count("SELECT count(*) FROM results") == 0
        assert await backend.until_work_queues_are_empty() == {}
        assert await backend.dead_letters() == []
