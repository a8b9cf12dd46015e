"""One process of a service: the real event manager and handlers, which may die at any step."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from headroom_analysis.handlers import Analysis
from headroom_common.contracts.envelope import child_id
from headroom_common.contracts.events import (
    RunCompleted,
    RunFailed,
    RunProgressed,
    RunStopped,
    ServiceStateChanged,
)
from headroom_common.contracts.registry import contract_of
from headroom_common.event_manager import EventManager, EventManagerSettings
from headroom_common.event_manager.cancellations import heed_cancellations
from headroom_common.event_manager.virtual_time import VirtualClock
from headroom_faults.broker import describe
from headroom_faults.connection import SimulatedTransport
from headroom_faults.stores import SimulatedInbox
from headroom_generator.handlers import HANDLERS as GENERATOR
from headroom_router.handlers import HANDLERS as ROUTER
from headroom_server_model.handlers import HANDLERS as SERVER_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headroom_common.contracts.event import Event, Outgoing
    from headroom_common.transports.port import Message
    from headroom_faults.platform import Platform

T = TypeVar("T")
Handlers = dict[type[Any], "Callable[[Event[Any]], Iterable[Outgoing]]"]

SETTINGS = EventManagerSettings(
    retry_base=0.1,
    retry_cap=2.0,
    publish_base=0.01,
    publish_cap=1.0,
    publish_timeout=3.0,
    drain_timeout=5.0,
    farewell_timeout=0.5,
    max_attempts=40,
)
STATELESS: Mapping[str, Handlers] = {"generator": GENERATOR, "router": ROUTER, "server-model": SERVER_MODEL}


class Process:
    """One process from its start to its end.

    Args:
        platform: what it is part of.
        service: whose process it is.
        instance: which one; a restarted process is another instance.
        mortal: whether it dies at steps, and not only at the end of the simulation.

    Attributes:
        service: as given.
        name: service and instance.
        mortal: as given.
        auditor: is told of every step that matters.
        manager: its event manager.
    """

    def __init__(self, platform: Platform, service: str, instance: str, *, mortal: bool = True) -> None:
        self.service = service
        self.name = f"{service}-{instance}"
        self.mortal = mortal
        self.auditor = platform.auditor
        self._platform = platform
        self._dead = False
        self._awake = asyncio.Event()
        self._awake.set()
        self._transport = SimulatedTransport(platform.broker, self)
        self.manager = _AuditedManager(
            self,
            service=service,
            instance=instance,
            version="0",
            transport=self._transport,
            inbox=SimulatedInbox(platform.redis, self),
            settings=SETTINGS.model_copy(update={"prefetch_data": platform.plan.prefetch}),
            clock=VirtualClock(),
            workers=_Workers(self, platform),
        )
        for body, handler in self._handlers().items():
            private = service in contract_of(body).private
            self.manager.subscribe(body, handler, prefetch=platform.plan.prefetch, private=private)
        heed_cancellations(self.manager)
        self._starting: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._starting = asyncio.get_running_loop().create_task(self.manager.start())

    def crash(self, why: str) -> None:
        """Die at once: nothing that this process does from now on reaches anybody."""
        if self._dead:
            return
        self._platform.trace.note(self.name, "CRASH", why)
        self._dead = True
        self.wake()
        self._transport.die()
        self._platform.bury(self)

    async def retire(self) -> None:
        """End in an orderly way, as on SIGTERM; another one is started meanwhile."""
        self._platform.trace.note(self.name, "RETIRE")
        self._platform.replace(self)
        await self.manager.drain()
        await self.end()

    async def end(self) -> None:
        """Clear away what is left of it."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self.manager.stop()

    def cut(self, why: str) -> None:
        """Lose the connection."""
        self._platform.trace.note(self.name, "CUT", why)
        self._transport.cut(why)

    def stall(self, seconds: float) -> None:
        """Do nothing for a while, as a process that swaps."""
        self._platform.trace.note(self.name, "STALL", f"{seconds:.3f} s")
        self._awake.clear()
        asyncio.get_running_loop().call_later(seconds, self.wake)

    def wake(self) -> None:
        self._awake.set()

    def delivered(self, message: Message) -> bool:
        """Tell whether it lives to take a message in hand."""
        if self._dead:
            return False
        self._platform.trace.note(self.name, "deliver", describe(message))
        if self.mortal and self._platform.chance.random() < self._platform.rates.crash:
            self.crash("at deliver")
        return not self._dead

    async def step(self, step: str, what: str = "") -> None:
        """Take a step, unless a fault comes first. A dead process never gets further."""
        chance, rates = self._platform.chance, self._platform.rates
        if not self._dead:
            self._platform.trace.note(self.name, step, what)
            draw = chance.random()
            if draw < rates.crash and self.mortal:
                self.crash(f"at {step} {what}")
            elif draw < rates.crash + rates.cut:
                self.cut(f"at {step} {what}")
            elif draw < rates.crash + rates.cut + rates.pause:
                await asyncio.sleep(chance.expovariate(1.0))
        await self._awake.wait()
        if self._dead:
            await asyncio.get_running_loop().create_future()

    def _handlers(self) -> Handlers:
        if self.service == "analysis":
            return dict(Analysis(self._platform.database).handlers)
        if self.service == "gateway":
            records = self._platform.records
            return {
                RunCompleted: records.completed,
                RunStopped: records.stopped,
                RunFailed: records.failed,
                RunProgressed: lambda _: (),
                ServiceStateChanged: lambda _: (),
            }
        return STATELESS.get(self.service, {})


class _AuditedManager(EventManager):
    """Tells the auditor whenever a handler has returned."""

    def __init__(self, host: Process, **parts: Any) -> None:
        super().__init__(**parts)
        self._host = host

    def subscribe(self, body: type[Any], handler: Any, *, private: bool = False, **options: Any) -> None:
        def handle(event: Event[Any]) -> list[Outgoing]:
            outputs = list(handler(event))
            event_id = event.envelope.id
            inbox_id = child_id(event_id, self.instance) if private else event_id
            self._host.auditor.handled(self._host, event, outputs, inbox_id=inbox_id)
            return outputs

        super().subscribe(body, handle, private=private, **options)


class _Workers:
    """Runs handlers where they are called, one after the other; see ``workers.WorkerPool``."""

    def __init__(self, host: Process, platform: Platform) -> None:
        self._host = host
        self._platform = platform

    async def run(self, call: Callable[[], T]) -> T:
        await self._host.step("handle")
        result = call()
        if self._platform.plan.handling:
            await asyncio.sleep(self._platform.chance.expovariate(1.0 / self._platform.plan.handling))
        await self._host.step("handled")
        return result
