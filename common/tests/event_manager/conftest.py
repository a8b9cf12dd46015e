"""One in-process broker per test, and event managers on it."""

import io
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from headroom_common import telemetry
from headroom_common.contracts.events import RunParameters
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.virtual_time import VirtualClock
from headroom_common.transports.memory import MemoryBroker


@pytest.fixture(autouse=True)
def logs() -> Iterator[io.StringIO]:
    """What was logged, as JSON lines."""
    before = structlog.get_config() if structlog.is_configured() else None
    stream = io.StringIO()
    telemetry.configure(level="debug", stream=stream)
    yield stream
    structlog.reset_defaults()
    if before is not None:
        structlog.configure(**before)


@pytest.fixture
def run() -> RunParameters:
    return RunParameters(
        run_id=UUID("0c9f6a52-4c7b-4f5e-8d0a-3b1f7f1f9a11"),
        scenario={},
        scenario_hash="sha256:0",
        seed=1,
        trials=10,
    )


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
def workers() -> Iterator[WorkerPool]:
    pool = WorkerPool(2)
    yield pool
    pool.close()


@pytest.fixture
def manager_of(broker: MemoryBroker, workers: WorkerPool) -> Callable[..., EventManager]:
    """Make an event manager of a service; options replace what it gets otherwise."""

    def make(service: str, **options: Any) -> EventManager:
        complete: dict[str, Any] = {
            "service": service,
            "instance": "1",
            "version": "0.1.0",
            "transport": broker.transport(),
            "inbox": MemoryInbox(),
            "settings": EventManagerSettings(retry_base=0.1, max_attempts=4),
            "clock": VirtualClock(),
            "workers": workers,
        }
        return EventManager(**{**complete, **options})

    return make
