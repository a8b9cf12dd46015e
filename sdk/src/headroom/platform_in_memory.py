"""A platform within this process: every service with its own HTTP door, on a broker in memory.

The composition root of `headroom up` without a broker. Only the databases outlive it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from headroom.platform import HOST, Member, PlatformEndedError, Settings
from headroom_analysis.app import AnalysisSettings
from headroom_analysis.app import build as analysis
from headroom_common.allocator import keep_freed_memory
from headroom_common.service import Service, ServiceSettings
from headroom_common.service.process import Process
from headroom_common.service.settings import load
from headroom_common.transports.memory import MemoryBroker
from headroom_gateway.app import build as gateway
from headroom_gateway.settings import GatewaySettings
from headroom_generator.app import build as generator
from headroom_router.app import build as router
from headroom_server_model.app import build as server_model

_BUILT: Final[Mapping[str, tuple[Callable[[Any], Service], type[ServiceSettings]]]] = {
    "gateway": (gateway, GatewaySettings),
    "generator": (generator, ServiceSettings),
    "router": (router, ServiceSettings),
    "server-model": (server_model, ServiceSettings),
    "analysis": (analysis, AnalysisSettings),
}


class MemoryPlatform:
    """All services on one event loop; see `headroom.platform.Platform` for what the methods do.

    Args:
        plan: the services and their ports.
        settings: what those of one service are told besides the environment.

    Raises:
        SystemExit: the environment holds settings that are not valid.
        ListenError: a port is taken.
    """

    def __init__(self, plan: Sequence[Member], settings: Settings) -> None:
        keep_freed_memory()
        broker = MemoryBroker()
        self._members = {
            member.instance: _process(member, broker, settings.get(member.service, {})) for member in plan
        }

    def end(self) -> None:
        """Ask all services to finish what they have in hand and end."""
        for process in self._members.values():
            process.stop()

    async def run(self) -> None:
        """Keep the platform running until ``end`` is called and every service has ended.

        Raises:
            PlatformEndedError: a service failed.
        """
        statuses = await asyncio.gather(*(self._one(process) for process in self._members.values()))
        failed = [name for name, status in zip(self._members, statuses, strict=True) if status]
        if failed:
            message = (
                f"expected every service to run until it is told to end, found {', '.join(failed)} failed"
            )
            raise PlatformEndedError(message, next_step="The log lines above say why.")

    async def _one(self, process: Process) -> int:
        try:
            return await process.run(signals=False)
        finally:
            # One that fails takes the others along: a ring with a gap is of no use.
            self.end()


def _process(member: Member, broker: MemoryBroker, own: Mapping[str, str]) -> Process:
    build, kind = _BUILT[member.service]
    settings = load(kind, instance=member.instance, host=HOST, port=member.port, **own)
    return Process(build(settings), settings, transport=broker.transport())
