"""The worlds that the conformance suite runs in: one per transport.

A new transport adds one entry to ``WORLDS``. Tests are plain functions that play a coroutine in their world,
so that each world brings its own event loop: virtual time where nothing is outside the process, real time
elsewhere.
"""

import asyncio
import io
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest
import structlog
from headroom_servers.proxy import Proxy
from headroom_servers.rabbitmq import RabbitMQ
from pydantic import SecretStr

from headroom_common import telemetry
from headroom_common.contracts.codec import encode
from headroom_common.contracts.event import Event, Handler, Outgoing, root_event
from headroom_common.contracts.events import Body, RunParameters, TrialAnalysed
from headroom_common.contracts.registry import contract_for, contract_of
from headroom_common.contracts.wire import MAX_BODY_BYTES, Encoded
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import Clock, SystemClock
from headroom_common.event_manager.inbox import Inbox, MemoryInbox
from headroom_common.event_manager.virtual_time import VirtualClock, VirtualTimeLoop
from headroom_common.transports.memory import MemoryBroker, MemoryTransport
from headroom_common.transports.opening import open_transport
from headroom_common.transports.port import DeadLetter, DeadLetters, Message, Transport
from headroom_common.transports.settings import BrokerSettings

SETTINGS = EventManagerSettings(retry_base=0.1, retry_cap=1.0, max_attempts=5, drain_timeout=5.0)
RUN = RunParameters(
    run_id=UUID("0c9f6a52-4c7b-4f5e-8d0a-3b1f7f1f9a11"),
    scenario={},
    scenario_hash="sha256:0",
    seed=1,
    trials=100_000,
)


