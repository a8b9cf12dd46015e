"""The life of a gateway's process: its database comes late, clients follow and leave, it ends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
from gateway_testing.asking import API, asked, events, problem
from gateway_testing.databases import sqlite_threads, sqlite_threads_ended
from gateway_testing.scenarios import SMALL
from gateway_testing.waits import until

from headroom_common.database.watch import DatabaseWatch
from headroom_common.service.process import Process
from headroom_common.transports.memory import MemoryBroker
from headroom_gateway import app
from headroom_gateway.app import build
from headroom_gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest


@asynccontextmanager
async def gateway(url: str, **options: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Process]]:
    """Run a gateway that no other service is behind; it has to end in order."""
    given = {"port": 0, "threads": 1, "shutdown_timeout": 20, "readiness_grace": 0.01, "database_url": url}
    settings = GatewaySettings(**(given | options))
    process = Process(build(settings), settings, transport=MemoryBroker().transport())
    task = asyncio.create_task(process.run(signals=False))
    url = f"http://127.0.0.1:{process.port}"
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        try:
            yield client, process
        finally:
            process.stop()
            assert await task == 0


async def ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health/ready")).status_code == 200


async def lines(stream: AsyncIterator[str], until_line: str) -> str:
    """Read lines up to one that starts so; return what was read."""
    read = []
    async for line in stream:
        read.append(line)
        if line.startswith(until_line):
            break
    return "\n".join(read)


async def test_it_waits_for_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = sqlite_threads()
    monkeypatch.setattr(app, "DatabaseWatch", partial(DatabaseWatch, pause=0.02))
    folder = tmp_path / "later"
    async with gateway(f"sqlite:///{folder / 'gateway.db'}") as (client, _):
        await until(lambda: _live(client))
        answer = await client.get(f"{API}/runs")
        assert "gateway.db" not in problem(answer, 503)["detail"]
        assert (await client.get("/health/ready")).status_code == 503
        folder.mkdir()
        await until(lambda: ready(client))
        assert (await client.get(f"{API}/runs")).json() == {"items": [], "next_cursor": None}
    await sqlite_threads_ended(others)


async def _live(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health/live")).status_code == 200


async def test_who_follows_gets_news_signs_of_life_and_an_end(sqlite_url: str) -> None:
    async with gateway(sqlite_url, heartbeat=0.05) as (client, process):
        await until(lambda: ready(client))
        run = (await asked(client, scenario=SMALL, trials=3)).json()
        path = f"{API}/runs/{run['id']}/events"
        async with client.stream("GET", path) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            stream = answer.aiter_lines()
            read = await lines(stream, "id: 2")
            assert read.startswith("retry: ")
            assert [one["event"] for one in events(read)] == ["state", "state"]
            assert [one["id"] for one in events(read)] == ["1", "2"]
            assert (await lines(stream, ": still here")).strip() == ": still here"
        async with client.stream("GET", path, headers={"Last-Event-ID": "2"}) as answer:
            stream = answer.aiter_lines()
            assert events(await lines(stream, ": still here")) == []
            await client.post(f"{API}/runs/{run['id']}/cancel")
            (event,) = events(await lines(stream, "data: "))
            assert '"state":"cancelling"' in event["data"]
        async with client.stream("GET", path, headers={"Last-Event-ID": "3"}) as answer:
            process.stop()
            rest = [line async for line in answer.aiter_lines()]
            assert events("\n".join(rest)) == [], "the end of the instance is no news of the run"


async def test_whoever_leaves_makes_room(sqlite_url: str) -> None:
    async with gateway(sqlite_url, most_followers=1, heartbeat=0.05) as (client, _):
        await until(lambda: ready(client))
        run = (await asked(client, scenario=SMALL, trials=3)).json()
        path = f"{API}/runs/{run['id']}/events"

        async def is_room() -> bool:
            async with client.stream("GET", path) as another:
                return another.status_code == 200

        async with client.stream("GET", path) as answer:
            stream = answer.aiter_lines()  # held: a stream that nobody reads is closed
            await lines(stream, "data: ")
            refused = await client.get(path)
            problem(refused, 503, "too-many-followers")
            assert int(refused.headers["retry-after"]) > 0
        await until(is_room)


async def test_runs_and_messages_outlive_the_process(sqlite_url: str) -> None:
    async with gateway(sqlite_url) as (client, _):
        await until(lambda: ready(client))
        headers = {"Idempotency-Key": "k"}
        run = (await asked(client, headers, scenario=SMALL, trials=3)).json()
    async with gateway(sqlite_url) as (client, _):
        await until(lambda: ready(client))
        found = (await client.get(f"{API}/runs/{run['id']}")).json()
        assert found["id"] == run["id"]
        again = await asked(client, headers, scenario=SMALL, trials=3)
        assert (again.json()["id"], again.headers["idempotency-replayed"]) == (run["id"], "true")
