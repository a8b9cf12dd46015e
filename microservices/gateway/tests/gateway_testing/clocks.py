"""A clock that a test turns by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class HandClock:
    """Stands still but for what it is turned; see ``Clock``."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def turn(self, **by: float) -> datetime:
        """Let time pass, given as of ``timedelta``; return the time from then on."""
        self._now += timedelta(**by)
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.turn(seconds=seconds)
        await asyncio.sleep(0)
