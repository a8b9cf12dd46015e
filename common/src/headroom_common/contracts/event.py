"""Events as handlers see them, and the outputs that handlers return."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from headroom_common.contracts.envelope import Envelope, child_id, child_trace, root_id, trace_of
from headroom_common.contracts.events import Body
from headroom_common.contracts.registry import contract_of

BodyT = TypeVar("BodyT", bound=Body)
BodyT_co = TypeVar("BodyT_co", bound=Body, covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[BodyT_co]):
    """One event.

    Attributes:
        envelope: its attributes.
        body: what it says.
    """

    envelope: Envelope
    body: BodyT_co


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One output of handling an event.

    Attributes:
        body: what it says.
        name: unique among the outputs of one handling and equal whenever the same input is handled again;
            the output's id follows from it. The type and subject do when it is empty.
    """

    body: Body
    name: str = ""


Handler = Callable[[Event[BodyT]], Iterable[Outgoing]]
"""A pure function from an event to its outputs. It knows no broker, may run in a thread, and may be called
again with the same event; it raises ``TransientError`` to be called later, ``PermanentError`` to give up."""

AsyncHandler = Callable[[Event[BodyT]], Awaitable[Iterable[Outgoing]]]
"""The same for a handler that waits more than it computes; it runs on the event loop."""


def root_event(body: BodyT, *, source: str, time: datetime, event_id: UUID | None = None) -> Event[BodyT]:
    """Return an event that no event caused.

    Its id follows from type and subject unless ``event_id`` gives another, so publishing it again after a
    crash makes a copy and no second event.

    Raises:
        PermanentError: the body breaks its contract.
    """
    contract = contract_of(type(body))
    contract.check(body)
    identity = event_id or root_id(contract.event_type, body.subject)
    return Event(
        Envelope(
            id=identity,
            source=source,
            type=contract.event_type,
            subject=body.subject,
            time=time,
            datacontenttype=contract.content_type,
            correlationid=body.correlation,
            traceparent=trace_of(body.correlation or identity, identity),
        ),
        body,
    )


def caused_event(cause: Envelope, output: Outgoing, *, source: str, time: datetime) -> Event[Body]:
    """Return the event of an output of handling ``cause``; its id, run and trace follow from its cause's.

    Raises:
        PermanentError: the body breaks its contract.
    """
    body = output.body
    contract = contract_of(type(body))
    contract.check(body)
    identity = child_id(cause.id, output.name or f"{contract.event_type} {body.subject}")
    correlation = body.correlation or cause.correlationid
    return Event(
        Envelope(
            id=identity,
            source=source,
            type=contract.event_type,
            subject=body.subject,
            time=time,
            datacontenttype=contract.content_type,
            correlationid=correlation,
            causationid=cause.id,
            traceparent=child_trace(cause.traceparent, identity)
            if cause.traceparent is not None
            else trace_of(correlation or identity, identity),
        ),
        body,
    )
