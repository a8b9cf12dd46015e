"""Backups as `docs/operations.md` describes them, on real servers: what is lost and what is not."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from headroom_platforms.backends import Backend
from headroom_platforms.gateways import SMALL, Caller, GatewayPlatform
from headroom_servers.postgres import program

LONG = SMALL.replace("horizon: 20s", "horizon: 600s")
"""A scenario whose runs are under way for a while."""

TRIALS = 12
_SECONDS = 60


def dump(url: str, path: Path) -> Path:
    """What an operator types, with another place."""
    command = [program("pg_dump"), "--format", "custom", "--file", path, libpq(url)]
    subprocess.run(command, check=True, timeout=_SECONDS)  # noqa: S603 - PostgreSQL's own, no shell
    return path


def destroy(url: str) -> None:
    """Drop a database with everything in it, and make an empty one."""
    server, _, name = libpq(url).rpartition("/")
    for statement in (f'DROP DATABASE "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"'):
        command = [program("psql"), "--quiet", "--command", statement, f"{server}/postgres"]
        subprocess.run(command, check=True, timeout=_SECONDS)  # noqa: S603 - PostgreSQL's own, no shell


def restore(url: str, path: Path) -> None:
    """What an operator types, with another place."""
    command = [program("pg_restore"), "--exit-on-error", "--no-owner", "--dbname", libpq(url), path]
    subprocess.run(command, check=True, timeout=_SECONDS)  # noqa: S603 - PostgreSQL's own, no shell


def libpq(url: str) -> str:
    """The address as PostgreSQL's own programs take it."""
    return url.replace("+psycopg", "")


async def stop(platform: GatewayPlatform) -> None:
    for process in platform.processes:
        await asyncio.to_thread(process.terminate)


async def start(platform: GatewayPlatform) -> None:
    await asyncio.gather(*(asyncio.to_thread(process.start) for process in platform.processes))
    await asyncio.gather(*(asyncio.to_thread(process.wait_ready) for process in platform.processes))


async def simulate_again(caller: Caller, scenario_id: str, seed: int) -> str:
    """Have a run simulated whose result may be stored."""
    body = {"scenario_id": scenario_id, "seed": seed, "trials": TRIALS}
    answer = await caller.ask("POST", "/runs", json=body, headers={"Cache-Control": "no-cache"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def result(caller: Caller, run_id: str) -> bytes:
    answer = await caller.ask("GET", f"/runs/{run_id}/results")
    assert answer.status_code == 200, answer.text
    return answer.content


async def test_everything_is_lost_and_restored(backend: Backend, tmp_path: Path) -> None:
    async with (
        GatewayPlatform(backend, settings={"BROKER_FORGETS": "true"}) as platform,
        Caller(platform.gateways[0]) as caller,
    ):
        urls = (platform.database_url, backend.database_url)
        small, long = await caller.scenario(SMALL), await caller.scenario(LONG)
        early = await caller.submit(small, 1, 2)
        (before,) = await caller.until_ended(1)
        kept = await result(caller, early)
        report = (await caller.ask("GET", f"/runs/{early}/report")).content
        under_way = await caller.submit(long, 2, TRIALS)
        async with caller.following(under_way) as news:
            async for one in news:
                if one.kind == "progress":
                    break
        saved = [dump(url, tmp_path / str(at)) for at, url in enumerate(urls)]
        late = await caller.submit(small, 3, 2)

        await stop(platform)
        for url, path in zip(urls, saved, strict=True):
            destroy(url)
            restore(url, path)
        # The queues and what Redis remembers are of another time than the databases now.
        await asyncio.to_thread(backend.rabbitmq.delete_virtual_host, backend.virtual_host)
        await asyncio.to_thread(backend.rabbitmq.add_virtual_host, backend.virtual_host)
        await asyncio.to_thread(backend.redis.kill)
        await asyncio.to_thread(backend.redis.start)
        await start(platform)

        runs = {run["id"]: run for run in await caller.until_ended(2)}
        assert late not in runs, "what came after the backup is lost"
        assert runs[early] == before
        assert await result(caller, early) == kept
        assert (await caller.ask("GET", f"/runs/{early}/report")).content == report
        assert runs[under_way]["state"] == "completed", "what was under way is simulated anew"
        undisturbed = await simulate_again(caller, long, 2)
        await caller.until_ended(3)
        assert await result(caller, under_way) == await result(caller, undisturbed)


@pytest.mark.parametrize("lost", ["gateway", "analysis"])
async def test_one_database_is_lost_without_a_backup(lost: str, backend: Backend) -> None:
    async with GatewayPlatform(backend) as platform, Caller(platform.gateways[0]) as caller:
        small = await caller.scenario(SMALL)
        one, other = [await caller.submit(small, seed, 2) for seed in (1, 2)]
        await caller.until_ended(2)
        kept = await result(caller, one)
        comparison = await caller.ask("GET", f"/runs/{one}/compare/{other}")
        assert comparison.status_code == 200, comparison.text
        await stop(platform)
        destroy(platform.database_url if lost == "gateway" else backend.database_url)
        await start(platform)
        if lost == "gateway":
            assert await caller.all_runs() == []
            small = await caller.scenario(SMALL)
            again = await caller.submit(small, 1, 2)
            await caller.until_ended(1)
            assert await result(caller, again) == kept, "the same bytes, when it is asked for again"
        else:
            assert await result(caller, one) == kept
            assert (await caller.ask("GET", f"/runs/{one}/report")).status_code == 200
            comparison = await caller.ask("GET", f"/runs/{one}/compare/{other}")
            assert comparison.json()["type"].endswith(":no-result"), comparison.text
