"""Numbers that limits are counted with: in Redis for all instances, in memory for this one."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from headroom_common.logs import Log

_PREFIX: Final = "headroom:rates"
_STALE_RETRIES: Final = 1
"""A pooled connection whose server was restarted fails once; a fresh one then serves the same command."""

_log = Log(__name__)


class Counters:
    """Counters that always answer: while Redis fails, those of this instance count.

    A Redis that failed is left alone for a while, so that requests do not wait for its time-out. Then one
    request asks it again, and the others go on in memory until it has answered.

    Args:
        url: of Redis, as ``redis://:password@host:port/db``; None counts in memory alone.
        timeout: seconds that one question to Redis may take.
        pause: seconds that a Redis which failed is left alone.
        now: measures the pause, in seconds.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float = 1.0,
        pause: float = 1.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._memory = MemoryStorage()
        self._timeout = timeout
        self._pause = pause
        self._now = now
        self._asleep_until: float | None = None
        self._pool: ConnectionPool | None = None
        self._shared: Storage | None = None
        if url is not None:
            self._pool = _pool(url, timeout)
            self._shared = RedisStorage(
                url,
                wrap_exceptions=True,
                implementation="redispy",
                key_prefix=_PREFIX,
                connection_pool=self._pool,  # type: ignore[arg-type] # documented, and not in the type
            )

    async def add(self, key: str, expiry: int) -> int:
        """Add one and return the sum; it is forgotten so many seconds after the first."""
        if self._shared is not None and self._may_ask():
            try:
                async with asyncio.timeout(self._timeout):
                    taken = await self._shared.incr(key, expiry)
            except (StorageError, OSError) as error:
                self._fall_asleep(error)
            else:
                self._wake_up()
                return taken
        return await self._memory.incr(key, expiry)

    async def get(self, key: str) -> int:
        """Return the sum."""
        # While Redis fails only additions ask it: one that is out of memory still answers reads.
        if self._shared is not None and self._asleep_until is None:
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._shared.get(key)
            except (StorageError, OSError) as error:
                self._fall_asleep(error)
        return await self._memory.get(key)

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.aclose()

    def _may_ask(self) -> bool:
        if self._asleep_until is None:
            return True
        if self._now() < self._asleep_until:
            return False
        self._asleep_until = self._now() + self._pause
        return True

    def _fall_asleep(self, error: Exception) -> None:
        if self._asleep_until is None:
            reason = f"{error}" or type(error).__name__
            _log.warning("rate limits are counted by this instance alone: Redis fails", reason=reason)
        self._asleep_until = self._now() + self._pause

    def _wake_up(self) -> None:
        if self._asleep_until is not None:
            _log.info("rate limits are counted in Redis again")
            self._asleep_until = None


def _pool(url: str, timeout: float) -> ConnectionPool:
    return ConnectionPool.from_url(
        url,
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), _STALE_RETRIES, supported_errors=(RedisConnectionError,)),
    )
