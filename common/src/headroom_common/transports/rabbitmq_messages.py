"""Messages as RabbitMQ carries them, and back."""

import time
from collections.abc import Mapping
from typing import Final

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, HeadersType

from headroom_common.contracts.envelope import HEADER_PREFIX
from headroom_common.contracts.wire import Encoded
from headroom_common.errors import PermanentError
from headroom_common.transports.port import Message
from headroom_common.transports.rabbitmq_topology import MUST_ROUTE

ATTEMPT: Final = "headroom-attempt"
"""Header of a message that was put off: which attempt it is."""

_CONTENT_TYPE: Final = f"{HEADER_PREFIX}datacontenttype"
_SHORT_STRING: Final = 255


def outgoing(message: Message, message_id: str) -> aio_pika.Message:
    """Return a message in the form in which it is published first.

    Raises:
        PermanentError: the event is not encoded.
    """
    content = message.content
    if not isinstance(content, Encoded):
        msg = f"{message.event_type}: expected an encoded event, found one by reference"
        raise PermanentError(msg)
    headers: HeadersType = dict(content.headers)
    if message.must_route:
        headers[MUST_ROUTE] = "yes"
    return _made(content.body, headers, message.event_type, message_id)


def again(
    incoming: AbstractIncomingMessage, message_id: str, changes: Mapping[str, str] | None = None
) -> aio_pika.Message:
    """Return a message that was delivered in the form in which it is published again.

    What the broker noted on its way stays behind: it would take a message that comes by twice for a loop.

    Args:
        incoming: what was delivered.
        message_id: as in ``outgoing``.
        changes: headers to set; without any, those of this package are taken off, as from a new message.
    """
    own = () if changes else ("headroom-",)
    headers: HeadersType = {
        name: value for name, value in incoming.headers.items() if not name.startswith(("x-", *own))
    }
    headers.update(changes or {})
    return _made(incoming.body, headers, incoming.type or "", message_id)


def incoming_message(incoming: AbstractIncomingMessage) -> Message:
    """Return what was delivered as a message of the port."""
    headers = {
        name: _text(value) for name, value in incoming.headers.items() if name.startswith(HEADER_PREFIX)
    }
    must_route = MUST_ROUTE in incoming.headers
    event_type = incoming.type or headers.get(f"{HEADER_PREFIX}type", "")
    return Message(event_type, Encoded(headers, incoming.body), must_route)


def attempt_of(incoming: AbstractIncomingMessage) -> int:
    """Return which attempt a delivery is, from 1."""
    found = incoming.headers.get(ATTEMPT)
    return int(found) if isinstance(found, str) and found.isdecimal() else 1


def _made(body: bytes, headers: HeadersType, event_type: str, message_id: str) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        headers=headers,
        content_type=_text(headers.get(_CONTENT_TYPE, ""))[:_SHORT_STRING],
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message_id,
        type=event_type[:_SHORT_STRING],
        timestamp=int(time.time()),
    )


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
