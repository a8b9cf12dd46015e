"""Many clients at once: followers cost little memory, and a database that is too slow is told as such."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
from headroom_platforms.backends import Backend
from headroom_platforms.gateways import SMALL, Caller, GatewayPlatform
from headroom_servers.services import ServiceProcess
from sqlalchemy import text

FOLLOWERS = 200
MIB = 50.0
REQUESTS = 500


def resident_mib(process: ServiceProcess) -> float:
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(process.service)


async def test_many_followers_of_one_run_all_see_its_end_and_cost_little(backend: Backend) -> None:
    async with GatewayPlatform(backend) as platform, Caller(platform.gateways[0]) as caller:
        gateway = platform.gateways[0]
        scenario_id = await caller.scenario(SMALL)
        await caller.submit(scenario_id, 1, 1)
        await caller.until_ended(1)
        before = resident_mib(gateway)
        # Nobody simulates until all of them follow.
        platform.services["server-model"].kill()
        run_id = await caller.submit(scenario_id, 2, 4)
        following, everybody = 0, asyncio.Event()

        async def follow() -> list[str]:
            nonlocal following
            seen: list[str] = []
            async with caller.following(run_id) as news:
                async for one in news:
                    if not seen:
                        following += 1
                        if following == FOLLOWERS:
                            everybody.set()
                    if one.kind == "state":
                        seen.append(one.data["state"])
            return seen

        followers = [asyncio.create_task(follow()) for _ in range(FOLLOWERS)]
        async with asyncio.timeout(60):
            await everybody.wait()
        grown = resident_mib(gateway) - before
        await asyncio.to_thread(platform.services["server-model"].start)
        seen = await asyncio.gather(*followers)
        assert Counter(map(tuple, seen)) == {("queued", "running", "completed"): FOLLOWERS}
        assert max(grown, resident_mib(gateway) - before) < MIB


async def test_requests_that_a_slow_database_keeps_waiting_are_told_to_come_later(backend: Backend) -> None:
    async with GatewayPlatform(backend, services=()) as platform, Caller(platform.gateways[0]) as caller:
        scenario_id = await caller.scenario(SMALL)
        run_id = await caller.submit(scenario_id, 1, 1)
        url = f"http://127.0.0.1:{platform.gateways[0].port}/api/v1/runs/{run_id}"
        limits = httpx.Limits(max_connections=REQUESTS)
        async with httpx.AsyncClient(limits=limits, timeout=120) as client:
            answers = await asyncio.gather(*(client.get(url) for _ in range(REQUESTS)))
            assert Counter(answer.status_code for answer in answers) == {200: REQUESTS}
            with platform.database() as engine, engine.begin() as connection:
                connection.execute(text("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE"))
                answers = await asyncio.gather(*(client.get(url) for _ in range(REQUESTS)))
                assert {answer.status_code for answer in answers} == {503}
                assert all("retry-after" in answer.headers for answer in answers)
                assert platform.gateways[0].get("/health/live")[0] == 200
            assert (await client.get(url)).status_code == 200
