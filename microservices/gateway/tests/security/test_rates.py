"""Rate limits, and the counters behind them: in memory, in a real Redis, and in one that is killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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
    try:
        yield counters
    finally:
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
    clock = HandClock()
    async with opened(redis.url, clock) as one, opened(redis.url, clock) as other:
        assert await one.add("together", 60) == 1
        assert await other.add("together", 60) == 2
        clock.advance(0.25)
        assert await one.add("together", 60) == 3
        assert [await one.add("together", 60) for _ in range(5)] == [4, 5, 6, 7, 8]
        clock.advance(0.25)
        assert await one.add("together", 60, 0) == 8
        assert await other.add("together", 60) == 9
        assert await other.add("elsewhere", 60, 0) == 0


async def test_together_they_let_pass_little_more_than_one(redis: Redis) -> None:
    clock = HandClock()
    async with opened(redis.url, clock) as one, opened(redis.url, clock) as other:
        limits = [Limit("reads", 100, counters, now=lambda: 0.0) for counters in (one, other)]
        passed = 0
        for _ in range(200):
            for limit in limits:
                passed += not (await taken(limit)).exceeded
            clock.advance(0.02)
        assert 100 <= passed <= 100 + 2 * 10


async def test_most_requests_do_not_ask_redis(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    settle = Counters._settle

    async def counted(*given: Any) -> None:
        nonlocal asked
        asked += 1
        await settle(*given)

    monkeypatch.setattr(Counters, "_settle", counted)
    clock = HandClock()
    async with opened(redis.url, clock) as counters:
        for number in range(1, 101):
            assert await counters.add("busy", 60) == number
            clock.advance(0.01)
    assert 1 <= asked <= 6


async def test_requests_at_the_same_time_are_counted_once(redis: Redis) -> None:
    clock = HandClock()
    async with opened(redis.url, clock) as one, opened(redis.url, clock) as other:
        for _ in range(5):
            await asyncio.gather(*(one.add("crowd", 60) for _ in range(20)))
            clock.advance(0.25)
        await one.add("crowd", 60, 0)
        assert await other.add("crowd", 60, 0) == 100


def told(log_lines: list[EventDict]) -> list[str]:
    """What the counters said; other work of this process may not have ended yet, and logs as well."""
    return [line["event"] for line in log_lines if line["event"] in (ALONE, TOGETHER)]


@pytest.mark.parametrize("fate", ["kill", "pause"])
async def test_nobody_is_refused_because_redis_fails(
    redis: Redis, log_lines: list[EventDict], fate: str
) -> None:
    clock = HandClock()
    async with opened(redis.url, clock) as counters, opened(redis.url, clock) as other:
        assert await counters.add(fate, 60) == 1
        assert await other.add(fate, 60) == 2
        clock.advance(1)
        redis.kill() if fate == "kill" else redis.pause()
        assert [await counters.add(fate, 60) for _ in range(20)] == list(range(2, 22))
        for number in (22, 23):
            clock.advance(2)
            assert await counters.add(fate, 60) == number
        assert told(log_lines) == [ALONE]
        redis.start() if fate == "kill" else redis.resume()
        clock.advance(2)
        # A Redis that was killed knows nothing of the other instance any more.
        assert await counters.add(fate, 60) in ({24} if fate == "kill" else {24, 25})
        assert told(log_lines) == [ALONE, TOGETHER]
        assert 2 < await other.add(fate, 60) <= 27
    assert redis.password not in f"{log_lines}"


async def test_a_redis_that_takes_nothing_is_noticed_once(redis: Redis, log_lines: list[EventDict]) -> None:
    clock = HandClock()
    async with opened(redis.url, clock) as counters:
        redis.configure("maxmemory", "1")
        try:
            for number in range(5):
                assert await counters.add("full", 60) == number + 1
                clock.advance(2)
            assert told(log_lines) == [ALONE]
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
        assert [await counters.add("slow", 60) for _ in range(5)] == [3, 4, 5, 6, 7]
        assert not asking.done()
        redis.resume()
        await asking


async def test_numbers_that_are_over_leave_nothing_behind(redis: Redis) -> None:
    clock = HandClock()
    async with opened(redis.url, clock) as counters:
        for number in range(100):
            await counters.add(f"caller {number}", 1)
        clock.advance(1)
        await counters.add("last", 60)
        assert list(counters._shared) == ["last"]
    async with opened() as alone:
        for number in range(100):
            await alone.add(f"caller {number}", 0)
        await alone.add("last", 60)
        await asyncio.sleep(0)
        assert len(alone._own.storage) <= 2
