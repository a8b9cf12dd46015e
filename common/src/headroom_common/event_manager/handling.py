"""What the middleware passes along while one delivery is handled."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from headroom_common.contracts.envelope import Envelope
from headroom_common.contracts.event import AsyncHandler, Event, Handler
from headroom_common.contracts.events import Body
from headroom_common.contracts.registry import Contract
from headroom_common.contracts.wire import Encoded
from headroom_common.errors import PermanentError
from headroom_common.transports.port import Delivery


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One subscription of an event manager.

    Attributes:
        contract: what it takes.
        handler: who handles it.
        inline: whether the handler is cheap enough to run on the event loop.
        prefetch: deliveries in hand at most.
        private: whether this instance gets copies of its own instead of competing with the others.
        correlation: the only run whose events a private subscription takes; empty for all.
    """

    contract: Contract
    handler: Handler[Any] | AsyncHandler[Any]
    inline: bool
    prefetch: int
    private: bool = False
    correlation: str = ""


class Outcome(StrEnum):
    """What became of an event that is acknowledged."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    """It had been handled before, and this copy was dropped."""
    UNWANTED = "unwanted"
    """Its run is cancelled, and it was dropped."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The verdict on an event that is done with.

    Attributes:
        outcome: in which way.
    """

    outcome: Outcome = Outcome.HANDLED


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The verdict on an event whose handling failed for now.

    Attributes:
        delay: seconds until the next attempt.
        reason: why.
    """

    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The verdict on an event that cannot be handled.

    Attributes:
        reason: why.
        error: class of the failure.
    """

    reason: str
    error: str


Verdict = Acknowledge | RetryLater | GiveUp
"""How a delivery is settled."""


@dataclass(slots=True)
class Handling:
    """One delivery on its way through the middleware.

    Attributes:
        delivery: what the transport handed over.
        subscribed: the subscription that took it.
        event: the event, once it is decoded.
        published: how many outputs were published and confirmed.
        verdict: how it is to be settled; acknowledged unless a middleware says otherwise.
    """

    delivery: Delivery
    subscribed: Subscribed
    event: Event[Body] | None = None
    published: int = 0
    verdict: Verdict = Acknowledge()
    _read: Envelope | None = field(default=None, init=False)

    @property
    def decoded(self) -> Event[Body]:
        """The event.

        Raises:
            PermanentError: it is not decoded yet.
        """
        if self.event is None:
            msg = f"{self.subscribed.contract.event_type}: the event is used before it is decoded"
            raise PermanentError(msg)
        return self.event

    @property
    def verdict_name(self) -> str:
        """What becomes of the event, in one word."""
        match self.verdict:
            case Acknowledge(outcome=outcome):
                return outcome.value
            case RetryLater():
                return "retried"
            case GiveUp():
                return "dead_lettered"

    @property
    def envelope(self) -> Envelope | None:
        """The event's envelope, as far as it can be read."""
        content = self.event or self.delivery.message.content
        if isinstance(content, Encoded):
            if self._read is None:
                # Kept, because the logs want it first and decoding wants it again.
                with suppress(PermanentError):
                    self._read = Envelope.from_headers(content.headers)
            return self._read
        return content.envelope


Proceed = Callable[[Handling], Awaitable[None]]
"""The rest of the chain."""


class Middleware(Protocol):
    """One concern around the handling of events."""

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Do something before, after or instead of ``proceed(handling)``."""
        ...


def chain(middleware: Sequence[Middleware], innermost: Proceed) -> Proceed:
    """Return one function that runs ``innermost`` within all middleware, the first outermost."""
    proceed = innermost
    for layer in reversed(middleware):
        proceed = _layered(layer, proceed)
    return proceed


def _layered(layer: Middleware, proceed: Proceed) -> Proceed:
    # No coroutine of its own: each would be resumed whenever the handling is.
    return lambda handling: layer(handling, proceed)
