"""What a platform stands on: a broker behind a proxy, Redis, and PostgreSQL."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from headroom_servers.postgres import Postgres
from headroom_servers.proxy import Proxy
from headroom_servers.rabbitmq import RabbitMQ
from headroom_servers.redis import Redis

from headroom.cli.dead_letters import SERVICES
from headroom.remote import connected
from headroom_common.transports.port import DeadLetter

_POLL = 0.5
_PRIVATE = re.compile(r"\.v\d+\.")


@dataclass(frozen=True)
class Backend:
    """The servers of one platform.

    Attributes:
        rabbitmq: the broker.
        proxy: through which everybody reaches it.
        redis: remembers handled events.
        postgres: holds analysis' statistics.
        virtual_host: of the broker, this platform's alone.
        database_url: of a database of this platform's alone.
    """

    rabbitmq: RabbitMQ
    proxy: Proxy
    redis: Redis
    postgres: Postgres
    virtual_host: str
    database_url: str

    @property
    def broker_url(self) -> str:
        """The broker, through the proxy."""
        return self.rabbitmq.url_of(self.virtual_host, port=self.proxy.port)

    @property
    def environment(self) -> Mapping[str, str]:
        """What services have to be told."""
        return {
            "HEADROOM_BROKER__URL": self.broker_url,
            "HEADROOM_REDIS_URL": self.redis.url,
            "HEADROOM_DATABASE_URL": self.database_url,
        }

    def depths(self) -> Mapping[str, int]:
        """Messages by queue, those in somebody's hands included; empty queues are left out."""
        found = self.rabbitmq.control(
            "list_queues", "--vhost", self.virtual_host, "--no-table-headers", "name", "messages"
        )
        pairs = (line.split("\t") for line in found.splitlines() if line)
        return {name: int(count) for name, count in pairs if int(count)}

    async def until_queues_are_empty(self, within: float = 60.0) -> Mapping[str, int]:
        """Return the queues that still hold messages when all are empty, or after so many seconds."""
        return await self._until_empty(lambda _: True, within)

    async def until_work_queues_are_empty(self, within: float = 60.0) -> Mapping[str, int]:
        """The same, but for the private queues of instances, which outlive those that were killed."""
        return await self._until_empty(lambda name: _PRIVATE.search(name) is None, within)

    async def _until_empty(self, counts: Callable[[str], bool], within: float) -> Mapping[str, int]:
        left: Mapping[str, int] = {}
        for _ in range(round(within / _POLL)):
            depths = await asyncio.to_thread(self.depths)
            left = {name: depth for name, depth in depths.items() if counts(name)}
            if not left:
                break
            await asyncio.sleep(_POLL)
        return left

    async def until_only_dead_letters(self, within: float = 60.0) -> Mapping[str, int]:
        """Return the work queues that still hold messages when all are empty, or after so many seconds."""
        return await self._until_empty(lambda name: not name.endswith("dead-letters"), within)

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """Return the dead letters of all services."""
        async with connected(self.broker_url) as transport:
            return [letter for name in SERVICES for letter in await transport.dead_letters.list(name)]


@contextmanager
def backend_on(rabbitmq: RabbitMQ, redis: Redis, postgres: Postgres, name: str) -> Iterator[Backend]:
    """A virtual host and a database of one's own on running servers."""
    rabbitmq.add_virtual_host(name)
    database_url = postgres.create_database(name)
    with Proxy(rabbitmq.port) as proxy:
        yield Backend(rabbitmq, proxy, redis, postgres, name, database_url)
    rabbitmq.delete_virtual_host(name)
