"""Who is at work, who is gone, and what waits for whom."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from headroom_common.contracts.events import RequestsRouted, ServiceState
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.subscriptions import answer_polls
from headroom_common.event_manager.virtual_time import VirtualClock, in_virtual_time
from headroom_common.transports.memory import MemoryBroker, MemoryTransport
from headroom_gateway.roster import PERIOD, SERVICES, Roster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from headroom_common.contracts.event import Event, Outgoing
    from headroom_gateway.representations import ServicesReport, ServiceStatus


def manager_of(service: str, transport: MemoryTransport, instance: str = "one") -> EventManager:
    return EventManager(
        service=service,
        instance=instance,
        version="1.2.3",
        transport=transport,
        inbox=MemoryInbox(),
        settings=EventManagerSettings(),
        clock=VirtualClock(),
        workers=WorkerPool(1),
    )


@asynccontextmanager
async def at_work(roster: Roster, transport: MemoryTransport) -> AsyncIterator[EventManager]:
    manager = manager_of("gateway", transport)
    roster.subscribe(manager)
    answer_polls(manager)
    async with manager:
        working = asyncio.create_task(roster.run(manager))
        yield manager
        working.cancel()
        await asyncio.wait({working})


def of(report: ServicesReport, name: str) -> ServiceStatus:
    (found,) = (one for one in report.services if one.name == name)
    return found


async def until(roster: Roster, condition: Callable[[ServicesReport], bool]) -> ServicesReport:
    async with asyncio.timeout(10 * PERIOD):
        while not condition(report := await roster.report()):  # noqa: ASYNC110 - conditions are arbitrary
            await asyncio.sleep(0.1)
    return report


@in_virtual_time
async def test_all_services_are_told_of_in_their_order_whether_there_or_not() -> None:
    broker = MemoryBroker()
    roster = Roster(VirtualClock())
    async with at_work(roster, broker.transport()):
        report = await until(roster, lambda report: of(report, "gateway").working)
        assert [one.name for one in report.services] == list(SERVICES)
        assert [one.instance for one in of(report, "gateway").instances] == ["one"]
        router = of(report, "router")
        assert (router.working, router.versions, router.instances) == (False, [], [])
        assert router.lag == {"headroom.arrivals.generated.v1": 0}


@in_virtual_time
async def test_who_was_there_before_answers_and_who_falls_silent_is_gone() -> None:
    broker = MemoryBroker()
    transport = broker.transport()
    router = manager_of("router", transport, "r-1")
    answer_polls(router)
    await router.start()
    roster = Roster(VirtualClock())
    async with at_work(roster, broker.transport()):
        report = await until(roster, lambda report: of(report, "router").working)
        (instance,) = of(report, "router").instances
        assert (instance.instance, instance.version, instance.state) == ("r-1", "1.2.3", ServiceState.READY)
        assert of(report, "router").versions == ["1.2.3"]
        transport.interrupt("its machine is gone")
        await asyncio.sleep(3 * PERIOD)
        assert of(await roster.report(), "router").working, "two answers may be lost"
        await until(roster, lambda report: not of(report, "router").instances)
    await router.stop()


@in_virtual_time
async def test_what_waits_is_told_by_type_and_not_at_all_without_the_broker() -> None:
    def never(_: Event[RequestsRouted]) -> list[Outgoing]:
        raise AssertionError

    broker = MemoryBroker()
    idle = manager_of("server-model", broker.transport())
    idle.subscribe(RequestsRouted, never)
    await idle.start()
    await idle.stop()
    roster = Roster(VirtualClock())
    assert [one.lag for one in (await roster.report()).services] == 5 * [None], "it has no connection yet"
    transport = broker.transport()
    async with at_work(roster, transport):
        report = await roster.report()
        assert of(report, "server-model").lag == {"headroom.requests.routed.v1": 0}
        transport.interrupt("the broker restarts")
        report = await roster.report()
        assert {one.lag is None for one in report.services} == {True}
        transport.restore("it is back")
