"""A database that is away: the service comes up without it, and events wait instead of being given up."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from analysis_testing.adding import Run
from headroom_servers.postgres import Postgres
from headroom_servers.processes import START_DEADLINE, free_port, wait_until
from headroom_servers.services import ServiceProcess
from pydantic import SecretStr

from headroom_analysis import app
from headroom_analysis.app import AnalysisSettings, build
from headroom_analysis.storage import SqlStore, open_engine, open_store
from headroom_analysis.upkeep import DAY, Retention
from headroom_common import telemetry
from headroom_common.contracts.events import RunCancelled, RunStopped, ServicePolled, ServiceStateChanged
from headroom_common.database.watch import DatabaseWatch
from headroom_common.event_manager.states import Trouble
from headroom_common.service.composition import Composition, compose
from headroom_common.transports.memory import MemoryBroker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from headroom_common.contracts.event import Event, Outgoing
    from headroom_common.event_manager import EventManager
    from headroom_common.service import Service

BROKER = {"BROKER__URL": "amqp://guest:guest@127.0.0.1:1/"}
"""Nobody is there: what these tests look at comes before."""


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """No log lines among pytest's own."""
    telemetry.configure(level="error", stream=io.StringIO())


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL that the test may end and start."""
    with Postgres() as server:
        yield server


class Heard:
    """What analysis says, heard by somebody else on the same broker."""

    def __init__(self) -> None:
        self.bodies: list[object] = []

    def note(self, event: Event[RunStopped] | Event[ServiceStateChanged]) -> list[Outgoing]:
        self.bodies.append(event.body)
        return []

    def of(self, kind: type[object]) -> list[object]:
        return [body for body in self.bodies if isinstance(body, kind)]


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(START_DEADLINE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in threads and other processes
            await asyncio.sleep(0.01)
    assert condition(), what


@pytest.fixture
async def begun(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Callable[[Service, MemoryBroker], Composition]]:
    """Starts a service with its work beside events, as its process does."""
    monkeypatch.setattr(app, "DatabaseWatch", partial(DatabaseWatch, pause=0.05, period=0.05))
    tasks: list[asyncio.Task[None]] = []
    made: list[tuple[Service, Composition]] = []

    def begin(service: Service, broker: MemoryBroker) -> Composition:
        settings = AnalysisSettings(instance="one", threads=2)
        composition = compose(service, settings, transport=broker.transport())
        made.append((service, composition))
        tasks.append(asyncio.create_task(composition.manager.start()))
        tasks.extend(asyncio.create_task(work(composition.manager)) for work in service.background)
        return composition

    yield begin
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for service, composition in made:
        await composition.manager.stop()
        composition.workers.close()
        await service.close()


async def test_events_wait_for_the_database(
    server: Postgres, begun: Callable[[Service, MemoryBroker], Composition]
) -> None:
    url = server.create_database("analysis")
    server.kill()
    broker, heard = MemoryBroker(), Heard()
    gateway = begun(gateway_service(heard), broker).manager
    composition = begun(build(AnalysisSettings(database_url=SecretStr(url), threads=2)), broker)
    analysis = composition.manager
    await until(lambda: "connection" in analysis.troubles.get(Trouble.DATABASE, ""), "the database is missed")
    assert not composition.status.ready
    first, second = Run(), Run()
    await gateway.publish(RunCancelled(run_id=first.parameters.run_id))
    await gateway.publish(ServicePolled(poll_id=uuid4()))
    await until(
        lambda: analysis.in_hand == 1 and heard.of(ServiceStateChanged) != [], "all but the poll waits"
    )
    assert heard.of(RunStopped) == []
    server.start()
    await until(lambda: len(heard.of(RunStopped)) == 1, "the run is stopped")
    await until(lambda: composition.status.ready, "analysis is ready")
    server.kill()  # and once more, under way
    await until(lambda: Trouble.DATABASE in analysis.troubles, "the database is missed again")
    await gateway.publish(RunCancelled(run_id=second.parameters.run_id))
    await until(lambda: analysis.in_hand == 1, "the event waits")
    server.start()
    await until(lambda: len(heard.of(RunStopped)) == 2, "the second run is stopped")
    assert analysis.counters.dead_lettered == analysis.counters.retried == 0


def gateway_service(heard: Heard) -> Service:
    from headroom_common.service import Service  # noqa: PLC0415 - at run time, and a type above

    def subscribe(manager: EventManager) -> None:
        manager.subscribe(RunStopped, heard.note)
        manager.subscribe(ServiceStateChanged, heard.note, private=True)

    return Service("gateway", {}, subscribe=subscribe)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_old_runs_are_removed_in_time(new_database: Callable[[str], str], kind: str) -> None:
    now = 100 * DAY
    run, runs = Run(1), [Run(1) for _ in range(3)]
    with open_store(new_database(kind)) as opened:
        store = SqlStore(opened._engine, clock=lambda: now)
        for one in runs:
            one.add(store, (0, 0, 0), segments=1)
        now += 29 * DAY
        run.add(store, (0, 0, 0), segments=1)
        now += 2 * DAY
        work = asyncio.create_task(Retention(store, 30, first=0.01, period=0.01).run(None))  # type: ignore[arg-type]
        await until(lambda: all(store.result(one.parameters.run_id) is None for one in runs), "removed")
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        assert store.result(run.parameters.run_id) is not None


async def test_retention_outlives_a_database_that_is_away() -> None:
    store = SqlStore(open_engine(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"))
    tried = 0

    def remove_older_than(age: float, remove: Callable[[float], int] = store.remove_older_than) -> int:
        nonlocal tried
        tried += 1
        return remove(age)

    store.remove_older_than = remove_older_than  # type: ignore[method-assign]
    work = asyncio.create_task(Retention(store, 30, first=0.0, period=0.01).run(None))  # type: ignore[arg-type]
    await until(lambda: tried > 2, "it tries again")
    assert not work.done()
    work.cancel()
    store.close()


def test_none_keeps_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    url = SecretStr("sqlite:///nowhere/analysis.db")
    assert len(build(AnalysisSettings(database_url=url)).background) == 2
    monkeypatch.setenv("HEADROOM_RETENTION_DAYS", "none")
    assert AnalysisSettings().retention_days is None
    assert len(build(AnalysisSettings(database_url=url)).background) == 1


def test_a_process_comes_up_without_its_database_and_its_broker() -> None:
    url = f"postgresql+psycopg://headroom:secret@127.0.0.1:{free_port()}/analysis"
    with ServiceProcess("analysis", {**BROKER, "DATABASE_URL": url}) as process:
        assert process.get("/health/live")[0] == 200
        wait_until(lambda: '"database":"the database: ' in process.get("/api/v1/service")[1], what="missed")
        assert process.get("/health/ready")[0] == 503
        assert process.get("/api/v1/runs/nonsense/comparison/nonsense")[0] == 422
        assert "secret" not in process.log.read_text()
        assert process.terminate() == 0


def test_a_wrong_url_ends_the_process() -> None:
    environment = {"HEADROOM_DATABASE_URL": "mysql://me:secret@host/db", "HEADROOM_PORT": "0"}
    ended = subprocess.run(
        [sys.executable, "-m", "headroom_analysis"],
        env={"PATH": os.environ.get("PATH", ""), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 2
    assert "expected postgresql+psycopg:// or sqlite:///, found mysql://" in ended.stderr
    assert "secret" not in ended.stderr
