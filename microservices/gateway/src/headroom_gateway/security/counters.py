"""Numbers that limits are counted with: in Redis for all instances, in memory for this one."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from headroom_common.logs import Log

_PREFIX: Final = "headroom:rates"
_SETTLING: Final = 0.2
"""Seconds between two questions to Redis about one number."""

_STALE_RETRIES: Final = 1
"""A pooled connection whose server was restarted fails once; a fresh one then serves the same command."""

_log = Log(__name__)


@dataclass(slots=True)
class _Shared:
    """What an instance knows of a number that others add to as well.

    Attributes:
        told: how much of its own the others know.
        others: how much they had added when it asked last.
        due: when it asks again.
        ends: when the number is forgotten.
    """

    told: int
    others: int
    due: float
    ends: float


class Counters:
    """Numbers that are always answered: while Redis fails, by what this instance knows.

    An instance counts for itself, and settles with the others at the first request of a window and then every
    so often: most requests do not wait for Redis, and a limit is passed by no more than what comes in such a
    time. A Redis that failed is left alone for a while; then one request asks it.

    Args:
        url: of Redis, as ``redis://:password@host:port/db``; None counts for this instance alone.
        timeout: seconds that one question to Redis may take.
        pause: seconds that a Redis which failed is left alone.
        now: measures time, in seconds.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float = 1.0,
        pause: float = 1.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own = MemoryStorage()
        self._timeout = timeout
        self._pause = pause
        self._now = now
        self._asleep_until: float | None = None
        self._shared: dict[str, _Shared] = {}
        self._pool: ConnectionPool | None = None
        self._redis: Storage | None = None
        if url is not None:
            self._pool = _pool(url, timeout)
            self._redis = RedisStorage(
                url,
                wrap_exceptions=True,
                implementation="redispy",
                key_prefix=_PREFIX,
                connection_pool=self._pool,  # type: ignore[arg-type] # documented, and not in the type
            )

    async def add(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a number and return the sum; it is forgotten so many seconds after it began."""
        own = await self._own.incr(key, expiry, amount)
        if self._redis is None:
            return own
        now = self._now()
        shared = self._shared.get(key)
        if shared is None or shared.ends <= now:
            self._forget(now)
            shared = self._shared[key] = _Shared(told=0, others=0, due=now, ends=now + expiry)
        if shared.due <= now and self._may_ask():
            await self._settle(self._redis, key, expiry, own, shared)
        return own + shared.others

    async def _settle(self, redis: Storage, key: str, expiry: int, own: int, shared: _Shared) -> None:
        news, shared.told, shared.due = own - shared.told, own, self._now() + _SETTLING
        try:
            async with asyncio.timeout(self._timeout):
                total = await redis.incr(key, expiry, news)
        except (StorageError, OSError) as error:
            # Whether Redis has them is unknown. They are not told again: callers are not refused for nothing.
            shared.due = self._now()
            self._fall_asleep(error)
        else:
            shared.others = max(shared.others, total - shared.told)
            self._wake_up()

    def _forget(self, now: float) -> None:
        """Drop what is over; numbers end in the order in which they began."""
        while self._shared:
            oldest = next(iter(self._shared))
            if self._shared[oldest].ends > now:
                return
            del self._shared[oldest]

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
