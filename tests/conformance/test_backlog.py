"""Lag: how many events wait in a work queue, as whoever asks is told."""

import asyncio
from typing import Any

import pytest

from headroom_common.contracts.event import Event
from headroom_common.contracts.events import TrialAnalysed
from headroom_common.errors import TransientError
from headroom_common.transports.port import ConnectionLostError, Queue

TRIALS = "headroom.trial.analysed.v1"


async def waits(manager: Any, expected: int) -> None:
    """A broker counts what it has confirmed, at once or a little later."""
    async with asyncio.timeout(60):
        while (found := await manager.backlog("generator", TRIALS)) != expected:
            await asyncio.sleep(0.05)
            assert found >= 0


def test_what_nobody_has_taken_is_counted_and_gone_once_it_is_handled(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        analysis = world.service("analysis")
        async with analysis:
            assert await analysis.backlog("generator", TRIALS) == 0, "there is no such queue"
            async with world.service("generator", {TrialAnalysed: seen()}):
                pass
            for trial in range(7):
                await analysis.publish(world.trial(trial))
            await waits(analysis, 7)
            async with world.service("generator", {TrialAnalysed: got}, instance="2"):
                await world.until(lambda: len(got.events) == 7)
                await waits(analysis, 0)
            # It was asked about a queue that was not there, and works on all the same.
            await analysis.publish(world.trial(7))
            await waits(analysis, 1)

    world.play(story())


def test_what_is_in_hand_or_waits_for_its_next_attempt_does_not_count(world: Any) -> None:
    attempts: list[int] = []

    def fails_once(event: Event[TrialAnalysed]) -> list[Any]:
        attempts.append(event.body.trial)
        if len(attempts) == 1:
            busy = "busy"
            raise TransientError(busy)
        return []

    async def story() -> None:
        generator = world.service("generator", {TrialAnalysed: fails_once})
        async with generator, world.service("analysis") as analysis:
            await analysis.publish(world.trial(0))
            await world.until(lambda: generator.counters.retried == 1)
            assert await analysis.backlog("generator", TRIALS) == 0
            await world.until(lambda: generator.counters.handled == 1)

    world.play(story())


def test_a_retry_that_is_due_counts(world: Any) -> None:
    def fails(_: Event[TrialAnalysed]) -> list[Any]:
        busy = "busy"
        raise TransientError(busy)

    async def story() -> None:
        generator = world.service("generator", {TrialAnalysed: fails})
        async with world.service("analysis") as analysis:
            async with generator:
                await analysis.publish(world.trial(0))
                await world.until(lambda: generator.counters.retried == 1)
            await waits(analysis, 1)

    world.play(story())


def test_nobody_knows_without_a_connection(world: Any) -> None:
    async def story() -> None:
        transport = world.factory.transport()
        with pytest.raises(ConnectionLostError):
            await transport.backlog(Queue("generator", TRIALS))
        await transport.close()

    world.play(story())
