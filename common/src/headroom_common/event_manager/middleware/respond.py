"""Calls the handler and publishes what it returns."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from inspect import iscoroutinefunction
from typing import Any, cast

from headroom_common.contracts.envelope import Envelope
from headroom_common.contracts.event import Handler, Outgoing
from headroom_common.errors import PermanentError
from headroom_common.event_manager.clock import Clock
from headroom_common.event_manager.handling import Handling
from headroom_common.event_manager.publisher import Publisher
from headroom_common.event_manager.workers import WorkerPool
from headroom_common.transports.port import Message

Answer = Callable[[Envelope, Outgoing, datetime], Message]
"""Makes the message of one output of handling an event, produced at this time."""


class Respond:
    """The innermost step: handler, outputs, confirms.

    Args:
        workers: run handlers that compute.
        publisher: publishes the outputs.
        clock: tells the time of the outputs.
        answer: makes their messages.
    """

    def __init__(self, workers: WorkerPool, publisher: Publisher, clock: Clock, answer: Answer) -> None:
        self._workers = workers
        self._clock = clock
        self._publisher = publisher
        self._answer = answer

    async def __call__(self, handling: Handling) -> None:
        """Handle the event; returns when all outputs are confirmed.

        Raises:
            PermanentError: an output breaks its contract, or two have one id.
            Exception: whatever the handler raises.
        """
        # The clock belongs to the event loop, so it is read here and not in a thread.
        now = self._clock.now()
        if iscoroutinefunction(handling.subscribed.handler):
            outputs = await handling.subscribed.handler(handling.decoded)
            messages = self._messages(handling.decoded.envelope, outputs, now)
        elif handling.subscribed.inline:
            messages = self._outputs(handling, now)
        else:
            messages = await self._workers.run(lambda: self._outputs(handling, now))
        await self._publisher.publish_all(messages)
        handling.published = len(messages)

    def _outputs(self, handling: Handling, now: datetime) -> Sequence[Message]:
        event = handling.decoded
        handler = cast("Handler[Any]", handling.subscribed.handler)  # not one of the asynchronous ones
        return self._messages(event.envelope, handler(event), now)

    def _messages(self, cause: Envelope, outputs: Iterable[Outgoing], now: datetime) -> Sequence[Message]:
        messages = [self._answer(cause, output, now) for output in outputs]
        ids = {message.event_id for message in messages}
        if len(ids) < len(messages):
            # The second of them would be dropped as a duplicate where it arrives, and be lost.
            msg = f"outputs of {cause.type}: expected a different name for each, found equal ones"
            raise PermanentError(msg, next_step="Mend the handler.")
        return messages
