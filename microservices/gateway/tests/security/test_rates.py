"""Rate limits, and the counters behind them: in memory, in a real Redis, and in one that is killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from headroom_servers.redis import Redis
from hypothesis import given
from hypothesis import strategies as st
from security_testing.clocks import HandClock
from structlog.typing import EventDict

from headroom_common.service.problems import ProblemError
from headroom_gateway.security.counters import Counters
from headroom_gateway.security.rates import WINDOW, Limit, Rates, Standing
from headroom_gateway.security.settings import RateSettings

ALONE = "rate limits are counted by this instance alone: Redis fails"
TOGETHER = "rate limits are counted in Redis again"


@asynccontextmanager
async def opened(url: str | None = None, clock: HandClock | None = None) -> AsyncIterator[Counters]:
    """Give counters, on time that the test moves."""
    now = (clock or HandClock()).seconds
    counters = Counters(url, timeout=1.0, pause=1.0, now=now)
    yield counters
    await counters.close()


async def taken(limit: Limit, caller: str = "somebody") -> Standing:
    """Return where a caller is after one more request."""
    standing = await limit.take(caller)
    assert standing is not None
    return standing


@given(allowed=st.integers(1, 20), asked=st.integers(0, 40), second=st.floats(0, 59.9))
def test_so_many_are_answered_in_a_window(allowed: int, asked: int, second: float) -> None:
    async def ask() -> None:
        async with opened() as counters:
            limit = Limit("reads", allowed, counters, now=lambda: 60_000 + second)
            standings = [await taken(limit) for _ in range(asked)]
        assert sum(not standing.exceeded for standing in standings) == min(allowed, asked)
        assert [standing.remaining for standing in standings] == [
            max(0, allowed - number - 1) for number in range(asked)
        ]
        assert all(0 < standing.reset <= WINDOW for standing in standings)
        assert all(60_000 + second + standing.reset >= 60_060 for standing in standings)

    asyncio.run(ask())


async def test_the_next_window_begins_anew_and_callers_are_counted_apart() -> None:
    times = [59.0]
    async with opened() as counters:
        limit = Limit("reads", 1, counters, now=lambda: times[0])
        assert not (await taken(limit)).exceeded
        assert (await taken(limit)).exceeded
        assert not (await taken(limit, "somebody else")).exceeded
        times[0] = 60.0
        assert not (await taken(limit)).exceeded


async def test_reads_and_writes_are_counted_apart() -> None:
    settings = RateSettings(reads_per_minute=1, writes_per_minute=0)
    async with opened() as counters:
        rates = Rates(settings, counters, now=lambda: 0.0)
        assert rates.of("GET") is rates.of("HEAD")
        assert rates.of("POST") is rates.of("DELETE") is not rates.of("GET")
        for _ in range(100):
            assert await rates.of("POST").take("somebody") is None
            assert await rates.of("POST").look("somebody") is None


async def test_headers_follow_the_draft_and_refusals_say_when_to_come_again() -> None:
    async with opened() as counters:
        limit = Limit("writes", 2, counters, now=lambda: 130.5)
        first, second, third = [await taken(limit) for _ in range(3)]
    assert first.headers == [
        (b"ratelimit-policy", b'"writes";q=2;w=60'),
        (b"ratelimit", b'"writes";r=1;t=50'),
    ]
    first.check()
    second.check()
    with pytest.raises(ProblemError) as caught:
        third.check()
    assert (caught.value.status_code, caught.value.slug) == (429, "rate-limited")
    assert caught.value.headers == {"Retry-After": "50"}


async def test_looking_counts_nothing() -> None:
    async with opened() as counters:
        limit = Limit("failures", 2, counters, now=lambda: 0.0)
        for _ in range(5):
            standing = await limit.look("somebody")
            assert standing is not None
            assert not standing.exceeded
        await limit.take("somebody")
        await limit.take("somebody")
        standing = await limit.look("somebody")
        assert standing is not None
        assert standing.exceeded


async def test_instances_count_together_in_redis(redis: Redis) -> None:
    async with opened(redis.url) as one, opened(redis.url) as other:
        sums = [await counters.add("together", 60) for counters in (one, other, one)]
        assert sums == [1, 2, 3]
        assert await other.get("together") == 3


@pytest.mark.parametrize("fate", ["kill", "pause"])
async def test_nobody_is_refused_because_redis_fails(
    redis: Redis, log_lines: list[EventDict], fate: str
) -> None:
    clock = HandClock()
    async with opened(redis.url, clock) as counters:
        assert await counters.add(fate, 60) == 1
        redis.kill() if fate == "kill" else redis.pause()
        assert [await counters.add(fate, 60) for _ in range(20)] == list(range(1, 21))
        assert await counters.get(fate) == 20
        for _ in range(2):
            clock.advance(2)
            await counters.add(fate, 60)
        assert [line["event"] for line in log_lines] == [ALONE]
        redis.start() if fate == "kill" else redis.resume()
        clock.advance(2)
        # What Redis has counted meanwhile depends on whether it kept its memory.
        assert await counters.add(fate, 60) <= 5
        assert [line["event"] for line in log_lines] == [ALONE, TOGETHER]
    assert redis.password not in f"{log_lines}"


async def test_a_redis_that_takes_nothing_is_noticed_once(redis: Redis, log_lines: list[EventDict]) -> None:
    clock = HandClock()
    async with opened(redis.url, clock) as counters:
        redis.configure("maxmemory", "1")
        try:
            for _ in range(5):
                await counters.add("full", 60)
                await counters.get("full")
                clock.advance(2)
            assert [line["event"] for line in log_lines] == [ALONE]
        finally:
            redis.configure("maxmemory", "0")


async def test_while_one_asks_a_redis_that_failed_the_others_do_not_wait(redis: Redis) -> None:
    clock = HandClock()
    async with opened(redis.url, clock) as counters:
        redis.pause()
        await counters.add("slow", 60)
        clock.advance(2)
        asking = asyncio.create_task(counters.add("slow", 60))
        await asyncio.sleep(0)
        assert [await counters.add("slow", 60) for _ in range(5)] == [2, 3, 4, 5, 6]
        assert not asking.done()
        redis.resume()
        await asking


async def test_counters_that_are_forgotten_leave_nothing_behind() -> None:
    async with opened() as counters:
        for number in range(1000):
            await counters.add(f"caller {number}", 0)
        await asyncio.sleep(0)
        await counters.add("last", 60)
        await asyncio.sleep(0)
        assert len(counters._memory.storage) <= 2
