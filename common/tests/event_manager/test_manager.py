"""What the conformance suite does not show: set-up, time-outs, a failing inbox, middleware, logs."""

import asyncio
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from headroom_common.contracts.codec import encode
from headroom_common.contracts.event import Event, Outgoing, root_event
from headroom_common.contracts.events import (
    ArrivalsGenerated,
    RunCancelled,
    RunFailed,
    RunParameters,
    ServiceState,
    TrialAnalysed,
)
from headroom_common.errors import PermanentError, TransientError
from headroom_common.event_manager import EventManager, EventManagerSettings
from headroom_common.event_manager.handling import GiveUp, Handling, Proceed
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.virtual_time import in_virtual_time
from headroom_common.transports.memory import MemoryBroker, MemoryTransport
from headroom_common.transports.port import ConnectionListener, ConnectionLostError, Message

Managers = Callable[..., EventManager]


def nothing(_: Event[Any]) -> list[Outgoing]:
    return []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not condition():  # noqa: ASYNC110 - conditions are arbitrary, so they are polled
            await asyncio.sleep(0.01)


def test_a_type_has_one_handler(manager_of: Managers) -> None:
    manager = manager_of("generator")
    manager.subscribe(TrialAnalysed, nothing)
    with pytest.raises(PermanentError, match=r"one handler for headroom\.trial\.analysed\.v1"):
        manager.subscribe(TrialAnalysed, nothing)


def test_only_bodies_can_be_subscribed_to(manager_of: Managers) -> None:
    with pytest.raises(PermanentError, match="found RunParameters"):
        manager_of("generator").subscribe(RunParameters, nothing)  # type: ignore[type-var] # on purpose


class LateTransport(MemoryTransport):
    """Its broker is not up yet; every step fails a few times."""

    failures = 6

    def fail(self) -> None:
        if self.failures:
            self.failures -= 1
            refused = "connection refused"
            raise ConnectionLostError(refused)

    async def connect(self, listener: ConnectionListener) -> None:
        if self.failures > 3:
            self.fail()
        await super().connect(listener)

    async def declare(self, queue: Any) -> None:
        self.fail()
        await super().declare(queue)


@in_virtual_time
async def test_a_service_waits_for_its_broker(
    manager_of: Managers, broker: MemoryBroker, run: RunParameters, logs: io.StringIO
) -> None:
    manager = manager_of("generator", transport=LateTransport(broker))
    manager.subscribe(TrialAnalysed, nothing, inline=True)
    async with manager:
        await manager.publish(TrialAnalysed(run=run, trial=0))
        await until(lambda: manager.counters.handled == 1)
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert [line["step"] for line in lines if line["event"] == "broker not reached"] == (
        3 * ["connect"] + 3 * ["declare"]
    )


class SilentTransport(MemoryTransport):
    """A broker short of memory: it takes publishes and says nothing, for a while."""

    silent = False

    async def publish(self, message: Message) -> None:
        if self.silent and message.event_type == "headroom.trial.analysed.v1":
            await asyncio.Event().wait()
        await super().publish(message)


@in_virtual_time
async def test_a_silent_broker_degrades_the_service(
    manager_of: Managers, broker: MemoryBroker, run: RunParameters
) -> None:
    transport = SilentTransport(broker)
    manager = manager_of("generator", transport=transport)
    manager.subscribe(TrialAnalysed, nothing, inline=True)
    async with manager:
        transport.silent = True
        publishing = asyncio.create_task(manager.publish(TrialAnalysed(run=run, trial=0)))
        await asyncio.sleep(29)
        states = [manager.state]
        await asyncio.sleep(2)
        states.append(manager.state)
        transport.silent = False
        await publishing
        assert [*states, manager.state] == ["ready", "degraded", "ready"]


@in_virtual_time
async def test_a_full_farewell_does_not_keep_a_service_from_stopping(
    manager_of: Managers, broker: MemoryBroker
) -> None:
    transport = broker.transport()
    manager = manager_of("generator", transport=transport)
    await manager.start()
    transport.interrupt("cable cut")
    await asyncio.sleep(1)
    began = asyncio.get_running_loop().time()
    await manager.stop()
    assert asyncio.get_running_loop().time() - began == pytest.approx(2.0)
    assert manager.state is ServiceState.STOPPED


