"""What goes on beside events while statistics are in a database: an eye on it, and the end of old runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from headroom_common.contracts.registry import contract_of
from headroom_common.errors import TransientError
from headroom_common.event_manager.states import Trouble
from headroom_common.logs import Log
from headroom_common.service.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headroom_analysis.storage import SqlStore
    from headroom_common.contracts.events import Body
    from headroom_common.event_manager import EventManager
    from headroom_common.event_manager.handling import Handling, Proceed

DAY: Final = 86_400.0
_log = Log(__name__)


class DatabaseWatch:
    """Tells whether the database is there, and has events wait while it is not.

    Without it, events would be tried again a few times and then be given up, and their runs with them. Those
    that wait are in hand, so there are only a few; the others stay with the broker.

    Args:
        store: in the database.
        needs: the bodies of the events that need it; all others go on.
        pause: seconds between two looks while it is away.
        period: seconds between two looks while it is there.
    """

    def __init__(
        self, store: SqlStore, needs: Iterable[type[Body]], *, pause: float = 1.0, period: float = 5.0
    ) -> None:
        self._store = store
        self._needs = {contract_of(body).event_type for body in needs}
        self._pause = pause
        self._period = period
        self._there = asyncio.Event()

    def subscribe(self, manager: EventManager) -> None:
        """Stand before the handlers of an event manager that has not started."""
        manager.use(self)
        manager.trouble(Trouble.DATABASE, "the database has not been reached yet")

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event once the database is there."""
        if handling.subscribed.contract.event_type in self._needs:
            await self._there.wait()
        await proceed(handling)

    async def run(self, manager: EventManager) -> None:
        """Look after the database until cancelled; the first time, bring its tables up to date."""
        look = self._store.prepare
        while True:
            try:
                await in_thread(look)
            except TransientError as error:
                self._there.clear()
                if manager.troubles.get(Trouble.DATABASE) != error.message:
                    _log.warning("database away", reason=error.message)
                    manager.trouble(Trouble.DATABASE, error.message)
                await asyncio.sleep(self._pause)
                continue
            look = self._store.check
            if not self._there.is_set():
                _log.info("database there")
                self._there.set()
                manager.recovered(Trouble.DATABASE, "the database is there")
            await asyncio.sleep(self._period)


class Retention:
    """Removes runs that nothing happened to for long.

    Args:
        store: in the database.
        days: how long is long.
        first: seconds before the first removal.
        period: seconds between two of them.
    """

    def __init__(self, store: SqlStore, days: int, *, first: float = 60.0, period: float = 3600.0) -> None:
        self._store = store
        self._age = days * DAY
        self._first = first
        self._period = period

    async def run(self, manager: EventManager) -> None:  # noqa: ARG002 - as all work beside events
        """Remove old runs until cancelled; a database that is away is asked again the next time."""
        await asyncio.sleep(self._first)
        while True:
            try:
                await in_thread(self._remove)
            except TransientError as error:
                _log.warning("old runs not removed", reason=error.message)
            await asyncio.sleep(self._period)

    def _remove(self) -> None:
        removed = self._store.remove_older_than(self._age)
        if removed:
            _log.info("old runs removed", runs=removed, days=self._age / DAY)
