"""An inbox in Redis, which all instances of a service share, and which outlives them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Self, TypeVar
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from headroom_common.errors import TransientError
from headroom_common.event_manager.clock import Clock

T = TypeVar("T")

_STALE_RETRIES: Final = 1
"""A pooled connection whose server was restarted fails once; a fresh one then serves the same command."""


class RedisInbox:
    """The handled events of one service, as keys that expire: ``headroom:inbox:<service>:<event id>``.

    A Redis that failed is left alone for a while, and everyone is told so at once: events do not wait for the
    time-out of something that is down. The first question after the pause tries it with a write, for a Redis
    that is out of memory or read-only still answers reads.

    Args:
        client: the connection; see ``open``.
        service: whose inbox this is.
        expiry: seconds that a handled event is remembered; longer than the longest replay.
        pause: seconds that a Redis which failed is left alone.
        clock: measures the pause.
    """

    def __init__(self, client: Redis, *, service: str, expiry: int, pause: float, clock: Clock) -> None:
        self._client = client
        self._prefix = f"headroom:inbox:{service}:"
        self._expiry = expiry
        self._pause = timedelta(seconds=pause)
        self._clock = clock
        self._asleep_until: datetime | None = None
        self._reason = ""

    @classmethod
    def open(cls, url: str, *, service: str, expiry: int, timeout: float, pause: float, clock: Clock) -> Self:
        """Return an inbox on the Redis at ``url``; nothing is connected yet.

        Args:
            url: ``redis://:password@host:port/db``, or ``rediss://`` with TLS.
            service: as in the class.
            expiry: as in the class.
            timeout: seconds to connect, and seconds that an answer may take.
            pause: as in the class.
            clock: as in the class.

        Raises:
            ValueError: the URL is none of Redis.
        """
        client = Redis.from_url(
            url,
            socket_connect_timeout=timeout,
            socket_timeout=timeout,
            retry=Retry(NoBackoff(), _STALE_RETRIES, supported_errors=(RedisConnectionError,)),
        )
        return cls(client, service=service, expiry=expiry, pause=pause, clock=clock)

    async def seen(self, event_id: UUID) -> bool:
        """Return whether the event was handled.

        Raises:
            TransientError: Redis does not answer, or did not a moment ago.
        """
        return bool(await self._asked(lambda: self._client.exists(self._key(event_id))))

    async def mark(self, event_id: UUID) -> None:
        """Remember that the event was handled and its outputs were confirmed.

        Raises:
            TransientError: Redis does not take it, or did not take something else a moment ago.
        """
        await self._asked(lambda: self._written(self._key(event_id)))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _key(self, name: UUID | str) -> str:
        return f"{self._prefix}{name}"

    async def _written(self, key: str) -> None:
        await self._client.set(key, b"", ex=self._expiry)

    async def _asked(self, command: Callable[[], Awaitable[T]]) -> T:
        probing = self._asleep_until is not None
        if self._asleep_until is not None:
            if self._clock.now() < self._asleep_until:
                raise TransientError(self._reason)
            # One asks; until it is answered the others go on without.
            self._sleep()
        try:
            if probing:
                await self._written(self._key("probe"))
            answer = await command()
        except (RedisError, OSError) as error:
            self._reason = f"Redis: {error or type(error).__name__}"
            self._sleep()
            next_step = "See to Redis; until then work may repeat."
            raise TransientError(self._reason, next_step=next_step) from error
        if probing:
            self._asleep_until = None
        return answer

    def _sleep(self) -> None:
        self._asleep_until = self._clock.now() + self._pause
