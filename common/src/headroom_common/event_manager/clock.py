"""Time as the event manager sees it, injected so that tests can run in virtual time."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time for envelopes, and waiting."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of the running event loop's time."""
        await asyncio.sleep(seconds)
