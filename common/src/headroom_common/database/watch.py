"""An eye on a service's database: events wait while it is away, instead of being given up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headroom_common.contracts.registry import contract_of
from headroom_common.errors import TransientError
from headroom_common.event_manager.states import Trouble
from headroom_common.logs import Log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from headroom_common.contracts.events import Body
    from headroom_common.event_manager import EventManager
    from headroom_common.event_manager.handling import Handling, Proceed

_log = Log(__name__)


class DatabaseWatch:
    """Tells whether the database is there, and has events wait while it is not.

    Without it, events would be tried again a few times and then be given up, and their runs with them. Those
    that wait are in hand, so there are only a few; the others stay with the broker.

    Args:
        prepare: brings the tables up to date, or looks whether they are; raises ``TransientError`` while they
            are not, or the database is away.
        check: asks the database for a sign of life; raises ``TransientError`` when it gives none.
        needs: the bodies of the events that need it; all others go on.
        at_first: the trouble until the tables are there for the first time; later it is ``DATABASE``.
        pause: seconds between two looks while it is away.
        period: seconds between two looks while it is there.

    Attributes:
        prepared: set once the tables are up to date.
    """

    def __init__(
        self,
        prepare: Callable[[], Awaitable[object]],
        check: Callable[[], Awaitable[None]],
        needs: Iterable[type[Body]],
        *,
        at_first: Trouble = Trouble.DATABASE,
        pause: float = 1.0,
        period: float = 5.0,
    ) -> None:
        self.prepared = asyncio.Event()
        self._prepare = prepare
        self._check = check
        self._needs = {contract_of(body).event_type for body in needs}
        self._trouble = at_first
        self._pause = pause
        self._period = period
        self._there = asyncio.Event()

    def subscribe(self, manager: EventManager) -> None:
        """Stand before the handlers of an event manager that has not started."""
        manager.use(self)
        manager.trouble(self._trouble, "the database has not been reached yet")

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event once the database is there."""
        if handling.subscribed.contract.event_type in self._needs:
            await self._there.wait()
        await proceed(handling)

    async def run(self, manager: EventManager) -> None:
        """Look after the database until cancelled; the first time, bring its tables up to date."""
        while True:
            try:
                await (self._check() if self.prepared.is_set() else self._prepare())
            except TransientError as error:
                self._there.clear()
                if manager.troubles.get(self._trouble) != error.message:
                    _log.warning("database away", reason=error.message)
                    manager.trouble(self._trouble, error.message)
                await asyncio.sleep(self._pause)
                continue
            if not self._there.is_set():
                _log.info("database there")
                self._there.set()
                self.prepared.set()
                manager.recovered(self._trouble, "the database is there")
                self._trouble = Trouble.DATABASE
            await asyncio.sleep(self._period)
