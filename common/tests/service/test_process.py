"""The life of a service's process, played inside the test's own event loop; signals are sent to a real one
in tests/integration."""

import asyncio
import io
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunParameters, RunRequested, TrialAnalysed
from headroom_common.errors import PermanentError
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.states import Trouble
from headroom_common.service import Service, ServiceSettings
from headroom_common.service.http import ListenError, listen
from headroom_common.service.process import FAILED, Process
from headroom_common.transports.memory import MemoryBroker, MemoryTransport
from headroom_common.transports.port import ConnectionListener, ConnectionLostError


def settings(**options: Any) -> ServiceSettings:
    return ServiceSettings(**{"instance": "one", "threads": 1, "port": 0, "shutdown_timeout": 20, **options})


def steps(logs: io.StringIO, event: str = "shutdown step done") -> list[str]:
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    return [line["step"] for line in lines if line["event"] == event]


@asynccontextmanager
async def running(process: Process) -> AsyncIterator[tuple[httpx.AsyncClient, "asyncio.Task[int]"]]:
    task = asyncio.create_task(process.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{process.port}", timeout=60) as client:
        try:
            yield client, task
        finally:
            process.stop()
            await task


async def status(client: httpx.AsyncClient, path: str, expected: int) -> None:
    async with asyncio.timeout(60):
        while (await client.get(path)).status_code != expected:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)


class NoBroker(MemoryTransport):
    """Nobody answers."""

    async def connect(self, listener: ConnectionListener) -> None:  # noqa: ARG002 - as in the port
        refused = "connection refused"
        raise ConnectionLostError(refused)


class Forbidden(MemoryTransport):
    """The broker knows nobody of this name."""

    async def connect(self, listener: ConnectionListener) -> None:  # noqa: ARG002 - as in the port
        refused = "access refused"
        raise PermanentError(refused)


async def test_it_comes_up_and_goes_in_order(
    broker: MemoryBroker, service: Service, logs: io.StringIO
) -> None:
    closed = asyncio.Event()

    async def close() -> None:
        closed.set()

    whole = Service(service.name, service.handlers, close=close)
    process = Process(whole, settings(readiness_grace=0.01), transport=broker.transport())
    async with running(process) as (client, task):
        await status(client, "/health/ready", 200)
        assert (await client.get("/api/v1/service")).json()["instance"] == "one"
        process.stop()
        assert await task == 0
    assert closed.is_set()
    assert steps(logs) == [
        "leave the start",
        "grace",
        "drain",
        "stop",
        "close http",
        "end threads",
        "close service",
    ]


async def test_without_a_broker_it_lives_and_waits_and_ends(broker: MemoryBroker, service: Service) -> None:
    process = Process(service, settings(readiness_grace=3600), transport=NoBroker(broker))
    async with running(process) as (client, task):
        await status(client, "/health/live", 200)
        await status(client, "/health/ready", 503)
        told = (await client.get("/api/v1/service")).json()
        assert (told["state"], told["reason"]) == (
            "starting",
            "the broker is not reached: connection refused",
        )
        process.stop()
        assert await task == 0, "no grace for what never was ready"


async def test_it_is_not_ready_in_its_grace_and_answers_still(broker: MemoryBroker, service: Service) -> None:
    process = Process(service, settings(readiness_grace=1), transport=broker.transport())
    async with running(process) as (client, _):
        await status(client, "/health/ready", 200)
        process.stop()
        await status(client, "/health/ready", 503)
        assert (await client.get("/health/live")).json()["state"] == "ready"


async def test_in_its_grace_each_answer_is_the_last_of_its_connection(
    broker: MemoryBroker, service: Service
) -> None:
    process = Process(service, settings(readiness_grace=1), transport=broker.transport())
    async with running(process) as (client, task):
        await status(client, "/health/ready", 200)
        assert "connection" not in (await client.get("/health/live")).headers
        process.stop()
        await status(client, "/health/ready", 503)
        seen = []
        while not task.done():
            try:
                seen.append(await client.get("/health/live"))
            except httpx.TransportError:
                break
        assert len(seen) > 1, "it listens and answers until its end"
        assert {answer.headers["connection"] for answer in seen} == {"close"}


async def test_a_start_that_cannot_succeed_ends_the_process(
    broker: MemoryBroker, service: Service, logs: io.StringIO
) -> None:
    process = Process(service, settings(), transport=Forbidden(broker))
    async with asyncio.timeout(60):
        assert await process.run() == FAILED
    assert "access refused" in logs.getvalue()


