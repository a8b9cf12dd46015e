"""Waiting in real time for what comes by itself."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Final

PATIENCE: Final = 60.0
"""Seconds after which what was to come will not come."""


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: it does not in good time.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.01)
