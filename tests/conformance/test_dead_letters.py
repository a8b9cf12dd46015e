"""Dead letters: listed, replayed and purged, all or some."""

from typing import Any

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunFailed, TrialAnalysed
from headroom_common.errors import PermanentError


class Mendable:
    """Refuses everything until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.attempts: list[int] = []
        self.handled: list[int] = []

    def __call__(self, event: Event[TrialAnalysed]) -> list[Outgoing]:
        self.attempts.append(event.body.trial)
        if not self.mended:
            broken = "not mended yet"
            raise PermanentError(broken)
        self.handled.append(event.body.trial)
        return []


async def given_up(world: Any, service: Any, count: int) -> list[str]:
    ids = [str(await service.publish(world.trial(trial))) for trial in range(count)]
    await world.until(lambda: service.counters.dead_lettered == count)
    return ids


def test_dead_letters_are_listed_and_stay(world: Any) -> None:
    handler = Mendable()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: handler}) as service:
            ids = await given_up(world, service, 5)
            for _ in range(2):
                letters = await world.letters("generator")
                assert sorted(letter.message.event_id for letter in letters) == sorted(ids)
                assert {letter.queue.service for letter in letters} == {"generator"}
                assert {letter.queue.event_type for letter in letters} == {"headroom.trial.analysed.v1"}
        assert await world.letters("analysis") == ()

    world.play(story())


def test_replayed_letters_are_handled_as_if_new(world: Any) -> None:
    handler = Mendable()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: handler}) as service:
            await given_up(world, service, 20)
            handler.mended = True
            assert await world.dead_letters().replay("generator") == 20
            await world.until(lambda: service.counters.handled == 20)
        assert sorted(handler.handled) == list(range(20))
        assert await world.letters("generator") == ()

    world.play(story())


def test_a_letter_replayed_too_early_comes_back(world: Any) -> None:
    handler = Mendable()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: handler}) as service:
            (event_id,) = await given_up(world, service, 1)
            assert await world.dead_letters().replay("generator") == 1
            await world.until(lambda: service.counters.dead_lettered == 2)
            (letter,) = await world.letters("generator")
        assert letter.message.event_id == event_id
        assert handler.attempts == [0, 0]

    world.play(story())


def test_some_letters_are_replayed_and_others_purged(world: Any) -> None:
    handler = Mendable()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: handler}) as service:
            ids = await given_up(world, service, 6)
            handler.mended = True
            assert await world.dead_letters().replay("generator", ids[:2]) == 2
            assert await world.dead_letters().purge("generator", [ids[2], "unknown"]) == 1
            await world.until(lambda: service.counters.handled == 2)
            left = [letter.message.event_id for letter in await world.letters("generator")]
            assert sorted(left) == sorted(ids[3:])
            assert await world.dead_letters().purge("generator") == 3
            assert await world.dead_letters().purge("generator") == 0
            assert await world.dead_letters().replay("generator") == 0
        assert sorted(handler.handled) == [0, 1]

    world.play(story())


def test_a_replay_reaches_the_service_that_gave_up_and_no_other(world: Any, seen: Any) -> None:
    handler, other = Mendable(), seen()

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: handler})
        gateway = world.service("gateway", {TrialAnalysed: other})
        async with service, gateway:
            await given_up(world, service, 3)
            await world.until(lambda: len(other.events) == 3)
            handler.mended = True
            await world.dead_letters().replay("generator")
            await world.until(lambda: service.counters.handled == 3)
            await world.settled(gateway)
        assert gateway.counters.received == 3

    world.play(story())


def test_the_failure_of_a_replayed_event_is_told_once(world: Any, seen: Any) -> None:
    handler, failed = Mendable(), seen()

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: handler})
        gateway = world.service("gateway", {RunFailed: failed})
        async with service, gateway:
            await given_up(world, service, 1)
            await world.dead_letters().replay("generator")
            await world.until(lambda: gateway.counters.duplicates == 1)
        # The second telling has the id of the first.
        assert len(failed.events) == 1

    world.play(story())
