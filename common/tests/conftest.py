"""What the suites around the event manager share: a broker in memory, threads, a run, captured logs."""

import io
from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog

from headroom_common import telemetry
from headroom_common.contracts.events import RunParameters
from headroom_common.event_manager import WorkerPool
from headroom_common.transports.memory import MemoryBroker


@pytest.fixture
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
