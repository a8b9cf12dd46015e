"""Who is there: the services of a platform, as they answer."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import uuid4

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import ServicePolled, ServiceState, ServiceStateChanged
from headroom_common.event_manager.clock import Clock
from headroom_common.event_manager.manager import EventManager

CLIENT = "client"
"""What programs that submit runs are called among the services."""

SIMULATING = ("generator", "router", "server-model", "analysis")
"""The services that a run needs."""

_WORKING = (ServiceState.READY, ServiceState.DEGRADED)


class RollCall:
    """Asks all services of a platform for their states and notes who answers, and what changes later.

    Args:
        own: name of the asking service, which is left out.
        clock: tells when somebody was heard.
    """

    def __init__(self, own: str, clock: Clock) -> None:
        self._own = own
        self._clock = clock
        self._states: dict[tuple[str, str], ServiceStateChanged] = {}
        self._seen: dict[tuple[str, str], datetime] = {}
        self._news = asyncio.Event()

    @property
    def instances(self) -> Sequence[ServiceStateChanged]:
        """The latest word of every instance that has not stopped, by service and instance."""
        return [
            self._states[key]
            for key in sorted(self._states)
            if self._states[key].state is not ServiceState.STOPPED
        ]

    @property
    def working(self) -> set[str]:
        """The services of which an instance takes events."""
        return {one.service for one in self._states.values() if one.state in _WORKING}

    def seen_at(self, one: ServiceStateChanged) -> datetime:
        """Return when an instance that is listed was heard last, in UTC."""
        return self._seen[one.service, one.instance]

    def forget(self, before: datetime) -> None:
        """Forget the instances that were not heard since ``before``: who is gone does not answer."""
        for key in [key for key, seen in self._seen.items() if seen < before]:
            del self._states[key], self._seen[key]

    def subscribe(self, manager: EventManager) -> None:
        """Take the answers."""
        manager.subscribe(ServiceStateChanged, self._noted, inline=True, private=True)

    async def call(
        self, manager: EventManager, *, within: float, until: Collection[str] | None = None
    ) -> None:
        """Ask, and take answers for ``within`` seconds, or until each of the services ``until`` works."""
        await manager.publish(ServicePolled(poll_id=uuid4()))
        try:
            async with asyncio.timeout(within):
                while until is None or not self.working.issuperset(until):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return

    def _noted(self, event: Event[ServiceStateChanged]) -> tuple[Outgoing, ...]:
        body = event.body
        if body.service != self._own:
            key = body.service, body.instance
            self._states[key], self._seen[key] = body, self._clock.now()
            self._news.set()
        return ()
