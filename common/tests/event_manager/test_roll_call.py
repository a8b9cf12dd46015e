"""Who is there: instances answer, are seen again with every word, and are forgotten when they fall silent."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from headroom_common.contracts.events import ServiceState
from headroom_common.event_manager import EventManager
from headroom_common.event_manager.roll_call import RollCall
from headroom_common.event_manager.subscriptions import answer_polls
from headroom_common.event_manager.virtual_time import VirtualClock, in_virtual_time

Managers = Callable[..., EventManager]


def listed(present: RollCall) -> list[tuple[str, str]]:
    return [(one.service, one.instance) for one in present.instances]


@in_virtual_time
async def test_who_does_not_answer_for_some_polls_is_forgotten(manager_of: Managers) -> None:
    clock = VirtualClock()
    gateway, present = manager_of("gateway"), RollCall("gateway", clock)
    present.subscribe(gateway)
    answer_polls(gateway)
    router, generator = manager_of("router"), manager_of("generator")
    answer_polls(router)
    answer_polls(generator)
    async with gateway, generator:
        async with router:
            began = clock.now()
            await present.call(gateway, within=10)
            assert listed(present) == [("generator", "1"), ("router", "1")]
            assert all(began <= present.seen_at(one) <= clock.now() for one in present.instances)
            # It vanishes without a word, as a killed process does.
            await router._transport.close()
        await present.call(gateway, within=10)
        present.forget(before=began)
        assert present.working == {"generator", "router"}
        await asyncio.sleep(1)
        await present.call(gateway, within=10)
        present.forget(before=clock.now() - timedelta(seconds=15))
        assert listed(present) == [("generator", "1")]
        assert present.working == {"generator"}


@in_virtual_time
async def test_one_that_comes_back_is_listed_again(manager_of: Managers) -> None:
    clock = VirtualClock()
    gateway, present = manager_of("gateway"), RollCall("gateway", clock)
    present.subscribe(gateway)
    async with gateway:
        async with manager_of("router"):
            await asyncio.sleep(1)
            assert present.working == {"router"}
        await asyncio.sleep(1)
        assert present.instances == []
        present.forget(before=clock.now() + timedelta(seconds=1))
        async with manager_of("router"):
            await asyncio.sleep(1)
            (router,) = present.instances
            assert router.state is ServiceState.READY
            assert present.seen_at(router) <= clock.now()