async def test_what_is_in_hand_is_finished(
    broker: MemoryBroker, run: RunParameters, workers: WorkerPool
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(event: Event[RunRequested]) -> list[Outgoing]:
        begun.set()
        assert go_on.wait(60)
        return [Outgoing(TrialAnalysed(run=event.body.run, trial=0))]

    results = []

    def note(event: Event[TrialAnalysed]) -> list[Outgoing]:
        results.append(event.body.trial)
        return []

    client = EventManager(
        service="analysis",
        instance="test",
        version="0",
        transport=broker.transport(),
        inbox=MemoryInbox(),
        settings=EventManagerSettings(),
        clock=SystemClock(),
        workers=workers,
    )
    client.subscribe(TrialAnalysed, note, inline=True)
    process = Process(Service("generator", {RunRequested: slow}), settings(), transport=broker.transport())
    async with client, running(process) as (http, task):
        await status(http, "/health/ready", 200)
        await client.publish(RunRequested(run=run))
        await asyncio.to_thread(begun.wait)
        process.stop()
        await status(http, "/health/ready", 503)
        assert not task.done()
        go_on.set()
        assert await task == 0
        await until(lambda: results == [0])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - conditions are arbitrary, so they are polled
            await asyncio.sleep(0.01)


async def test_a_handler_that_never_ends_does_not_keep_the_process(
    broker: MemoryBroker, run: RunParameters, logs: io.StringIO
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def endless(_: Event[RunRequested]) -> list[Outgoing]:
        begun.set()
        go_on.wait()
        return []

    process = Process(
        Service("generator", {RunRequested: endless}),
        settings(shutdown_timeout=0.5, event_manager={"drain_timeout": 0.1}),
        transport=broker.transport(),
    )
    async with running(process) as (client, task):
        await status(client, "/health/ready", 200)
        await process._parts.manager.publish(RunRequested(run=run))
        await asyncio.to_thread(begun.wait)
        process.stop()
        assert await task == 0
    go_on.set()
    assert steps(logs, "shutdown step ran out of time") == ["end threads"]
    assert "close service" not in steps(logs), "a handler may still use what would be closed"


async def test_a_step_that_fails_does_not_keep_the_next_from_its_turn(
    broker: MemoryBroker, service: Service, logs: io.StringIO
) -> None:
    async def broken() -> None:
        reason = "the store is gone"
        raise OSError(reason)

    process = Process(
        Service(service.name, service.handlers, close=broken), settings(), transport=broker.transport()
    )
    async with running(process) as (client, _):
        await status(client, "/health/ready", 200)
    assert steps(logs, "shutdown step failed") == ["close service"]


async def test_work_beside_goes_on_until_the_end(broker: MemoryBroker, service: Service) -> None:
    states: list[str] = []

    async def beside(manager: EventManager) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            states.append(manager.state)

    whole = Service(service.name, service.handlers, background=[beside])
    process = Process(whole, settings(), transport=broker.transport())
    async with running(process) as (client, _):
        await status(client, "/health/ready", 200)
        assert states == []
    assert states == ["ready"], "it is told to end before events are no longer taken"


async def test_work_beside_that_fails_ends_the_process(broker: MemoryBroker, service: Service) -> None:
    async def broken(_: EventManager) -> None:
        reason = "the relay has a fault"
        raise RuntimeError(reason)

    whole = Service(service.name, service.handlers, background=[broken])
    process = Process(whole, settings(), transport=broker.transport())
    assert await process.run(signals=False) == FAILED


async def test_a_service_may_bear_the_loss_of_its_broker(broker: MemoryBroker, service: Service) -> None:
    whole = Service(service.name, service.handlers, bearable=frozenset(Trouble))
    transport = broker.transport()
    process = Process(whole, settings(), transport=transport)
    async with running(process) as (client, _):
        await status(client, "/health/ready", 200)
        transport.interrupt("the broker restarts")
        assert (await client.get("/api/v1/service")).json()["state"] == "degraded"
        await status(client, "/health/ready", 200)
        transport.restore("the broker is back")


def test_a_taken_port_is_said_before_anything_starts(broker: MemoryBroker, service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"found 127.0.0.1:{port} .is in use") as caught:
            Process(service, settings(port=port), transport=broker.transport())
    assert "HEADROOM_PORT" in caught.value.next_step


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ListenError, match="expected a free address of this machine"):
        listen("192.0.2.1", 0)


def test_it_listens_on_ipv6_as_well() -> None:
    try:
        with listen("::1", 0) as bound:
            assert bound.family is socket.AF_INET6
    except ListenError as error:
        assert "address" in str(error).lower()  # noqa: PT017 - a machine without IPv6 says so
