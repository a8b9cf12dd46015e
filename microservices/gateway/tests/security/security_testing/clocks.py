"""Time that passes when a test says so."""

import asyncio
from datetime import UTC, datetime, timedelta


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)

    def seconds(self) -> float:
        """Return the time as seconds since 1970."""
        return self._now.timestamp()
