"""Calls the handler and publishes what it returns."""

from collections.abc import Callable, Sequence

from headroom_common.contracts.envelope import Envelope
from headroom_common.contracts.event import Outgoing
from headroom_common.errors import PermanentError
from headroom_common.event_manager.handling import Handling
from headroom_common.event_manager.publisher import Publisher
from headroom_common.event_manager.workers import WorkerPool
from headroom_common.transports.port import Message

Answer = Callable[[Envelope, Outgoing], Message]
"""Makes the message of one output of handling an event."""


class Respond:
    """The innermost step: handler, outputs, confirms.

    Args:
        workers: run handlers that compute.
        publisher: publishes the outputs.
        answer: makes their messages.
    """

    def __init__(self, workers: WorkerPool, publisher: Publisher, answer: Answer) -> None:
        self._workers = workers
        self._publisher = publisher
        self._answer = answer

    async def __call__(self, handling: Handling) -> None:
        """Handle the event; returns when all outputs are confirmed.

        Raises:
            PermanentError: an output breaks its contract, or two have one id.
            Exception: whatever the handler raises.
        """
        if handling.subscribed.inline:
            messages = self._outputs(handling)
        else:
            messages = await self._workers.run(lambda: self._outputs(handling))
        await self._publisher.publish_all(messages)
        handling.published = len(messages)

    def _outputs(self, handling: Handling) -> Sequence[Message]:
        event = handling.decoded
        messages = [self._answer(event.envelope, output) for output in handling.subscribed.handler(event)]
        ids = {message.event_id for message in messages}
        if len(ids) < len(messages):
            # The second of them would be dropped as a duplicate where it arrives, and be lost.
            msg = f"outputs of {event.envelope.type}: expected a different name for each, found equal ones"
            raise PermanentError(msg, next_step="Mend the handler.")
        return messages
