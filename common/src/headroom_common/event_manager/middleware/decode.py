"""Turns a wire form back into an event."""

from typing import Final

from headroom_common.contracts.wire import Encoded
from headroom_common.errors import PermanentError
from headroom_common.event_manager.handling import Handling, Proceed
from headroom_common.event_manager.wire import decode
from headroom_common.event_manager.workers import WorkerPool

LARGE: Final = 16_384
"""Bodies from this size on, in bytes, are decoded in a thread."""


class Decode:
    """Decodes what the transport handed over and checks it against the subscription's contract.

    Args:
        workers: decode large bodies.
        max_bytes: the largest body that is decoded.
    """

    def __init__(self, workers: WorkerPool, max_bytes: int) -> None:
        self._workers = workers
        self._max_bytes = max_bytes

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the decoded event.

        Raises:
            PermanentError: the message is no event of the subscribed type.
        """
        content, envelope = handling.delivery.message.content, handling.envelope
        if not isinstance(content, Encoded):
            handling.event = content
        elif len(content.body) < LARGE:
            handling.event = decode(content, envelope, max_bytes=self._max_bytes)
        else:
            handling.event = await self._workers.run(
                lambda: decode(content, envelope, max_bytes=self._max_bytes)
            )
        expected, found = handling.subscribed.contract.event_type, handling.event.envelope.type
        if found != expected:
            msg = f"type: expected {expected} as the queue's, found {found}"
            raise PermanentError(msg, next_step="Mend the producer of this event.")
        await proceed(handling)
