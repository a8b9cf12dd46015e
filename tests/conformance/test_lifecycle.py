"""The life of a service: its states, their announcements, draining and stopping."""

import asyncio
import threading
from typing import Any

import pytest

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import ServiceState, ServiceStateChanged, TrialAnalysed
from headroom_common.errors import PermanentError

Told = list[tuple[str, str, str]]


def told_of(events: list[Event[ServiceStateChanged]], service: str) -> Told:
    """The announcements of a service in the order in which it made them: each follows on the one before."""
    left = [event.body for event in events if event.body.service == service]
    told: Told = []
    state = ServiceState.STARTING
    while left:
        body = next(body for body in left if body.previous is state)
        left.remove(body)
        told.append((body.previous.value, body.state.value, body.reason))
        state = body.state
    return told


def test_every_transition_is_announced(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("gateway", {ServiceStateChanged: got}):
            router = world.service("router", instance="router-3")
            states = [router.state]
            await router.start()
            states.append(router.state)
            assert await router.drain()
            states.append(router.state)
            await router.stop()
            assert [*states, router.state] == ["starting", "ready", "draining", "stopped"]
            await world.until(lambda: len(told_of(got.events, "router")) == 3)
        assert told_of(got.events, "router") == [
            ("starting", "ready", "all subscriptions are in place"),
            ("ready", "draining", "asked to drain"),
            ("draining", "stopped", "asked to stop"),
        ]
        bodies = [event.body for event in got.events if event.body.service == "router"]
        assert {(body.instance, body.version) for body in bodies} == {("router-3", "0.1.0")}

    world.play(story())


def test_a_lost_connection_degrades_until_it_is_back(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("gateway", {ServiceStateChanged: got}):
            router = world.service("router")
            async with router:
                world.factory.interrupt(world.transport_of(router))
                await world.until(lambda: router.state is ServiceState.DEGRADED)
                world.factory.restore(world.transport_of(router))
                await world.until(lambda: router.state is ServiceState.READY)
                await world.until(lambda: len(told_of(got.events, "router")) == 3)
        states = [state for _, state, _ in told_of(got.events, "router")]
        assert states[:3] == ["ready", "degraded", "ready"]

    world.play(story())


def test_a_publish_waits_for_the_connection(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: got}):
            analysis = world.service("analysis")
            async with analysis:
                world.factory.interrupt(world.transport_of(analysis))
                publishing = asyncio.create_task(analysis.publish(world.trial(0)))
                await asyncio.sleep(1)
                assert not publishing.done()
                world.factory.restore(world.transport_of(analysis))
                await publishing
            await world.until(lambda: got.trials == [0])

    world.play(story())


def test_a_restarted_instance_announces_itself_anew(world: Any, seen: Any) -> None:
    got = seen()

    async def story() -> None:
        async with world.service("gateway", {ServiceStateChanged: got}):
            for _ in range(2):
                async with world.service("router", instance="router-0"):
                    pass
                await asyncio.sleep(0.1)
            told = [event for event in got.events if event.body.service == "router"]
            await world.until(lambda: len([e for e in got.events if e.body.service == "router"]) == 6)
        assert len({event.envelope.id for event in told}) == len(told)

    world.play(story())


def test_draining_finishes_what_is_in_hand_and_takes_no_more(world: Any) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()
    handled: list[int] = []

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        begun.release()
        assert go_on.wait(10)
        handled.append(event.body.trial)
        return []

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: handler}, inline=False, prefetch=2)
        await service.start()
        for trial in range(10):
            await service.publish(world.trial(trial))
        await asyncio.get_running_loop().run_in_executor(None, begun.acquire)
        draining = asyncio.create_task(service.drain())
        while service.state is not ServiceState.DRAINING:  # noqa: ASYNC110 - one turn of the loop suffices
            await asyncio.sleep(0)
        go_on.set()
        assert await draining
        assert service.in_hand == 0
        # Two were in hand; a third may have been taken in the instant before the claim ended.
        assert 2 <= len(handled) <= 4
        await service.stop()
        async with world.service("generator", {TrialAnalysed: handler}, instance="2"):
            await world.until(lambda: len(handled) == 10)
        assert sorted(handled) == list(range(10))

    world.play(story())


def test_draining_ends_in_time_even_if_a_handler_does_not(world: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()
    handled: list[int] = []

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        begun.set()
        assert go_on.wait(10)
        handled.append(event.body.trial)
        return []

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: handler}, inline=False)
        await service.start()
        await service.publish(world.trial(0))
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, begun.wait)
        # Real time: in virtual time the clock stands while a thread computes.
        loop.call_soon(threading.Timer(0.3, go_on.set).start)
        finished = await service.drain(timeout=0.05)
        await service.stop()
        if not finished:
            async with world.service("generator", {TrialAnalysed: handler}, instance="2") as heir:
                await world.until(lambda: heir.counters.handled == 1)
        assert set(handled) == {0}

    world.play(story())


def test_stopping_drops_what_is_in_hand_for_others_to_take(world: Any, seen: Any) -> None:
    got = seen()
    release = threading.Event()

    def stuck(_: Event[TrialAnalysed]) -> list[Outgoing]:
        release.wait(10)
        return []

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: stuck}, inline=False, prefetch=5)
        await service.start()
        for trial in range(5):
            await service.publish(world.trial(trial))
        await world.until(lambda: service.in_hand == 5)
        stopping = asyncio.create_task(service.stop())
        await asyncio.sleep(0)
        release.set()
        await stopping
        async with world.service("generator", {TrialAnalysed: got}, instance="2"):
            await world.until(lambda: len(got.events) == 5)

    world.play(story())


def test_stopping_twice_is_stopping_once(world: Any) -> None:
    async def story() -> None:
        service = world.service("generator")
        await service.start()
        await service.stop()
        await service.stop()
        assert service.state is ServiceState.STOPPED
        with pytest.raises(PermanentError, match="found a stopped one"):
            await service.publish(world.trial(0))

    world.play(story())


def test_a_story_that_fails_stops_without_draining(world: Any) -> None:
    async def story() -> None:
        service = world.service("generator")
        with pytest.raises(ZeroDivisionError):
            async with service:
                raise ZeroDivisionError
        assert service.state is ServiceState.STOPPED

    world.play(story())
