"""Documents in a real Redis, which several instances share and which may die."""

from __future__ import annotations

import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio
from gateway_testing.clocks import HandClock
from gateway_testing.scenarios import result
from headroom_servers.redis import Redis

from headroom_gateway.storage.redis_hot_set import EXPIRY, RedisHotSet
from headroom_gateway.storage.results import Results

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway_testing.storage import Storage

ONE = zlib.compress(b"one")


@pytest.fixture(scope="module")
def redis_process() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
def server(redis_process: Redis) -> Iterator[Redis]:
    """An empty Redis that the test may kill."""
    redis_process.kill()
    redis_process.start()
    return redis_process


@asynccontextmanager
async def hot_set(server: Redis, clock: HandClock | None = None) -> AsyncIterator[RedisHotSet]:
    hot = RedisHotSet.open(server.url, timeout=1.0, clock=clock or HandClock())
    yield hot
    await hot.close()


async def keys(server: Redis) -> dict[str, int]:
    """What Redis has, with the seconds left."""
    async with redis.asyncio.Redis.from_url(server.url) as client:
        return {name.decode(): await client.ttl(name) for name in await client.keys("*")}


async def test_instances_share_it(server: Redis) -> None:
    async with hot_set(server) as one, hot_set(server) as other:
        assert await one.get("a") is None
        await one.put("a", ONE)
        assert await other.get("a") == ONE
        assert await one.get("a") == ONE
    (left,) = (await keys(server)).values()
    assert EXPIRY - 60 < left <= EXPIRY
    async with redis.asyncio.Redis.from_url(server.url) as client:
        (name,) = await client.keys("*")
        await client.expire(name, 60)
    async with hot_set(server) as third:
        assert await third.get("a") == ONE
    assert (await keys(server))[name.decode()] > EXPIRY - 60, "what is asked for stays"


async def test_it_goes_on_without_redis_and_comes_back(server: Redis, log_lines: list[Any]) -> None:
    clock = HandClock()
    async with hot_set(server, clock) as one:
        await one.put("a", ONE)
        server.kill()
        assert await one.get("b") is None
        await one.put("b", ONE)
        assert [await one.get(name) for name in ("a", "b")] == [ONE, ONE], "what is near is there"
        assert len(log_lines) == 1, "it is left alone for a while"
        server.start()
        await one.put("c", ONE)
        assert await keys(server) == {}
        clock.turn(seconds=11)
        await one.put("d", ONE)
        assert list(await keys(server)) == ["headroom:gateway:d"]
    assert server.password not in str(log_lines)


async def test_a_redis_that_hangs_costs_one_time_out(server: Redis, log_lines: list[Any]) -> None:
    hot = RedisHotSet.open(server.url, timeout=0.05, clock=HandClock())
    server.pause()
    try:
        for name in ("a", "b", "c"):
            await hot.put(name, ONE)
            assert await hot.get(name) == ONE
    finally:
        server.resume()
    assert len(log_lines) == 1
    await hot.close()


async def test_results_are_had_whether_redis_lives_or_not(server: Redis, sqlite: Storage) -> None:
    kept = await sqlite.keep(result(), await sqlite.accept())
    async with hot_set(server) as first:
        expected = await Results(sqlite.database, first).document(kept.hash)
    async with hot_set(server) as second, sqlite.without("results"):
        assert await Results(sqlite.database, second).document(kept.hash) == expected
    server.kill()
    async with hot_set(server) as third:
        assert await Results(sqlite.database, third).document(kept.hash) == expected
