"""A platform's processes, kept running while tests kill them."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from headroom_servers.processes import accepts_connections

from headroom.platform import LocalPlatform, Member, members, until_ready
from headroom_platforms.backends import Backend

READY = 120.0
"""Seconds that all processes may take until they are ready: two cores, and kernels that may be compiled."""

_DYNAMIC = range(20_000, 30_000)
_chance = random.SystemRandom()


class Running:
    """A running platform, and what happened to it.

    Args:
        plan: its processes.
        environment: what they are told.
    """

    def __init__(self, plan: Sequence[Member], environment: Mapping[str, str]) -> None:
        self.platform = LocalPlatform(plan, environment, self.note, self.log)
        self._plan = plan
        self._began = time.monotonic()
        self._notes: list[str] = []

    @property
    def process_ids(self) -> Mapping[str, int]:
        """The ids of the running processes by instance."""
        return self.platform.process_ids

    def note(self, what: str) -> None:
        """Note what happens now, for whoever has to find out why a test failed."""
        self._notes.append(f"{time.monotonic() - self._began:7.2f} s  {what}")

    def log(self, instance: str, line: str) -> None:
        """Note what a process logs."""
        self.note(f"{instance}: {line}")

    def print_notes(self) -> None:
        """Print what happened so far; pytest shows it when the test fails."""
        print("\n".join(self._notes))  # noqa: T201 - as above

    async def until_ready(self) -> None:
        """Wait until every process is ready."""
        await asyncio.wait_for(until_ready(self._plan), READY)


@asynccontextmanager
async def running_platform(backend: Backend, replicas: Mapping[str, int]) -> AsyncIterator[Running]:
    """Start a platform, wait until it is ready, and end it.

    Args:
        backend: what it stands on.
        replicas: instances by service; those that are not named get one.
    """
    plan = members(replicas, free_ports(sum(replicas.values()) + 8))
    environment = {**backend.environment, "HEADROOM_LOG_LEVEL": "warning", "HEADROOM_THREADS": "1"}
    running = Running(plan, environment)
    keeping = asyncio.create_task(running.platform.run())
    try:
        await running.until_ready()
        yield running
    except BaseException:
        running.print_notes()
        raise
    finally:
        running.platform.end()
        await keeping


def free_ports(number: int) -> int:
    """Return the first of so many neighbouring ports that nobody listens on."""
    while True:
        first = _chance.choice(_DYNAMIC)
        if not any(accepts_connections(port) for port in range(first, first + number)):
            return first