@in_virtual_time
async def test_draining_without_a_connection_ends(manager_of: Managers, broker: MemoryBroker) -> None:
    transport = broker.transport()
    manager = manager_of("generator", transport=transport)
    manager.subscribe(TrialAnalysed, nothing)
    await manager.start()
    transport.interrupt("cable cut")
    assert await manager.drain()
    await manager.stop()


class BrokenInbox(MemoryInbox):
    broken = True

    async def seen(self, event_id: UUID) -> bool:
        self.fail()
        return await super().seen(event_id)

    async def mark(self, event_id: UUID) -> None:
        self.fail()
        await super().mark(event_id)

    def fail(self) -> None:
        if self.broken:
            gone = "no answer"
            raise TransientError(gone)


@in_virtual_time
async def test_without_its_inbox_a_service_repeats_work_and_says_so(
    manager_of: Managers, run: RunParameters
) -> None:
    inbox = BrokenInbox()
    calls: list[int] = []
    manager = manager_of("generator", inbox=inbox)

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        calls.append(event.body.trial)
        return []

    manager.subscribe(TrialAnalysed, handler, inline=True)
    async with manager:
        for _ in range(2):
            await manager.publish(TrialAnalysed(run=run, trial=0))
        await until(lambda: manager.counters.handled == 2)
        states = [manager.state]
        inbox.broken = False
        for _ in range(2):
            await manager.publish(TrialAnalysed(run=run, trial=1))
        await until(lambda: manager.counters.duplicates == 1)
        assert [*states, manager.state] == ["degraded", "ready"]
    assert calls == [0, 0, 1]


@in_virtual_time
async def test_added_middleware_sees_every_verdict(manager_of: Managers, run: RunParameters) -> None:
    verdicts: list[Any] = []

    class Metrics:
        async def __call__(self, handling: Handling, proceed: Proceed) -> None:
            await proceed(handling)
            verdicts.append(handling.verdict)

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        if event.body.trial:
            impossible = "impossible"
            raise PermanentError(impossible)
        return [Outgoing(RunCancelled(run_id=event.body.run.run_id))]

    manager = manager_of("generator")
    manager.use(Metrics())
    manager.subscribe(TrialAnalysed, handler, inline=True)
    async with manager:
        await manager.publish(TrialAnalysed(run=run, trial=0))
        await manager.publish(TrialAnalysed(run=run, trial=1))
        await until(lambda: len(verdicts) == 2)
    assert verdicts[1] == GiveUp("impossible", "PermanentError")


@in_virtual_time
async def test_logs_tell_what_became_of_each_event(
    manager_of: Managers, run: RunParameters, logs: io.StringIO
) -> None:
    fate: dict[int, Exception] = {1: PermanentError("impossible"), 3: ZeroDivisionError("oops")}
    busy: list[Exception] = [TransientError("busy")]

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        trial = event.body.trial
        if trial in fate:
            raise fate[trial]
        if trial == 2 and busy:
            raise busy.pop()
        return []

    manager = manager_of("generator")
    manager.subscribe(TrialAnalysed, handler, inline=True)
    async with manager:
        for trial in (0, 0, 1, 2, 3):
            await manager.publish(TrialAnalysed(run=run, trial=trial))
        await until(lambda: manager.counters.handled == 2 and manager.counters.dead_lettered == 2)
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    told = [(line["trial"], line["level"], line["event"]) for line in lines if "trial" in line]
    assert sorted(told) == sorted(
        [
            ("0", "debug", "event handled"),
            ("0", "debug", "duplicate dropped"),
            ("1", "error", "event given up"),
            ("2", "warning", "event put off"),
            ("2", "debug", "event handled"),
            ("3", "error", "handler failed unexpectedly"),
            ("3", "error", "event given up"),
        ]
    )
    assert {line["run"] for line in lines if "trial" in line} == {str(run.run_id)}
    put_off = next(line for line in lines if line["event"] == "event put off")
    assert (put_off["reason"], put_off["attempt"]) == ("busy", 1)


