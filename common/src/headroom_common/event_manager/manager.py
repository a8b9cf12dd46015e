"""The event manager of one service instance: subscriptions, publishing, states, and an orderly end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from headroom_common.contracts.envelope import Envelope, child_id
from headroom_common.contracts.event import (
    AsyncHandler,
    BodyT,
    Event,
    Handler,
    Outgoing,
    caused_event,
    root_event,
)
from headroom_common.contracts.events import Body, RunFailed, ServiceState
from headroom_common.contracts.registry import Contract, contract_for, contract_of
from headroom_common.errors import PermanentError, TransientError
from headroom_common.event_manager.announcer import Announcer
from headroom_common.event_manager.backoff import backoff
from headroom_common.event_manager.clock import Clock
from headroom_common.event_manager.counters import Counters
from headroom_common.event_manager.handling import (
    Acknowledge,
    GiveUp,
    Handling,
    Middleware,
    Proceed,
    RetryLater,
    Subscribed,
    chain,
)
from headroom_common.event_manager.inbox import Inbox
from headroom_common.event_manager.middleware.dead_letter import DeadLettering
from headroom_common.event_manager.middleware.decode import Decode
from headroom_common.event_manager.middleware.dedupe import Dedupe
from headroom_common.event_manager.middleware.logs import Logs
from headroom_common.event_manager.middleware.respond import Respond
from headroom_common.event_manager.middleware.retry import Retry
from headroom_common.event_manager.middleware.trace import Trace
from headroom_common.event_manager.publisher import Publisher, uncancelled
from headroom_common.event_manager.settings import EventManagerSettings
from headroom_common.event_manager.states import StateMachine, Transition, Trigger, Trouble
from headroom_common.event_manager.wire import encode
from headroom_common.event_manager.workers import WorkerPool
from headroom_common.logs import Log
from headroom_common.transports import port

_log = Log(__name__)


class EventManager:
    """Publishes and subscribes for one instance of one service.

    An input is acknowledged when its outputs are confirmed and the inbox has marked it: a crash before that
    has it handled again, with the same output ids.

    Args:
        service: name of the service; its instances share work queues.
        instance: which instance this is.
        version: version of the service's distribution.
        transport: a connection of its own to the broker.
        inbox: remembers the service's handled events.
        settings: how it takes, retries and sends.
        clock: time.
        workers: threads for handlers that compute; the caller closes them.

    Attributes:
        service: as given.
        instance: as given.
        version: as given.
        since: when the service came into its state, in UTC; None before ``start``.
        counters: what it did so far.
    """

    def __init__(
        self,
        *,
        service: str,
        instance: str,
        version: str,
        transport: port.Transport,
        inbox: Inbox,
        settings: EventManagerSettings,
        clock: Clock,
        workers: WorkerPool,
    ) -> None:
        self.service = service
        self.instance = instance
        self.version = version
        self.since: datetime | None = None
        self.counters = Counters()
        self._source = f"/headroom/{service}/{instance}"
        self._transport = transport
        self._settings = settings
        self._clock = clock
        self._workers = workers
        self._states = StateMachine(self._state_changed)
        self._publisher = Publisher(transport, settings, clock, self._states, self.counters)
        self._announcer = Announcer(
            service=service, instance=instance, version=version, clock=clock, publish=self._publish_root
        )
        self._subscribed: dict[str, Subscribed] = {}
        self._claims: list[port.Subscription] = []
        self._in_hand: set[asyncio.Task[None]] = set()
        self._extra: list[Middleware] = []
        self._inbox = inbox
        self._handle: Proceed = self._chained()

    @property
    def state(self) -> ServiceState:
        """The state of the service."""
        return self._states.state

    @property
    def reason(self) -> str:
        """Why the service is in its state."""
        return self._states.reason

    @property
    def troubles(self) -> Mapping[Trouble, str]:
        """What is wrong now: sources and reasons."""
        return self._states.troubles

    @property
    def in_hand(self) -> int:
        """How many deliveries are in hand."""
        return len(self._in_hand)

    def use(self, middleware: Middleware) -> None:
        """Add a middleware around all others but the logs; to be called before ``start``."""
        self._extra.append(middleware)
        self._handle = self._chained()

    def remark(self, text: str) -> None:
        """Say what an operator should know of the service while it is ready; before ``start``."""
        self._states.remark = text

    def trouble(self, source: Trouble, reason: str) -> None:
        """Note that something beside events fails; the service is degraded while anything does."""
        self._states.trouble(source, reason)

    def recovered(self, source: Trouble, reason: str) -> None:
        """Note that it works again."""
        self._states.recovered(source, reason)

    def subscribe(
        self,
        body: type[BodyT],
        handler: Handler[BodyT] | AsyncHandler[BodyT],
        *,
        inline: bool = False,
        prefetch: int | None = None,
        private: bool = False,
        run_id: UUID | None = None,
    ) -> None:
        """Have ``handler`` handle the events with this class of bodies; to be called before ``start``.

        Args:
            body: class of the bodies, which says the type of the events.
            handler: from an event to its outputs; a coroutine function runs on the event loop.
            inline: run the handler on the event loop; for cheap ones only.
            prefetch: deliveries in hand at most; None takes the settings' number for the kind of event.
            private: have every instance get a copy; what comes while it is not running is lost to it.
            run_id: take the events of this run alone; for private subscriptions.

        Raises:
            PermanentError: the class is no event's body, or the type is subscribed to already.
        """
        contract = contract_of(body)
        if contract.event_type in self._subscribed:
            msg = f"{self.service}: expected one handler for {contract.event_type}, found a second one"
            raise PermanentError(msg, next_step="Call both from one handler.")
        default = self._settings.prefetch_data if contract.kind == "data" else self._settings.prefetch_control
        if run_id is not None and not private:
            msg = f"{self.service}: expected run_id with a private subscription, found it with a shared one"
            raise PermanentError(msg, next_step="Other instances would not get the events of other runs.")
        self._subscribed[contract.event_type] = Subscribed(
            contract, handler, inline, prefetch or default, private, "" if run_id is None else str(run_id)
        )

    async def publish(self, body: Body, *, event_id: UUID | None = None) -> UUID:
        """Publish an event that no event caused; returns its id when it is confirmed, however long it takes.

        Args:
            body: what it says.
            event_id: its id; None has it follow from type and subject, so that publishing again makes a copy.

        Raises:
            PermanentError: the body breaks its contract, or the event manager was stopped.
        """
        if self.state is ServiceState.STOPPED:
            msg = f"{self.service}: expected a running event manager, found a stopped one"
            raise PermanentError(msg)
        return await self._publish_root(body, event_id)

    async def backlog(self, service: str, event_type: str) -> int:
        """Return how many events of this type wait in the work queue of ``service``; 0 without a queue.

        What its instances have in hand does not count, nor what waits for its next attempt.

        Raises:
            ConnectionLostError: the broker cannot be reached.
        """
        return await uncancelled(self._transport.backlog(port.Queue(service, event_type)))

    async def start(self) -> None:
        """Connect and take events; returns when the service is ready, however long the broker takes."""
        self.since = self._clock.now()
        await self._insist("connect", partial(self._transport.connect, self._connection_changed))
        self._announcer.start()
        for subscribed in self._subscribed.values():
            queue = self._queue(subscribed)
            await self._insist("declare", partial(self._transport.declare, queue))
            await self._insist("subscribe", partial(self._claim, subscribed, queue))
        self._states.fire(Trigger.STARTED, "all subscriptions are in place")

    async def drain(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - the caller gets an answer, no exception
        """Take no more events and finish those in hand.

        Args:
            timeout: seconds to wait for those in hand; None takes the settings'.

        Returns:
            Whether everything in hand was finished in time.
        """
        self._states.fire(Trigger.DRAIN, "asked to drain")
        for claim in self._claims:
            try:
                await uncancelled(claim.cancel())
            except TransientError as error:
                _log.info("subscription ended with its connection", reason=str(error))
        if self._in_hand:
            limit = self._settings.drain_timeout if timeout is None else timeout
            await asyncio.wait(self._in_hand, timeout=limit)
        return not self._in_hand

    async def stop(self) -> None:
        """Leave at once: what is in hand is dropped here and handled again elsewhere, or later."""
        if self.state is ServiceState.STOPPED:
            return
        for task in self._in_hand:
            task.cancel()
        await asyncio.gather(*self._in_hand, return_exceptions=True)
        self._states.fire(Trigger.STOP, "asked to stop")
        await self._announcer.finish(self._settings.farewell_timeout)
        await self._transport.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.drain()
        await self.stop()

    def _chained(self) -> Proceed:
        layers: list[Middleware] = [
            Logs(),
            *self._extra,
            DeadLettering(self._announce_failure),
            Retry(self._settings),
            Decode(self._workers, self._transport.guarantees.max_body_bytes),
            Trace(),
            Dedupe(self._inbox, self._states, self.instance),
        ]
        return chain(layers, Respond(self._workers, self._publisher, self._clock, self._answer))

    async def _insist(self, step: str, call: Callable[[], Awaitable[None]]) -> None:
        number = 1
        while True:
            try:
                await uncancelled(call())
            except TransientError as error:
                self._states.trouble(Trouble.CONNECTION, f"the broker is not reached: {error}")
                _log.warning("broker not reached", step=step, reason=str(error), tries=number)
                base, cap = self._settings.publish_base, self._settings.publish_cap
                await self._clock.sleep(backoff(f"{self._source} {step}", number, base=base, cap=cap))
                number += 1
            else:
                self._states.recovered(Trouble.CONNECTION, "the broker is reached")
                return

    def _queue(self, subscribed: Subscribed) -> port.Queue:
        event_type = subscribed.contract.event_type
        if not subscribed.private:
            return port.Queue(self.service, event_type)
        return port.Queue(self.service, event_type, self.instance, subscribed.correlation)

    async def _claim(self, subscribed: Subscribed, queue: port.Queue) -> None:
        def take(delivery: port.Delivery) -> None:
            self.counters.received += 1
            task = asyncio.get_running_loop().create_task(self._treat(Handling(delivery, subscribed)))
            self._in_hand.add(task)
            task.add_done_callback(self._let_go)

        self._claims.append(await self._transport.subscribe(queue, take, prefetch=subscribed.prefetch))

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only a fault of the event manager or of its transport gets here; the message stays unsettled.
            _log.error("delivery left unsettled", service=self.service, error=repr(error))

    async def _treat(self, handling: Handling) -> None:
        await self._handle(handling)
        try:
            await self._settle(handling)
        except TransientError as error:
            event_id = handling.delivery.message.event_id
            _log.info("delivery is void; it comes again", event_id=event_id, reason=str(error))

    async def _settle(self, handling: Handling) -> None:
        delivery, verdict = handling.delivery, handling.verdict
        identity = delivery.message.event_id
        match verdict:
            case Acknowledge(outcome=outcome):
                await self._publisher.persist(identity, delivery.ack)
                self.counters.count_acknowledged(outcome)
            case RetryLater(delay=delay):
                await self._publisher.persist(identity, lambda: delivery.retry_later(delay))
                self.counters.retried += 1
            case GiveUp():
                headers = self._post_mortem(delivery, verdict)
                await self._publisher.persist(identity, lambda: delivery.dead_letter(headers))
                self.counters.dead_lettered += 1

    def _post_mortem(self, delivery: port.Delivery, verdict: GiveUp) -> dict[str, str]:
        return {
            port.REASON: verdict.reason,
            port.ERROR: verdict.error,
            port.ATTEMPTS: str(delivery.attempt),
            port.SERVICE: self.service,
            port.INSTANCE: self.instance,
            port.TIME: self._clock.now().isoformat(),
        }

    def _answer(self, cause: Envelope, output: Outgoing, now: datetime) -> port.Message:
        return self._message(caused_event(cause, output, source=self._source, time=now))

    def _message(self, event: Event[Body]) -> port.Message:
        contract: Contract = contract_for(event.envelope.type)
        guarantees = self._transport.guarantees
        if guarantees.by_reference:
            return port.Message(contract.event_type, event, contract.must_route)
        encoded = encode(event, compression=self._settings.compression, max_bytes=guarantees.max_body_bytes)
        return port.Message(contract.event_type, encoded, contract.must_route)

    async def _announce_failure(self, handling: Handling, failure: RunFailed) -> None:
        name = f"{self.service} {contract_of(RunFailed).event_type}"
        envelope = handling.envelope
        if envelope is not None:
            await self._publisher.publish(self._answer(envelope, Outgoing(failure, name), self._clock.now()))
            return
        event_id = child_id(failure.run_id, f"{name} {handling.delivery.message.event_id}")
        await self._publish_root(failure, event_id)

    async def _publish_root(self, body: Body, event_id: UUID | None) -> UUID:
        event = root_event(body, source=self._source, time=self._clock.now(), event_id=event_id)
        await self._publisher.publish(self._message(event))
        return event.envelope.id

    def _state_changed(self, transition: Transition) -> None:
        _log.info(
            "service state changed",
            service=self.service,
            previous=transition.previous.value,
            state=transition.state.value,
            reason=transition.reason,
        )
        self.since = self._clock.now()
        self._announcer.note(transition)

    def _connection_changed(self, connected: bool, reason: str) -> None:  # noqa: FBT001 - as in the port
        if connected:
            self._states.recovered(Trouble.CONNECTION, reason)
        else:
            self._states.trouble(Trouble.CONNECTION, reason)
