"""The inbox in Redis, on a real one."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from headroom_servers.redis import Redis

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunParameters, TrialAnalysed
from headroom_common.errors import TransientError
from headroom_common.event_manager import EventManager
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.redis_inbox import RedisInbox

TIMEOUT = 2.0
PAUSE = 60.0
Inboxes = Callable[..., RedisInbox]


class HandClock:
    """A clock that the test sets forward."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def pass_pause(self) -> None:
        self.time += timedelta(seconds=PAUSE)


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[Redis]:
    """One server for the tests that leave it alone; they use services of their own."""
    with Redis() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A server that the test may kill and change."""
    with Redis() as server:
        yield server


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def inbox_on(clock: HandClock) -> AsyncIterator[Inboxes]:
    """Open an inbox; it is closed after the test."""
    opened = []

    def open_inbox(server: Redis, **options: Any) -> RedisInbox:
        complete: dict[str, Any] = {
            "service": f"tests-{uuid4()}",
            "expiry": 100,
            "timeout": TIMEOUT,
            "pause": PAUSE,
            "clock": clock,
        }
        inbox = RedisInbox.open(server.url, **{**complete, **options})
        opened.append(inbox)
        return inbox

    yield open_inbox
    for inbox in opened:
        await inbox.close()


async def answers(inbox: RedisInbox) -> bool:
    """Whether a question gets an answer."""
    try:
        await inbox.seen(UUID(int=1))
    except TransientError:
        return False
    return True


async def done_at_once(inbox: RedisInbox) -> int:
    """How many of sixty questions are refused without waiting; all of them are in the end."""
    asking = [asyncio.create_task(answers(inbox)) for _ in range(60)]
    await asyncio.sleep(0)
    done = sum(task.done() for task in asking)
    assert not any(await asyncio.gather(*asking))
    return done


async def test_it_remembers_what_was_marked(shared_redis: Redis, inbox_on: Inboxes) -> None:
    inbox = inbox_on(shared_redis)
    first, second = uuid4(), uuid4()
    await inbox.mark(first)
    await inbox.mark(first)
    assert [await inbox.seen(event) for event in (first, second)] == [True, False]


async def test_instances_of_a_service_share_it_and_services_do_not(
    shared_redis: Redis, inbox_on: Inboxes
) -> None:
    event = uuid4()
    one, other = (inbox_on(shared_redis, service="router-test") for _ in range(2))
    await one.mark(event)
    assert await other.seen(event)
    assert not await inbox_on(shared_redis, service="analysis-test").seen(event)


async def test_keys_are_named_and_expire(shared_redis: Redis, inbox_on: Inboxes) -> None:
    inbox = inbox_on(shared_redis, service="router-keys", expiry=1)
    event = uuid4()
    await inbox.mark(event)
    client = inbox._client
    assert await client.keys("headroom:inbox:router-keys:*") == [
        f"headroom:inbox:router-keys:{event}".encode()
    ]
    assert 0 < await client.pttl(f"headroom:inbox:router-keys:{event}") <= 1000
    async with asyncio.timeout(60):
        while await inbox.seen(event):  # noqa: ASYNC110 - Redis tells nobody when a key expires
            await asyncio.sleep(0.05)


async def test_nobody_there_is_a_transient_error_without_the_password(
    own_redis: Redis, inbox_on: Inboxes
) -> None:
    own_redis.kill()
    inbox = inbox_on(own_redis)
    for ask in (inbox.seen, inbox.mark):
        with pytest.raises(TransientError, match="Redis: ") as caught:
            await ask(uuid4())
        assert own_redis.password not in f"{caught.value!r} {caught.value} {caught.value.next_step}"


async def test_a_wrong_password_is_a_transient_error(shared_redis: Redis, clock: HandClock) -> None:
    url = shared_redis.url.replace(shared_redis.password, "hunter2")
    inbox = RedisInbox.open(url, service="x", expiry=1, timeout=TIMEOUT, pause=PAUSE, clock=clock)
    with pytest.raises(TransientError, match="Redis: ") as caught:
        await inbox.seen(uuid4())
    assert "hunter2" not in str(caught.value)
    await inbox.close()


async def test_one_that_failed_is_left_alone_until_the_pause_is_over(
    own_redis: Redis, inbox_on: Inboxes, clock: HandClock
) -> None:
    inbox = inbox_on(own_redis)
    assert await answers(inbox)
    own_redis.kill()
    assert not await answers(inbox)
    own_redis.start()
    assert not await answers(inbox), "it was asked before the pause was over"
    clock.pass_pause()
    assert await answers(inbox)
    assert await answers(inbox)


async def test_a_frozen_one_costs_one_timeout_and_not_one_per_event(
    own_redis: Redis, inbox_on: Inboxes, clock: HandClock
) -> None:
    inbox = inbox_on(own_redis, timeout=0.2)
    assert await answers(inbox)
    own_redis.pause()
    try:
        assert not await answers(inbox)
        assert await done_at_once(inbox) == 60, "nobody waits for it"
        clock.pass_pause()
        assert await done_at_once(inbox) == 59, "one tries it, the others go on without"
    finally:
        own_redis.resume()
    clock.pass_pause()
    assert await answers(inbox)


async def test_a_restart_goes_unnoticed_by_idle_connections(own_redis: Redis, inbox_on: Inboxes) -> None:
    inbox = inbox_on(own_redis)
    event = uuid4()
    await inbox.mark(event)
    own_redis.kill()
    own_redis.start()
    assert not await inbox.seen(event), "what it held is gone, and nobody has to wait for that"


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")],
    ids=["out of memory", "refusing writes"],
)
async def test_one_that_answers_reads_and_refuses_writes_has_not_recovered(
    own_redis: Redis, inbox_on: Inboxes, clock: HandClock, name: str, bad: str, good: str
) -> None:
    inbox = inbox_on(own_redis)
    own_redis.configure(name, bad)
    assert await answers(inbox), "reads still work"
    with pytest.raises(TransientError):
        await inbox.mark(uuid4())
    clock.pass_pause()
    assert not await answers(inbox), "the probe writes"
    own_redis.configure(name, good)
    clock.pass_pause()
    assert await answers(inbox)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - conditions are arbitrary, so they are polled
            await asyncio.sleep(0.01)


async def test_a_service_works_on_while_it_is_down_and_says_so(
    own_redis: Redis,
    manager_of: Callable[..., EventManager],
    run: RunParameters,
    logs: io.StringIO,
) -> None:
    handled = []

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        handled.append(event.body.trial)
        return []

    clock = SystemClock()
    inbox = RedisInbox.open(
        own_redis.url, service="generator", expiry=100, timeout=TIMEOUT, pause=0.05, clock=clock
    )
    manager = manager_of("generator", inbox=inbox, clock=clock)
    manager.subscribe(TrialAnalysed, handler, inline=True)
    async with manager:
        sent = 0

        def settled() -> bool:
            return manager.counters.handled + manager.counters.duplicates == sent

        async def handle(trial: int, *, copies: int = 1) -> None:
            nonlocal sent
            for _ in range(copies):
                await manager.publish(TrialAnalysed(run=run, trial=trial))
                sent += 1
                await until(settled)

        await handle(0, copies=2)
        assert handled == [0]
        own_redis.kill()
        await handle(1, copies=2)
        assert (handled, manager.state) == ([0, 1, 1], "degraded")
        assert "the inbox fails: Redis: " in manager.reason
        own_redis.start()
        trial = 2
        while manager.state == "degraded":
            await handle(trial)
            trial += 1
        await handle(trial, copies=2)
        assert handled.count(trial) == 1
    await inbox.close()
    assert own_redis.password not in logs.getvalue()
