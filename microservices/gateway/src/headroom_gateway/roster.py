"""Who is at work on the platform, in which version, and how far behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from headroom_common.contracts.events import ServiceState
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.errors import TransientError
from headroom_common.event_manager.roll_call import RollCall
from headroom_gateway.representations import Instance, ServicesReport, ServiceStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_common.contracts.events import ServiceStateChanged
    from headroom_common.event_manager import EventManager
    from headroom_common.event_manager.clock import Clock

SERVICES: Final = ("gateway", "generator", "router", "server-model", "analysis")
"""All services, in the order of the data's way."""

PERIOD: Final = 10.0
"""Seconds between two polls."""

_SILENCE: Final = timedelta(seconds=3.5 * PERIOD)
_PATIENCE: Final = 2.0
_WORKING: Final = frozenset({ServiceState.READY, ServiceState.DEGRADED})


class Roster:
    """Keeps track of the instances of all services; one that has not answered three polls is gone.

    Args:
        clock: time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._roll_call = RollCall("", clock)
        self._manager: EventManager | None = None

    def subscribe(self, manager: EventManager) -> None:
        """Take the services' news."""
        self._manager = manager
        self._roll_call.subscribe(manager)

    async def run(self, manager: EventManager) -> None:
        """Ask who is there, again and again, until cancelled."""
        while True:
            await self._roll_call.call(manager, within=PERIOD)
            self._roll_call.forget(self._clock.now() - _SILENCE)

    async def report(self) -> ServicesReport:
        """Tell of all services."""
        lags = await asyncio.gather(*(self._lag(name) for name in SERVICES))
        instances = self._roll_call.instances
        return ServicesReport(
            services=[
                self._status(name, [one for one in instances if one.service == name], lag)
                for name, lag in zip(SERVICES, lags, strict=True)
            ]
        )

    def _status(
        self, name: str, found: Sequence[ServiceStateChanged], lag: dict[str, int] | None
    ) -> ServiceStatus:
        return ServiceStatus(
            name=name,
            working=any(one.state in _WORKING for one in found),
            versions=sorted({one.version for one in found}),
            instances=[
                Instance(
                    instance=one.instance,
                    version=one.version,
                    state=one.state,
                    reason=one.reason,
                    seen_at=self._roll_call.seen_at(one),
                )
                for one in found
            ],
            lag=lag,
        )

    async def _lag(self, service: str) -> dict[str, int] | None:
        """Return how many events wait for a service by their type; None when the broker does not tell."""
        if self._manager is None:
            return None
        try:
            async with asyncio.timeout(_PATIENCE):
                return {
                    event_type: await self._manager.backlog(service, event_type)
                    for event_type, contract in CONTRACTS.items()
                    if service in contract.consumers and service not in contract.private
                }
        except (TransientError, TimeoutError):
            return None
