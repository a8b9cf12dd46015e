"""One in-process broker per test, and event managers on it."""

from collections.abc import Callable
from typing import Any

import pytest

from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.virtual_time import VirtualClock
from headroom_common.transports.memory import MemoryBroker


@pytest.fixture(autouse=True)
def _captured(logs: object) -> None:
    """No test writes its logs among pytest's own lines."""


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
