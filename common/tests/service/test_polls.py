"""Whoever asks learns which instances there are, how they are and what they are."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import ServicePolled, ServiceStateChanged
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.inbox import Inbox, MemoryInbox
from headroom_common.event_manager.states import Trouble
from headroom_common.event_manager.subscriptions import answer_polls
from headroom_common.event_manager.virtual_time import VirtualClock, in_virtual_time
from headroom_common.transports.memory import MemoryBroker

Instances = Callable[[str, str], EventManager]


class Asker:
    """Polls and listens."""

    def __init__(self, manager: EventManager) -> None:
        self.manager = manager
        self.told: list[ServiceStateChanged] = []
        manager.subscribe(ServiceStateChanged, self._note, inline=True, private=True)

    def _note(self, event: Event[ServiceStateChanged]) -> list[Outgoing]:
        self.told.append(event.body)
        return []

    async def poll(self, poll_id: UUID | None = None) -> dict[str, str]:
        """The instances that answer one poll, with their states and reasons."""
        await asyncio.sleep(10)
        self.told.clear()
        await self.manager.publish(ServicePolled(poll_id=poll_id or uuid4()))
        await asyncio.sleep(10)
        assert all(each.previous is each.state and each.version == "0.1.0" for each in self.told)
        return {each.subject: f"{each.state.value}: {each.reason}" for each in self.told}


@pytest.fixture
def shared_inbox() -> MemoryInbox:
    """What all instances of all services share here, as those of one service share Redis."""
    return MemoryInbox()


@pytest.fixture
def instance_of(broker: MemoryBroker, workers: WorkerPool, shared_inbox: Inbox) -> Instances:
    def make(service: str, instance: str) -> EventManager:
        return EventManager(
            service=service,
            instance=instance,
            version="0.1.0",
            transport=broker.transport(),
            inbox=shared_inbox,
            settings=EventManagerSettings(),
            clock=VirtualClock(),
            workers=workers,
        )

    return make


@in_virtual_time
async def test_every_instance_answers_every_poll(instance_of: Instances) -> None:
    asker = Asker(instance_of("gateway", "cli"))
    routers = [instance_of("router", name) for name in ("a", "b")]
    for router in routers:
        answer_polls(router)
    up = "ready: all subscriptions are in place"
    async with asker.manager, routers[0], routers[1]:
        for _ in range(2):
            assert await asker.poll() == {"router/a": up, "router/b": up}
        routers[1]._states.trouble(Trouble.CONFIRMS, "none come")
        assert await asker.poll() == {"router/a": up, "router/b": "degraded: none come"}
        await routers[0].drain()
        assert await asker.poll() == {"router/b": "degraded: none come"}
        await routers[1].stop()
        assert await asker.poll() == {}


@in_virtual_time
async def test_a_copy_of_a_poll_is_answered_once(instance_of: Instances) -> None:
    asker = Asker(instance_of("gateway", "cli"))
    router = instance_of("router", "a")
    answer_polls(router)
    async with asker.manager, router:
        assert len(await asker.poll(UUID(int=1))) == 1
        assert await asker.poll(UUID(int=1)) == {}
        assert router.counters.duplicates == 1


@in_virtual_time
async def test_remarks_are_part_of_what_a_ready_instance_tells(instance_of: Instances) -> None:
    asker = Asker(instance_of("gateway", "cli"))
    router = instance_of("router", "a")
    answer_polls(router)
    router.remark("it remembers alone")
    async with asker.manager, router:
        assert await asker.poll() == {"router/a": "ready: all subscriptions are in place; it remembers alone"}
        router._states.trouble(Trouble.CONFIRMS, "none come")
        assert await asker.poll() == {"router/a": "degraded: none come"}
        router._states.recovered(Trouble.CONFIRMS, "they come")
        assert await asker.poll() == {"router/a": "ready: they come; it remembers alone"}
