"""Events of cancelled runs are dropped by every instance that works for runs, unread and unhandled."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from headroom_common.contracts.codec import encode
from headroom_common.contracts.event import Event, Outgoing, root_event
from headroom_common.contracts.events import RunCancelled, RunParameters, TrialAnalysed
from headroom_common.contracts.wire import Encoded
from headroom_common.event_manager import EventManager
from headroom_common.event_manager.cancellations import Cancellations, heed_cancellations
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.virtual_time import VirtualClock, in_virtual_time
from headroom_common.transports.memory import MemoryBroker
from headroom_common.transports.port import Message

Managers = Callable[..., EventManager]


class Stage:
    """An instance of a service that handles analysed trials and notes their runs."""

    def __init__(self, manager: EventManager) -> None:
        self.manager = manager
        self.handled: list[UUID] = []
        manager.subscribe(TrialAnalysed, self._note)
        heed_cancellations(manager)

    def _note(self, event: Event[TrialAnalysed]) -> list[Outgoing]:
        self.handled.append(event.body.run.run_id)
        return []


def trial_of(run: RunParameters, run_id: UUID, trial: int) -> TrialAnalysed:
    return TrialAnalysed(run=run.model_copy(update={"run_id": run_id}), trial=trial)


@in_virtual_time
async def test_every_instance_drops_what_belongs_to_a_cancelled_run(
    manager_of: Managers, run: RunParameters
) -> None:
    inbox = MemoryInbox()
    stages = [Stage(manager_of("generator", instance=name, inbox=inbox)) for name in ("a", "b")]
    wanted, unwanted = uuid4(), uuid4()
    async with manager_of("gateway") as gateway, stages[0].manager, stages[1].manager:
        await gateway.publish(RunCancelled(run_id=unwanted))
        await asyncio.sleep(1)
        for run_id in (unwanted, wanted):
            for trial in range(20):
                await gateway.publish(trial_of(run, run_id, trial))
        await asyncio.sleep(1)
        dropped = [stage.manager.counters.unwanted for stage in stages]
        handled = [stage.manager.counters.handled for stage in stages]
    assert [run_id for stage in stages for run_id in stage.handled] == [wanted] * 20
    assert all(dropped), "one instance got them all"
    assert sum(dropped) == 20
    # Each instance has handled its own copy of the cancellation besides.
    assert sum(handled) == 20 + 2


@in_virtual_time
async def test_what_is_dropped_is_not_even_decoded(
    broker: MemoryBroker, manager_of: Managers, run: RunParameters
) -> None:
    stage = Stage(manager_of("generator"))
    async with manager_of("gateway") as gateway, stage.manager:
        await gateway.publish(RunCancelled(run_id=run.run_id))
        await asyncio.sleep(1)
        event = root_event(TrialAnalysed(run=run, trial=0), source="/t/1", time=VirtualClock().now())
        broken = Encoded(encode(event).headers, b"no JSON")
        transport = broker.transport()
        await transport.connect(lambda *_: None)
        await transport.publish(Message(event.envelope.type, broken, must_route=True))
        await asyncio.sleep(1)
        counters = stage.manager.counters
        assert (counters.unwanted, counters.dead_lettered) == (1, 0)


@in_virtual_time
async def test_a_cancellation_that_comes_again_is_dropped_too(manager_of: Managers) -> None:
    stage = Stage(manager_of("router"))
    run_id = uuid4()
    async with manager_of("gateway") as gateway, stage.manager:
        for _ in range(3):
            await gateway.publish(RunCancelled(run_id=run_id), event_id=uuid4())
            await asyncio.sleep(1)
        assert (stage.manager.counters.handled, stage.manager.counters.unwanted) == (1, 2)


@pytest.mark.parametrize("service", ["gateway", "analysis"])
def test_who_has_something_to_do_for_cancelled_runs_gets_their_events(
    manager_of: Managers, service: str
) -> None:
    manager = manager_of(service)
    heed_cancellations(manager)
    manager.subscribe(RunCancelled, lambda _: [])  # Nobody has subscribed to it yet.


@in_virtual_time
async def test_the_runs_whose_events_came_last_are_remembered(
    manager_of: Managers, run: RunParameters
) -> None:
    router, cancellations = manager_of("router"), Cancellations(kept=2)
    router.use(cancellations)
    router.subscribe(RunCancelled, cancellations.run_cancelled, inline=True, private=True)
    handled: list[UUID] = []

    def note(event: Event[TrialAnalysed]) -> list[Outgoing]:
        handled.append(event.body.run.run_id)
        return []

    router.subscribe(TrialAnalysed, note)
    first, second, third = (uuid4() for _ in range(3))
    async with manager_of("gateway") as gateway, router:

        async def come(*bodies: RunCancelled | TrialAnalysed) -> None:
            for body in bodies:
                await gateway.publish(body)
                await asyncio.sleep(1)

        await come(RunCancelled(run_id=first), RunCancelled(run_id=second))
        await come(trial_of(run, first, 0), RunCancelled(run_id=third))
        await come(*(trial_of(run, each, 1) for each in (first, second, third)))
    assert handled == [second]
