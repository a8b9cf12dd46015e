"""What a service instance tells of itself: whether it is ready, and all that an operator may want to know."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from headroom_common.contracts.events import ServiceState
from headroom_common.event_manager import EventManager
from headroom_common.event_manager.states import Trouble
from headroom_common.service.settings import ServiceSettings


class StatusReport(BaseModel):
    """What an instance tells of itself.

    Attributes:
        name: the service.
        instance: which instance.
        version: version of its distribution.
        state: its state.
        reason: why it is in this state.
        since: when it came into this state; none before it began to look for its broker.
        ready: whether it can do its work now.
        troubles: what is wrong now, by source.
        in_hand: events that are being handled.
        counters: what it did since its process started.
        settings: its settings, secrets masked.
    """

    name: str
    instance: str
    version: str
    state: ServiceState
    reason: str
    since: datetime | None
    ready: bool
    troubles: dict[Trouble, str]
    in_hand: int
    counters: dict[str, Any]
    settings: dict[str, Any]


class Status:
    """The state of one instance, for its HTTP interface.

    Args:
        manager: its event manager.
        settings: its settings.
        bearable: what may be wrong while it is ready.

    Attributes:
        manager: as given.
        leaving: whether the process is being shut down.
    """

    def __init__(
        self, manager: EventManager, settings: ServiceSettings, bearable: frozenset[Trouble]
    ) -> None:
        self.manager = manager
        self._bearable = bearable
        self.leaving = False
        self._settings = settings

    @property
    def ready(self) -> bool:
        """Whether the instance can do its work, and will for a while."""
        at_work = self.manager.state in {ServiceState.READY, ServiceState.DEGRADED}
        return at_work and not self.leaving and self.manager.troubles.keys() <= self._bearable

    def report(self) -> StatusReport:
        """Return all that there is to tell."""
        manager = self.manager
        return StatusReport(
            name=manager.service,
            instance=manager.instance,
            version=manager.version,
            state=manager.state,
            reason=manager.reason,
            since=manager.since,
            ready=self.ready,
            troubles=dict(manager.troubles),
            in_hand=manager.in_hand,
            counters=asdict(manager.counters),
            settings=self._settings.model_dump(mode="json"),
        )
