"""A platform on this machine: every service as a process of its own, kept running until it is told to end."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import httpx

from headroom_common.errors import PermanentError

GATEWAY: Final = "gateway"
ANALYSIS: Final = "analysis"

MODULES: Final[Mapping[str, str]] = {
    GATEWAY: "headroom_gateway",
    "generator": "headroom_generator",
    "router": "headroom_router",
    "server-model": "headroom_server_model",
    ANALYSIS: "headroom_analysis",
}
"""What `python -m` starts for each service."""

BEHIND: Final = tuple(service for service in MODULES if service != GATEWAY)
"""The services behind the gateway."""

Settings = Mapping[str, Mapping[str, str]]
"""Values of settings by name, by service."""

HOST: Final = "127.0.0.1"
BAD_SETTINGS: Final = 2  # the exit status of a service that cannot be started by trying again

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_PATIENCE = 60.0  # seconds between the first signal and the last: longer than a service's own time-outs
_POLL = 0.1


class PlatformEndedError(PermanentError):
    """A service of the platform cannot run with these settings."""


@dataclass(frozen=True, slots=True)
class Member:
    """One process of the platform.

    Attributes:
        service: which service.
        index: which of its instances, from 1.
        port: where its HTTP door is.
    """

    service: str
    index: int
    port: int

    @property
    def instance(self) -> str:
        """Its name among the instances of all services."""
        return f"{self.service}-{self.index}"

    @property
    def url(self) -> str:
        """Its HTTP door."""
        return f"http://{HOST}:{self.port}"


def members(
    replicas: Mapping[str, int], first_port: int, *, gateway_port: int | None = None
) -> Sequence[Member]:
    """Every process of a platform, with ports from ``first_port`` upwards.

    Args:
        replicas: instances by service; those that are not named get one.
        first_port: port of the first process behind the gateway.
        gateway_port: port of the gateway; None leaves it out.
    """
    places = [(service, index + 1) for service in BEHIND for index in range(replicas.get(service, 1))]
    ring = [Member(service, index, first_port + place) for place, (service, index) in enumerate(places)]
    return ring if gateway_port is None else [Member(GATEWAY, 1, gateway_port), *ring]


class Platform(Protocol):
    """All services of a platform, until they are told to end."""

    async def run(self) -> None:
        """Keep the platform running until ``end`` is called and every service has ended.

        Raises:
            PlatformEndedError: a service cannot run.
        """
        ...

    def end(self) -> None:
        """Ask all services to finish what they have in hand and end."""
        ...


class LocalPlatform:
    """Starts the processes, starts again what ends by itself, and ends all of them together.

    Args:
        plan: the processes.
        environment: what all of them are told besides the environment of this process.
        settings: what those of one service are told besides: values of settings by name, by service.
        say: takes a line about what happens.
        logs: takes a line that a process wrote, with the name of its instance.
    """

    def __init__(
        self,
        plan: Sequence[Member],
        environment: Mapping[str, str],
        say: Callable[[str], None],
        logs: Callable[[str, str], None],
        *,
        settings: Settings = MappingProxyType({}),
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._environment = dict(environment)
        self._say = say
        self._logs = logs
        self._ending = asyncio.Event()
        self._running: dict[Member, Process] = {}

    @property
    def process_ids(self) -> Mapping[str, int]:
        """The ids of the running processes by instance."""
        return {member.instance: process.pid for member, process in self._running.items()}

    def end(self) -> None:
        """Ask all processes to finish what they have in hand and end."""
        if self._ending.is_set():
            return
        self._ending.set()
        for process in self._running.values():
            process.terminate()

    async def run(self) -> None:
        """Keep the platform running until ``end`` is called and every process has ended.

        Raises:
            PlatformEndedError: a service refuses its settings.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for member in self._plan:
                    group.create_task(self._keep(member))
        except* PlatformEndedError as failures:
            raise failures.exceptions[0] from None
        finally:
            for process in self._running.values():
                process.kill()

    async def _keep(self, member: Member) -> None:
        pause = _FIRST_PAUSE
        while not self._ending.is_set():
            began = asyncio.get_running_loop().time()
            status = await self._once(member)
            if self._ending.is_set():
                return
            if status == BAD_SETTINGS:
                self.end()
                message = (
                    f"{member.instance}: expected settings that it can start with, found others (see above)"
                )
                raise PlatformEndedError(message, next_step="Mend what it says above and start again.")
            if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            self._say(f"{member.instance} ended with status {status}; it is started again in {pause:g} s")
            await self._wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _once(self, member: Member) -> int:
        """Run one process to its end and return its exit status."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            MODULES[member.service],
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            env=os.environ | self._environment | _own(member, self._settings.get(member.service, {})),
            # A terminal's Ctrl-C goes to its whole group; it is for this process to tell the others, once.
            start_new_session=True,
        )
        self._running[member] = process
        if self._ending.is_set():
            process.terminate()
        reading = asyncio.create_task(self._read(member, process))
        try:
            return await self._ended(process)
        finally:
            await reading
            del self._running[member]

    async def _ended(self, process: Process) -> int:
        """Wait for a process; one that was told to end and does not is killed."""
        exited = asyncio.create_task(process.wait())
        told = asyncio.create_task(self._ending.wait())
        await asyncio.wait({exited, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        done, _ = await asyncio.wait({exited}, timeout=_PATIENCE)
        if not done:
            process.kill()
        return await exited

    async def _read(self, member: Member, process: Process) -> None:
        if process.stderr is None:
            return
        async for line in process.stderr:
            self._logs(member.instance, line.decode(errors="replace").rstrip("\n"))

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            return


async def until_ready(plan: Sequence[Member]) -> None:
    """Wait until every member says that it is ready, however long that takes."""
    async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
        for member in plan:
            while not await _is_ready(client, member):  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(_POLL)


def _own(member: Member, settings: Mapping[str, str]) -> dict[str, str]:
    return {
        **{f"HEADROOM_{name.upper()}": value for name, value in settings.items()},
        "HEADROOM_INSTANCE": member.instance,
        "HEADROOM_HOST": HOST,
        "HEADROOM_PORT": str(member.port),
    }


async def _is_ready(client: httpx.AsyncClient, member: Member) -> bool:
    try:
        answer = await client.get(f"{member.url}/health/ready")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
