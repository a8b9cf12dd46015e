"""What the tests on a real RabbitMQ share: a virtual host per test, transports that are closed after it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from headroom_servers.rabbitmq import RabbitMQ
from pydantic import SecretStr

from headroom_common.contracts.wire import Encoded
from headroom_common.transports.opening import open_transport
from headroom_common.transports.port import ConnectionLostError, Delivery, Message, Queue, Transport
from headroom_common.transports.settings import BrokerSettings

TRIALS = Queue("generator", "headroom.trial.analysed.v1")


class Taken:
    """A consumer that notes what it gets, and acknowledges it if told so."""

    def __init__(self, *, settle: bool = True) -> None:
        self.settle = settle
        self.deliveries: list[Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if self.settle:
            task = asyncio.get_running_loop().create_task(self._ack(delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ack(self, delivery: Delivery) -> None:
        # A void delivery comes again, and is noted again.
        with suppress(ConnectionLostError):
            await delivery.ack()

    @property
    def ids(self) -> Sequence[str]:
        return [delivery.message.event_id for delivery in self.deliveries]


class Site:
    """A virtual host of the broker, and the transports that a test opens there."""

    def __init__(self, broker: RabbitMQ) -> None:
        self.broker = broker
        self.virtual_host = f"integration-{uuid4().hex}"
        self.told: list[tuple[bool, str]] = []
        self._transports: list[Transport] = []

    def settings(self, *, port: int = 0, **changes: Any) -> BrokerSettings:
        url = changes.pop("url", self.broker.url_of(self.virtual_host, port=port))
        quick = {"retry_delays": (0.2, 1.0), "reconnect_base": 0.05, "reconnect_cap": 0.5}
        return BrokerSettings(url=SecretStr(url), **(quick | changes))

    def opened(self, **changes: Any) -> Transport:
        transport = open_transport(self.settings(**changes), name="test/1")
        self._transports.append(transport)
        return transport

    async def connected(self, **changes: Any) -> Transport:
        transport = self.opened(**changes)
        await transport.connect(lambda connected, reason: self.told.append((connected, reason)))
        return transport

    def message(
        self,
        *,
        event_type: str = TRIALS.event_type,
        body: bytes = b"{}",
        run: UUID | None = None,
        **rest: Any,
    ) -> Message:
        headers = {"ce-id": str(uuid4()), "ce-type": event_type, "ce-correlationid": str(run or "")}
        return Message(event_type, Encoded(headers, body), **rest)

    def queues(self) -> dict[str, dict[str, Any]]:
        found: Any = self.broker.management("GET", f"/api/queues/{self.virtual_host}")
        return {queue["name"]: queue for queue in found}

    async def close(self) -> None:
        for transport in self._transports:
            await transport.close()


@pytest.fixture
async def site(rabbitmq: RabbitMQ) -> AsyncIterator[Site]:
    made = Site(rabbitmq)
    rabbitmq.add_virtual_host(made.virtual_host)
    yield made
    rabbitmq.resume()
    await made.close()
    if not rabbitmq.alive:
        rabbitmq.start()
    rabbitmq.delete_virtual_host(made.virtual_host)


@pytest.fixture
def trials() -> Queue:
    return TRIALS


@pytest.fixture
def taken() -> type[Taken]:
    return Taken


async def _until(condition: Callable[[], bool], *, within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - conditions are arbitrary, so they are polled
            await asyncio.sleep(0.02)


@pytest.fixture
def until() -> Callable[..., Any]:
    """Wait until a condition holds."""
    return _until