@in_virtual_time
async def test_an_event_without_a_trace_starts_one(
    manager_of: Managers, broker: MemoryBroker, run: RunParameters
) -> None:
    got: list[Event[Any]] = []

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        got.append(event)
        return [Outgoing(RunFailed(run_id=run.run_id, reason="x"))]

    def keep(event: Event[RunFailed]) -> list[Outgoing]:
        got.append(event)
        return []

    manager = manager_of("generator")
    manager.subscribe(TrialAnalysed, handler, inline=True)
    manager.subscribe(RunFailed, keep, inline=True)
    transport = broker.transport()
    await transport.connect(lambda *_: None)
    foreign = root_event(
        TrialAnalysed(run=run, trial=0), source="/elsewhere", time=datetime(2026, 1, 1, tzinfo=UTC)
    )
    bare = foreign.envelope.model_copy(update={"traceparent": None, "correlationid": None})
    async with manager:
        await transport.publish(Message(bare.type, encode(Event(bare, foreign.body))))
        await until(lambda: len(got) == 2)
    assert got[0].envelope.correlationid == run.run_id
    assert [str(event.envelope.traceparent).split("-")[1] for event in got] == 2 * [run.run_id.hex]


@in_virtual_time
async def test_a_full_dead_letter_queue_holds_events_and_loses_none(
    manager_of: Managers, run: RunParameters
) -> None:
    broker = MemoryBroker(dead_letter_limit=1)

    def handler(_: Event[TrialAnalysed]) -> list[Outgoing]:
        impossible = "impossible"
        raise PermanentError(impossible)

    manager = manager_of("generator", transport=broker.transport())
    manager.subscribe(TrialAnalysed, handler, inline=True)
    manager.subscribe(RunFailed, nothing, inline=True)
    async with manager:
        for trial in range(3):
            await manager.publish(TrialAnalysed(run=run, trial=trial))
        await asyncio.sleep(60)
        assert manager.in_hand == 2
        for _ in range(2):
            await broker.dead_letters.purge("generator")
            await asyncio.sleep(5)
        assert manager.counters.dead_lettered == 3


@in_virtual_time
async def test_prefetch_follows_the_kind_of_event(manager_of: Managers, broker: MemoryBroker) -> None:
    asked: dict[str, int] = {}

    class Noting(MemoryTransport):
        async def subscribe(self, queue: Any, consumer: Any, *, prefetch: int) -> Any:
            asked[queue.event_type.split(".")[1]] = prefetch
            return await super().subscribe(queue, consumer, prefetch=prefetch)

    settings = EventManagerSettings(prefetch_control=11, prefetch_data=3)
    manager = manager_of("generator", transport=Noting(broker), settings=settings)
    manager.subscribe(TrialAnalysed, nothing)
    manager.subscribe(ArrivalsGenerated, nothing)
    manager.subscribe(RunCancelled, nothing, prefetch=1)
    async with manager:
        pass
    assert asked == {"trial": 11, "arrivals": 3, "run": 1}


@in_virtual_time
async def test_a_publish_that_breaks_its_contract_is_refused(
    manager_of: Managers, run: RunParameters
) -> None:
    manager = manager_of("generator")
    async with manager:
        with pytest.raises(PermanentError, match="header: expected SegmentHeader, found RunParameters"):
            await manager.publish(ArrivalsGenerated(run, {}))  # type: ignore[arg-type] # on purpose
    assert manager.counters.published >= 1


@in_virtual_time
async def test_a_coroutine_function_waits_on_the_loop_and_is_tried_again(
    manager_of: Managers, run: RunParameters
) -> None:
    tries = []

    async def handle(event: Event[TrialAnalysed]) -> list[Outgoing]:
        tries.append(asyncio.get_running_loop())
        await asyncio.sleep(1)
        if len(tries) == 1:
            reason = "the database restarts"
            raise TransientError(reason, delay=1.0)
        return [Outgoing(RunCancelled(run_id=event.body.run.run_id))]

    manager = manager_of("generator")
    manager.subscribe(TrialAnalysed, handle)
    async with manager:
        await manager.publish(TrialAnalysed(run=run, trial=0))
        await until(lambda: manager.counters.handled == 1)
        assert tries == 2 * [asyncio.get_running_loop()]
        assert manager.counters.published_by_type["headroom.run.cancelled.v1"] == 1
