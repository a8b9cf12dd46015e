"""The documents that are asked for often, in Redis, for all instances of the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, cast

import redis.asyncio
from redis.exceptions import RedisError

from headroom_common.logs import Log
from headroom_gateway.storage.results import HotSet, LocalHotSet

if TYPE_CHECKING:
    from headroom_common.event_manager.clock import Clock

EXPIRY: Final = 24 * 3600
"""Seconds that a document is kept after it was asked for last."""

_PAUSE: Final = 10.0
_log = Log(__name__)


class RedisHotSet:
    """Documents in Redis, and the latest in this process too; without Redis it goes on with these.

    Args:
        client: connections to Redis.
        clock: time.
    """

    def __init__(self, client: redis.asyncio.Redis, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._local: HotSet = LocalHotSet()
        self._left_alone_until = 0.0

    @classmethod
    def open(cls, url: str, *, timeout: float, clock: Clock) -> Self:
        """Return the hot set at a URL; nothing is connected yet.

        Args:
            url: ``redis://:password@host:6379/0`` or ``rediss://…``.
            timeout: seconds that one question may take.
            clock: time.
        """
        client = redis.asyncio.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, max_connections=16
        )
        return cls(client, clock)

    async def get(self, name: str) -> bytes | None:
        """Return a deflated document, None when it is not kept or Redis does not answer."""
        near = await self._local.get(name)
        if near is not None or self._is_left_alone():
            return near
        try:
            found = cast("bytes | None", await self._client.getex(_key(name), ex=EXPIRY))
        except (RedisError, OSError) as error:
            self._failed(error)
            return None
        if found is not None:
            await self._local.put(name, found)
        return found

    async def put(self, name: str, deflated: bytes) -> None:
        """Keep a deflated document, in Redis if it answers."""
        await self._local.put(name, deflated)
        if self._is_left_alone():
            return
        try:
            await self._client.set(_key(name), deflated, ex=EXPIRY)
        except (RedisError, OSError) as error:
            self._failed(error)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _is_left_alone(self) -> bool:
        return self._clock.now().timestamp() < self._left_alone_until

    def _failed(self, error: Exception) -> None:
        """Leave Redis alone for a while, so that requests do not wait for it."""
        self._left_alone_until = self._clock.now().timestamp() + _PAUSE
        _log.warning("results are not kept in Redis for now", reason=type(error).__name__)


def _key(name: str) -> str:
    return f"headroom:gateway:{name}"