class TransportFactory(Protocol):
    """Makes and disturbs the connections to one broker, which is empty when the factory is new."""

    clock: Clock

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return a new event loop to play in."""

    def transport(self, *, queue_limit: int | None = None) -> Transport:
        """Return a new connection; ``queue_limit`` bounds the queues that it declares."""

    def interrupt(self, transport: Transport) -> None:
        """Cut a connection."""

    def restore(self, transport: Transport) -> None:
        """Let a cut connection come back."""

    def restart(self) -> None:
        """End the broker without a warning and start it again; only for durable transports."""

    def close(self) -> None:
        """Take away what was made; all transports are closed."""


class MemoryFactory:
    """The in-process broker, in virtual time."""

    clock: Clock = VirtualClock()

    def __init__(self, *, by_reference: bool) -> None:
        self._by_reference = by_reference
        self._broker: MemoryBroker | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        return VirtualTimeLoop()

    def transport(self, *, queue_limit: int | None = None) -> Transport:
        if self._broker is None:
            self._broker = MemoryBroker(queue_limit=queue_limit or 1000, by_reference=self._by_reference)
        return self._broker.transport()

    def interrupt(self, transport: Transport) -> None:
        assert isinstance(transport, MemoryTransport)
        transport.interrupt("cable cut")

    def restore(self, transport: Transport) -> None:
        assert isinstance(transport, MemoryTransport)
        transport.restore("cable mended")

    def restart(self) -> None:
        pytest.fail("what is in memory does not survive")

    def close(self) -> None:
        pass


class RabbitFactory:
    """A virtual host of a real RabbitMQ, in real time; every connection goes through a proxy of its own."""

    clock: Clock = SystemClock()

    def __init__(self, broker: RabbitMQ) -> None:
        self._broker = broker
        self._virtual_host = f"conformance-{uuid4().hex}"
        self._proxies: dict[Transport, Proxy] = {}
        broker.add_virtual_host(self._virtual_host)

    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def transport(self, *, queue_limit: int | None = None) -> Transport:
        proxy = Proxy(self._broker.port).start()
        settings = BrokerSettings(
            url=SecretStr(self._broker.url_of(self._virtual_host, port=proxy.port)),
            queue_limit=queue_limit or 1000,
            retry_delays=(0.2, 1.0, 2.0, 5.0),
            reconnect_base=0.05,
            reconnect_cap=0.5,
            # A test sends a body that is too large for its consumer.
            max_body_bytes=2 * MAX_BODY_BYTES,
        )
        transport = open_transport(settings, name="conformance")
        self._proxies[transport] = proxy
        return transport

    def interrupt(self, transport: Transport) -> None:
        self._proxies[transport].refuse()

    def restore(self, transport: Transport) -> None:
        self._proxies[transport].accept()

    def restart(self) -> None:
        # RabbitMQ 3.10 does not recover a quorum queue that is killed within its first second.
        time.sleep(2)
        self._broker.kill()
        self._broker.start()

    def close(self) -> None:
        for proxy in self._proxies.values():
            proxy.stop()
        self._broker.delete_virtual_host(self._virtual_host)


WORLDS: dict[str, Callable[[pytest.FixtureRequest], TransportFactory]] = {
    "memory": lambda _: MemoryFactory(by_reference=True),
    "memory-encoded": lambda _: MemoryFactory(by_reference=False),
    "rabbitmq": lambda request: RabbitFactory(request.getfixturevalue("rabbitmq")),
}


@pytest.fixture(autouse=True)
def logs() -> Iterator[io.StringIO]:
    """What was logged, as JSON lines."""
    before = structlog.get_config() if structlog.is_configured() else None
    stream = io.StringIO()
    telemetry.configure(level="warning", stream=stream)
    yield stream
    structlog.reset_defaults()
    if before is not None:
        structlog.configure(**before)


@pytest.fixture(params=sorted(WORLDS))
def transport_factory(request: pytest.FixtureRequest) -> Iterator[TransportFactory]:
    factory = WORLDS[request.param](request)
    yield factory
    factory.close()


@dataclass
class Seen:
    """A handler that notes what it got, and answers as it is told."""

    answer: Callable[[Event[Any]], Sequence[Outgoing]] = lambda _: ()
    events: list[Event[Any]] = field(default_factory=list)

    def __call__(self, event: Event[Any]) -> Sequence[Outgoing]:
        self.events.append(event)
        return self.answer(event)

    @property
    def trials(self) -> list[int]:
        return [event.body.trial for event in self.events]


class World:
    """Services on one broker.

    Attributes:
        factory: of the transports.
        run: parameters of the run that the events belong to.
        settings: of the services that get no others.
    """

    run = RUN
    settings = SETTINGS

    def __init__(self, factory: TransportFactory) -> None:
        self.factory = factory
        self.workers = WorkerPool(2)
        self._managers: list[EventManager] = []
        self._transports: dict[EventManager, Transport] = {}

    def play(self, story: Coroutine[Any, Any, None]) -> None:
        """Play a story to its end and take the services down."""

        async def whole() -> None:
            try:
                await story
            finally:
                for manager in self._managers:
                    await manager.stop()

        with asyncio.Runner(loop_factory=self.factory.loop) as runner:
            runner.run(whole())

    def service(
        self,
        name: str,
        handlers: dict[type[Body], Handler[Any]] | None = None,
        *,
        instance: str = "1",
        inline: bool = True,
        settings: EventManagerSettings | None = None,
        inbox: Inbox | None = None,
        transport: Transport | None = None,
        **options: int,
    ) -> EventManager:
        """Return a service that is not started yet; ``options`` are ``prefetch`` and ``queue_limit``."""
        prefetch = options.pop("prefetch", None)
        transport = transport or self.factory.transport(**options)
        manager = EventManager(
            service=name,
            instance=instance,
            version="0.1.0",
            transport=transport,
            inbox=inbox if inbox is not None else MemoryInbox(),
            settings=settings or self.settings,
            clock=self.factory.clock,
            workers=self.workers,
        )
        for body, handler in (handlers or {}).items():
            manager.subscribe(body, handler, inline=inline, prefetch=prefetch)
        self._managers.append(manager)
        self._transports[manager] = transport
        return manager

    def transport_of(self, manager: EventManager) -> Transport:
        return self._transports[manager]

    def dead_letters(self) -> DeadLetters:
        return next(iter(self._transports.values())).dead_letters

    async def letters(self, service: str) -> Sequence[DeadLetter]:
        return await self.dead_letters().list(service)

    def trial(self, number: int) -> TrialAnalysed:
        """Return the small event that most tests send."""
        return TrialAnalysed(run=self.run, trial=number)

    def message(self, event_type: str, body: bytes | Body, **headers: str) -> Message:
        """Return a message as another producer might have sent it, with spoiled parts where wanted."""
        if isinstance(body, bytes):
            contract = contract_for(event_type)
            good = {
                "specversion": "1.0",
                "id": str(uuid4()),
                "source": "/elsewhere",
                "type": event_type,
                "subject": str(self.run.run_id),
                "time": "2026-11-20T10:00:00Z",
                "datacontenttype": contract.content_type,
                "correlationid": str(self.run.run_id),
            }
            return Message(event_type, Encoded({f"ce-{n}": v for n, v in (good | headers).items()}, body))
        event: Event[Body] = root_event(body, source="/elsewhere", time=self.factory.clock.now())
        assert contract_of(type(body)).event_type == event_type
        encoded = encode(event)
        changed = {f"ce-{name}": value for name, value in headers.items()}
        return Message(event_type, Encoded({**encoded.headers, **changed}, encoded.body))

    async def until(self, condition: Callable[[], bool], *, within: float = 60.0) -> None:
        """Wait until ``condition`` holds, for ``within`` seconds of the world's time at most."""
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - conditions are arbitrary, so they are polled
                await asyncio.sleep(0.01)

    async def settled(self, *managers: EventManager) -> None:
        """Wait until nothing is in hand."""
        await self.until(lambda: not any(manager.in_hand for manager in managers))

    def close(self) -> None:
        self.workers.close()


@pytest.fixture
def world(transport_factory: TransportFactory) -> Iterator[World]:
    made = World(transport_factory)
    yield made
    made.close()


@pytest.fixture
def seen() -> type[Seen]:
    return Seen
