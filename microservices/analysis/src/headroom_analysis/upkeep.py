"""What goes on beside events while statistics are in a database: the end of old runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from headroom_common.errors import TransientError
from headroom_common.logs import Log
from headroom_common.service.threads import in_thread

if TYPE_CHECKING:
    from headroom_analysis.storage import SqlStore
    from headroom_common.event_manager import EventManager

DAY: Final = 86_400.0
_log = Log(__name__)


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
