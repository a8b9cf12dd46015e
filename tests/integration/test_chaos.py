"""Real processes, a real broker, Redis and PostgreSQL, all of them killed at random instants.

Whatever is killed, whenever and however often: the run completes with the bytes of an undisturbed one, no
dead letter is left, and no queue is left with anything in it.
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from headroom_platforms.backends import Backend
from headroom_platforms.platforms import Running, running_platform

from headroom import Result, run_async

KILLS = int(os.environ.get("HEADROOM_CHAOS_KILLS", "30"))
SEED = int(os.environ.get("HEADROOM_CHAOS_SEED", "1"))
REPLICAS = {"generator": 1, "router": 2, "server-model": 2, "analysis": 2}
EXAMPLES = Path(__file__).parents[2] / "examples"
RUN = {"scenario": EXAMPLES / "database-pool-saturation.yaml", "trials": 20, "seed": 7}
"""Pools and least connections: the state carried from segment to segment is large."""

SETTLING = 3
"""Seconds after which a killed RabbitMQ 3.10 brings back the queues that were declared (docs/platform.md)."""

Disturbance = Callable[[Backend, Running, random.Random], Awaitable[None]]


async def kill_services(_: Backend, platform: Running, chance: random.Random) -> None:
    """Kill one service, or several at once."""
    victims = sorted(platform.process_ids.items())
    for instance, process_id in chance.sample(victims, min(len(victims), chance.choice([1, 1, 1, 2, 3]))):
        platform.note(f"kill -9 {instance}")
        os.kill(process_id, signal.SIGKILL)


async def kill_broker(backend: Backend, platform: Running, _: random.Random) -> None:
    platform.note("kill -9 broker")
    await asyncio.to_thread(backend.rabbitmq.kill)
    await asyncio.to_thread(backend.rabbitmq.start)


async def restart_broker(backend: Backend, platform: Running, _: random.Random) -> None:
    platform.note("restart broker")
    await asyncio.to_thread(backend.rabbitmq.restart)


async def cut_connections(backend: Backend, platform: Running, _: random.Random) -> None:
    platform.note("cut all connections to the broker")
    await asyncio.to_thread(backend.proxy.cut)


async def kill_redis(backend: Backend, platform: Running, _: random.Random) -> None:
    """Redis loses everything that it knew."""
    platform.note("kill -9 redis")
    await asyncio.to_thread(backend.redis.kill)
    await asyncio.sleep(1)
    await asyncio.to_thread(backend.redis.start)


async def kill_database(backend: Backend, platform: Running, _: random.Random) -> None:
    platform.note("kill -9 postgresql")
    await asyncio.to_thread(backend.postgres.kill)
    await asyncio.sleep(1)
    await asyncio.to_thread(backend.postgres.start)


OTHERS: tuple[Disturbance, ...] = (kill_broker, cut_connections, kill_redis, kill_database, restart_broker)


@pytest.fixture(scope="module")
def undisturbed() -> Result:
    return asyncio.run(run_async(**RUN))


async def disturb(backend: Backend, platform: Running, chance: random.Random, kills: int) -> None:
    """Kill services that often, and everything else once or more, in random order at random instants."""
    plan: list[Disturbance] = [kill_services] * kills + [*OTHERS] * max(1, kills // 15)
    chance.shuffle(plan)
    for disturbance in plan:
        await asyncio.sleep(chance.uniform(0.1, 1.2))
        await disturbance(backend, platform, chance)


async def test_whatever_is_killed_the_result_is_the_same(backend: Backend, undisturbed: Result) -> None:
    chance = random.Random(SEED)  # noqa: S311 - faults, not secrets
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(running_platform(backend, REPLICAS))
        running = asyncio.create_task(run_async(broker=backend.broker_url, segment_arrivals=4_000, **RUN))
        await disturb(backend, platform, chance, KILLS)
        assert not running.done() or running.exception() is None
        result = await asyncio.wait_for(running, 600)
        platform.print_notes()
        assert result.to_json() == undisturbed.to_json()
        await platform.until_ready()
        assert await backend.until_queues_are_empty() == {}
        assert await backend.dead_letters() == []


@pytest.mark.parametrize("disturbance", OTHERS)
async def test_one_disturbance_of_each_kind(
    backend: Backend, undisturbed: Result, disturbance: Disturbance
) -> None:
    async with running_platform(backend, {}) as platform:
        await asyncio.sleep(SETTLING)
        running = asyncio.create_task(run_async(broker=backend.broker_url, segment_arrivals=8_000, **RUN))
        await asyncio.sleep(2)
        await disturbance(backend, platform, random.Random(SEED))  # noqa: S311 - as above
        result = await asyncio.wait_for(running, 300)
        assert result.to_json() == undisturbed.to_json()
        assert await backend.until_queues_are_empty() == {}
        assert await backend.dead_letters() == []
