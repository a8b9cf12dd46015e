"""Publishing that does not give up: it waits for the confirm, and tries again while the broker refuses."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from headroom_common.errors import TransientError
from headroom_common.event_manager.backoff import backoff
from headroom_common.event_manager.clock import Clock
from headroom_common.event_manager.counters import Counters
from headroom_common.event_manager.settings import EventManagerSettings
from headroom_common.event_manager.states import StateMachine, Trouble
from headroom_common.logs import Log
from headroom_common.transports.port import ConnectionLostError, Message, PublishRefusedError, Transport

T = TypeVar("T")
_log = Log(__name__)


def being_cancelled() -> bool:
    """Return whether the running task itself is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def uncancelled(work: Awaitable[T]) -> T:
    """Await a call to the broker, and tell a cancelled task from a connection that broke under the call.

    AMQP clients raise ``CancelledError`` in waiting calls when a heartbeat is missed; taken for a
    cancellation, it would end the task without a trace.

    Raises:
        asyncio.CancelledError: the task itself is being cancelled.
        ConnectionLostError: the call was cancelled from below.
    """
    try:
        return await work
    except asyncio.CancelledError:
        if being_cancelled():
            raise
        lost = "the broker's answer will not come: the connection broke under the call"
        raise ConnectionLostError(lost, next_step="Nothing: it is tried again.") from None


class Publisher:
    """Publishes messages of one event manager.

    A message keeps its event's id over all tries, so that a copy which was taken unnoticed is dropped where
    it arrives.

    Args:
        transport: where to.
        settings: how long to wait and back off.
        clock: waits.
        states: is told while confirms do not come.
        counters: counts publishes and refusals.
    """

    def __init__(
        self,
        transport: Transport,
        settings: EventManagerSettings,
        clock: Clock,
        states: StateMachine,
        counters: Counters,
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._clock = clock
        self._states = states
        self._counters = counters

    async def publish(self, message: Message) -> None:
        """Publish a message; returns when it is confirmed, however long that takes."""
        number = 1
        while not await self._confirmed(message, number):
            await self._clock.sleep(self._pause(message.event_id, number))
            number += 1
        self._counters.count_published(message.event_type)
        if number > 1:
            self._states.recovered(Trouble.CONFIRMS, "publishes are confirmed again")

    async def publish_all(self, messages: Sequence[Message]) -> None:
        """Publish several messages at once; returns when all are confirmed."""
        if len(messages) == 1:
            await self.publish(messages[0])
        elif messages:
            try:
                async with asyncio.TaskGroup() as group:
                    for message in messages:
                        group.create_task(self.publish(message))
            except BaseExceptionGroup as failures:
                # One failure decides what becomes of the input; the others follow from it.
                raise failures.exceptions[0] from failures

    async def persist(self, identity: str, settle: Callable[[], Awaitable[None]]) -> None:
        """Call ``settle`` again while the broker has no room for what it moves, or says nothing.

        What it moves twice is a copy, and dropped where it arrives.

        Raises:
            ConnectionLostError: the delivery that it settles is void.
        """
        number = 1
        while True:
            try:
                async with asyncio.timeout(self._settings.publish_timeout):
                    await uncancelled(settle())
            except TimeoutError:
                _log.warning("settling timed out", event_id=identity, tries=number)
            except PublishRefusedError as error:
                self._counters.refused += 1
                _log.warning("settling was refused", reason=str(error), tries=number)
            else:
                return
            await self._clock.sleep(self._pause(identity, number))
            number += 1

    async def _confirmed(self, message: Message, number: int) -> bool:
        try:
            async with asyncio.timeout(self._settings.publish_timeout):
                await uncancelled(self._transport.publish(message))
        except TimeoutError:
            reason = f"a publish was not confirmed within {self._settings.publish_timeout:g} s"
            self._states.trouble(Trouble.CONFIRMS, reason)
            _log.warning("publish timed out", event_id=message.event_id, tries=number)
        except TransientError as error:
            self._counters.refused += 1
            _log.debug("publish refused", event_id=message.event_id, tries=number, reason=str(error))
        else:
            return True
        return False

    def _pause(self, identity: str, number: int) -> float:
        return backoff(identity, number, base=self._settings.publish_base, cap=self._settings.publish_cap)
